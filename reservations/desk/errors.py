"""What can be wrong at the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from portal.kernel.errors import Conflict, Invalid


@dataclass(eq=False)
class NotExpected(Conflict):
    """Nobody is expected: the booking is not permitted, or not for this day."""

    code: ClassVar[str] = "not_expected"
    state: str


@dataclass(eq=False)
class UntrueTime(Invalid):
    """A time that cannot be: in the future, before the day of use, or an end before its beginning."""

    code: ClassVar[str] = "untrue_time"
    at: datetime


@dataclass(eq=False)
class NotHereYet(Conflict):
    """Who has not come cannot leave."""

    code: ClassVar[str] = "not_here_yet"
