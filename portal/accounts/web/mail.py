"""The library's mails, sent as notices: the same transaction, our templates, the person's language."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, after_this_request, current_app, request
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


def _commit(response: Response) -> Response:
    sessions.commit()
    return response


def _too_many(email: str) -> bool:
    settings: Settings = current_app.config["SETTINGS"]
    subject = throttle.subject_of(settings.secret_key, "mail", email)
    try:
        with unit_of_work() as session:
            throttle.take(session, subject=subject, origin=throttle.EVERYBODY, most=throttle.MAILS, now=clock.now())
    except throttle.TooManyGuesses:
        return True
    return False


class NoticeMail(MailUtil):  # type: ignore[misc]  # the library has no types
    """Hands every mail over to `portal.notices`."""

    def send_mail(self, template: str, subject: str, recipient: str, *_rest: Any, **context: Any) -> None:  # noqa: ARG002 - the library's signature
        """Put the mail into the library's transaction; some views of the library do not commit, so this does."""
        name = template.removeprefix(_FOLDER)
        account: SignInAccount = context["user"]
        if name in _ON_REQUEST and _too_many(recipient):
            return
        notices.send(
            sessions(),
            recipient=notices.Recipient(recipient, account.display_name, account.locale, account.id),
            template=_TEMPLATES[name],
            context={key: context.get(key) or "" for key in _SHOWN} | {"sign_in_link": request.host_url},
            key=f"accounts.{name}:{uuid.uuid4()}",
        )
        after_this_request(_commit)
