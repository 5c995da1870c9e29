"""The state machines, as tables."""

from __future__ import annotations

from itertools import permutations

import pytest

from payments.states import (
    PAYABLE_STATES,
    AttemptState,
    ChargeEvent,
    ChargeState,
    IllegalMoveError,
    RefundState,
    merge_attempt,
    merge_refund,
    move,
)


def test_a_charge_moves_only_as_the_table_says():
    allowed = {
        (state, event): move(state, event) for state in ChargeState for event in ChargeEvent if _moves(state, event)
    }
    assert allowed == {
        (ChargeState.OPEN, ChargeEvent.PAY): ChargeState.PAID,
        (ChargeState.OPEN, ChargeEvent.VOID): ChargeState.VOID,
        (ChargeState.OPEN, ChargeEvent.WRITE_OFF): ChargeState.WRITTEN_OFF,
        (ChargeState.VOID, ChargeEvent.PAY): ChargeState.PAID,
        (ChargeState.OPEN, ChargeEvent.JOIN): ChargeState.JOINED,
        (ChargeState.VOID, ChargeEvent.JOIN): ChargeState.JOINED,
        (ChargeState.JOINED, ChargeEvent.SEPARATE): ChargeState.OPEN,
        (ChargeState.JOINED, ChargeEvent.PAY): ChargeState.PAID,
        (ChargeState.PAID, ChargeEvent.REFUND_PART): ChargeState.PARTLY_REFUNDED,
        (ChargeState.PAID, ChargeEvent.REFUND_REST): ChargeState.REFUNDED,
        (ChargeState.PARTLY_REFUNDED, ChargeEvent.REFUND_PART): ChargeState.PARTLY_REFUNDED,
        (ChargeState.PARTLY_REFUNDED, ChargeEvent.REFUND_REST): ChargeState.REFUNDED,
    }


def _moves(state: ChargeState, event: ChargeEvent) -> bool:
    try:
        move(state, event)
    except IllegalMoveError:
        return False
    return True


def test_a_paid_charge_never_becomes_payable_again():
    settled = set(ChargeState) - PAYABLE_STATES - {ChargeState.JOINED}
    for state in settled:
        for event in ChargeEvent:
            if _moves(state, event):
                assert move(state, event) in settled


REPORTS = [AttemptState.OPEN, AttemptState.PENDING, AttemptState.FAILED, AttemptState.PAID]


@pytest.mark.parametrize("order", list(permutations(REPORTS)))
def test_whatever_the_order_of_reports_a_payment_is_a_payment(order: tuple[AttemptState, ...]):
    state = AttemptState.OPENING
    for report in order:
        state = merge_attempt(state, report)
    assert state is AttemptState.PAID


def test_a_late_pending_does_not_undo_an_expiry_and_a_late_success_does():
    assert merge_attempt(AttemptState.EXPIRED, AttemptState.PENDING) is AttemptState.EXPIRED
    assert merge_attempt(AttemptState.FAILED, AttemptState.PAID) is AttemptState.PAID


@pytest.mark.parametrize("order", list(permutations([RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED])))
def test_a_refund_that_came_back_stays_owed_whatever_the_order(order: tuple[RefundState, ...]):
    state = RefundState.REQUESTED
    for report in order:
        state = merge_refund(state, report)
    assert state is RefundState.FAILED
