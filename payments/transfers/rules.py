"""When something is taken from an account, and where an order stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portal.kernel import dates


class BatchState(StrEnum):
    """Where the orders of one month stand."""

    DRAFT = "draft"
    """A list that may still change; everybody may pay in another way."""
    ASKED = "asked"
    """One person has looked through it; another one has to."""
    WRITTEN = "written"
    """The second person agreed: the file is written, nobody can pay these sums in another way."""
    RETURNED = "returned"
    """The bank's results are in; each order is being settled."""
    SETTLED = "settled"
    DROPPED = "dropped"
    """Given up; nothing of it is taken."""


class BatchEvent(StrEnum):
    """What happens to the orders of a month."""

    ASK = "ask"
    RENEW = "renew"
    """The list is made anew: whoever had looked at it has to look again."""
    WRITE = "write"
    RETURN = "return"
    SETTLE = "settle"
    DROP = "drop"


_MOVES: dict[tuple[BatchState, BatchEvent], BatchState] = {
    (BatchState.DRAFT, BatchEvent.RENEW): BatchState.DRAFT,
    (BatchState.ASKED, BatchEvent.RENEW): BatchState.DRAFT,
    (BatchState.DRAFT, BatchEvent.ASK): BatchState.ASKED,
    (BatchState.ASKED, BatchEvent.WRITE): BatchState.WRITTEN,
    (BatchState.WRITTEN, BatchEvent.RETURN): BatchState.RETURNED,
    (BatchState.RETURNED, BatchEvent.SETTLE): BatchState.SETTLED,
    (BatchState.DRAFT, BatchEvent.DROP): BatchState.DROPPED,
    (BatchState.ASKED, BatchEvent.DROP): BatchState.DROPPED,
    (BatchState.WRITTEN, BatchEvent.DROP): BatchState.DROPPED,
}


@dataclass
class IllegalBatchMoveError(Exception):
    """The orders of a month cannot move like this."""

    state: BatchState
    event: BatchEvent


def move(state: BatchState, event: BatchEvent) -> BatchState:
    """The state after an event.

    Raises:
        IllegalBatchMoveError: the table has no such move.
    """
    try:
        return _MOVES[state, event]
    except KeyError:
        raise IllegalBatchMoveError(state, event) from None


class LineState(StrEnum):
    """Where one order stands."""

    PLANNED = "planned"
    ORDERED = "ordered"
    TAKEN = "taken"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


LIVE_LINES = (LineState.PLANNED, LineState.ORDERED)
"""States in which a charge is in an order; in one at most."""


class Why(StrEnum):
    """Why an order was withdrawn before its file was written, or with it."""

    SETTLED = "settled"
    """Paid in another way, withdrawn, or asked for in another sum."""
    VOUCHER = "voucher"
    """The payer has a voucher out for it."""
    REGISTRATION = "registration"
    """The registration was ended or replaced."""
    BY_HAND = "by_hand"
    RENEWED = "renewed"
    """Another order of the same month takes its place."""
    DROPPED = "dropped"
    """The whole month was given up."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a collector's money is taken.

    Attributes:
        day: the day of the month (振替日), or the month's last one; where banks are closed the next day on which they are not.
        lead: how many bank days before it the file has to be at the bank.
        retry: how many days somebody has to pay in another way after the bank could not take it.
    """

    day: int
    lead: int
    retry: int

    def debit_on(self, month: date) -> date:
        """The day on which money of a month is taken."""
        first = month.replace(day=1)
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        return dates.next_bank_day(min(first + timedelta(days=self.day - 1), last))

    def hand_in_by(self, month: date) -> date:
        """The last day on which the file of a month can be handed over."""
        return dates.bank_days_before(self.debit_on(month), self.lead)

    def complete_on(self, month: date) -> date:
        """The first day on which nothing is added to a month's list any more: what is due in it was used in the month before.

        A collector that wants its file earlier takes what is there on the last day for it.
        """
        return min(month.replace(day=1), self.hand_in_by(month))

    def month_of(self, due_on: date) -> date:
        """The month (its first day) with which something that is due on a day is taken."""
        return due_on.replace(day=1)

    def next_month(self, today: date) -> date:
        """The first month whose file can still be handed over on a day."""
        month = today.replace(day=1)
        while self.hand_in_by(month) < today:
            month = (month + timedelta(days=32)).replace(day=1)
        return month

    def pay_by(self, told_on: date) -> date:
        """Until when to pay in another way after a failure that was told on a day."""
        return told_on + timedelta(days=self.retry)
