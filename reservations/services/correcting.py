"""A wrong fee table is found after months: each booking's difference, shown before it is done, then charged or refunded (CASES M7).

The correcting version is an ordinary later revision of the table. The accepted price and its receipt stand; what differs is an
adjustment of its own, in the fiscal year of the day of use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased, joinedload

from portal.kernel import dates, jobs
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations import documents
from reservations.documents import Version
from reservations.models import FIRM, Booking, DocumentKind, RuleDocument, Space
from reservations.money_models import BookingAdjustment
from reservations.pricing import FeeTable, NoFee, Quote, in_force, quote_parts
from reservations.services import adjusting
from reservations.services.adjusting import Why
from reservations.services.common import locked
from reservations.services.paying import TELL
from reservations.services.quoting import cases_of
from reservations.services.reducing import due
from reservations.timetable import TOKYO

KIND = DocumentKind.FEES.value


@dataclass(frozen=True)
class Correction:
    """What one booking costs by the right table.

    Attributes:
        booking_id: its id.
        reference: its number.
        used_on: first day of use, Tokyo.
        fiscal_year: 年度 of that day.
        old: what it costs so far.
        new: what it costs by the right table; None: that has no price for it.
    """

    booking_id: int
    reference: str
    used_on: date
    fiscal_year: int
    old: Yen
    new: Yen | None

    @property
    def difference(self) -> int:
        """Yen to be charged further; negative: to go back."""
        return 0 if self.new is None else self.new.amount - self.old.amount


@dataclass(frozen=True)
class YearSum:
    """What a correction moves in one fiscal year."""

    year: int
    count: int
    charged: Yen
    refunded: Yen


def plan(session: Session, table: str) -> list[Correction]:
    """Every firm booking that costs something else by the versions of the table as they are now. Nothing is changed."""
    versions = _versions(session, table)
    found: list[Correction] = []
    statement = (
        select(Booking)
        .join(RuleDocument, RuleDocument.id == Booking.fees_id)
        .where(
            RuleDocument.kind == KIND, RuleDocument.code == table, Booking.state.in_(FIRM), Booking.total.is_not(None)
        )
        .options(
            joinedload(Booking.space).joinedload(Space.facility),
            joinedload(Booking.fees),
            joinedload(Booking.purpose),
        )
        .order_by(Booking.starts_at, Booking.id)
    )
    totals = _totals(session, table)
    for booking in session.scalars(statement):
        _ids, quote = _right(booking, versions)
        old = totals.get(booking.id, booking.total or Yen(0))
        new = quote.total if quote is not None else None
        if new != old:
            used = booking.starts_at.astimezone(TOKYO).date()
            found.append(Correction(booking.id, booking.reference, used, dates.fiscal_year(used), old, new))
    return found


def by_year(found: Sequence[Correction]) -> list[YearSum]:
    """The sums of a correction, by fiscal year."""
    count, more, less = Counter[int](), Counter[int](), Counter[int]()
    for one in found:
        count[one.fiscal_year] += 1
        more[one.fiscal_year] += max(one.difference, 0)
        less[one.fiscal_year] += max(-one.difference, 0)
    return [YearSum(year, count[year], Yen(more[year]), Yen(less[year])) for year in sorted(count)]


def tables_in_question(session: Session) -> list[str]:
    """Codes of tables that were corrected after bookings were made under them."""
    newer = aliased(RuleDocument)
    replaced = exists().where(
        newer.kind == KIND,
        newer.code == RuleDocument.code,
        (newer.valid_from == RuleDocument.valid_from) & (newer.revision > RuleDocument.revision)
        | (newer.content["corrects"].as_boolean()),
    )
    booked = exists().where(Booking.fees_id == RuleDocument.id, Booking.state.in_(FIRM))
    statement = select(RuleDocument.code).where(RuleDocument.kind == KIND, booked, replaced).distinct()
    return list(session.scalars(statement.order_by(RuleDocument.code)))


def correct_one(
    session: Session, reference: str, *, run: str, ground: str, actor: Actor, now: datetime
) -> BookingAdjustment | None:
    """Correct one booking; None where there is nothing to correct, or it had its part of this run.

    Args:
        session: the caller's transaction.
        reference: the booking.
        run: name of the correction.
        ground: why the first price was wrong, and by which decision; every charge and refund names it.
        actor: who ordered it.
        now: aware.
    """
    booking = locked(session, reference)
    if booking.state not in FIRM:
        return None
    ids, quote = _right(booking, _versions(session, booking.fees.code))
    if quote is None or quote.total == adjusting.total_now(session, booking):
        return None
    why = Why("correction", ground, "料金表の訂正による差額", "Difference by a corrected fee table", run=run)
    made = adjusting.adjust(session, booking, quote, why, pay_until=due(booking, now=now), actor=actor, now=now)
    if made is not None:
        booking.facts = {**booking.facts, "fees": ids}
        session.flush()
        jobs.defer(session, TELL, booking_id=booking.id, event="adjusted")
    return made


def _versions(session: Session, table: str) -> list[Version]:
    return documents.load(session, [(KIND, table)]).versions.get((KIND, table), [])


def _right(booking: Booking, versions: Sequence[Version]) -> tuple[list[int], Quote | None]:
    """The versions that hold for the booking's slots by what is known now, and its price by them."""
    own = set(booking.facts.get("fees") or [booking.fees_id])
    dates_of_own = {version.valid_from for version in versions if version.id in own}
    # A table that holds from a later day was never promised back: only a revision of the same day, or one that says it corrects.
    versions = [
        version
        for version in versions
        if version.valid_from in dates_of_own or cast("FeeTable", version.document).corrects
    ]
    tables = [cast("FeeTable", version.document) for version in versions]
    made = booking.created_at.astimezone(TOKYO).date()
    parts, ids = [], []
    for case in cases_of(booking):
        table = in_force(tables, use=case.slot.day, made=made)
        if table is None:
            return [], None
        parts.append((table, case))
        ids.append(next(version.id for version in reversed(versions) if version.document is table))
    try:
        return ids, quote_parts(parts)
    except NoFee:
        return ids, None


def _totals(session: Session, table: str) -> dict[int, Yen]:
    """What bookings cost after their last adjustment, where they have one."""
    rows = session.execute(
        select(BookingAdjustment, Booking)
        .join(Booking, Booking.id == BookingAdjustment.booking_id)
        .join(RuleDocument, RuleDocument.id == Booking.fees_id)
        .where(RuleDocument.code == table)
        .order_by(BookingAdjustment.id)
    )
    return {
        row.Booking.id: row.BookingAdjustment.new_total
        for row in rows
        if adjusting.still_holds(row.BookingAdjustment, row.Booking)
    }
