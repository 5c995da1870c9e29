"""State machines of a charge, of an attempt to pay it, and of a refund. Pure.

A charge moves by our own decisions, so a move that is not in the table is a mistake and raises. An attempt and a refund
move by what the provider says, which arrives twice, late and out of order: there the reported state is *merged*, and a
state that says more is never replaced by one that says less (DESIGN, invariant 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChargeState(StrEnum):
    """Where a charge stands."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    JOINED = "joined"
    """Paid together with others: another charge asks for the sum of them (`payments.joint`)."""
    WRITTEN_OFF = "written_off"
    """不納欠損: the claim was given up on a legal ground; money that still comes is not owed and goes back."""


class ChargeEvent(StrEnum):
    """What happens to a charge."""

    PAY = "pay"
    VOID = "void"
    REFUND_PART = "refund_part"
    REFUND_REST = "refund_rest"
    WRITE_OFF = "write_off"
    JOIN = "join"
    SEPARATE = "separate"


_MOVES: dict[tuple[ChargeState, ChargeEvent], ChargeState] = {
    (ChargeState.OPEN, ChargeEvent.PAY): ChargeState.PAID,
    (ChargeState.OPEN, ChargeEvent.VOID): ChargeState.VOID,
    (ChargeState.OPEN, ChargeEvent.WRITE_OFF): ChargeState.WRITTEN_OFF,
    # Money that came after the hold ended, and the slot was still free.
    (ChargeState.VOID, ChargeEvent.PAY): ChargeState.PAID,
    (ChargeState.OPEN, ChargeEvent.JOIN): ChargeState.JOINED,
    # The sum of several was paid after its term, and each of them can still be given.
    (ChargeState.VOID, ChargeEvent.JOIN): ChargeState.JOINED,
    (ChargeState.JOINED, ChargeEvent.SEPARATE): ChargeState.OPEN,
    (ChargeState.JOINED, ChargeEvent.PAY): ChargeState.PAID,
    (ChargeState.PAID, ChargeEvent.REFUND_PART): ChargeState.PARTLY_REFUNDED,
    (ChargeState.PAID, ChargeEvent.REFUND_REST): ChargeState.REFUNDED,
    (ChargeState.PARTLY_REFUNDED, ChargeEvent.REFUND_PART): ChargeState.PARTLY_REFUNDED,
    (ChargeState.PARTLY_REFUNDED, ChargeEvent.REFUND_REST): ChargeState.REFUNDED,
}

PAYABLE_STATES = frozenset({ChargeState.OPEN, ChargeState.VOID})
"""States in which money that arrives for a charge itself may still be accepted; one that is joined is paid with the others."""

WAITING = (ChargeState.OPEN, ChargeState.JOINED)
"""States in which a charge waits for money, by itself or with others."""


@dataclass
class IllegalMoveError(Exception):
    """A charge cannot move like this: a mistake of the program."""

    state: ChargeState
    event: ChargeEvent


def move(state: ChargeState, event: ChargeEvent) -> ChargeState:
    """The state after an event.

    Raises:
        IllegalMoveError: the table has no such move.
    """
    try:
        return _MOVES[state, event]
    except KeyError:
        raise IllegalMoveError(state, event) from None


class AttemptState(StrEnum):
    """Where one attempt to pay at a provider stands."""

    OPENING = "opening"
    """Written down, the provider has not answered yet."""
    OPEN = "open"
    PENDING = "pending"
    """The payer did their part (a voucher is out); the money is on its way."""
    EXPIRED = "expired"
    FAILED = "failed"
    PAID = "paid"


LIVE_ATTEMPTS = (AttemptState.OPENING, AttemptState.OPEN, AttemptState.PENDING)
"""States in which the provider may still take the money; at most one attempt of a charge is in one of them."""

_ATTEMPT_RANK = {
    AttemptState.OPENING: 0,
    AttemptState.OPEN: 1,
    AttemptState.PENDING: 2,
    AttemptState.EXPIRED: 3,
    AttemptState.FAILED: 3,
    # "Failed" is not the end: a late success counts, and nothing undoes it.
    AttemptState.PAID: 4,
}


def merge_attempt(current: AttemptState, reported: AttemptState) -> AttemptState:
    """What is known after a report, whatever the order in which reports arrive."""
    return reported if _ATTEMPT_RANK[reported] > _ATTEMPT_RANK[current] else current


class RefundState(StrEnum):
    """Where one refund stands."""

    AWAITING = "awaiting"
    """A second person has to agree first; nothing is promised yet."""
    DECLINED = "declined"
    """The second person said no."""
    NEEDS_ACCOUNT = "needs_account"
    """Promised; it goes by bank transfer and the account is not known yet."""
    REQUESTED = "requested"
    PENDING = "pending"
    """The provider has it and is sending the money."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The money came back to us (closed card, wrong account): it is still owed."""


class RefundEvent(StrEnum):
    """What people decide about a refund; what a provider says is merged instead."""

    AGREE = "agree"
    AGREE_TO_TRANSFER = "agree_to_transfer"
    DECLINE = "decline"
    NAME_ACCOUNT = "name_account"
    SEND = "send"
    RETURN = "return"
    """The bank sent the transfer back."""
    GIVE_UP = "give_up"
    """It cannot be sent like this (account unknown, payer died): another one takes its place."""


_REFUND_MOVES: dict[tuple[RefundState, RefundEvent], RefundState] = {
    (RefundState.AWAITING, RefundEvent.AGREE): RefundState.REQUESTED,
    (RefundState.AWAITING, RefundEvent.AGREE_TO_TRANSFER): RefundState.NEEDS_ACCOUNT,
    (RefundState.AWAITING, RefundEvent.DECLINE): RefundState.DECLINED,
    (RefundState.NEEDS_ACCOUNT, RefundEvent.NAME_ACCOUNT): RefundState.REQUESTED,
    (RefundState.NEEDS_ACCOUNT, RefundEvent.GIVE_UP): RefundState.FAILED,
    (RefundState.REQUESTED, RefundEvent.NAME_ACCOUNT): RefundState.REQUESTED,
    (RefundState.REQUESTED, RefundEvent.SEND): RefundState.SUCCEEDED,
    (RefundState.REQUESTED, RefundEvent.GIVE_UP): RefundState.FAILED,
    (RefundState.SUCCEEDED, RefundEvent.RETURN): RefundState.FAILED,
}


@dataclass
class IllegalRefundMoveError(Exception):
    """A refund cannot move like this."""

    state: RefundState
    event: RefundEvent


def move_refund(state: RefundState, event: RefundEvent) -> RefundState:
    """The state after a decision.

    Raises:
        IllegalRefundMoveError: the table has no such move.
    """
    try:
        return _REFUND_MOVES[state, event]
    except KeyError:
        raise IllegalRefundMoveError(state, event) from None


ON_THE_WAY = (RefundState.NEEDS_ACCOUNT, RefundState.FAILED, RefundState.REQUESTED, RefundState.PENDING)
"""Promised and not with the payer yet; what somebody has to do something about stands first."""
NOT_PROMISED = (RefundState.AWAITING, RefundState.DECLINED)
"""States in which the books know nothing of a refund."""

_REFUND_RANK = {
    RefundState.AWAITING: -3,
    RefundState.DECLINED: -2,
    RefundState.NEEDS_ACCOUNT: -1,
    RefundState.REQUESTED: 0,
    RefundState.PENDING: 1,
    RefundState.SUCCEEDED: 2,
    # Banks return money days after a success, so a failure says more than a success.
    RefundState.FAILED: 3,
}


def merge_refund(current: RefundState, reported: RefundState) -> RefundState:
    """What is known after a report, whatever the order in which reports arrive."""
    return reported if _REFUND_RANK[reported] > _REFUND_RANK[current] else current


class PayoutState(StrEnum):
    """Where a transfer from the provider to us stands."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeState(StrEnum):
    """Where a dispute stands; the words are the provider's."""

    WARNING = "warning"
    """The bank only asks; no money was taken."""
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


_DISPUTE_RANK = {
    DisputeState.WARNING: 0,
    DisputeState.NEEDS_RESPONSE: 1,
    DisputeState.UNDER_REVIEW: 2,
    DisputeState.WON: 3,
    DisputeState.LOST: 3,
}


def merge_dispute(current: DisputeState, reported: DisputeState) -> DisputeState:
    """What is known after a report; what was won or lost stays so."""
    return reported if _DISPUTE_RANK[reported] > _DISPUTE_RANK[current] else current


class LineKind(StrEnum):
    """What one line of the provider's books is."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    """A refund came back to the provider's balance."""
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    FEE = "fee"
    """A fee of the provider that belongs to no single payment."""
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"
    OTHER = "other"
    """Anything else: a person has to look."""
