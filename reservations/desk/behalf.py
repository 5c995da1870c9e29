"""Bookings for somebody who stands at the desk or telephones, with or without an account; and uses that have begun without one.

Whom staff let in without a booking (a walk-in), and what took place on paper while the network was gone, becomes a booking like any
other: the same units, rules, fee tables and charges (CASES B14). Its source says how it came.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payments.contract import Ground
from payments.services import RefundKind
from portal.accounts.models import Account, Person
from portal.kernel import audit, dates, jobs, text
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from reservations.desk import services as desk
from reservations.desk.models import CheckInBy
from reservations.errors import WrongState
from reservations.models import FIRM, Booking, BookingState, Facility, Source, Space
from reservations.queries import catalog
from reservations.queries.catalog import SpaceView
from reservations.services import Details, HoldRequest, accept, hold, returning
from reservations.services.cancelling import withdraw
from reservations.services.common import end_occupancy, note
from reservations.services.deciding import in_scope
from reservations.services.holding import let_go
from reservations.services.paying import TELL
from reservations.timetable import TOKYO, Slot

PEOPLE_SHOWN = 10
AT_THE_DESK = frozenset({Source.COUNTER, Source.TELEPHONE, Source.WALK_IN, Source.PAPER})
STRUCK_WITHIN = timedelta(days=31)
"""How long a use that was entered by mistake may be taken out: until the report of the month is closed."""


@dataclass(frozen=True)
class Known:
    """A person whom the typed facts may mean."""

    person_id: int
    name: str
    phone: str
    city: str
    account: bool


@dataclass(frozen=True)
class Who:
    """The facts of the person as the clerk types them."""

    name: str
    kana: str
    phone: str
    prefecture: str
    city: str
    email: str | None


def candidates(session: Session, who: Who, *, actor: Actor) -> list[Known]:
    """People with the same telephone number, or the same name; each look is recorded. One statement."""
    digits = re.sub(r"\D", "", who.phone)
    same_phone = func.regexp_replace(Person.phone, r"\D", "", "g") == digits
    same_name = Person.search.startswith(f"{text.fold(who.name)} ", autoescape=True)
    statement = (
        select(Person, Account.id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(or_(same_phone, same_name) if digits else same_name)
        .order_by(Account.id.is_(None), Person.id)
        .limit(PEOPLE_SHOWN)
    )
    found = []
    for person, account in session.execute(statement):
        audit.record(session, actor=actor, action="person.found", subject_kind="person", subject_ref=str(person.id))
        found.append(Known(person.id, person.name, person.phone, person.city, account is not None))
    session.flush()
    return found


def hold_for(
    session: Session,
    who: Who,
    *,
    person_id: int | None,
    space: str,
    day: date,
    slots: Sequence[str],
    group: str | None = None,
    source: Source,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> str:
    """Keep a slot for the person: one who is known, or a new one without an account. The same rules hold as on their own phone.

    Several slots become one booking where the rules allow it. For a group, the person is its representative or somebody it entrusts.
    A slot that runs is a walk-in, one that is over was on paper (`Source`); `source` counts for those that are to come.

    Raises:
        NotFound: a space of another facility, or no such person.
        Whatever `reservations.services.hold` raises.
    """
    own = session.scalar(
        select(Space.id)
        .join(Facility, Facility.id == Space.facility_id)
        .where(Space.code == space, Facility.code.in_(facilities))
    )
    if own is None:
        raise NotFound
    if person_id is None:
        person = Person(
            name=who.name,
            kana=who.kana,
            phone=who.phone,
            prefecture=who.prefecture,
            city=who.city,
            email=who.email,
            source="counter",
            search=f"{text.fold(who.name)} {text.fold(who.kana)}".strip(),
        )
        session.add(person)
        session.flush()
        person_id = person.id
    account = session.execute(select(Account.id, Account.locale).where(Account.person_id == person_id)).one_or_none()
    request = HoldRequest(
        person_id,
        account.id if account else None,
        space,
        day,
        slots[0],
        also=tuple((day, code) for code in slots[1:]),
        group=group,
        locale=account.locale if account else "ja",
        source=source,
        begun=True,
    )
    return hold(session, request, actor=actor, now=now)


@dataclass(frozen=True)
class Begun:
    """The slots of a space on a day that have begun and that nobody had; `days`: until so many days afterwards they may be entered."""

    slots: tuple[Slot, ...]
    days: int
    too_late: bool


def begun(session: Session, view: SpaceView, day: date, *, now: datetime) -> Begun:
    """What staff may still enter of a day. Two statements.

    Args:
        session: any.
        view: the space, one of the clerk's.
        day: the day of use.
        now: aware.
    """
    rules = catalog.rules_for(session, [view])
    timetable, policy = rules.timetable(view.timetable_code, day), rules.policy(view.policy_code, day)
    if timetable is None or policy is None or not view.facility.open_on(day):
        return Begun((), 0, too_late=False)
    start = datetime.combine(day, time(), TOKYO)
    busy = catalog.busy(session, [view], start=start, end=start + timedelta(days=2), now=now)
    latest = day + timedelta(days=policy.entered_days)
    late = now.astimezone(TOKYO).date() > latest
    found = [
        slot
        for slot in timetable.slots_on(day, dates.is_holiday)
        if slot.start <= now and not busy.taken(view.units, slot) and not (late and slot.end <= now)
    ]
    return Begun(tuple(found), policy.entered_days, late)


@dataclass(frozen=True)
class Paper:
    """What the paper says of a use that took place.

    Attributes:
        came_at: aware.
        left_at: aware; None: not written down.
        why: why it was on paper; no names.
    """

    came_at: datetime
    left_at: datetime | None
    why: str

    def stored(self) -> dict[str, Any]:
        """As a booking keeps it among its facts."""
        return {
            "came": self.came_at.isoformat(),
            "left": self.left_at.isoformat() if self.left_at else None,
            "why": self.why,
        }

    @classmethod
    def of(cls, booking: Booking) -> Paper | None:
        """What was typed so far; None where nothing was."""
        kept = booking.facts.get("paper")
        if not kept:
            return None
        left = datetime.fromisoformat(kept["left"]) if kept["left"] else None
        return cls(datetime.fromisoformat(kept["came"]), left, kept["why"])


def keep_paper(session: Session, reference: str, paper: Paper, *, facilities: Collection[str]) -> None:
    """Keep what was typed while the price is computed.

    Raises:
        NotFound: not of these facilities.
        WrongState: it is no hold from paper.
    """
    booking = in_scope(session, reference, facilities)
    if booking.source != Source.PAPER or booking.state != BookingState.HELD:
        raise WrongState(booking.state)
    booking.facts = {**booking.facts, "paper": paper.stored()}
    session.flush()


def accept_begun(
    session: Session,
    reference: str,
    details: Details,
    *,
    accepted: str,
    paper: Paper | None,
    facilities: Collection[str],
    actor: Actor,
    now: datetime,
) -> Booking:
    """Accept the price in the person's name, and note that they came: a walk-in now, paper with its true times.

    Args:
        session: the caller's transaction.
        reference: a hold of a slot that had begun.
        details: what the form says.
        accepted: `Quote.digest` of the lines that the clerk read out, or that the paper's price is.
        paper: what the paper says; needed where the use was over.
        facilities: codes of the clerk's facilities.
        actor: the clerk.
        now: the database's clock.

    Raises:
        NotFound: not of these facilities.
        UntrueTime: the paper's times do not fit the use.
        Whatever `reservations.services.accept` raises.
    """
    booking = in_scope(session, reference, facilities)
    if paper is not None:
        booking.facts = {**booking.facts, "paper": paper.stored()}
    made = accept(session, reference, details, accepted=accepted, person_id=booking.person_id, actor=actor, now=now)
    if made.state != BookingState.CONFIRMED:
        return made  # a second person decides first
    by, came = (CheckInBy.PAPER, paper.came_at) if paper is not None else (CheckInBy.LIST, made.created_at)
    desk.check_in(session, reference, facilities=facilities, by=by, came_at=came, actor=actor, now=now)
    if paper is not None:
        desk.record_use(
            session,
            reference,
            facilities=facilities,
            left_at=paper.left_at,
            users={},
            remark=paper.why,
            actor=actor,
            now=now,
        )
    return made


def give_up(session: Session, reference: str, *, facilities: Collection[str], actor: Actor, now: datetime) -> None:
    """Let go of what the desk keeps for somebody who does not want it at that price. Twice is once.

    Raises:
        NotFound: not of these facilities.
        WrongState: the price was accepted, or whoever holds it does so on their own page.
    """
    booking = in_scope(session, reference, facilities)
    if booking.source not in AT_THE_DESK or booking.accepted_at is not None:
        raise WrongState(booking.state)
    let_go(session, booking, actor=actor, now=now)


def strike(session: Session, reference: str, *, facilities: Collection[str], actor: Actor, now: datetime) -> None:
    """Take out a use that was entered by mistake: what was asked for is withdrawn, what was paid goes back. Twice is once.

    Raises:
        NotFound: not of these facilities.
        WrongState: it was booked before it began, it is not firm, or the month's report is closed.
    """
    booking = in_scope(session, reference, facilities)
    if booking.state == BookingState.CANCELLED and booking.facts.get("struck"):
        return
    if not booking.after_begin or booking.state not in FIRM or booking.starts_at < now - STRUCK_WITHIN:
        raise WrongState(booking.state)
    end_occupancy(session, booking, now=now)
    booking.state, booking.ended_at = BookingState.CANCELLED.value, now
    booking.facts = {**booking.facts, "struck": True}
    note(session, booking, "struck", actor=actor, now=now)
    withdraw(session, booking, reason="struck", now=now)
    returning.give_back(
        session, booking, amount=None, kind=RefundKind.NOT_OWED, ground=Ground("入力の誤り"), actor=actor, now=now
    )
    jobs.defer(session, TELL, booking_id=booking.id, event="struck")
