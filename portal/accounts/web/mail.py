"""The library's mails, sent as notices: the same transaction, our templates, the person's language."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from flask import Response, after_this_request, current_app
from flask_security import MailUtil

from portal.accounts import throttle
from portal.accounts.web.datastore import SignInAccount, sessions
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.notices import services as notices
from portal.settings import Settings

_FOLDER = "security/email/"
#: The library's template → ours. What is not listed is switched off and never sent.
_TEMPLATES = {
    "welcome": "portal/mail/accounts_confirm.txt",
    "confirmation_instructions": "portal/mail/accounts_confirm.txt",
    "welcome_existing": "portal/mail/accounts_exists.txt",
    "reset_instructions": "portal/mail/accounts_reset.txt",
    "reset_notice": "portal/mail/accounts_password_changed.txt",
    "change_notice": "portal/mail/accounts_password_changed.txt",
}
_ON_REQUEST = {"welcome", "confirmation_instructions", "welcome_existing", "reset_instructions"}
_SHOWN = ("confirmation_link", "reset_link", "recovery_link")


def _public(link: str | None) -> str:
    """The link on the portal's public address, whatever host the request named (a forged Host must not get into a mail)."""
    if not link:
        return ""
    settings: Settings = current_app.extensions["portal"]
    parts = urlsplit(link)
    return f"{settings.public_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _commit(response: Response) -> Response:
    sessions.commit()
    return response


def _too_many(email: str) -> bool:
    settings: Settings = current_app.extensions["portal"]
    subject = throttle.subject_of(settings.secret_key, "mail", email)
    try:
        with unit_of_work() as session:
            throttle.take(session, subject=subject, origin=throttle.EVERYBODY, most=throttle.MAILS, now=clock.now())
    except throttle.TooManyGuesses:
        return True
    return False


class NoticeMail(MailUtil):
    """Hands every mail over to `portal.notices`."""

    def send_mail(  # noqa: PLR0917 - the library's signature
        self,
        template: str,
        subject: str,  # noqa: ARG002
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],  # noqa: ARG002
        body: str | None,  # noqa: ARG002
        html: str | None,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        """Put the mail into the library's transaction; some views of the library do not commit, so this does."""
        name = template.removeprefix(_FOLDER)
        account: SignInAccount = kwargs["user"]
        if not account.email:
            return  # somebody without mail: nothing can be sent
        address = recipient if isinstance(recipient, str) else recipient[0]
        if name in _ON_REQUEST and _too_many(address):
            return
        notices.send(
            sessions(),
            recipient=notices.Recipient(address, account.display_name, account.locale, account.id),
            template=_TEMPLATES[name],
            context={key: _public(kwargs.get(key)) for key in _SHOWN} | {"forgot_link": _public("/sign-in/reset")},
            key=f"accounts.{name}:{uuid.uuid4()}",
        )
        after_this_request(_commit)
