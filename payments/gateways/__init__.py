"""The providers of this process. Others ask here by code; only `configure` knows which one the settings name."""

from __future__ import annotations

from collections.abc import Mapping

from payments.gateways.base import Gateway
from payments.gateways.hosted import HostedGateway
from payments.gateways.sandbox import SandboxGateway
from payments.gateways.stripe import StripeGateway
from portal.settings import Settings, SettingsError

__all__ = ["Gateway", "by_code", "configure", "online", "sandbox_gateway", "use"]

NONE = "none"


class _Chosen:
    gateways: Mapping[str, Gateway] = {}
    online: str | None = None


def configure(settings: Settings) -> None:
    """Choose the provider that the settings name: stripe, hosted, sandbox (never in production) or none.

    Raises:
        SettingsError: an unknown provider, one without its keys, or the sandbox in production.
    """
    from payments.gateways import notices_out

    wanted = settings.payment_provider
    use({}, online=None)
    if wanted == StripeGateway.code:
        if not (settings.stripe_api_key and settings.stripe_webhook_secret):
            raise SettingsError("PAYMENT_PROVIDER is stripe: set STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET")
        gateway: Gateway = StripeGateway(
            api_key=settings.stripe_api_key,
            webhook_secret=settings.stripe_webhook_secret,
            api_base=settings.stripe_api_base,
        )
    elif wanted == HostedGateway.code:
        if not (settings.hosted_base and settings.hosted_secret):
            raise SettingsError("PAYMENT_PROVIDER is hosted: set HOSTED_BASE and HOSTED_SECRET")
        gateway = HostedGateway(base=settings.hosted_base, secret=settings.hosted_secret)
    elif wanted == SandboxGateway.code:
        if settings.production:
            raise SettingsError(
                "PAYMENT_PROVIDER is sandbox: it takes no real money; production needs stripe or hosted"
            )
        gateway = SandboxGateway(secret=settings.sandbox_secret, public_url=settings.public_url)
        notices_out.configure(settings)
    elif wanted == NONE:
        return
    else:
        raise SettingsError(f"PAYMENT_PROVIDER is {wanted!r}: use stripe, hosted, sandbox or none")
    use({gateway.code: gateway}, online=gateway.code)


def use(gateways: Mapping[str, Gateway], *, online: str | None) -> None:
    """Use these gateways (tests hand theirs over here); `online` names the one that opens new pages."""
    _Chosen.gateways = dict(gateways)
    _Chosen.online = online


def by_code(code: str) -> Gateway:
    """The gateway of a code.

    Raises:
        LookupError: this process does not serve it (attempts of an earlier provider need its keys).
    """
    try:
        return _Chosen.gateways[code]
    except KeyError:
        raise LookupError(f"no payment gateway {code!r} in this process; known: {sorted(_Chosen.gateways)}") from None


def online() -> Gateway | None:
    """The gateway that opens new pages; None where only the counter takes money."""
    return None if _Chosen.online is None else _Chosen.gateways[_Chosen.online]


def sandbox_gateway() -> SandboxGateway | None:
    """The sandbox provider where this process serves it; never in production."""
    found = _Chosen.gateways.get(SandboxGateway.code)
    return found if isinstance(found, SandboxGateway) else None
