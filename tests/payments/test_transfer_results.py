"""The bank's result of a month's orders: taken in whole or not at all, booked once, told to each payer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import select, text

from payments import dunning, ledger, services, settlement, unpaid
from payments.errors import NotDueYet
from payments.models import AccountCode, Charge, Receipt, TransferRegistration
from payments.states import ChargeState
from payments.transfers import listing, results
from payments.transfers.errors import (
    OrderNotLikeThis,
    TransferResultKnown,
    TransferResultRefused,
)
from payments.transfers.files import Result
from payments.transfers.rules import BatchState
from payments.transfers.standing import Taking
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.conftest import Mailbox
from tests.payments import debits
from tests.payments.debits import Finance, open_page, owes, resident, stands, whole_of
from tests.payments.things import Things, balances, new_things, payments_of, refunds_of, state_of

pytestmark = pytest.mark.usefixtures("koga", "app")
DEBIT = date(2026, 12, 28)


@pytest.fixture
def things(koga: str) -> Things:
    return new_things()


@pytest.fixture
def hanako(things: Things) -> Account:
    return resident()


@pytest.fixture
def office(koga: str) -> Finance:
    return debits.finance()


def test_one_is_taken_and_one_is_not_and_the_books_and_both_people_know_it(
    hanako: Account,
    office: Finance,
    clock_at: Callable[[str], datetime],
    mailbox: Mailbox,
    run_jobs: Callable[[], None],
    things: Things,
) -> None:
    taro = resident("taro@example.jp")
    first, second = owes(hanako, "T1"), owes(hanako, "T2", total=700)
    failed = owes(taro, "T3", total=900)
    reference = debits.make()
    debits.write(reference, office)
    run_jobs()
    assert "12月28日" in str(mailbox.to("taro@example.jp")[-1].get_content())
    ordered = debits.fetch(reference, office)
    clock_at("2026-12-30 09:00")
    with unit_of_work() as session:
        assert dunning.remind(session, today=clock.today(), now=clock.now()) == 0
        assert unpaid.overdue(session, today=clock.today()) == []
    whole = whole_of(first)
    debits.take(reference, debits.answer(ordered, n2=Result.NO_FUNDS), office)
    assert debits.state(reference) is BatchState.SETTLED
    assert [(line.state, line.result) for line in debits.lines(reference)] == [("taken", "0"), ("failed", "1")]
    assert [state_of(each) for each in (whole, first, second, failed)] == [
        ChargeState.PAID,
        ChargeState.PAID,
        ChargeState.PAID,
        ChargeState.OPEN,
    ]
    (payment,) = payments_of(whole)
    assert (payment.provider, payment.method, payment.amount) == ("transfer", "transfer", Yen(2200))
    assert clock.local(payment.paid_at).date() == DEBIT
    assert balances() == {AccountCode.BANK: 2200, AccountCode.RECEIVABLE: 900, AccountCode.REVENUE: -3100}
    assert set(things.given) == {"T1", "T2"}
    with unit_of_work() as session:
        assert len(session.scalars(select(Receipt)).all()) == 1
        assert session.scalar(text("SELECT file IS NULL FROM transfer_batch"))
    run_jobs()
    assert "口座から引き落としました" in str(mailbox.to("hanako@example.jp")[-1].get_content())
    told = str(mailbox.to("taro@example.jp")[-1].get_content())
    for words in ("口座のお金が足りません", "2027年1月13日", "900円"):
        assert words in told
    found = stands(failed)
    assert found is not None
    assert (found.taking, found.result, found.pay_by) == (Taking.FAILED, Result.NO_FUNDS, date(2027, 1, 13))
    assert open_page(failed)
    with unit_of_work() as session, pytest.raises(NotDueYet):
        dunning.demand(
            session, failed, pay_by=date(2027, 1, 20), costs=Yen(0), ground=None, actor=office.one, now=clock.now()
        )
    clock_at("2027-01-06 09:00")
    with unit_of_work() as session:
        assert dunning.remind(session, today=clock.today(), now=clock.now()) == 1
    # The next month does not ask for it again.
    assert debits.lines(debits.make(date(2027, 1, 1))) == []


@pytest.mark.parametrize("result", [each for each in Result if each is not Result.TAKEN])
def test_a_registration_that_the_bank_does_not_know_ends_and_its_person_reads_it(
    hanako: Account, office: Finance, result: Result, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, office)
    debits.take(reference, debits.answer(debits.fetch(reference, office), n1=result), office)
    run_jobs()
    with unit_of_work() as session:
        state = session.scalars(select(TransferRegistration.state)).one()
    assert (state == "ended") == result.ends_registration
    said = str(mailbox.to("hanako@example.jp")[-1].get_content())
    assert ("登録は終わりになりました" in said) == result.ends_registration
    assert "理由: " in said


def test_somebody_without_mail_is_told_by_letter(things: Things, office: Finance) -> None:
    who = resident()
    owes(who, "T1", email=None)
    reference = debits.make()
    debits.write(reference, office)
    debits.take(reference, debits.answer(debits.fetch(reference, office), n1=Result.NO_FUNDS), office)
    with unit_of_work() as session:
        rows = session.execute(text("SELECT template, room FROM posted_notice")).all()
    assert [tuple(row) for row in rows] == [("payments/mail/not_taken.txt", "payments")]


def test_a_file_with_a_mistake_changes_nothing_and_the_right_one_is_taken_once(
    hanako: Account, office: Finance
) -> None:
    one = owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, office)
    ordered = debits.fetch(reference, office)
    good = debits.answer(ordered)
    altered = good.replace(b"0000001500", b"0000001501")
    for bad in (altered, good[:-1], good.replace(b"8000001", b"8000002"), b"", ordered.replace(b"1228", b"1227")):
        with unit_of_work() as session, pytest.raises(TransferResultRefused):
            results.take(session, reference, bad, file_name="x", actor=office.one, now=clock.now(), early=True)
        assert debits.state(reference) is BatchState.WRITTEN
        assert not payments_of(one)
    debits.take(reference, good, office)
    for _ in range(2):
        with unit_of_work() as session, pytest.raises(TransferResultKnown):
            results.take(session, reference, good, file_name="x", actor=office.one, now=clock.now(), early=True)
        results.settle(debits.batch(reference).id, now=clock.now())
    with unit_of_work() as session, pytest.raises(OrderNotLikeThis):
        results.take(
            session, reference, ordered.replace(b"1228", b"1229"), file_name="x", actor=office.one, now=clock.now()
        )
    assert len(payments_of(one)) == 1


def test_a_part_that_was_cancelled_meanwhile_is_given_back_and_the_rest_stays_paid(
    hanako: Account, office: Finance, things: Things, run_jobs: Callable[[], None]
) -> None:
    first, second = owes(hanako, "T1"), owes(hanako, "T2", total=700)
    reference = debits.make()
    whole = whole_of(first)
    debits.write(reference, office)
    things.gone.add("T2")
    with unit_of_work() as session:
        services.void_charge(session, payable_kind="thing", payable_ref="T2", reason="cancelled", now=clock.now())
    debits.take(reference, debits.answer(debits.fetch(reference, office)), office)
    run_jobs()
    assert state_of(first) is ChargeState.PAID
    assert [(each.amount, each.provider, each.state) for each in refunds_of(whole)] == [
        (Yen(700), ledger.BANK_PROVIDER, "needs_account")
    ]
    assert payments_of(second) == []


def test_a_result_for_what_was_paid_otherwise_is_an_overpayment_and_goes_back(hanako: Account, office: Finance) -> None:
    one = owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, office)
    ordered = debits.fetch(reference, office)
    # The page was open when the file was written, and the card was faster than its end.
    with unit_of_work() as session:
        charge_id = session.scalars(select(Charge.id).where(Charge.reference == one)).one()
        arrival = settlement.Arrival("sandbox", "card", Yen(1500), paid_at=clock.now(), provider_payment_id="pi_1")
        assert settlement.take_in(session, charge_id, arrival, now=clock.now()).accepted
    debits.take(reference, debits.answer(ordered), office)
    late = payments_of(one)[1]
    assert (late.accepted, late.why_not_accepted, late.provider) == (False, "paid_twice", "transfer")
    assert [(each.amount, each.provider) for each in refunds_of(one)] == [(Yen(1500), ledger.BANK_PROVIDER)]
    assert [line.state for line in debits.lines(reference)] == ["taken"]
    assert debits.state(reference) is BatchState.SETTLED
    with unit_of_work() as session:
        assert listing.month(session, reference).overpaid == listing.Sum(1, Yen(1500))
        assert [line.overpaid for line in listing.lines(session, reference)] == [True]


def test_a_result_before_the_day_of_the_debit_is_none(
    hanako: Account, office: Finance, clock_at: Callable[[str], datetime]
) -> None:
    owes(hanako, "T1")
    reference = debits.make()
    debits.write(reference, office)
    good = debits.answer(debits.fetch(reference, office), n1=Result.NO_FUNDS)
    clock_at("2026-12-27 23:59")
    with unit_of_work() as session, pytest.raises(TransferResultRefused) as refused:
        results.take(session, reference, good, file_name="x", actor=office.one, now=clock.now())
    assert "まだ振替日になっていません" in refused.value.problems[0].message
    clock_at("2026-12-28 09:00")
    with unit_of_work() as session:
        assert results.take(session, reference, good, file_name="x", actor=office.one, now=clock.now()) == 1


def test_what_is_left_of_a_sum_that_fell_apart_at_the_bank_is_owed_with_the_new_term(
    hanako: Account,
    office: Finance,
    mailbox: Mailbox,
    run_jobs: Callable[[], None],
    clock_at: Callable[[str], datetime],
) -> None:
    first = owes(hanako, "T1")
    owes(hanako, "T2", total=700)
    reference = debits.make()
    debits.write(reference, office)
    with unit_of_work() as session:
        services.void_charge(session, payable_kind="thing", payable_ref="T2", reason="cancelled", now=clock.now())
    clock_at("2026-12-30 09:00")
    debits.take(reference, debits.answer(debits.fetch(reference, office), n1=Result.OTHER), office)
    run_jobs()
    found = stands(first)
    assert found is not None
    assert (found.taking, found.pay_by) == (Taking.FAILED, date(2027, 1, 13))
    told = str(mailbox.to("hanako@example.jp")[-1].get_content())
    assert first in told
    assert "1,500円" in told
    with unit_of_work() as session:
        assert unpaid.overdue(session, today=clock.today()) == [], "the new term runs"
        assert [each.reference for each in unpaid.overdue(session, today=date(2027, 1, 14))] == [first]
    assert open_page(first)


def test_each_order_is_settled_by_a_job_of_its_own_and_the_last_one_settles_the_month(
    hanako: Account, office: Finance, run_jobs: Callable[[], None]
) -> None:
    owed = [owes(who, f"T{at}") for at, who in enumerate((hanako, resident("taro@example.jp")))]
    reference = debits.make()
    debits.write(reference, office)
    good = debits.answer(debits.fetch(reference, office))
    with unit_of_work() as session:
        results.take(session, reference, good, file_name="x", actor=office.one, now=clock.now(), early=True)
    results.settle_line(debits.lines(reference)[1].id, now=clock.now())
    assert debits.state(reference) is BatchState.RETURNED
    run_jobs()
    assert debits.state(reference) is BatchState.SETTLED
    assert [len(payments_of(each)) for each in owed] == [1, 1]
