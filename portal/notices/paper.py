"""What everything that goes by post has in common: printed, then sent, each step by somebody; who sends it; one PDF for many."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

import pikepdf
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.directory.models import City, Office
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, Invalid, NotFound

LISTED = 200
"""Most letters on one page."""
MOST = 30
"""Most letters in one PDF: about 0.3 s a page."""


@dataclass(eq=False)
class NotPrinted(Conflict):
    """A letter that was not printed cannot have been posted."""

    code: ClassVar[str] = "letter_not_printed"


@dataclass(eq=False)
class NoAddress(Conflict):
    """It is not known where these letters should go, or somebody must not learn of it; nothing was printed.

    Attributes:
        about: the numbers that they are about.
    """

    code: ClassVar[str] = "letter_without_address"
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a letter goes: 306-0033; 茨城県古河市…; the building, "" where there is none."""

    postal_code: str
    place: str
    building: str


def hyphened(postal_code: str) -> str:
    """306-0033, as it is written on an envelope; people's own records keep the seven digits."""
    return f"{postal_code[:3]}-{postal_code[3:]}" if len(postal_code) == 7 and postal_code.isdigit() else postal_code


class OnPaper:
    """A row that is printed and posted. To print → printed → sent, never back; `STEPS` keep the order and that each has somebody.

    Attributes:
        printed_at, printed_by: when it was last printed, by whom.
        sent_at, sent_by: when and by whom it was written down that it was posted.
        sent_on: the day on which it was posted (in Japan).
    """

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    made_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]
    printed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sent_on: Mapped[date | None]

    @property
    def stage(self) -> str:
        """Where it stands: "to_print", "printed" or "sent"."""
        if self.sent_at is not None:
            return "sent"
        return "to_print" if self.printed_at is None else "printed"


P = TypeVar("P", bound=OnPaper)


def steps() -> tuple[CheckConstraint, ...]:
    """The constraints of a table of `OnPaper`."""
    return (
        CheckConstraint("(printed_at IS NULL) = (printed_by IS NULL)", name="printed_by_somebody"),
        CheckConstraint("(sent_at IS NULL) = (sent_by IS NULL)", name="sent_by_somebody"),
        CheckConstraint("(sent_at IS NULL) = (sent_on IS NULL)", name="sent_on_a_day"),
        CheckConstraint("sent_at IS NULL OR printed_at IS NOT NULL", name="sent_after_print"),
    )


def listed(session: Session, theirs: Select[P], kind: type[P], *, sent: bool) -> Sequence[P]:
    """Those to send, oldest first, or those sent, newest first. One statement."""
    wanted = theirs.where(kind.sent_at.is_not(None) if sent else kind.sent_at.is_(None))
    return session.scalars(wanted.order_by(kind.id.desc() if sent else kind.id).limit(LISTED)).all()


def chosen(session: Session, theirs: Select[P], kind: type[P], ids: Collection[int], *, most: int) -> list[P]:
    """These of somebody's letters, locked, oldest first.

    Raises:
        Invalid: none, or more than `most`.
        NotFound: one of them is not there, or not theirs.
    """
    if not 0 < len(set(ids)) <= most:
        raise Invalid
    wanted = theirs.where(kind.id.in_(set(ids))).order_by(kind.id).with_for_update(of=kind)
    found = list(session.scalars(wanted))
    if len(found) != len(set(ids)):
        raise NotFound
    return found


def mark_printed(letters: Iterable[OnPaper], *, actor: Actor, now: datetime) -> None:
    """Their pages were made for this person; they can be printed again, the newest print counts."""
    for letter in letters:
        letter.printed_at, letter.printed_by = now, actor.account_id


def mark_sent(letters: Iterable[P], *, sent_on: date, actor: Actor, now: datetime) -> list[P]:
    """A person says that these were posted; those that are new. One that was marked before keeps its day and its name.

    Raises:
        Invalid: a day to come or before the letter was made.
        NotPrinted: one of them was never printed.
    """
    new = [one for one in letters if one.sent_at is None]
    if any(one.printed_at is None for one in new):
        raise NotPrinted
    if sent_on > clock.local(now).date() or any(sent_on < clock.local(one.made_at).date() for one in new):
        raise Invalid
    for letter in new:
        letter.sent_at, letter.sent_by, letter.sent_on = now, actor.account_id, sent_on
    return new


@dataclass(frozen=True, slots=True)
class Sender:
    """The city and the office whose address stands on its letters."""

    city: City | None
    office: Office | None

    def said(self, locale: str) -> dict[str, Any]:
        """What a letter's template shows of them."""
        english, city, office = locale == "en", self.city, self.office
        return {
            "city_name": (city.name_en if english else city.name) if city else "",
            "office": (office.name_en if english else office.name) if office else "",
            "office_address": (office.address or "") if office else "",
            "office_postal_code": (office.postal_code or "") if office else "",
        }


def sender(session: Session) -> Sender:
    """Who sends letters. Two statements."""
    return Sender(
        session.scalars(select(City)).first(),
        session.scalars(select(Office).where(Office.active).order_by(Office.position).limit(1)).first(),
    )


def bound(contents: Iterable[bytes]) -> bytes:
    """One PDF of many, for paper: without links and signature fields, which hold for a file alone."""
    whole = pikepdf.new()
    for content in contents:
        with pikepdf.open(io.BytesIO(content)) as one:
            if "/AcroForm" in one.Root:
                del one.Root.AcroForm
            for page in one.pages:
                if "/Annots" in page:
                    del page.Annots
            whole.pages.extend(one.pages)
    out = io.BytesIO()
    whole.save(out)
    return out.getvalue()
