"""What can go wrong with a visit. Facts only; the words are in `forms.counter.web.error_texts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from forms.definition import Problem
from portal.kernel.errors import Conflict, Invalid


@dataclass(eq=False)
class VisitEnded(Conflict):
    """The visit has ended; nothing about it changes any more."""

    code: ClassVar[str] = "visit_ended"
    reference: str


@dataclass(eq=False)
class AlreadyPrinted(Conflict):
    """The paper is printed: what is on it cannot be changed."""

    code: ClassVar[str] = "visit_already_printed"
    reference: str


@dataclass(eq=False)
class NothingChosen(Invalid):
    """A visit is for at least one procedure that the counter offers."""

    code: ClassVar[str] = "visit_nothing_chosen"


@dataclass(eq=False)
class StillMissing(Conflict):
    """Questions are open: the paper cannot be printed yet."""

    code: ClassVar[str] = "visit_still_missing"
    names: tuple[str, ...]


@dataclass(eq=False)
class NotSigned(Conflict):
    """The visitor has not signed every paper yet."""

    code: ClassVar[str] = "visit_not_signed"


@dataclass(eq=False)
class NotPaid(Conflict):
    """The fee is not paid yet."""

    code: ClassVar[str] = "visit_not_paid"


@dataclass(eq=False)
class BadCorrection(Invalid):
    """A correction of what the card says needs a good value and its reason.

    Attributes:
        problems: what is wrong with the value.
        reason_missing: whether the reason is missing.
    """

    code: ClassVar[str] = "visit_bad_correction"
    problems: tuple[Problem, ...] = ()
    reason_missing: bool = False
