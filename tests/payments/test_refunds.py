"""Money back: a second person, bank accounts that are forgotten afterwards, heirs, the year that it is booked in (M4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from payments import finance, refunds, services
from payments.errors import BadBankAccount, RefundNotReady, RefundTooLarge, SamePersonAgrees
from payments.models import AccountCode, Refund, RefundAccount, RefundKind
from payments.refunds import refund
from payments.sealing import AccountKind, BankAccount, unseal
from payments.states import ChargeState, RefundState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.things import CLERK, ORDINANCE, Things, balances, charge, refunds_of, state_of
from tests.people import make_staff
from tests.stripe_server import StripeServer

Take = Callable[[bytes, dict[str, str]], Any]
Open = Callable[[str], str]
ACCOUNT = BankAccount("0001", "001", AccountKind.ORDINARY, "0123456", "コガ ハナコ")


@pytest.fixture
def paid(things: Things, stripe: StripeServer, take: Take, open_page: Open) -> Callable[..., str]:
    def pay(ref: str = "T1", *, total: int = 3000, method: str = "card") -> str:
        reference = charge(ref, total=total)
        page = open_page(reference)
        if method == "konbini":
            stripe.books.take_voucher(page)
            stripe.books.pay_voucher(page)
        else:
            stripe.books.pay(page, method=method)
        stripe.deliver(take)
        return reference

    return pay


def give_back(reference: str, amount: int, by: Actor = CLERK) -> str:
    with unit_of_work() as session:
        return refund(
            session,
            charge_ref=reference,
            amount=Yen(amount),
            kind=RefundKind.BY_ORDINANCE,
            ground=ORDINANCE,
            requested_by=by,
            now=clock.now(),
        ).reference


def step(what: Callable[..., Refund], refund_ref: str, *args: Any, actor: Actor = CLERK, **facts: Any) -> str:
    with unit_of_work() as session:
        return what(session, refund_ref, *args, actor=actor, now=clock.now(), **facts).reference


@pytest.fixture
def two(database: str) -> tuple[Actor, Actor]:
    return (
        Actor(make_staff(Role.FINANCE).id, "staff"),
        Actor(make_staff(Role.FINANCE, email="second@example.jp").id, "staff"),
    )


def test_a_large_refund_waits_for_a_second_person_and_promises_nothing_before(
    paid: Callable[..., str], two: tuple[Actor, Actor], database: str, stripe: StripeServer
):
    first, second = two
    reference = paid(total=30_001)
    before = balances()
    waiting = give_back(reference, 30_001, by=first)
    run_pending(database)
    assert balances() == before
    assert stripe.books.refunds == {}
    assert state_of(reference) is ChargeState.PAID
    with pytest.raises(RefundTooLarge):
        give_back(reference, 1)
    with pytest.raises(SamePersonAgrees):
        step(refunds.agree, waiting, actor=first)
    step(refunds.agree, waiting, actor=second)
    run_pending(database)
    assert state_of(reference) is ChargeState.REFUNDED
    assert balances() == {}
    with pytest.raises(RefundNotReady):
        step(refunds.agree, waiting, actor=second)


def test_a_declined_refund_leaves_the_money_where_it_is_and_another_may_be_asked_for(
    paid: Callable[..., str], two: tuple[Actor, Actor]
):
    first, second = two
    reference = paid(total=30_001)
    step(refunds.decline, give_back(reference, 30_001, by=first), actor=second)
    assert state_of(reference) is ChargeState.PAID
    give_back(reference, 30_000, by=first)
    assert state_of(reference) is ChargeState.PARTLY_REFUNDED


def test_up_to_the_limit_the_rule_decides_alone(paid: Callable[..., str], database: str):
    reference = paid(total=30_000)
    give_back(reference, 30_000)
    run_pending(database)
    (made,) = refunds_of(reference)
    assert (made.state, made.needs_agreement) == ("succeeded", False)


def test_the_database_refuses_a_large_refund_that_moves_without_a_second_person(
    paid: Callable[..., str], two: tuple[Actor, Actor]
):
    waiting = give_back(paid(total=50_000), 50_000, by=two[0])
    for wrong in ("state = 'requested'", f"agreed_by_account_id = {two[0].account_id}"):
        with pytest.raises(IntegrityError), unit_of_work() as session:
            session.execute(text(f"UPDATE refund SET {wrong} WHERE reference = :ref"), {"ref": waiting})


def test_m4_a_konbini_refund_waits_for_an_account_that_is_forgotten_when_the_money_has_gone(
    paid: Callable[..., str], database: str, stripe: StripeServer, mailbox: Any
):
    reference = paid(method="konbini")
    asked = give_back(reference, 3000)
    run_pending(database)
    (made,) = refunds_of(reference)
    assert (made.state, made.provider) == ("needs_account", "bank")
    assert stripe.books.refunds == {}, "the provider is not asked for what it cannot do"
    (mail,) = [each for each in mailbox.to("hanako@example.jp") if "振込先" in each["Subject"]]
    assert f"/pay/refunds/links/{asked}/" in mail.get_content(), "somebody without an account gets a secret address"
    with pytest.raises(RefundNotReady):
        step(refunds.transferred, asked)
    with pytest.raises(BadBankAccount):
        step(refunds.name_account, asked, BankAccount("0000", "000", AccountKind.ORDINARY, "1", "ア"))

    step(refunds.name_account, asked, ACCOUNT)
    with unit_of_work() as session:
        kept = session.scalars(select(RefundAccount)).one()
        assert b"0123456" not in kept.sealed
        assert unseal(kept.sealed) == ACCOUNT
        (waiting,) = finance.open_refunds(session)
        assert (waiting.state, waiting.to_bank) == (RefundState.REQUESTED, True)
    step(refunds.transferred, asked)
    with unit_of_work() as session:
        assert session.scalars(select(RefundAccount)).all() == []
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.BANK: -3000}
    with pytest.raises(RefundNotReady):
        step(refunds.transferred, asked)


def test_a_transfer_that_the_bank_sends_back_is_owed_again_and_the_account_is_asked_for_anew(
    paid: Callable[..., str],
):
    reference = paid(method="konbini")
    first = give_back(reference, 1000)
    step(refunds.name_account, first, ACCOUNT)
    step(refunds.transferred, first)
    second = step(refunds.transfer_returned, first)
    assert balances()[AccountCode.REFUND_DUE] == -1000
    step(refunds.name_account, second, ACCOUNT)
    step(refunds.transferred, second)
    assert AccountCode.REFUND_DUE not in balances()
    with pytest.raises(RefundTooLarge):
        give_back(reference, 2001)


def test_a_refund_that_the_card_company_sent_back_can_go_by_transfer(
    paid: Callable[..., str], stripe: StripeServer, take: Take, database: str
):
    reference = paid()
    failed = give_back(reference, 3000)
    stripe.books.next_refund_status = "failed"
    run_pending(database)
    stripe.deliver(take)
    by_transfer = step(refunds.by_bank, failed)
    step(refunds.name_account, by_transfer, ACCOUNT)
    step(refunds.transferred, by_transfer)
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.BANK: -3000}
    with pytest.raises(RefundNotReady):
        step(refunds.by_bank, failed)


def test_m4_an_heir_gets_it_on_papers_that_a_second_person_has_seen_and_nobody_else(
    paid: Callable[..., str], two: tuple[Actor, Actor]
):
    first, second = two
    asked = give_back(paid(method="konbini"), 3000)
    with pytest.raises(RefundNotReady):
        step(refunds.to_heir, asked, evidence=" ", actor=first)
    heirs = step(refunds.to_heir, asked, evidence="戸籍全部事項証明書・相続人代表者届(文書番号 12)", actor=first)
    with pytest.raises(RefundNotReady):
        step(refunds.name_account, heirs, ACCOUNT)
    with pytest.raises(SamePersonAgrees):
        step(refunds.agree, heirs, actor=first)
    step(refunds.agree, heirs, actor=second)
    step(refunds.name_account, heirs, ACCOUNT)
    step(refunds.transferred, heirs)
    assert balances() == {AccountCode.PROVIDER: 3000, AccountCode.BANK: -3000}
    with pytest.raises(IntegrityError), unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO refund SELECT (jsonb_populate_record(r, jsonb_build_object('id', r.id + 1000, 'reference', 'V-X',"
                " 'heir_evidence', '', 'replaces_id', NULL))).* FROM refund r WHERE reference = :ref"
            ),
            {"ref": heirs},
        )


@pytest.mark.parametrize(("day", "booked"), [("2027-05-31 16:00", "revenue"), ("2027-06-01 09:00", "expenditure")])
def test_m4_until_may_31_out_of_revenue_and_afterwards_as_expenditure(
    paid: Callable[..., str], clock_at: Callable[[str], datetime], database: str, day: str, booked: str
):
    reference = paid()
    clock_at(day)
    give_back(reference, 3000)
    run_pending(database)
    (made,) = refunds_of(reference)
    assert (made.state, made.booked_as) == ("succeeded", booked)


def test_the_two_kinds_of_refund_keep_their_ground(paid: Callable[..., str], things: Things):
    by_rule = give_back(paid("T1"), 100)
    with unit_of_work() as session:
        owed = services.refund(
            session,
            charge_ref=paid("T2"),
            amount=Yen(100),
            kind=RefundKind.NOT_OWED,
            ground="計算のまちがい",
            requested_by=CLERK,
            now=clock.now(),
        ).reference
        grounds = {each.reference: (each.kind) for each in session.scalars(select(Refund))}
    assert grounds == {by_rule: "by_ordinance", owed: "not_owed"}
