"""One message for each booking that something larger than itself ended: what happened, what goes back, what else is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.kernel.money import Yen
from portal.notices import post
from portal.notices import services as notices
from portal.notices.services import Outgoing, Recipient
from reservations import combining, messages
from reservations.feeds.calendar_file import Entry
from reservations.models import FIRM, BookingState
from reservations.operations.models import Closure, ClosureKind
from reservations.queries import catalog
from reservations.rules import CalledOffBy, Policy, RefundQuote
from reservations.timetable import Slot

CALLED_OFF = "reservations/mail/called_off.txt"


CALLED_OFF_BY: Mapping[ClosureKind, CalledOffBy] = {
    ClosureKind.CLOSED: "facility",
    ClosureKind.WEATHER: "weather",
    ClosureKind.SHELTER: "city",
    ClosureKind.REVOCATION: "city",
    ClosureKind.CITY: "city",
}
"""Whose doing a closure is for `called_off` of the rules of use."""


@dataclass(frozen=True)
class Hit:
    """A booking that a closure ends, with what its message and the manager's list say."""

    booking_id: int
    reference: str
    state: str
    locale: str
    slots: tuple[Slot, ...]
    starts_at: datetime
    ends_at: datetime
    total: Yen
    policy_id: int
    policy_digest: str
    space: str
    space_en: str
    facility: str
    account_id: int | None
    person: str
    email: str | None
    phone: str
    person_id: int

    @classmethod
    def of(cls, row: Row[Any]) -> Hit:
        """From the columns of the statement that finds them."""
        return cls(
            row.id,
            row.reference,
            row.state,
            row.locale,
            combining.restored(row.slots),
            row.starts_at,
            row.ends_at,
            Yen(int(row.total)),
            row.policy_id,
            row.policy_digest,
            row.space,
            row.space_en,
            row.facility,
            row.account_id,
            row.person,
            row.email,
            row.phone,
            row.person_id,
        )

    @property
    def firm(self) -> bool:
        """Whether it was more than a hold."""
        return self.state in {str(BookingState(state)) for state in FIRM}

    def refund(self, kind: ClosureKind, policy: Policy) -> RefundQuote:
        """What goes back under the rules of the booking where its whole price was paid; nothing for a hold."""
        return policy.cancellation.called_off_refund(self.total if self.firm else Yen(0), CALLED_OFF_BY[kind])

    @property
    def day(self) -> date:
        """The day of use."""
        return self.slots[0].day


def tell_all(
    session: Session, closure: Closure, found: Sequence[Hit], policies: Mapping[int, Policy], *, now: datetime
) -> int:
    """One message each, in the same transaction: a mail, or a letter that the manager prints. How many were put in.

    Whoever has neither is on the manager's list, with the telephone.
    """
    names = {head.code: head.name for head in catalog.names(session, on=closure.starts_at.date())}
    outgoing = [
        Outgoing(
            Recipient(one.email, one.person, one.locale, one.account_id),
            _context(closure, one, policies[one.policy_id], names.get(one.facility, one.facility)),
            f"reservations.closure:{closure.reference}:{one.reference}",
        )
        for one in found
        if one.email
    ]
    letters = [
        post.send_or_post(
            session,
            recipient=Recipient("", one.person, one.locale, one.account_id),
            person_id=one.person_id,
            room=messages.ROOM,
            scope=one.facility,
            about=one.reference,
            template=CALLED_OFF,
            context=_context(closure, one, policies[one.policy_id], names.get(one.facility, one.facility)),
            key=f"reservations.closure:{closure.reference}:{one.reference}",
        )
        for one in found
        if not one.email
    ]
    return notices.send_many(session, outgoing, template=CALLED_OFF, now=now) + sum(letters)


def _entry(closure: Closure, one: Hit, facility: str) -> Entry:
    """What takes the booking out of the person's own calendar."""
    space = (one.space_en or one.space) if one.locale == "en" else one.space
    return Entry(
        reference=one.reference,
        title=f"{facility} {space}",
        where="",
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        state=BookingState.CANCELLED.value,
        changed_at=closure.made_at,
        note="",
        url=f"{messages.public_url()}/bookings/{one.reference}",
    )


def _context(closure: Closure, one: Hit, policy: Policy, facility: str) -> dict[str, Any]:
    english = one.locale == "en"
    revoked = closure.kind == ClosureKind.REVOCATION
    back = one.refund(ClosureKind(closure.kind), policy)
    return {
        "name": one.person,
        "reference": one.reference,
        "facility": facility,
        "space": (one.space_en or one.space) if english else one.space,
        "when": messages.when_of(one.slots, one.locale),
        "reason": (closure.reason_en or closure.reason) if english else closure.reason,
        "refund": back.amount.amount,
        "percent": back.percent,
        "paid": one.total.amount if one.firm else 0,
        "kind": closure.kind,
        "ground": closure.ground if revoked else "",
        "review_by": policy.appeal.review_by if revoked else "",
        "defendant": policy.appeal.defendant if revoked else "",
        "sample": policy.sample,
        "url": f"{messages.public_url()}/bookings/{one.reference}",
        **({"calendar": _entry(closure, one, facility).to_json()} if one.firm else {}),
        "others_url": f"{messages.public_url()}/bookings/{one.reference}/other-times",
    }
