"""Account transfer (口座振替): who answers for the banks in this process. Only `configure` knows what the settings name."""

from __future__ import annotations

from payments.transfers.base import TransferGateway
from payments.transfers.double import DoubleGateway
from portal.settings import Settings, SettingsError

__all__ = ["TransferGateway", "configure", "double", "gateway", "use"]

NONE = "none"


class _Chosen:
    gateway: TransferGateway | None = None


def configure(settings: Settings) -> None:
    """Choose the gateway: the development double (never in production) or none.

    Raises:
        SettingsError: an unknown gateway, or the double in production.
    """
    wanted = settings.transfer_gateway or (NONE if settings.production else DoubleGateway.code)
    if wanted == NONE:
        use(None)
    elif wanted == DoubleGateway.code:
        if settings.production:
            raise SettingsError("TRANSFER_GATEWAY is double: it invents banks' answers; set none")
        use(DoubleGateway(secret=settings.sandbox_secret, public_url=settings.public_url))
    else:
        raise SettingsError(f"TRANSFER_GATEWAY is {wanted!r}: use double (development) or none")


def use(chosen: TransferGateway | None) -> None:
    """Use this gateway (tests hand theirs over here); None: registrations are made on paper."""
    _Chosen.gateway = chosen


def gateway() -> TransferGateway | None:
    """The gateway of this process."""
    return _Chosen.gateway


def double() -> DoubleGateway | None:
    """The development double where this process serves it; never in production."""
    return _Chosen.gateway if isinstance(_Chosen.gateway, DoubleGateway) else None
