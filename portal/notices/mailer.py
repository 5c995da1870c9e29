"""Mail over SMTP: how to reach the server, how a message looks, what an answer means."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime

from portal.notices.attachments import Attachment
from portal.settings import Settings, truth

TIMEOUT_SECONDS = 20.0


class TransientProblemError(Exception):
    """The server did not take the message now; later it may. Carries a code, never the server's words."""


class PermanentProblemError(Exception):
    """The server will never take this message for this address. Carries a code, never the server's words."""


@dataclass(frozen=True)
class Mailer:
    """How to reach the mail server. `sender` is the address that messages come from and bounces go to."""

    host: str
    port: int
    sender: str
    sender_name: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    timeout: float = TIMEOUT_SECONDS

    @property
    def domain(self) -> str:
        """What stands behind the @ of Message-IDs."""
        return self.sender.rpartition("@")[2] or "localhost"

    def send(self, message: EmailMessage) -> None:
        """Hand one message to the server.

        Raises:
            PermanentProblemError: this address or this message is refused for good (5xx).
            TransientProblemError: anything else; try again later.
        """
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message, from_addr=self.sender)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _by_code(next(iter(refused.recipients.values()))[0]) from None
        except smtplib.SMTPNotSupportedError:
            raise PermanentProblemError("smtputf8_missing") from None
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused) as refused:
            # Ours to mend (password, sender), not the recipient's fault: the message waits.
            raise TransientProblemError(f"smtp_{refused.smtp_code}") from None
        except smtplib.SMTPResponseException as refused:
            raise _by_code(refused.smtp_code) from None
        except (smtplib.SMTPException, OSError) as broken:
            raise TransientProblemError("unreachable") from broken


def _by_code(code: int) -> Exception:
    return (PermanentProblemError if 500 <= code < 600 else TransientProblemError)(f"smtp_{code}")


class _Configured:
    mailer: Mailer | None = None


def from_settings(settings: Settings, *, sender_name: str = "") -> Mailer:
    """The mailer that the environment describes."""
    return Mailer(
        host=settings.smtp_host,
        port=settings.smtp_port_number,
        sender=settings.mail_from,
        sender_name=sender_name,
        user=settings.smtp_user,
        password=settings.smtp_password,
        starttls=truth("SMTP_STARTTLS", settings.smtp_starttls),
    )


def configure(mailer: Mailer | None) -> None:
    """Set this process's mailer (web and worker, once at start; tests for each server)."""
    _Configured.mailer = mailer


def current() -> Mailer:
    """This process's mailer.

    Raises:
        RuntimeError: before `configure`.
    """
    if _Configured.mailer is None:
        raise RuntimeError("portal.notices.mailer.configure(mailer) was not called")
    return _Configured.mailer


def message_domain() -> str:
    """What stands behind the @ of Message-IDs; `localhost` in a program that only writes messages and delivers none."""
    return _Configured.mailer.domain if _Configured.mailer else "localhost"


def _mailbox(email: str, name: str) -> Address:
    shown = "".join(character for character in name if character.isprintable()).strip()
    try:
        return Address(display_name=shown, addr_spec=email)
    except (ValueError, IndexError):
        raise PermanentProblemError("bad_address") from None


def compose(
    mailer: Mailer,
    *,
    rendered: str,
    email: str,
    name: str,
    locale: str,
    message_id: str,
    at: datetime,
    files: Sequence[Attachment] = (),
) -> EmailMessage:
    """A message from a rendered template, whose first line is `Subject: …`.

    Args:
        mailer: gives the sender.
        rendered: the template's text.
        email: the recipient's address.
        name: shown beside it; control characters are left out.
        locale: for Content-Language.
        message_id: with its angle brackets.
        at: when the message was asked for (aware); the same at every try.
        files: what goes with it.

    Raises:
        PermanentProblemError: the address cannot be one.
        ValueError: the template has no subject line.
    """
    first, _, body = rendered.lstrip().partition("\n")
    if not first.startswith("Subject:"):
        raise ValueError("a mail template starts with 'Subject: …'")
    message = EmailMessage(policy=WIRE)
    message["From"] = _mailbox(mailer.sender, mailer.sender_name)
    message["To"] = _mailbox(email, name)
    message["Subject"] = first.removeprefix("Subject:").strip()
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.strip() + "\n")  # clears Content-*; so the language comes after
    message["Content-Language"] = locale
    for file in files:
        kind, *parameters = (part.strip() for part in file.media_type.split(";"))
        main, _, sub = kind.partition("/")
        message.add_attachment(
            file.content,
            maintype=main,
            subtype=sub,
            filename=file.name,
            params=dict(parameter.split("=", 1) for parameter in parameters),
        )
    return message
