"""What the rules of use ask about a person or group at the moment of a hold, from what `reservations.services.world` has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portal.kernel import dates
from reservations import combining
from reservations.errors import NotBookable, TooManyHolds
from reservations.policy.refusals import Refusal, Refused
from reservations.rules import Applicant, Asker, Days, Fault, Party, Policy, Taken, Tie
from reservations.services.world import World
from reservations.timetable import TOKYO, Slot, Timetable


@dataclass(frozen=True)
class Standing:
    """Who asks, and what they have already.

    Attributes:
        applicant: ties, group and birth date.
        taken: slots held or booked by the same person, or by the same group where they book for it.
        faults: not come, or cancelled late.
        unpaid_before: the same slot was cancelled for want of payment.
        held, lapsed: holds that run, holds let go within a day; of the person.
        house_held, house_lapsed: of the others who share the telephone or the home.
    """

    applicant: Applicant
    taken: tuple[Taken, ...]
    faults: tuple[Fault, ...]
    unpaid_before: bool
    held: int
    lapsed: int
    house_held: int
    house_lapsed: int


def of(world: World) -> Standing:
    """The standing that the statement has read.

    Raises:
        NotBookable: the group is not one for which the person may book.
    """
    ties = [Tie("lives", world.city)] if world.city else []
    ties += [Tie(b, city, ok, _day(start), _day(end)) for b, city, ok, start, end in world.ties or ()]
    party = None
    if world.party_id is not None:
        party = Party(
            world.party_kind,
            world.party_state == "verified",
            world.party_from,
            world.party_until,
            tuple(Tie(basis, city, verified=True) for basis, city in world.party_members or ()),
            world.party_counter,
            world.party_state in {"refused", "ended"},
        )
    return Standing(
        Applicant(tuple(ties), party, world.birth_date),
        tuple(
            Taken(slot, policy, facility, space, unpaid)
            for slots, policy, facility, space, unpaid in world.taken or ()
            for slot in combining.restored(slots)
        ),
        tuple(Fault(datetime.fromisoformat(at), no_show) for at, no_show in world.faults or ()),
        bool(world.unpaid_before),
        world.held,
        world.lapsed,
        world.house_held,
        world.house_lapsed,
    )


def days_of(timetable: Timetable) -> Days:
    """Holidays and closed days of a facility, for windows that move."""
    return Days(dates.is_holiday, lambda day: timetable.closure_on(day, dates.is_holiday) is not None)


def check(
    policy: Policy, standing: Standing, slots: Sequence[Slot], *, where: tuple[str, str, str], days: Days, now: datetime
) -> str:
    """Whether the slots may be booked; the code of the category.

    Args:
        policy: the rules of use.
        standing: who asks.
        slots: what is wanted, in order.
        where: codes of the rules of use, the facility and the space.
        days: see `days_of`.
        now: aware.

    Raises:
        NotBookable: a rule stands against it.
    """
    who = standing.applicant
    made = now.astimezone(TOKYO).date()
    first = slots[0].day
    _raise(policy.may_apply(who, day=first, now=now))
    category = policy.category(who, on=policy.category_day(use=first, made=made)).code
    group = who.party is not None
    for slot in slots:
        _raise(policy.may_book(slot, category, now=now, days=days, group=group))
    _blocked(policy, standing, now=now)
    if standing.unpaid_before and not policy.pay_term(category, who.party).retry:
        raise NotBookable(Refused.SAME_SLOT_AGAIN)
    wanted = [Taken(slot, *where) for slot in slots]
    asker = Asker(category, group, dates.is_holiday, now)
    _raise(policy.over_caps(wanted, standing.taken, asker=asker))
    return category


def check_begun(
    policy: Policy, standing: Standing, slots: Sequence[Slot], *, where: tuple[str, str, str], now: datetime
) -> str:
    """The category of somebody whom staff let in without a booking: the rules as they stood when the use began, without window.

    Args:
        policy: the rules of use of the day of use.
        standing: who asks.
        slots: what is or was used, in order; the first has begun.
        where: codes of the rules of use, the facility and the space.
        now: aware.

    Raises:
        NotBookable: a rule stands against it, or the use is over for more than `Policy.entered_days`.
    """
    began, last = slots[0].start, slots[-1]
    latest = last.day + timedelta(days=policy.entered_days)
    if last.end <= now and now.astimezone(TOKYO).date() > latest:
        raise NotBookable(Refused.TOO_LONG_AGO, limit=policy.entered_days)
    who, first = standing.applicant, slots[0].day
    _raise(policy.may_apply(who, day=first, now=began))
    category = policy.category(who, on=first).code
    group = who.party is not None
    if policy.window(category, group=group) is None:
        raise NotBookable(Refused.NOT_FOR_CATEGORY)
    _blocked(policy, standing, now=began)
    asker = Asker(category, group, dates.is_holiday, began)
    _raise(policy.over_caps([Taken(slot, *where) for slot in slots], standing.taken, asker=asker))
    return category


def check_past(policy: Policy, standing: Standing, slots: Sequence[Slot], *, now: datetime) -> str:
    """The category of somebody to whom the slots were given before the public opening: no window, no cap, but the future.

    Raises:
        NotBookable: the time is over.
    """
    if slots[0].start <= now:
        raise NotBookable(Refused.PAST, slots[0].start)
    made = now.astimezone(TOKYO).date()
    return policy.category(standing.applicant, on=policy.category_day(use=slots[0].day, made=made)).code


def check_holds(policy: Policy, standing: Standing) -> None:
    """Whether one more slot may be held: per person, and per household or telephone against rings (CASES B7).

    Raises:
        TooManyHolds: too many at once, or too many let go today.
    """
    rules = policy.hold
    if standing.held >= rules.at_once:
        raise TooManyHolds(rules.at_once, lapsed=False)
    if standing.lapsed >= rules.lapsed_per_day:
        raise TooManyHolds(rules.lapsed_per_day, lapsed=True)
    if standing.held + standing.house_held >= rules.at_once * rules.household:
        raise TooManyHolds(rules.at_once * rules.household, lapsed=False, together=True)
    if standing.lapsed + standing.house_lapsed >= rules.lapsed_per_day * rules.household:
        raise TooManyHolds(rules.lapsed_per_day * rules.household, lapsed=True, together=True)


def _blocked(policy: Policy, standing: Standing, *, now: datetime) -> None:
    until = policy.penalty.blocked_until(standing.faults, now=now) if policy.penalty is not None else None
    _raise(Refusal(Refused.SUSPENDED, until) if until is not None else None)


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise NotBookable(refusal.reason, refusal.at, refusal.limit)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
