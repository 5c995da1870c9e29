"""Mails and permits: what they say, put together from fresh state. Nothing here is sent or rendered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from payments import queries as payment_queries
from portal.accounts.models import Account, Person
from portal.directory.models import City
from portal.documents import qr
from portal.kernel import clock, dates, i18n
from portal.kernel.texts import show_date, show_time, show_until
from portal.notices import services as notices
from reservations import combining
from reservations.feeds.queries import city_part, entry_of
from reservations.groups.models import BookingGroup
from reservations.models import Booking, BookingEvent, Facility, Space
from reservations.money_models import BookingAdjustment, ReductionRequest
from reservations.policy.payment import last_moment
from reservations.queries.bookings import facility_name
from reservations.rules import CancelStep, Permit, Policy
from reservations.services import adjusting, returning
from reservations.services.common import KIND, policy_of, slots_of
from reservations.timetable import TOKYO, Slot

ROOM = "reservations"
"""A facility's manager prints the letters of its bookings."""


class _Portal:
    url = "http://localhost"


def configure(public_url: str) -> None:
    """Where the pages are, without a slash at the end."""
    _Portal.url = public_url


def public_url() -> str:
    """Where the pages are, without a slash at the end."""
    return _Portal.url


def load(session: Session, booking_id: int) -> Booking:
    """A booking with everything that messages and permits name."""
    return (
        session.scalars(
            select(Booking)
            .where(Booking.id == booking_id)
            .options(
                joinedload(Booking.space).joinedload(Space.facility).selectinload(Facility.names),
                joinedload(Booking.policy),
                joinedload(Booking.fees),
                joinedload(Booking.purpose),
            ),
        )
        .unique()
        .one()
    )


def recipient(session: Session, booking: Booking) -> notices.Recipient:
    """Who is told: the account that made it, else the person; without mail the address is empty and the message goes by post."""
    person = session.get_one(Person, booking.person_id)
    email = session.scalar(select(Account.email).where(Account.id == booking.account_id)) or person.email
    return notices.Recipient(email or "", person.name, booking.locale, booking.account_id)


def when(booking: Booking, locale: str) -> str:
    """The time of use in one line."""
    return when_of(slots_of(booking), locale)


def when_of(slots: Iterable[Slot], locale: str) -> str:
    """Slots in one line: 2026年12月4日(金) 9:00〜12:00、18:00〜21:00."""
    found = combining.stretches(slots)
    start, end = found[0].start, found[-1].end
    if len(found) > 1:
        times = "、".join(f"{show_time(one.start)}〜{show_time(one.end)}" for one in found)
        return f"{show_date(start, locale)} {times}"
    if start.astimezone(TOKYO).date() == end.astimezone(TOKYO).date():
        return f"{show_date(start, locale)} {show_time(start)}〜{show_time(end)}"
    return f"{show_date(start, locale)} {show_time(start)}〜{show_date(end, locale)} {show_time(end)}"


def step_text(step: CancelStep, locale: str) -> str:
    """A step of a refund rule in the language of a message."""
    gettext = i18n.gettext_for(locale)
    if step.months_before is not None:
        until = gettext("使う日の%(months)sか月前") % {"months": step.months_before}
    elif step.weeks_before == 1:
        until = gettext("使う日の前の週の同じ曜日")
    elif step.weeks_before is not None:
        until = gettext("使う日の%(weeks)s週前の同じ曜日") % {"weeks": step.weeks_before}
    else:
        until = gettext("使う日の%(days)s日前") % {"days": step.days_before}
    if step.at != time.max:
        until = f"{until} {step.at.hour}:{step.at.minute:02}"
    return gettext("%(until)sまで: %(percent)s%%") % {"until": until, "percent": step.percent}


def mail_context(session: Session, booking: Booking) -> dict[str, Any]:
    """What every mail about a booking shows. References and the facts of the booking; the mail goes to its owner only."""
    locale = booking.locale
    policy = policy_of(booking)
    person = session.get_one(Person, booking.person_id)
    cancelled = session.scalars(
        select(BookingEvent.detail).where(BookingEvent.booking_id == booking.id, BookingEvent.kind == "cancelled"),
    ).first()
    space = booking.space
    return {
        "name": person.name,
        "reference": booking.reference,
        "facility": facility_name(space.facility, booking.starts_at.astimezone(TOKYO).date(), locale),
        "space": (space.name_en or space.name) if locale == "en" else space.name,
        "when": when(booking, locale),
        "total": booking.total.amount if booking.total else 0,
        "refund": cancelled["refund"] if cancelled else 0,
        "owed": cancelled.get("owed", 0) if cancelled else 0,
        "owed_until": _owed_until(booking, locale),
        "reason": booking.reason or "",
        "held_until": show_until(booking.held_until, locale),
        "review_by": policy.appeal.review_by,
        "defendant": policy.appeal.defendant,
        "entrance": dict(access_of(booking, policy.permit))["entrance"],
        **_money(session, booking),
        **_moved(session, booking),
        "goes_back": _goes_back(booking, policy, locale),
        "sample": policy.sample,
        "url": f"{_Portal.url}/bookings/{booking.reference}",
        "calendar": _calendar(session, booking),
        "facility_url": f"{_Portal.url}/facilities/{space.facility.code}",
    }


def moves_of(session: Session, booking_id: int) -> int:
    """How often a booking was moved, by its owner or by staff."""
    done = (BookingEvent.booking_id == booking_id, BookingEvent.kind == "moved")
    return session.scalar(select(func.count()).select_from(BookingEvent).where(*done)) or 0


def _moved(session: Session, booking: Booking) -> dict[str, Any]:
    """From where a booking was moved last, and whose doing it was."""
    last = session.scalars(
        select(BookingEvent)
        .where(BookingEvent.booking_id == booking.id, BookingEvent.kind == "moved")
        .order_by(BookingEvent.id.desc())
    ).first()
    if last is None:
        return {"moved_from": "", "moved_by_staff": False}
    old, english = last.detail["from"], booking.locale == "en"
    space = session.get_one(Space, old["space"])
    name = (space.name_en or space.name) if english else space.name
    time_before = when_of(combining.restored(old["slots"]), booking.locale)
    return {"moved_from": f"{name} {time_before}", "moved_by_staff": last.actor_kind == "staff"}


def _goes_back(booking: Booking, policy: Policy, locale: str) -> list[tuple[str, int]]:
    """Until when which share of the fee goes back, in percent; steps that were over when it became firm are left out."""
    use, firm = slots_of(booking)[0].day, booking.firm_at or booking.created_at
    steps = [(step.until(use), step.percent) for step in policy.cancellation.steps]
    return [(show_until(until, locale), percent) for until, percent in steps if until > firm]


def _owed_until(booking: Booking, locale: str) -> str:
    """Until when a fee for cancelling is to be paid; "" where the booking has not ended."""
    if booking.ended_at is None:
        return ""
    return show_until(last_moment(booking.ended_at, policy_of(booking).days_to_pay.cancelling), locale)


def _calendar(session: Session, booking: Booking) -> dict[str, str]:
    """The booking for the recipient's own calendar (`reservations.feeds.mails` makes the file of it)."""
    changed = session.scalar(select(func.max(BookingEvent.at)).where(BookingEvent.booking_id == booking.id))
    city = session.scalar(select(city_part()))
    return entry_of(booking, changed, city=city, locale=booking.locale, public_url=_Portal.url).to_json()


def _money(session: Session, booking: Booking) -> dict[str, Any]:
    """What changed the price since it was accepted."""
    accepted = booking.total.amount if booking.total else 0
    last = session.scalars(
        select(BookingAdjustment)
        .where(BookingAdjustment.booking_id == booking.id)
        .order_by(BookingAdjustment.id.desc())
    ).first()
    reason = session.scalars(
        select(ReductionRequest.decision_reason)
        .where(ReductionRequest.booking_id == booking.id, ReductionRequest.decided_at.is_not(None))
        .order_by(ReductionRequest.decided_at.desc())
    ).first()
    back = last is not None and bool(last.refund_refs)
    waiting = payment_queries.current_charge(session, KIND, booking.reference)
    asked = waiting if waiting is not None and waiting.waits else None
    return {
        "total_before": last.old_total.amount if last else accepted,
        "total_now": last.new_total.amount if last else accepted,
        "given_back": last.old_total.amount - last.new_total.amount if last is not None and back else 0,
        "adjusted_ground": last.ground if last else "",
        "adjusted_reason": (last.reason or "") if last else "",
        "to_pay": asked.total.amount if asked else 0,
        "pay_until": show_until(asked.pay_until, booking.locale) if asked and asked.pay_until else "",
        "over": booking.facts.get("overtime", 0),
        "reduction_reason": reason or "",
    }


def access_of(booking: Booking, permit: Permit) -> list[tuple[str, str]]:
    """How to get in, by kind: what the facility says of itself, else what the rules of use say (CASES B15)."""
    own = booking.space.facility.access
    lent = "、".join(own.get("lent") or permit.lent)
    return [
        ("entrance", own.get("entrance") or permit.entrance),
        ("key", own.get("key") or permit.key),
        ("remote", own.get("remote") or permit.remote),
        ("parking", own.get("parking") or permit.parking),
        ("lent", lent),
    ]


def _both(official: str, translated: str) -> str:
    """The translated name with the official one behind it: the permit stands on the official name."""
    return f"{translated} ({official})" if translated and translated != official else official


def permit_context(session: Session, booking: Booking) -> dict[str, Any]:
    """What the permit shows, besides its template."""
    locale = booking.locale
    person = session.get_one(Person, booking.person_id)
    city = session.scalars(select(City.name)).first() or ""
    policy = policy_of(booking)
    verify = f"{_Portal.url}/permits/{booking.permit_code}"
    issued = clock.local(booking.confirmed_at or booking.created_at).date()
    facility, on = booking.space.facility, booking.starts_at.astimezone(TOKYO).date()
    group = session.get(BookingGroup, booking.group_id) if booking.group_id is not None else None
    total = adjusting.total_now(session, booking)
    adjusted = [one for one in adjusting.adjustments(session, booking.id) if adjusting.still_holds(one, booking)]
    price = adjusted[-1].quote if adjusted else booking.quote or {}
    return {
        "title": policy.permit.title if locale == "ja" else policy.permit.title_en,
        "number": booking.permit_code or "",
        "city_name": city,
        "issued_on": dates.both(issued),
        "sample": policy.sample,
        "person": person.name,
        "group": group.name if group is not None else "",
        "reference": booking.reference,
        "facility": _both(facility_name(facility, on), facility_name(facility, on, locale)),
        "address": " ".join(part for part in (city, facility.address) if part) if facility.address else "",
        "phone": facility.phone or "",
        "space": _both(booking.space.name, booking.space.name_en if locale == "en" else ""),
        "when": when(booking, locale),
        "people": booking.people,
        "purpose": booking.purpose.name if booking.purpose else "",
        "lines": price.get("lines", []),
        "total": total.amount,
        "paid": returning.paid(session, booking) >= total,
        "fee_ground": price.get("ground", ""),
        "permit": policy.permit,
        "access": [(label, text) for label, text in access_of(booking, policy.permit) if text],
        "conditions": [*policy.permit.conditions, *booking.conditions],
        "appeal": policy.appeal,
        "cancellation": policy.cancellation,
        "steps": [step_text(step, locale) for step in policy.cancellation.steps],
        "verify_url": verify,
        "qr": qr.data_uri(verify),
    }
