"""The settings: one frozen object, read from the environment once.

Every secret may be given as NAME or, as a file that holds it, as NAME_FILE. docs/settings.md lists them all
(a test compares).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from portal.kernel import sealed
from portal.kernel.money import NotWholeYenError, Yen

DEVELOPMENT_SECRET = "development only: not a secret"  # noqa: S105 - refused in production below


class SettingsError(ValueError):
    """The environment says something that cannot be; the message names the variable and what to do."""


def _variable(name: str, default: str, says: str, *, secret: bool = False) -> str:
    return field(default=default, metadata={"variable": name, "secret": secret, "says": says}, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """How this process runs. Text as in the environment; typed views below."""

    environment: str = _variable("PORTAL_ENV", "development", "`development`, `test` or `production`")
    port: str = _variable("PORT", "8000", "Port that the web process listens on")
    host: str = _variable("PORTAL_HOST", "127.0.0.1", "Address that the web process listens on")
    data_dir: str = _variable(
        "PORTAL_DATA_DIR",
        "instance",
        "Folder of the embedded database, caught mails and counters; relative to where the program starts",
    )
    database_url: str = _variable(
        "DATABASE_URL",
        "",
        "`postgresql://user:password@host:port/name`; empty: the embedded server (development)",
        secret=True,
    )
    base_url: str = _variable(
        "PORTAL_BASE_URL",
        "",
        "Address that people reach the portal at, in mails and documents; empty: `http://PORTAL_HOST:PORT`",
    )
    secret_key: str = _variable(
        "PORTAL_SECRET_KEY",
        DEVELOPMENT_SECRET,
        "Signs sessions and links in mails; at least 32 characters in production",
        secret=True,
    )
    password_salt: str = _variable(
        "PORTAL_PASSWORD_SALT",
        DEVELOPMENT_SECRET,
        "Goes into every password's hash; at least 32 characters in production; never change it",
        secret=True,
    )
    city_folder: str = _variable("PORTAL_CITY", "portal/cities/koga", "Folder of the city pack")
    smtp_host: str = _variable(
        "SMTP_HOST", "127.0.0.1", "Mail server; in development the mail catcher is started for 127.0.0.1"
    )
    smtp_port: str = _variable("SMTP_PORT", "1025", "Its port")
    smtp_user: str = _variable("SMTP_USER", "", "Name to sign in to the mail server with; empty: no sign-in")
    smtp_password: str = _variable("SMTP_PASSWORD", "", "Password to it", secret=True)
    smtp_starttls: str = _variable("SMTP_STARTTLS", "no", "`yes` encrypts the connection to the mail server")
    mail_from: str = _variable("MAIL_FROM", "madoguchi@koga.example", "Sender of every mail")
    payment_provider: str = _variable("PAYMENT_PROVIDER", "sandbox", "`sandbox` (development), `stripe` or `hosted`")
    stripe_api_key: str = _variable("STRIPE_API_KEY", "", "Secret key of the Stripe account", secret=True)
    stripe_webhook_secret: str = _variable(
        "STRIPE_WEBHOOK_SECRET",
        "",
        "Checks that a notice was signed by Stripe; two with a comma where connected accounts send theirs to an endpoint of their own",
        secret=True,
    )
    stripe_api_base: str = _variable("STRIPE_API_BASE", "", "Where the SDK sends its calls; tests only")
    hosted_base: str = _variable("HOSTED_BASE", "", "Address of the hosted provider (docs/payments.md)")
    hosted_secret: str = _variable(
        "HOSTED_SECRET", "", "Signs calls to the hosted provider and its notices", secret=True
    )
    sandbox_secret: str = _variable(
        "SANDBOX_SECRET", DEVELOPMENT_SECRET, "Signs the notices of the sandbox provider", secret=True
    )
    refund_alone_up_to: str = _variable(
        "REFUND_ALONE_UP_TO", "30000", "Largest refund in yen that needs no second person (見本; the city's own rule)"
    )
    transfer_gateway: str = _variable(
        "TRANSFER_GATEWAY",
        "",
        "Who leads to the banks for 口座振替: `double` (development) or `none`; empty: `double` in development, `none` in production",
    )
    remind_before: str = _variable(
        "REMIND_BEFORE_DAYS", "7,1", "Days before a due date on which an unpaid charge is mailed about; empty: none"
    )
    remind_after: str = _variable("REMIND_AFTER_DAYS", "7", "Days after it; empty: none")
    demand_costs: str = _variable(
        "DEMAND_COSTS_YEN", "0", "督促手数料 that the city's own ordinance asks for, in yen; 0: none"
    )
    card_reader: str = _variable("CARD_READER", "simulated", "`simulated` (development) or `none`")
    identity_provider: str = _variable(
        "IDENTITY_PROVIDER",
        "",
        "Who confirms online who people are: `oidc`, `sample` (development) or `none`; empty: `sample`, in production `none`",
    )
    identity_name: str = _variable("IDENTITY_NAME", "デジタル認証アプリ", "Name of the provider, as people know it")
    identity_issuer: str = _variable("IDENTITY_ISSUER", "", "Its issuer (OpenID Connect), an https address")
    identity_client_id: str = _variable("IDENTITY_CLIENT_ID", "", "Name that the provider gave this portal")
    identity_client_secret: str = _variable(
        "IDENTITY_CLIENT_SECRET", "", "Secret that goes with it (client_secret_basic)", secret=True
    )
    identity_client_key: str = _variable(
        "IDENTITY_CLIENT_KEY",
        "",
        "Private key, JWK or PEM, in place of the secret (private_key_jwt: what デジタル認証アプリ asks for)",
        secret=True,
    )
    metrics_token: str = _variable(
        "METRICS_TOKEN", "", "Bearer of `/metrics`; without it the page is closed in production", secret=True
    )
    trusted_proxies: str = _variable(
        "PORTAL_TRUSTED_PROXIES", "0", "How many proxies in front add X-Forwarded headers; 0 believes none"
    )
    holds_per_second: str = _variable(
        "PORTAL_HOLDS_PER_SECOND",
        "80",
        "Most bookings begun a second on this host before people are given a place in a queue (fewer where it serves fewer); 0: no queue",
    )
    file_keys: str = _variable(
        "PORTAL_FILE_KEYS",
        "",
        "Keys that encrypt attachments: `name:base64 of 32 bytes`, divided by commas; the first one encrypts, all decrypt",
        secret=True,
    )
    clamav: str = _variable(
        "CLAMAV", "", "`host:port` or the socket path of a clamd that looks at attachments; empty: none is asked"
    )
    signing_key: str = _variable(
        "SIGNING_KEY",
        "",
        "PKCS #12 (base64) with key and certificate that sign issued documents; empty: a test certificate, in production none",
        secret=True,
    )
    signing_password: str = _variable("SIGNING_PASSWORD", "", "Password of SIGNING_KEY", secret=True)
    debug: str = _variable("PORTAL_DEBUG", "no", "`yes` shows code in error pages; never in production")

    @property
    def mode(self) -> Literal["development", "test", "production"]:
        """Which of the three it is.

        Raises:
            SettingsError: something else.
        """
        if self.environment == "development":
            return "development"
        if self.environment == "test":
            return "test"
        if self.environment == "production":
            return "production"
        message = f"PORTAL_ENV is {self.environment!r}: use development, test or production"
        raise SettingsError(message)

    @property
    def production(self) -> bool:
        """Whether residents use it for real."""
        return self.mode == "production"

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        return Path(self.data_dir).resolve()

    @property
    def port_number(self) -> int:
        """The port to listen on."""
        return _port("PORT", self.port)

    @property
    def refund_alone_up_to_yen(self) -> Yen:
        """The largest refund that one person decides.

        Raises:
            SettingsError: not an amount of whole yen.
        """
        try:
            return Yen.parse(self.refund_alone_up_to)
        except NotWholeYenError as error:
            message = f"REFUND_ALONE_UP_TO is {self.refund_alone_up_to!r}: use whole yen, such as 30000"
            raise SettingsError(message) from error

    @property
    def smtp_port_number(self) -> int:
        """The mail server's port."""
        return _port("SMTP_PORT", self.smtp_port)

    @property
    def public_url(self) -> str:
        """The address that people reach the portal at, without a slash at the end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    def _weak_secrets(self) -> list[str]:
        recipe = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        secrets = {"PORTAL_SECRET_KEY": self.secret_key, "PORTAL_PASSWORD_SALT": self.password_salt}
        return [
            f"{variable}: set a secret of at least 32 characters ({recipe})"
            for variable, value in secrets.items()
            if value == DEVELOPMENT_SECRET or len(value) < 32
        ]

    def _unreal_payment(self) -> list[str]:
        if self.payment_provider == "hosted":
            found = [] if self.hosted_base.startswith("https://") else ["HOSTED_BASE: set an address with https://"]
            return found if self.hosted_secret else [*found, "HOSTED_SECRET: missing"]
        if self.payment_provider != "stripe":
            return ["PAYMENT_PROVIDER: only stripe and hosted take real money; set one of them"]
        needed = {"STRIPE_API_KEY": self.stripe_api_key, "STRIPE_WEBHOOK_SECRET": self.stripe_webhook_secret}
        found = [f"{variable}: missing" for variable, value in needed.items() if not value]
        if self.stripe_api_base:
            found.append("STRIPE_API_BASE: only tests point the SDK elsewhere; unset it")
        return found

    @property
    def identity(self) -> str:
        """Who confirms online who somebody is: oidc, sample or none."""
        return self.identity_provider or ("none" if self.production else "sample")

    def _unreal_identity(self) -> list[str]:
        if self.identity == "none":
            return []
        if self.identity != "oidc":
            return ["IDENTITY_PROVIDER: only oidc confirms real people; set oidc, or none"]
        found = []
        if not self.identity_issuer.startswith("https://"):
            found.append("IDENTITY_ISSUER: set the provider's https address")
        if not self.identity_client_id:
            found.append("IDENTITY_CLIENT_ID: missing")
        if bool(self.identity_client_secret) == bool(self.identity_client_key):
            found.append("IDENTITY_CLIENT_SECRET or IDENTITY_CLIENT_KEY: set one of the two")
        return found

    def problems(self) -> list[str]:
        """Why production must not start with these settings; empty where it may. Each line says what mends it."""
        if not self.production:
            return []
        found = self._weak_secrets() + self._unreal_payment() + self._unreal_identity()
        if self.card_reader == "simulated":
            found.append("CARD_READER: the simulated reader invents people; set none or a real reader")
        try:
            sealed.parse(self.file_keys)
        except sealed.KeysError as error:
            recipe = "python3 -c 'import base64, os; print(\"2026:\" + base64.b64encode(os.urandom(32)).decode())'"
            found.append(f"PORTAL_FILE_KEYS: attachments are encrypted with keys of your own; {error} ({recipe})")
        if self.transfer_gateway not in {"", "none"}:
            found.append("TRANSFER_GATEWAY: the double invents banks' answers; set none")
        if truth("PORTAL_DEBUG", self.debug):
            found.append("PORTAL_DEBUG: debug shows code and values to visitors; set no")
        if not self.database_url:
            found.append("DATABASE_URL: the embedded database is for development; name a PostgreSQL 18 server")
        if not self.base_url.startswith("https://"):
            found.append("PORTAL_BASE_URL: set the public https address")
        return found


def truth(variable: str, value: str) -> bool:
    """yes/no from the environment.

    Raises:
        SettingsError: neither.
    """
    lowered = value.strip().lower()
    if lowered in {"yes", "true", "1", "on"}:
        return True
    if lowered in {"", "no", "false", "0", "off"}:
        return False
    message = f"{variable} is {value!r}: use yes or no"
    raise SettingsError(message)


def _port(variable: str, value: str) -> int:
    if value.isascii() and value.isdigit() and 0 < int(value) < 65536:
        return int(value)
    message = f"{variable} is {value!r}: use a number from 1 to 65535"
    raise SettingsError(message)


def from_environ(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environ: the process's environment where None.

    Raises:
        SettingsError: a NAME_FILE that cannot be read, or both NAME and NAME_FILE.
    """
    source = os.environ if environ is None else environ
    values: dict[str, str] = {}
    for entry in fields(Settings):
        name = entry.metadata["variable"]
        file = source.get(f"{name}_FILE") if entry.metadata["secret"] else None
        if file:
            if source.get(name):
                message = f"{name} and {name}_FILE are both set: keep one"
                raise SettingsError(message)
            try:
                values[entry.name] = Path(file).read_text(encoding="utf-8").strip()
            except OSError as error:
                message = f"{name}_FILE: {file} cannot be read ({error.strerror})"
                raise SettingsError(message) from error
        elif source.get(name):
            values[entry.name] = source[name]
    return Settings(**values)
