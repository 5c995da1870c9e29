"""Rules of use, group 15: 口座振替月まとめ. A month's bookings from the acceptance of the price to the bank's result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest

from payments import queries
from payments.contract import Ground
from payments.queries import ChargeView
from payments.services import RefundKind
from payments.transfers import filling
from payments.transfers.files import Result
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations.models import BookingState
from reservations.operations import moving
from reservations.operations.moving import MoveTo
from reservations.services import returning
from reservations.services.common import own
from tests.conftest import Mailbox
from tests.payments import debits
from tests.reservations.conftest import SATURDAY, Resident, booking, change_rules, charge_of

pytestmark = pytest.mark.usefixtures("app")
JANUARY = date(2027, 1, 1)


@pytest.fixture
def monthly(hanako: Resident) -> Resident:
    """はなこ, whose uses of the sports places are paid by the month and who has registered an account."""
    change_rules("sports", payment=[{"when": "monthly", "month_day": 27}])
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    debits.register(account)
    return hanako


def whole_of(reference: str) -> ChargeView:
    """The charge on whose page a booking is paid."""
    view = charge_of(reference)
    assert view is not None
    with unit_of_work() as session:
        return queries.charge(session, view.pay_ref)


def test_a_months_bookings_are_taken_in_one_sum_and_each_is_cancelled_by_itself_afterwards(
    monthly: Resident, clock_at: Callable[[str], datetime], mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    first = monthly.book("S05-01", "t0900", paid=False)
    second = monthly.book("S05-01", "t1100", SATURDAY, paid=False)
    views = [charge_of(each) for each in (first, second)]
    assert [view.from_account if view else None for view in views] == [True, True]
    office = debits.finance()
    clock_at("2027-01-05 09:00")
    reference = debits.make(JANUARY)
    whole = whole_of(first)
    assert [line.amount for line in debits.lines(reference)] == [whole.total]
    assert len(whole.parts) == 2
    debits.write(reference, office)
    ordered = debits.fetch(reference, office)
    clock_at("2027-01-29 09:00")
    debits.take(reference, debits.answer(ordered), office)
    run_jobs()
    assert {whole_of(each).reference for each in (first, second)} == {whole.reference}
    assert whole_of(first).paid_by == "transfer"
    receipts = {view.receipt_ref for each in (first, second) if (view := charge_of(each)) is not None}
    assert len(receipts) == 1
    assert None not in receipts
    with unit_of_work() as session:
        one = booking(second)
        assert returning.paid(session, one) == one.total
        returning.give_back(
            session,
            one,
            amount=Yen(100),
            kind=RefundKind.NOT_OWED,
            ground=Ground("見本"),
            actor=monthly.actor,
            now=clock.now(),
        )
    (back,) = whole_of(first).refunds
    assert (back.to_bank, back.amount) == (True, Yen(100))
    told = [mail.get_body(("plain",)) for mail in mailbox.to("hanako@example.com")]
    assert sum("銀行の口座から引き落としました" in body.get_content() for body in told if body is not None) == 1


def test_a_booking_that_is_moved_or_cancelled_before_the_file_is_written_changes_the_list(monthly: Resident) -> None:
    first = monthly.book("S05-01", "t0900", paid=False)
    second = monthly.book("S05-01", "t1100", SATURDAY, paid=False)
    reference = debits.make(JANUARY)
    with unit_of_work() as session:
        held = own(session, first, monthly.person_id)
        to = MoveTo(date(2026, 12, 10), ("t1100",))
        digest = moving.look(session, held, to, now=clock.now())[1].quote.digest
        moving.move(session, held, to, accepted=digest, actor=monthly.actor, now=clock.now())
    view = queries_of(first)
    assert (view.from_account, view.due_on) == (True, date(2027, 1, 27))
    filling.fill(debits.batch(reference).id, now=clock.now())
    (line,) = [each for each in debits.lines(reference) if each.state == "planned"]
    assert line.amount == Yen(sum((booking(each).total or Yen(0)).amount for each in (first, second)))
    monthly.cancel(second, monthly.refund(second))
    filling.fill(debits.batch(reference).id, now=clock.now())
    (line,) = [each for each in debits.lines(reference) if each.state == "planned"]
    assert line.amount == booking(first).total


def queries_of(reference: str) -> ChargeView:
    """The charge of a booking that is asked for now."""
    with unit_of_work() as session:
        found = queries.current_charge(session, "booking", reference)
    assert found is not None
    return found


def test_what_the_bank_cannot_take_leaves_the_booking_as_it_was_and_is_owed(
    monthly: Resident, clock_at: Callable[[str], datetime]
) -> None:
    one = monthly.book("S05-01", "t0900", paid=False)
    office = debits.finance()
    reference = debits.make(JANUARY)
    debits.write(reference, office)
    ordered = debits.fetch(reference, office)
    clock_at("2027-01-29 09:00")
    debits.take(reference, debits.answer(ordered, n1=Result.NO_FUNDS), office)
    assert booking(one).state == BookingState.CONFIRMED
    view = queries_of(one)
    assert (view.state, view.payable_now(clock.now())) == ("open", True)
