"""The library's forms with our labels and limits, and the profile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, request
from flask import session as cookie
from flask_babel import lazy_gettext
from flask_security import (
    ChangePasswordForm,
    ForgotPasswordForm,
    LoginForm,
    MfRecoveryForm,
    RegisterFormV2,
    ResetPasswordForm,
    SendConfirmationForm,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    VerifyForm,
    WebAuthnRegisterForm,
)
from flask_security.forms import (
    EmailValidation,
    EqualToLocalize,
    email_required,
    password_required,
    unique_user_email,
    valid_user_email,
)
from flask_security.utils import get_message
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from portal.accounts import opening, throttle
from portal.accounts.services import Facts
from portal.accounts.web import datastore, devices
from portal.kernel import clock, text
from portal.kernel.database import unit_of_work
from portal.settings import Settings
from portal.web.forms import (
    ChoiceField,
    ConsentField,
    EmailAddressField,
    KanaField,
    MaxLength,
    PhoneField,
    PortalForm,
    PostalCodeField,
    Required,
    TextField,
    WarekiDateField,
)

_MAIL = {"autocomplete": "email", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
_NEW = {"autocomplete": "new-password"}
_CURRENT = {"autocomplete": "current-password"}
_CODE = {"autocomplete": "one-time-code", "inputmode": "numeric"}
_EMAIL = lazy_gettext("メールアドレス")
_PASSWORD = lazy_gettext("パスワード")
_NEW_PASSWORD = lazy_gettext("新しいパスワード")
_AGAIN = lazy_gettext("パスワード(もう一度)")
_RULE = lazy_gettext("10文字以上。好きな言葉をいくつかつなげると、覚えやすくて安全です。")


@contextmanager
def _one_guess(kind: str, name: str) -> Iterator[list[bool]]:
    """Count a guess before it is made; the body appends True where it was right.

    Raises:
        TooManyGuesses: this network or device has none left.
    """
    settings: Settings = current_app.extensions["portal"]
    now = clock.now()
    subject = throttle.subject_of(settings.secret_key, kind, name)
    device = devices.origin_of(subject)
    origin = device or throttle.network_of(request.remote_addr)
    address = throttle.address_of(request.remote_addr)
    with unit_of_work() as session:
        throttle.take(
            session,
            subject=subject,
            origin=origin,
            most=throttle.PER_DEVICE if device else throttle.PER_NETWORK,
            now=now,
        )
    if not device:
        with unit_of_work() as session:
            throttle.take(session, subject=throttle.EVERYBODY, origin=address, most=throttle.PER_ADDRESS, now=now)
    right: list[bool] = []
    yield right
    if right:
        with unit_of_work() as session:
            throttle.forgive(session, subject=subject, origin=origin)
            if not device:
                throttle.give_back(session, subject=throttle.EVERYBODY, origin=address)


SIGN_IN_AS = "sign_in_as"
"""In the cookie: the number that the sign-in page fills in once."""


class _KeepsErrors:
    """The library blanks every message where one could tell that an address has an account.

    What only says that something typed is missing or malformed tells nothing: `helpers.render` puts it back.
    """

    kept_errors: dict[str, list[str]]

    def keep(self: Any, *names: str) -> None:
        """Remember the messages of these fields; the form as a whole counts as refused."""
        unknown = {get_message("USER_DOES_NOT_EXIST")[0], get_message("INVALID_PASSWORD")[0]}
        found = {name: [str(error) for error in self[name].errors if str(error) not in unknown] for name in names}
        self.kept_errors = {name: errors for name, errors in found.items() if errors}
        if self.kept_errors:
            self.form_errors = [next(iter(self.kept_errors.values()))[0]]


class _MailOrNumber(EmailValidation):
    """A mail address, or the number of somebody without mail."""

    def __call__(self, form: Any, field: Any) -> None:
        """Leave a number as it is; its one spelling."""
        number = opening.number_of(str(field.data or ""))
        if number is None:
            super().__call__(form, field)
        else:
            field.data = number


class SignInForm(_KeepsErrors, LoginForm):
    """Mail address and password."""

    email = EmailAddressField(
        lazy_gettext("メールアドレスか利用者番号"),
        render_kw=_MAIL | {"type": "text", "autocomplete": "username"},
        validators=[email_required, _MailOrNumber(verify=False)],
    )
    password = PasswordField(_PASSWORD, render_kw=_CURRENT, validators=[password_required], description=" ")
    remember = BooleanField(lazy_gettext("この端末では、サインインしたままにする"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Whoever has just chosen a password with a code finds their number filled in, once."""
        super().__init__(*args, **kwargs)
        if request.method == "GET" and not self.email.data:
            self.email.data = cookie.pop(SIGN_IN_AS, None)

    def validate(self, **kwargs: Any) -> bool:
        """Count the guess, then check it."""
        typed = self.email.data
        if not typed or not self.password.data:
            super().validate(**kwargs)
            self.keep("email", "password")
            return False
        number = opening.number_of(typed)
        if number is not None:
            typed = number
            self.user, self.ifield = datastore.by_number(number), self.email
        with _one_guess("account", typed) as right:
            valid = bool(super().validate(**kwargs))
            if self.user_authenticated:
                right.append(True)
        if valid:
            devices.remember(typed)
        elif self.user_authenticated:
            # The password was right: its owner may know what else is missing.
            self.form_errors = [*self.form_errors, *self.email.errors]
            self.email.errors = []
        elif self.user is None:
            self.keep("email")
        return valid


class RegisterForm(RegisterFormV2):
    """A new account: mail address, password, consent."""

    email = EmailAddressField(
        _EMAIL,
        render_kw=_MAIL,
        validators=[email_required, EmailValidation(verify=True), MaxLength(254), unique_user_email],
    )
    password = PasswordField(_PASSWORD, render_kw=_NEW, validators=[password_required], description=_RULE)
    password_confirm = PasswordField(
        _AGAIN,
        render_kw=_NEW,
        validators=[Required(), EqualToLocalize("password", message="RETYPE_PASSWORD_MISMATCH")],
    )
    consent = ConsentField(lazy_gettext("利用規約と個人情報の取り扱いに同意します"), validators=[Required()])

    def validate(self, **kwargs: Any) -> bool:
        """Whether an account is made; counted first, so that a program does not fill the tables and send mail to strangers.

        Raises:
            TooManyGuesses: this address has asked for too many accounts.
        """
        with unit_of_work() as session:
            throttle.take(
                session,
                subject="registration",
                origin=throttle.address_of(request.remote_addr),
                most=throttle.REGISTRATIONS,
                now=clock.now(),
            )
        return bool(super().validate(**kwargs))


class ForgotForm(_KeepsErrors, ForgotPasswordForm):
    """Ask for a mail to choose a new password."""

    email = EmailAddressField(
        _EMAIL, render_kw=_MAIL, validators=[email_required, EmailValidation(verify=True), valid_user_email]
    )

    def validate(self, **kwargs: Any) -> bool:
        """Whether a mail is sent; the page does not tell."""
        valid = bool(super().validate(**kwargs))
        if not valid and self.user is None:
            self.keep("email")
        return valid


class ConfirmForm(_KeepsErrors, SendConfirmationForm):
    """Ask for the confirmation mail again."""

    email = EmailAddressField(
        _EMAIL, render_kw=_MAIL, validators=[email_required, EmailValidation(verify=True), valid_user_email]
    )

    def validate(self, **kwargs: Any) -> bool:
        """Whether a mail is sent; the page does not tell."""
        valid = bool(super().validate(**kwargs))
        if not valid and self.user is None:
            self.keep("email")
        return valid


class ResetForm(ResetPasswordForm):
    """Choose a new password by the link in a mail."""

    password = PasswordField(_NEW_PASSWORD, render_kw=_NEW, validators=[password_required], description=_RULE)
    password_confirm = PasswordField(
        _AGAIN,
        render_kw=_NEW,
        validators=[Required(), EqualToLocalize("password", message="RETYPE_PASSWORD_MISMATCH")],
    )


class ChangeForm(ChangePasswordForm):
    """Change the password while signed in."""

    password = PasswordField(lazy_gettext("いまのパスワード"), render_kw=_CURRENT, validators=[password_required])
    new_password = PasswordField(_NEW_PASSWORD, render_kw=_NEW, validators=[password_required], description=_RULE)
    new_password_confirm = PasswordField(
        lazy_gettext("新しいパスワード(もう一度)"),
        render_kw=_NEW,
        validators=[Required(), EqualToLocalize("new_password", message="RETYPE_PASSWORD_MISMATCH")],
    )


class ProveForm(VerifyForm):
    """The password again, before something important is changed."""

    password = PasswordField(_PASSWORD, render_kw=_CURRENT, validators=[password_required])

    def validate(self, **kwargs: Any) -> bool:
        """Count the guess, then check it."""
        with _one_guess("account", self.user.email or getattr(self.user, "number", "")) as right:
            valid = bool(super().validate(**kwargs))
            if valid:
                right.append(True)
        return valid


def _digits(value: str | None) -> str:
    return text.digits(value or "").replace(" ", "").replace("-", "")


class CodeForm(TwoFactorVerifyCodeForm):
    """The six digits of an authenticator app."""

    code = StringField(
        lazy_gettext("確認コード(6けたの数字)"), render_kw=_CODE, filters=[_digits], validators=[Required()]
    )

    def validate(self, **kwargs: Any) -> bool:
        """Count the guess, then check it."""
        with _one_guess("code", self.user.fs_uniquifier if self.user else "") as right:
            valid = bool(super().validate(**kwargs))
            if valid:
                right.append(True)
        return valid


class RecoveryForm(MfRecoveryForm):
    """A code that was written down when the second factor was set up."""

    code = StringField(
        lazy_gettext("予備のコード"), filters=[lambda value: (value or "").strip().lower()], validators=[Required()]
    )

    def validate(self, **kwargs: Any) -> bool:
        """Count the guess, then check it."""
        with _one_guess("code", self.user.fs_uniquifier if self.user else "") as right:
            valid = bool(super().validate(**kwargs))
            if valid:
                right.append(True)
        return valid


class CodeSetupForm(TwoFactorSetupForm):
    """Which second factor: an authenticator app, or none any more."""

    setup = ChoiceField(
        lazy_gettext("方法"), choices=[SelectChoice("authenticator"), SelectChoice("disable")], validate_choice=False
    )


class RescueForm(TwoFactorRescueForm):
    """Not offered (recovery codes are); the library builds it all the same."""

    help_setup = ChoiceField(lazy_gettext("方法"), choices=[SelectChoice("help")])


class PasskeyForm(WebAuthnRegisterForm):
    """A name for a new passkey; a passkey signs in by itself."""

    name = TextField(
        lazy_gettext("パスキーの名前"),
        description=lazy_gettext("あとで見分けるための名前です。例: わたしのスマートフォン"),
        validators=[Required(), MaxLength(40)],
    )
    usage = HiddenField(default="first")

    def validate(self, **kwargs: Any) -> bool:
        """A passkey made here is always a way in of its own."""
        self.usage.data = "first"
        return bool(super().validate(**kwargs))


_SEX = [
    SelectChoice("female", lazy_gettext("女")),
    SelectChoice("male", lazy_gettext("男")),
    SelectChoice("other", lazy_gettext("その他")),
    SelectChoice("unsaid", lazy_gettext("答えない")),
]


class ProfileForm(PortalForm):
    """A person's own facts."""

    name = TextField(
        lazy_gettext("名前"),
        description=lazy_gettext("戸籍や住民票のとおりに書いてください。めずらしい漢字も、そのまま書けます。"),
        render_kw={"autocomplete": "name"},
        validators=[Required(), MaxLength(100)],
    )
    kana = KanaField(lazy_gettext("フリガナ"), validators=[Required(), MaxLength(100)])
    birth_date = WarekiDateField(
        lazy_gettext("生年月日"), not_future=True, render_kw={"autocomplete": "bday"}, validators=[Required()]
    )
    sex = ChoiceField(lazy_gettext("性別"), choices=_SEX, validators=[Optional()])
    phone = PhoneField(
        lazy_gettext("電話番号"), render_kw={"autocomplete": "tel", "inputmode": "tel"}, validators=[Required()]
    )
    postal_code = PostalCodeField(
        lazy_gettext("郵便番号"),
        render_kw={"autocomplete": "postal-code", "inputmode": "numeric"},
        validators=[Required()],
    )
    prefecture = TextField(
        lazy_gettext("都道府県"), render_kw={"autocomplete": "address-level1"}, validators=[Required(), MaxLength(10)]
    )
    city = TextField(
        lazy_gettext("市区町村"), render_kw={"autocomplete": "address-level2"}, validators=[Required(), MaxLength(50)]
    )
    town = TextField(
        lazy_gettext("町名"), render_kw={"autocomplete": "address-level3"}, validators=[Required(), MaxLength(100)]
    )
    block = TextField(
        lazy_gettext("番地"), description=lazy_gettext("例: 1-2-3"), validators=[Required(), MaxLength(50)]
    )
    building = TextField(lazy_gettext("建物の名前と部屋番号"), validators=[MaxLength(100)])

    def facts(self) -> Facts:
        """What was typed, normalised."""
        return Facts(
            name=self.name.data,
            kana=self.kana.data,
            birth_date=self.birth_date.data,
            sex=self.sex.data or None,
            phone=self.phone.data or "",
            postal_code=self.postal_code.data or "",
            prefecture=self.prefecture.data,
            city=self.city.data,
            town=self.town.data,
            block=self.block.data,
            building=self.building.data,
        )
