"""What other systems read. A fixed number of statements each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import pay_links
from payments.states import ChargeState
from portal.kernel import dates
from portal.kernel.errors import NotFound, PortalError
from reservations.api import shapes
from reservations.api.errors import BadInput, NoPrice
from reservations.api.models import ApiPerson
from reservations.calendar import is_weekend_or_holiday
from reservations.errors import NoSuchSlot, SlotTaken
from reservations.models import FIRM, Booking, BookingState
from reservations.models import Facility as FacilityRow
from reservations.pricing import Asks, NoFee, PriceCase, Quote, asks
from reservations.queries import bookings, calendar, catalog, instead
from reservations.queries.bookings import BookingView
from reservations.queries.catalog import SpaceView
from reservations.rules import PayWhen, Policy
from reservations.services import refund_quote

MOST_DAYS = 31


def facilities(session: Session, asked: shapes.FacilitiesAsked, *, on: date) -> shapes.Facilities:
    """The facilities with a space that can be booked. Two statements."""
    views = catalog.spaces(session, on=on, purpose=asked.purpose, district=asked.district, category=asked.category)
    return shapes.Facilities(facilities=_facilities(session, views))


def _facilities(session: Session, views: Sequence[SpaceView]) -> list[shapes.Facility]:
    heads = {view.facility.code: view.facility for view in views}
    rows = session.scalars(select(FacilityRow).where(FacilityRow.code.in_(heads)).order_by(FacilityRow.position))
    found = []
    for row in rows:
        head = heads[row.code]
        found.append(
            shapes.Facility(
                code=row.code,
                name=head.name,
                name_en=head.name_en,
                also=list(head.also),
                category=row.category,
                district=row.district,
                address=row.address,
                phone=row.phone,
                latitude=row.latitude,
                longitude=row.longitude,
                opened_on=row.opened_on,
                closed_on=row.closed_on,
                replaced_by=row.replaced_by,
            )
        )
    return found


def facility(session: Session, code: str, *, on: date) -> shapes.Facility:
    """One facility. Two statements.

    Raises:
        NotFound: none that can be booked.
    """
    views = catalog.spaces(session, on=on, facility=code)
    if not views:
        raise NotFound
    return _facilities(session, views)[0]


def spaces(session: Session, code: str, *, on: date) -> shapes.Spaces:
    """The spaces of a facility. One statement.

    Raises:
        NotFound: no facility that can be booked.
    """
    views = catalog.spaces(session, on=on, facility=code)
    if not views:
        raise NotFound
    return shapes.Spaces(spaces=[_space(view) for view in views])


def space(session: Session, code: str, *, on: date) -> shapes.Space:
    """One space. One statement.

    Raises:
        NotFound: none that can be booked.
    """
    return _space(_view(session, code, on=on))


def _view(session: Session, code: str, *, on: date) -> SpaceView:
    views = catalog.spaces(session, on=on, space_code=code)
    if not views:
        raise NotFound
    return views[0]


def _space(view: SpaceView) -> shapes.Space:
    return shapes.Space(
        code=view.code,
        facility=view.facility.code,
        name=view.name,
        name_en=view.name_en,
        capacity=view.capacity,
        purposes=list(view.purposes),
        sample=view.sample,
    )


def availability(session: Session, code: str, asked: shapes.AvailabilityAsked, *, now: datetime) -> shapes.Availability:
    """The state of every slot of a space on some days. Four statements.

    Raises:
        NotFound: no such space.
        BadInput: the last day before the first, or more than 31 days.
    """
    days = (asked.until - asked.since).days + 1
    if not 1 <= days <= MOST_DAYS:
        raise BadInput([{"where": "to", "message": f"1 to {MOST_DAYS} days, the last one included; not before `from`"}])
    view = _view(session, code, on=asked.since)
    wanted = [asked.since + timedelta(days=n) for n in range(days)]
    found = calendar.space_days(session, view, wanted, city=None, now=now)
    return shapes.Availability(
        space=view.code,
        days=[
            shapes.AvailableDay(
                date=day,
                closed=one.closed.label if one.closed else None,
                slots=[
                    shapes.Slot(
                        code=state.slot.code,
                        name=state.slot.name,
                        starts_at=state.slot.start,
                        ends_at=state.slot.end,
                        state=state.state.value,
                        price=cost.amount if (cost := one.prices.get(state.slot.code)) is not None else None,
                    )
                    for state in one.slots
                ],
            )
            for day, one in zip(wanted, found, strict=True)
        ],
    )


def price(quote: Quote) -> shapes.Price:
    """A quote as it is answered."""
    return shapes.Price(
        table=quote.table,
        valid_from=quote.valid_from,
        ground=quote.ground,
        lines=[
            shapes.PriceLine(
                label=line.label,
                label_en=line.label_en,
                amount=line.amount.amount,
                rule=line.rule,
                sample=line.sample,
            )
            for line in quote.lines
        ],
        total=quote.total.amount,
    )


def people_of(people: int | None, users: Mapping[str, int]) -> int:
    """How many people: the sum of the kinds where they are counted by kind.

    Raises:
        BadInput: another number was given beside them.
    """
    counted = sum(users.values())
    if users and people not in {None, counted}:
        raise BadInput([{"where": "people", "message": f"the sum of `users` is {counted}"}])
    return counted or people or 1


def quote(session: Session, asked: shapes.QuoteAsked) -> shapes.Quoted:
    """What a use would cost, and what the table asks for there. Three statements; nothing is saved.

    Raises:
        NotFound: no such space.
        NoSuchSlot: the timetable has no such slot on that day.
        BadInput: see `people_of`; a category or purpose that the place does not have,
            a name that the table does not ask for, or users that it does ask for are not said.
        NoPrice: the table has none for this case.
    """
    view = _view(session, asked.space, on=asked.date)
    rules = catalog.rules_for(session, [view])
    timetable, fees = rules.timetable(view.timetable_code, asked.date), rules.fees(view.fees_code, asked.date)
    slot = timetable.slot(asked.date, asked.slot, dates.is_holiday) if timetable is not None else None
    if timetable is None or fees is None or slot is None:
        raise NoSuchSlot.on(view.id, timetable, asked.date)
    _known_case(view, rules.policy(view.policy_code, asked.date), asked)
    case = PriceCase(
        slot,
        view.tariff,
        asked.category,
        asked.purpose or (view.purposes[0] if view.purposes else ""),
        is_weekend_or_holiday(asked.date, dates.is_holiday),
        people_of(asked.people, asked.users),
        capacity=view.capacity or 0,
    )
    wanted = asks(fees, case)
    known_names(wanted, asked, reductions=asked.reductions)
    if 0 < asked.length < slot.minutes:
        case = replace(case, slot=replace(slot, end=slot.start + timedelta(minutes=asked.length)))
    case = replace(
        case,
        options=asked.options,
        option_minutes=asked.option_minutes,
        admission=asked.admission,
        admission_total=asked.admission_total,
        traits=frozenset(asked.traits),
        users=asked.users,
        granted=frozenset(asked.reductions),
        tickets=asked.tickets,
    )
    try:
        found = price(fees.quote(case))
    except NoFee:
        if wanted.users and not asked.users:
            kinds = ", ".join(fact.code for fact in wanted.users)
            raise BadInput([{"where": "users", "message": f"counted by kind here: {kinds}"}]) from None
        raise NoPrice from None
    return shapes.Quoted(**dict(found), asks=_asks(wanted))


def _known_case(view: SpaceView, policy: Policy | None, asked: shapes.QuoteAsked) -> None:
    """A category or purpose that was said and is none of the place's is refused: its price would be another one's.

    Raises:
        BadInput: which, and those that there are.
    """
    categories = [one.code for one in policy.categories] if policy is not None else []
    said = (("category", asked.category, categories), ("purpose", asked.purpose, view.purposes))
    wrong = [
        {"where": where, "message": f"not here; known: {', '.join(known) or 'none'}"}
        for where, value, known in said
        if where in asked.model_fields_set and value is not None and value not in known
    ]
    if wrong:
        raise BadInput(wrong)


def known_names(wanted: Asks, asked: shapes.UseAsked, *, reductions: Collection[str]) -> None:
    """Names that the table does not ask for here are refused: nobody is to believe that they counted.

    Raises:
        BadInput: which, and what would be right.
    """
    minutes = {ask.option.id: ask.minutes for ask in wanted.options}
    given: dict[str, tuple[Collection[str], Collection[str]]] = {
        "options": (asked.options, minutes),
        "option_minutes": (asked.option_minutes, {name for name, choices in minutes.items() if choices}),
        "traits": (asked.traits, {fact.code for fact in wanted.traits}),
        "users": (asked.users, {fact.code for fact in wanted.users}),
        "reductions": (reductions, {part.id for part in wanted.reductions}),
        "tickets": (asked.tickets, {book.id for book in wanted.tickets}),
    }
    wrong = [
        {"where": f"{key}.{name}", "message": f"not asked here; known: {', '.join(sorted(known)) or 'none'}"}
        for key, (names, known) in given.items()
        for name in sorted(set(names) - set(known))
    ]
    wrong += [
        {"where": f"option_minutes.{name}", "message": f"one of {', '.join(map(str, minutes[name]))}"}
        for name, count in asked.option_minutes.items()
        if minutes.get(name) and count not in minutes[name]
    ]
    if asked.length and asked.length not in wanted.lengths:
        wrong.append({"where": "length", "message": f"one of {', '.join(map(str, wanted.lengths)) or '0'}"})
    if wrong:
        raise BadInput(wrong)


def _asks(wanted: Asks) -> shapes.Asks:
    def named(code: str, part: Any) -> shapes.Named:
        return shapes.Named(code=code, label=part.label, label_en=part.label_en)

    return shapes.Asks(
        admission=wanted.admission,
        admission_total=wanted.admission_total,
        traits=[named(fact.code, fact) for fact in wanted.traits],
        users=[named(fact.code, fact) for fact in wanted.users],
        lengths=list(wanted.lengths),
        options=[named(ask.option.id, ask.option) for ask in wanted.options],
        option_minutes={ask.option.id: list(ask.minutes) for ask in wanted.options if ask.minutes},
        reductions=[named(part.id, part) for part in wanted.reductions],
        tickets=[named(book.id, book) for book in wanted.tickets],
    )


def person_of(session: Session, reference: str, *, token_id: int) -> int:
    """The person of a booking that this token's system made.

    Raises:
        NotFound: there is none, or another system or a person made it.
    """
    found = session.scalar(
        select(Booking.person_id)
        .join(ApiPerson, ApiPerson.person_id == Booking.person_id)
        .where(Booking.reference == reference, ApiPerson.token_id == token_id)
    )
    if found is None:
        raise NotFound
    return found


def booking(session: Session, reference: str, *, token_id: int, now: datetime) -> shapes.Booking:
    """A booking of the token's system.

    Raises:
        NotFound: as for `person_of`.
    """
    view = bookings.of_person(session, reference, person_of(session, reference, token_id=token_id))
    if view is None:
        raise NotFound
    return shown(view, now=now)


def _payment_url(view: BookingView) -> str | None:
    """The address to hand to the person, where something is to be paid and not at the counter only."""
    if view.charge is None or not view.charge.waits or view.booking.pay_when == PayWhen.COUNTER:
        return None
    return pay_links.address(view.charge.reference)


def shown(view: BookingView, *, now: datetime) -> shapes.Booking:
    """A booking as it is answered."""
    one = view.booking
    state: Any = BookingState.LAPSED.value if view.ended(now) and one.state == BookingState.HELD else one.state
    quote = refund_quote(one, now=now) if one.state in FIRM and one.starts_at > now else None
    return shapes.Booking(
        reference=one.reference,
        state=state,
        facility=one.space.facility.code,
        space=one.space.code,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        held_until=one.held_until if state == BookingState.HELD else None,
        people=one.people,
        purpose=one.purpose.code if one.purpose else None,
        price=price(view.quote),
        charge=view.charge.reference if view.charge and view.charge.state is not ChargeState.VOID else None,
        payment_url=_payment_url(view),
        paid=view.paid.amount > 0,
        refund_now=quote.amount.amount if quote else 0,
        fee_now=quote.owed.amount if quote else 0,
    )


def instead_of(session: Session, asked: shapes.HoldAsked, error: PortalError, now: datetime) -> None:
    """A slot that is gone: until when it is only kept, and three others that are free."""
    if not isinstance(error, SlotTaken):
        return
    there = instead.in_the_way(session, error.space_id, error.starts_at, error.ends_at, now=now)
    error.kept_until = there.kept_until
    offers = calendar.alternatives(session, asked.space, asked.date, asked.slot, city=None, now=now)
    error.alternatives = [
        shapes.Alternative(
            space=offer.space.code,
            date=offer.slot.day,
            slot=offer.slot.code,
            name=offer.slot.name,
            starts_at=offer.slot.start,
            ends_at=offer.slot.end,
            price=offer.price.amount if offer.price is not None else None,
        ).model_dump(mode="json")
        for offer in offers
    ]
