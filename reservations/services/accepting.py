"""Say what for, with how many, with which options; accept the price; owe the money."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import services as payments
from payments.contract import ChargeRequest, Ground
from portal.accounts.models import Person
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.money import Yen
from reservations import combining
from reservations.errors import HoldEnded, NameMissing, NotBookable, PriceChanged, WrongState
from reservations.groups.models import BookingGroup
from reservations.groups.queries import applicant
from reservations.models import Booking, BookingState, Source, space_purpose
from reservations.operations import claims
from reservations.pricing import Quote
from reservations.rules import Party, PayTerm, PayWhen, Refused
from reservations.services import reducing
from reservations.services.adjusting import charge_lines, demand, stored
from reservations.services.common import note, own, policy_of, slots_of
from reservations.services.holding import set_live
from reservations.services.paying import settle
from reservations.services.quoting import Details, asks_of, facts_from, kept_facts, quote_of
from reservations.timetable import TOKYO


def change_details(
    session: Session, reference: str, details: Details, *, person_id: int, actor: Actor, now: datetime
) -> None:
    """Keep what the person said; the price follows.

    Raises:
        NotFound: not this person's booking.
        WrongState: the price was accepted already.
        HoldEnded: the hold is over.
        NotBookable: more people than the space holds, or a purpose that it is not for.
    """
    booking = _open_hold(session, reference, person_id, now=now)
    _say(session, booking, details, now=now)
    session.flush()
    del actor


def accept(
    session: Session, reference: str, details: Details, *, accepted: str, person_id: int, actor: Actor, now: datetime
) -> Booking:
    """Accept the price: from here on the sum is owed, and the slot is kept while it is being paid.

    A price of 0 needs no payment: the booking becomes firm at once. A second click finds what the first one did.

    Args:
        session: the caller's transaction.
        reference: the booking.
        details: what the form says.
        accepted: `Quote.digest` of the lines that the person saw.
        person_id: whose booking it has to be.
        actor: who.
        now: the database's clock.

    Raises:
        NotFound, WrongState, HoldEnded, NotBookable: as for `change_details`.
        NameMissing: the person has not entered a name yet.
        PriceChanged: the lines are not what the person saw (an option changed, or a forged form).
        WrongState: it was entered from paper: only staff say how it was.
    """
    booking = own(session, reference, person_id)
    if booking.accepted_at is not None and booking.state in {
        BookingState.HELD,
        BookingState.REQUESTED,
        BookingState.CONFIRMED,
    }:
        return booking
    _check_open(booking, now=now)
    if booking.source == Source.PAPER and actor.kind != "staff":
        raise WrongState(booking.state)
    if not session.get_one(Person, booking.person_id).name.strip():
        raise NameMissing
    _say(session, booking, details, now=now)
    quote = quote_of(booking)
    if quote.digest != accepted:
        raise PriceChanged
    booking.quote, booking.total, booking.accepted_at = stored(quote), quote.total, now
    if quote.total == Yen(0):
        settle(session, booking, actor=actor, now=now)
        return booking
    term = payment_term(session, booking)
    booking.pay_when = term.when.value
    note(
        session, booking, "accepted", actor=actor, now=now, detail={"total": quote.total.amount, "digest": quote.digest}
    )
    undecided = reducing.ask(session, booking, now=now)
    due = term.due(starts=booking.starts_at, ends=booking.ends_at, now=now)
    if term.when.firm_at_once or booking.after_begin:
        _demand(session, booking, quote, term, until=None, due_on=last_day(due), now=now)
        settle(session, booking, actor=actor, now=now)
        return booking
    until = due or max(booking.held_until, now + timedelta(minutes=policy_of(booking).hold.pay_minutes))
    if undecided:
        until = booking.starts_at  # nobody loses a slot while staff decide (CASES M8)
    set_live(session, booking, until=until, now=now)
    booking.held_until = until
    _demand(session, booking, quote, term, until=until, now=now)
    return booking


def payment_term(session: Session, booking: Booking) -> PayTerm:
    """When this booking is paid; who came without a booking keeps the place, and owes the money from now on.

    Who telephones cannot pay within the minutes of a hold: they have `days_to_pay.telephone`, at the latest until the use begins.
    """
    group = session.get(BookingGroup, booking.group_id) if booking.group_id is not None else None
    party = Party(group.kind, True, None, None, (), group.counter_only) if group is not None else None
    policy = policy_of(booking)
    term = policy.pay_term(booking.category, party)
    if booking.source == Source.TELEPHONE and term.when is PayWhen.ADVANCE:
        return term.model_copy(update={"when": PayWhen.WITHIN, "days": policy.days_to_pay.telephone})
    if not booking.after_begin or term.when.firm_at_once or term.when is PayWhen.COUNTER:
        return term
    return PayTerm(when=PayWhen.AFTER_USE if booking.source == Source.PAPER else PayWhen.ON_DAY)


def last_day(due: datetime | None) -> date | None:
    """The day on which a term ends; one that ends at midnight ends with the day before."""
    return None if due is None else (due - timedelta(microseconds=1)).astimezone(TOKYO).date()


def _demand(
    session: Session,
    booking: Booking,
    quote: Quote,
    term: PayTerm,
    *,
    until: datetime | None,
    due_on: date | None = None,
    now: datetime,
) -> None:
    lines, ground = charge_lines(quote), Ground(quote.ground)
    asked = demand(session, booking, lines, ground, until, now=now)
    asked = replace(
        asked,
        term_end=due_on,
        alone=term.alone,
        receipt=term.receipt,
        from_account=term.when is PayWhen.MONTHLY,
    )
    payments.raise_charge(session, asked, now=now)


def _open_hold(session: Session, reference: str, person_id: int, *, now: datetime) -> Booking:
    booking = own(session, reference, person_id)
    _check_open(booking, now=now)
    return booking


def _check_open(booking: Booking, *, now: datetime) -> None:
    if booking.state in {BookingState.LAPSED, BookingState.RELEASED}:
        raise HoldEnded(booking.ended_at or booking.held_until)
    if booking.state != BookingState.HELD or booking.accepted_at is not None:
        raise WrongState(booking.state)
    if booking.held_until <= now:
        raise HoldEnded(booking.held_until)


def _say(session: Session, booking: Booking, details: Details, *, now: datetime) -> None:
    most = booking.most_people
    if details.people < 1 or (most is not None and details.people > most):
        raise NotBookable(Refused.TOO_MANY_PEOPLE, limit=most)
    offered = select(space_purpose.c.purpose_id).where(space_purpose.c.space_id == booking.space_id)
    if details.purpose_id not in set(session.scalars(offered)):
        raise NotBookable(Refused.NOT_FOR_PURPOSE)
    changed = booking.purpose_id != details.purpose_id
    booking.people, booking.purpose_id = details.people, details.purpose_id
    session.flush()
    session.refresh(booking, ["purpose"])
    _categorise(session, booking, details)
    if changed and booking.purpose is not None and booking.session_id is None:
        claims.sound(
            session,
            booking.id,
            space_id=booking.space_id,
            noise=booking.purpose.noise,
            party=claims.party_of(booking.person_id, booking.group_id),
            spans=combining.spans(slots_of(booking)),
            until=booking.held_until,
            now=now,
        )
    asked = asks_of(booking)
    booking.facts = kept_facts(booking) | facts_from(details, asked)
    if asked.users:
        if not booking.facts.get("users"):
            raise NotBookable(Refused.NO_USERS)
        booking.people = sum(booking.facts["users"].values())
        if most is not None and booking.people > most:
            raise NotBookable(Refused.TOO_MANY_PEOPLE, limit=most)
    fewest = policy_of(booking).minimum_people.get(booking.purpose.code if booking.purpose else "", 0)
    if booking.people < fewest:
        raise NotBookable(Refused.TOO_FEW_PEOPLE, limit=fewest)
    offers = {ask.option.id: ask.pieces for ask in asked.options}
    booking.options = {name: count for name, count in details.options.items() if 1 <= count <= offers.get(name, 0)}


def _categorise(session: Session, booking: Booking, details: Details) -> None:
    """The category follows what the use is for (営利は市外扱い), at the date that the rules of use name."""
    policy = policy_of(booking)
    if not any(one.unless_purposes or one.unless_traits for one in policy.categories):
        return
    group = session.get(BookingGroup, booking.group_id) if booking.group_id is not None else None
    who = applicant(session, booking.person_id, group.reference if group is not None else None)
    made, use = (at.astimezone(TOKYO).date() for at in (booking.created_at, booking.starts_at))
    made = min(made, use)  # entered afterwards: the rules as they stood
    on = policy.category_day(use=use, made=made)
    purpose = booking.purpose.code if booking.purpose else ""
    booking.category = policy.category(who, on=on, purpose=purpose, traits=details.traits).code


def stored_quote(quote: Quote) -> dict[str, Any]:
    """A price as a booking keeps it: its table, its ground, its lines."""
    return stored(quote)


def charge_request(session: Session, booking: Booking, quote: Quote, *, now: datetime | None = None) -> ChargeRequest:
    """The demand for a booking's price."""
    lines, ground = charge_lines(quote), Ground(quote.ground)
    return demand(session, booking, lines, ground, booking.held_until, now=now or clock.now_in(session))
