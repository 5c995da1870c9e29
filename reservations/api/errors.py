"""What another system can do wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from portal.kernel.errors import Conflict, Forbidden, Invalid, PortalError, TooMany


@dataclass(eq=False)
class TokenMissing(PortalError):
    """No token, an unknown one, one that was revoked or has ended."""

    code: ClassVar[str] = "api_token_missing"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class ScopeMissing(Forbidden):
    """The token is not for this."""

    code: ClassVar[str] = "api_scope_missing"
    scope: str

    @property
    def problem(self) -> dict[str, Any]:
        """What the answer says besides."""
        return {"scope": self.scope}


@dataclass(eq=False)
class BadRequest(PortalError):
    """The request cannot be read: no JSON, a missing Idempotency-Key."""

    code: ClassVar[str] = "api_bad_request"
    status: ClassVar[int] = 400
    where: str = ""

    @property
    def problem(self) -> dict[str, Any]:
        """What the answer says besides."""
        return {"where": self.where}


@dataclass(eq=False)
class NotJson(PortalError):
    """The body has to be application/json."""

    code: ClassVar[str] = "api_not_json"
    status: ClassVar[int] = 415


@dataclass(eq=False)
class BadInput(Invalid):
    """The request can be read, but values in it are wrong."""

    code: ClassVar[str] = "api_bad_input"
    errors: list[dict[str, str]] = field(default_factory=list)

    @property
    def problem(self) -> dict[str, Any]:
        """Each wrong value: where it is and what is wrong."""
        return {"errors": self.errors}


@dataclass(eq=False)
class KeyUsedAgain(Invalid):
    """The Idempotency-Key was used for another request."""

    code: ClassVar[str] = "api_key_used_again"


@dataclass(eq=False)
class TooManyCalls(TooMany):
    """More calls within a minute than the token allows."""

    code: ClassVar[str] = "api_too_many_calls"
    retry_after: timedelta


@dataclass(eq=False)
class OtherPrice(Conflict):
    """The price is not the one that the caller accepted; nothing was booked."""

    code: ClassVar[str] = "api_other_price"
    total: int

    @property
    def problem(self) -> dict[str, Any]:
        """The price now."""
        return {"total": self.total}


@dataclass(eq=False)
class NoPrice(Invalid):
    """The fee table has no price for the case."""

    code: ClassVar[str] = "api_no_price"
