"""Errors carry facts; `status` says what the web answers; the catalogue gives the words for `code`.

A domain subclasses one of these as a dataclass with its facts:

    @dataclass(eq=False)
    class SlotTaken(Conflict):
        code: ClassVar[str] = "slot_taken"
        space_id: int
"""

from __future__ import annotations

from typing import ClassVar


class PortalError(Exception):
    """Anything that a person or a calling program is told of."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500


class Invalid(PortalError):
    """What was sent cannot be accepted as it is."""

    code: ClassVar[str] = "invalid"
    status: ClassVar[int] = 422


class Forbidden(PortalError):
    """Signed in, but not for this."""

    code: ClassVar[str] = "forbidden"
    status: ClassVar[int] = 403


class NotFound(PortalError):
    """There is no such thing, or it is somebody else's."""

    code: ClassVar[str] = "not_found"
    status: ClassVar[int] = 404


class Conflict(PortalError):
    """Somebody or something else was first."""

    code: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409


class Gone(PortalError):
    """It was there and has ended."""

    code: ClassVar[str] = "gone"
    status: ClassVar[int] = 410


class TooMany(PortalError):
    """A limit that protects others was reached."""

    code: ClassVar[str] = "too_many"
    status: ClassVar[int] = 429


class Unavailable(PortalError):
    """Something that this needs does not answer; what was typed is kept."""

    code: ClassVar[str] = "unavailable"
    status: ClassVar[int] = 503
