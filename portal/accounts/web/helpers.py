"""Small parts that the library lets us put in place of its own: passwords, codes, passkeys, pages."""

from __future__ import annotations

from typing import Any, cast

import segno
from flask import Flask, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_security import PasswordUtil, Totp, UserMixin, WebauthnUtil
from markupsafe import Markup
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal.accounts import passwords
from portal.accounts.web.datastore import SignInAccount, sessions
from portal.accounts.web.messages import PASSWORD_PROBLEMS

#: After asking for a mail the person is sent back to the same page: reloading it asks for no second mail.
_ASK_FOR_MAIL = {"accounts/forgot.html", "accounts/confirm.html"}


class Passwords(PasswordUtil):
    """What a new password must be (`portal.accounts.passwords`)."""

    def validate(self, password: str, is_register: bool, **kwargs: Any) -> tuple[list[str] | None, str]:  # noqa: ARG002, FBT001 - the library's signature
        """The messages, and the password as it is hashed."""
        user = kwargs.get("user")
        email = getattr(user, "email", None) or kwargs.get("email") or ""
        found = [str(PASSWORD_PROBLEMS[code]) for code in passwords.problems(password, email=str(email))]
        return found or None, self.normalize(password)


class Codes(Totp):
    """TOTP whose codes are good once, with a QR code drawn by segno."""

    def get_last_counter(self, user: UserMixin) -> int | None:
        """The last interval that was accepted."""
        return cast("SignInAccount", user).tf_last_counter

    def set_last_counter(self, user: UserMixin, tmatch: Any) -> None:
        """Remember the interval: the same code is refused the second time."""
        cast("SignInAccount", user).tf_last_counter = tmatch.counter
        sessions.flush()

    def generate_qrcode(self, username: str, totp: str) -> str:
        """An SVG element for the page itself (the content policy allows no data: images)."""
        image = segno.make(self.get_totp_uri(username, totp), error="m")
        return Markup(image.svg_inline(scale=5, svgclass="qr", lineclass=None, omitsize=True))  # noqa: S704 - made here from a URI


class Passkeys(WebauthnUtil):
    """Passkeys of any kind (telephone, computer, key), found by the device without typing a name first."""

    def authenticator_selection(self, user: Any, usage: str) -> AuthenticatorSelectionCriteria:  # noqa: ARG002 - the library's signature
        """Discoverable where the device can, with the person's PIN, face or finger where it can."""
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        )


def render(template: str, **context: Any) -> ResponseReturnValue:
    """A page of the library: 422 where a form was refused, with the mistakes on top."""
    forms = [value for name, value in context.items() if name.endswith("_form") and hasattr(value, "errors")]
    for form in forms:
        for name, errors in getattr(form, "kept_errors", {}).items():
            form[name].errors = errors
            form.form_errors = []
    refused = request.method == "POST" and any(form.errors for form in forms)
    if refused:
        g.page_has_errors = True
        return render_template(template, **context), 422
    if request.method == "POST" and template in _ASK_FOR_MAIL:
        return redirect(request.path, 303)
    return render_template(template, **context)


def see_other(app: Flask) -> None:
    """The library redirects with 302 after a POST; 303 says what is meant."""

    @app.after_request
    def change(response: Any) -> Any:
        if request.blueprint == "security" and request.method == "POST" and response.status_code == 302:
            response.status_code = 303
        return response
