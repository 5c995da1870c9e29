"""Configures the sign-in library and states who may enter its views."""

from __future__ import annotations

import base64
from datetime import timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask
from flask_security import Security

from portal.accounts import passwords
from portal.accounts.web import datastore, forms, helpers, identity, mail, messages, opening, views, visitors
from portal.kernel import clock
from portal.kernel.i18n import folders
from portal.settings import Settings
from portal.web import access, error_texts, locale

_ANYBODY = access.Rule("public")
_ACCOUNT = access.Rule("signed_in")
_CLOSED = access.Rule("closed")

#: Who may enter the library's views. `closed`: a feature that we do not offer.
ENTRANCES = {
    "login": _ANYBODY,
    "logout": _ANYBODY,
    "register": _ANYBODY,
    "send_confirmation": _ANYBODY,
    "confirm_email": _ANYBODY,
    "forgot_password": _ANYBODY,
    "reset_password": _ANYBODY,
    "two_factor_setup": _ANYBODY,
    "two_factor_setup_validate": _ACCOUNT,
    "two_factor_token_validation": _ANYBODY,
    "two_factor_rescue": _CLOSED,
    # Passkeys are a way in of their own, so there is never more than one second factor to choose from.
    "tf_select": _CLOSED,
    "mf_recovery": _ANYBODY,
    "mf_recovery_codes": _ACCOUNT,
    "wan_signin": _ANYBODY,
    "wan_signin_response": _ANYBODY,
    "wan_register": _ACCOUNT,
    "wan_register_response": _ACCOUNT,
    "wan_delete": _ACCOUNT,
    "wan_verify": _ACCOUNT,
    "wan_verify_response": _ACCOUNT,
    "verify": _ACCOUNT,
    "change_password": _ACCOUNT,
}


def _derived(settings: Settings, purpose: str) -> bytes:
    """32 bytes for one purpose, from the secret key."""
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(settings.secret_key.encode())


def _configuration(settings: Settings) -> dict[str, object]:
    secure = settings.public_url.startswith("https://")
    cookie = {"httponly": True, "secure": secure, "samesite": "Lax"}
    totp_key = base64.urlsafe_b64encode(_derived(settings, "totp")).decode()
    config: dict[str, object] = {
        "REGISTERABLE": True,
        "CONFIRMABLE": True,
        "RECOVERABLE": True,
        "CHANGEABLE": True,
        "TWO_FACTOR": True,
        "WEBAUTHN": True,
        "MULTI_FACTOR_RECOVERY_CODES": True,
        "USE_REGISTER_V2": True,
        # Nobody learns from an answer whether an address is registered.
        "RETURN_GENERIC_RESPONSES": True,
        "API_ENABLED_METHODS": ["session"],
        "STATIC_FOLDER": None,
        "JOIN_USER_ROLES": False,
        "DATETIME_FACTORY": clock.now,
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SCHEMES": ["argon2"],
        "PASSWORD_SINGLE_HASH": ["argon2"],
        "PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__type": "id",
            "argon2__memory_cost": passwords.MEMORY_KIB,
            "argon2__time_cost": passwords.PASSES,
            "argon2__parallelism": passwords.LANES,
        },
        "PASSWORD_SALT": settings.password_salt,
        "PASSWORD_LENGTH_MIN": passwords.MIN_LENGTH,
        "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
        "EMAIL_PLAINTEXT": False,
        "EMAIL_HTML": False,
        "CONFIRM_EMAIL_WITHIN": timedelta(days=2),
        "RESET_PASSWORD_WITHIN": timedelta(hours=1),
        "FRESHNESS": timedelta(hours=1),
        "FRESHNESS_GRACE_PERIOD": timedelta(minutes=10),
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "TWO_FACTOR_VALIDITY_COOKIE": cookie,
        "TWO_FACTOR_POST_SETUP_VIEW": "accounts.security",
        "TOTP_SECRETS": {"1": totp_key},
        "TOTP_ISSUER": "みんなの窓口",
        "MULTI_FACTOR_RECOVERY_CODES_KEYS": [base64.urlsafe_b64encode(_derived(settings, "recovery codes"))],
        "MULTI_FACTOR_RECOVERY_CODES_N": 8,
        "WAN_RP_NAME": "みんなの窓口",
        "WAN_ALLOW_AS_FIRST_FACTOR": True,
        "WAN_ALLOW_AS_MULTI_FACTOR": True,
        # A hint would tell whether an address has an account with passkeys.
        "WAN_ALLOW_USER_HINTS": False,
        "WAN_POST_REGISTER_VIEW": "accounts.security",
        "WAN_SIGNIN_WITHIN": timedelta(minutes=5),
        "I18N_DOMAIN": "messages",
        "I18N_DIRNAME": [str(folder) for folder in folders()],
        "CLI_USERS_NAME": None,
        "CLI_ROLES_NAME": None,
    }
    addresses = {
        "LOGIN_URL": "/sign-in",
        "LOGOUT_URL": "/sign-out",
        "REGISTER_URL": "/register",
        "CONFIRM_URL": "/register/confirm",
        "RESET_URL": "/sign-in/reset",
        "CHANGE_URL": "/my/security/password",
        "VERIFY_URL": "/my/security/verify",
        "TWO_FACTOR_SETUP_URL": "/my/security/code",
        "TWO_FACTOR_TOKEN_VALIDATION_URL": "/sign-in/code",
        "TWO_FACTOR_RESCUE_URL": "/sign-in/code/rescue",
        "TWO_FACTOR_SELECT_URL": "/sign-in/second",
        "MULTI_FACTOR_RECOVERY_CODES_URL": "/my/security/recovery-codes",
        "MULTI_FACTOR_RECOVERY_URL": "/sign-in/recovery-code",
        "WAN_REGISTER_URL": "/my/security/passkey",
        "WAN_DELETE_URL": "/my/security/passkey/delete",
        "WAN_SIGNIN_URL": "/sign-in/passkey",
        "WAN_VERIFY_URL": "/my/security/verify/passkey",
        "POST_LOGIN_VIEW": "accounts.after_sign_in",
        "POST_LOGOUT_VIEW": "web.home",
        "POST_REGISTER_VIEW": "accounts.registered",
        "POST_CHANGE_VIEW": "accounts.security",
        "POST_CONFIRM_VIEW": "/sign-in",
        "POST_VERIFY_VIEW": "accounts.security",
    }
    templates = {
        "LOGIN_USER_TEMPLATE": "sign_in",
        "REGISTER_USER_TEMPLATE": "register",
        "SEND_CONFIRMATION_TEMPLATE": "confirm",
        "FORGOT_PASSWORD_TEMPLATE": "forgot",
        "RESET_PASSWORD_TEMPLATE": "reset",
        "CHANGE_PASSWORD_TEMPLATE": "change_password",
        "VERIFY_TEMPLATE": "verify",
        "TWO_FACTOR_SETUP_TEMPLATE": "code_setup",
        "TWO_FACTOR_VERIFY_CODE_TEMPLATE": "code",
        "MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "recovery_codes",
        "MULTI_FACTOR_RECOVERY_TEMPLATE": "recovery_code",
        "WAN_REGISTER_TEMPLATE": "passkey",
        "WAN_SIGNIN_TEMPLATE": "passkey_sign_in",
        "WAN_VERIFY_TEMPLATE": "passkey_verify",
    }
    config.update(addresses)
    config.update({key: f"accounts/{name}.html" for key, name in templates.items()})
    config.update({f"MSG_{key}": value for key, value in messages.MESSAGES.items()})
    return {f"SECURITY_{key}": value for key, value in config.items()}


def init_app(app: Flask) -> None:
    """Set the library up on our tables, and hand over how the visitor is found. Call after `portal.web.setup`."""
    settings: Settings = app.extensions["portal"]
    secure = settings.public_url.startswith("https://")
    app.config.update(_configuration(settings))
    app.config.update(
        REMEMBER_COOKIE_NAME="__Host-madoguchi-remember" if secure else "madoguchi_remember",
        REMEMBER_COOKIE_SECURE=secure,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_DURATION=timedelta(days=30),
        SESSION_PROTECTION="basic",
    )
    datastore.init_app(app)
    security = Security(
        app,
        datastore.Datastore(),
        login_form=forms.SignInForm,
        register_form=forms.RegisterForm,
        forgot_password_form=forms.ForgotForm,
        send_confirmation_form=forms.ConfirmForm,
        reset_password_form=forms.ResetForm,
        change_password_form=forms.ChangeForm,
        verify_form=forms.ProveForm,
        two_factor_verify_code_form=forms.CodeForm,
        two_factor_setup_form=forms.CodeSetupForm,
        two_factor_rescue_form=forms.RescueForm,
        mf_recovery_form=forms.RecoveryForm,
        wan_register_form=forms.PasskeyForm,
        mail_util_cls=mail.NoticeMail,
        password_util_cls=helpers.Passwords,
        totp_cls=helpers.Codes,
        webauthn_util_cls=helpers.Passkeys,
        render_template=helpers.render,  # type: ignore[arg-type]  # with its status
    )
    security.want_json(lambda _request: False)
    app.register_blueprint(views.bp)
    opening.init_app()
    identity.init_app(app)
    for endpoint, rule in ENTRANCES.items():
        access.declare(app, f"security.{endpoint}", rule)
    helpers.see_other(app)
    access.set_loader(app, visitors.load)
    locale.set_keeper(app, visitors.keep_locale)
    error_texts.add(messages.TEXTS)
