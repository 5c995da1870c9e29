"""What can go wrong with a visit. Facts only; the words are in `forms.counter.web.error_texts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from forms.definition import Problem
from portal.kernel.errors import Conflict, Gone, Invalid, NotFound


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


@dataclass(eq=False)
class NoSuchPreparation(NotFound):
    """Nothing was prepared under this number: mistyped, or no number of ours."""

    code: ClassVar[str] = "visit_no_such_preparation"


@dataclass(eq=False)
class NotPrepared(Conflict):
    """The number is a case that is not waiting for the counter: filed already, or taken back.

    Attributes:
        filed_at: arrival (aware); None: it was taken back before it was filed.
    """

    code: ClassVar[str] = "visit_not_prepared"
    filed_at: datetime | None


@dataclass(eq=False)
class PreparationExpired(Gone):
    """Its last day at the counter has passed; it has to be prepared anew.

    Attributes:
        until: that day, in Japan.
    """

    code: ClassVar[str] = "visit_preparation_expired"
    until: date


@dataclass(eq=False)
class AlreadyPulled(Conflict):
    """It is part of a visit already, perhaps at the counter beside this one.

    Attributes:
        visit: number of that visit.
    """

    code: ClassVar[str] = "visit_already_pulled"
    visit: str


@dataclass(eq=False)
class SameProcedure(Conflict):
    """The visit has this procedure already."""

    code: ClassVar[str] = "visit_same_procedure"


@dataclass(eq=False)
class AnotherPerson(Conflict):
    """The card is not of the person who prepared it, as far as name and day of birth tell.

    Attributes:
        card, prepared: the two names.
    """

    code: ClassVar[str] = "visit_another_person"
    card: str
    prepared: str


@dataclass(eq=False)
class IdentityNotProved(Invalid):
    """What was looked at is not enough to know who came; nothing was filed."""

    code: ClassVar[str] = "visit_identity_not_proved"
