"""What follows when a charge is not paid: mails, 督促, write-off."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pypdf
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import dunning, finance, services, settlement, unpaid
from payments.errors import (
    ChargeSettled,
    DemandedAlready,
    NotDueYet,
    SameSecondPerson,
    WriteOffDecided,
)
from payments.models import AccountCode, Charge, DemandLetter, WriteOffGround
from payments.states import ChargeState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.conftest import Mailbox
from tests.payments.things import CLERK, Things, balances, charge, state_of
from tests.people import make_staff, post, sign_in


def due_in(days: int, ref: str = "T1") -> str:
    """A charge that is due in so many days."""
    return charge(ref, pay_until=clock.now() + timedelta(days=days))


@pytest.fixture
def overdue(things: Things, clock_at: Callable[[str], datetime]) -> str:
    """A charge that was due on October 31."""
    clock_at("2026-10-01 10:00")
    reference = charge("T1", pay_until=datetime(2026, 10, 31, 23, 59, tzinfo=clock.TOKYO))
    clock_at("2026-11-25 10:00")
    return reference


def remind() -> int:
    with unit_of_work() as session:
        return dunning.remind(session, today=clock.today(), now=clock.now())


def demand(reference: str, *, costs: int = 0, days: int = 10) -> DemandLetter:
    with unit_of_work() as session:
        return dunning.demand(
            session,
            reference,
            pay_by=clock.today() + timedelta(days=days),
            costs=Yen(costs),
            ground=None,
            actor=CLERK,
            now=clock.now(),
        )


def test_a_mail_goes_out_before_and_after_the_due_date_each_once(
    things: Things, clock_at: Callable[[str], datetime], mailbox: Mailbox, run_jobs: Callable[[], None]
):
    clock_at("2026-11-01 09:30")
    due_in(14)
    assert remind() == 0
    sent = []
    for day in ("2026-11-08", "2026-11-14", "2026-11-15", "2026-11-22", "2026-11-23"):
        clock_at(f"{day} 09:30")
        sent += [remind(), remind()]
    assert sent == [1, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    run_jobs()
    subjects = [mail["Subject"] for mail in mailbox.to("hanako@example.jp")]
    assert len(subjects) == 3
    assert "近づいています" in subjects[0]
    assert "過ぎています" in subjects[2]
    body = mailbox.to("hanako@example.jp")[0].get_body(("plain",))
    assert body is not None
    assert "期限: 2026年11月15日(日)" in body.get_content()


def test_what_has_no_counter_of_its_own_is_paid_at_the_citys_offices(
    koga: str,
    things: Things,
    overdue: str,
    mailbox: Mailbox,
    run_jobs: Callable[[], None],
    clock_at: Callable[[str], datetime],
):
    clock_at("2026-11-07 09:30")
    assert remind() == 1
    run_jobs()
    body = mailbox.to("hanako@example.jp")[0].get_body(("plain",))
    assert body is not None
    assert "オンラインで払える期限は過ぎました" in body.get_content()
    assert "・総和庁舎 下大野2248" in body.get_content()
    assert f"窓口では、支払番号 {overdue} を見せてください。" in body.get_content()


def test_no_mail_about_what_is_paid_or_about_a_hold_of_minutes(things: Things, clock_at: Callable[[str], datetime]):
    clock_at("2026-11-01 09:30")
    paid = due_in(7)
    charge("T2", pay_until=clock.now() + timedelta(minutes=15))
    with unit_of_work() as session:
        services.take_cash(session, paid, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    assert remind() == 0


def test_m12_a_demand_is_a_legal_act_with_date_term_costs_and_ground_and_happens_once(
    overdue: str, session: Session, mailbox: Mailbox, run_jobs: Callable[[], None]
):
    letter = demand(overdue, costs=100)
    assert (letter.issued_on, letter.pay_by, letter.costs) == (date(2026, 11, 25), date(2026, 12, 5), Yen(100))
    with pytest.raises(DemandedAlready):
        demand(overdue)
    assert balances() == {AccountCode.RECEIVABLE: 3100, AccountCode.REVENUE: -3100}
    run_jobs()
    with unit_of_work() as opened:
        found = unpaid.letter_file(opened, letter.number)
        assert found is not None
        from portal.kernel import files

        content = files.get(opened, found.file_id).content
        until = opened.scalars(select(Charge.pay_until).where(Charge.reference == overdue)).one()
    words = pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()
    for expected in ("督促状", letter.number, "3,000", "100", "地方自治法 第231条の3第1項", "審査請求"):
        assert expected in words, expected
    assert clock.local(until).date() == date(2026, 12, 5), "it can be paid again until the new term"
    assert "督促状" in mailbox.to("hanako@example.jp")[0]["Subject"]
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text("UPDATE demand_letter SET issued_on = '2020-01-01'"))


def test_no_demand_before_the_due_date_nor_for_what_is_paid(things: Things, overdue: str):
    with pytest.raises(NotDueYet):
        demand(due_in(3, "T2"))
    with pytest.raises(NotDueYet):
        demand(overdue, days=0)
    with unit_of_work() as session:
        services.take_cash(session, overdue, received=Yen(3000), clerk=CLERK, place="koga", now=clock.now())
    with pytest.raises(ChargeSettled):
        demand(overdue)


@pytest.fixture
def two(things: Things) -> tuple[Actor, Actor]:
    return (
        Actor(make_staff(Role.FINANCE).id, "staff"),
        Actor(make_staff(Role.FINANCE, email="second@example.jp").id, "staff"),
    )


def propose(reference: str, actor: Actor) -> str:
    with unit_of_work() as session:
        return dunning.propose_write_off(
            session,
            reference,
            ground=WriteOffGround.LIMITATION,
            reason="5年が過ぎた",
            evidence="整理簿12",
            actor=actor,
            now=clock.now(),
        ).reference


def decide(reference: str, actor: Actor, *, agree: bool = True) -> None:
    with unit_of_work() as session:
        dunning.decide_write_off(session, reference, agree=agree, actor=actor, now=clock.now())


def test_m12_a_write_off_needs_its_ground_and_a_second_person_and_goes_through_the_ledger(
    overdue: str, two: tuple[Actor, Actor]
):
    first, second = two
    reference = propose(overdue, first)
    assert state_of(overdue) is ChargeState.OPEN, "nothing moves before the second person"
    with pytest.raises(SameSecondPerson):
        decide(reference, first)
    with pytest.raises(WriteOffDecided):
        propose(overdue, second)
    decide(reference, second)
    assert state_of(overdue) is ChargeState.WRITTEN_OFF
    assert balances() == {AccountCode.WRITTEN_OFF: 3000, AccountCode.REVENUE: -3000}
    with unit_of_work() as session:
        assert [each for each in finance.differences(session, clock.now()) if each.kind == "books"] == []
    with pytest.raises(WriteOffDecided):
        decide(reference, second)
    with pytest.raises(ChargeSettled):
        demand(overdue)


def test_a_claim_that_was_given_up_does_not_thank_for_a_payment(
    overdue: str, two: tuple[Actor, Actor], client: FlaskClient
):
    first, second = two
    decide(propose(overdue, first), second, agree=True)
    sign_in(client, make_staff(Role.FINANCE, email="third@example.jp"))
    shown = client.get(f"/pay/{overdue}/return", follow_redirects=True).text
    assert "払う必要はありません" in shown
    assert "ありがとう" not in shown
    assert "お支払いは終わりました" not in shown


def test_a_refused_write_off_leaves_the_claim_and_another_may_be_proposed(overdue: str, two: tuple[Actor, Actor]):
    first, second = two
    decide(propose(overdue, first), second, agree=False)
    assert state_of(overdue) is ChargeState.OPEN
    propose(overdue, second)


def test_money_that_comes_after_a_write_off_goes_back(overdue: str, two: tuple[Actor, Actor]):
    decide(propose(overdue, two[0]), two[1])
    with unit_of_work() as session:
        charge_id = session.scalars(select(Charge.id).where(Charge.reference == overdue)).one()
        arrival = settlement.Arrival("counter", "cash", Yen(3000), clock.now(), place="koga", cash_received=Yen(3000))
        payment = settlement.take_in(session, charge_id, arrival, now=clock.now())
    assert (payment.accepted, payment.why_not_accepted) == (False, "refused")


def test_what_is_unpaid_is_listed_by_age(overdue: str, clock_at: Callable[[str], datetime]):
    with unit_of_work() as session:
        found = unpaid.overdue(session, today=clock.today())
        assert [(each.reference, each.days, each.age) for each in found] == [(overdue, 25, "to_30")]
        assert unpaid.by_age(session, today=clock.today())[0] == unpaid.Age("to_30", 1, Yen(3000))
        later = unpaid.overdue(session, today=date(2028, 1, 1))
        assert later[0].age == "over_365"
        assert unpaid.by_age(session, today=date(2028, 1, 1))[-1] == unpaid.Age("over_365", 1, Yen(3000))
        assert unpaid.overdue(session, today=date(2026, 10, 31)) == [], "due on that day is not overdue"
        assert overdue in "".join(unpaid.as_csv(session, today=clock.today()))


def multiply(reference: str, times: int) -> None:
    """So many more charges like one."""
    columns = "payable_kind, purpose, payee_id, money_kind, total, description, ground_id, pay_until, state, state_at, created_at"
    copies = (
        f"INSERT INTO charge (reference, payable_ref, {columns}) "
        f"SELECT reference || '-' || n, payable_ref || '-' || n, {columns} "
        "FROM charge, generate_series(1, :times) n WHERE reference = :reference"
    )
    with unit_of_work() as session:
        session.execute(text(copies), {"times": times, "reference": reference})


def test_no_overdue_charge_is_hidden_by_how_many_are_open(
    things: Things, client: FlaskClient, clock_at: Callable[[str], datetime]
):
    """Sums, list and CSV hold every one: thousands that are not due yet, raised before it, push none of them out."""
    clock_at("2026-10-01 10:00")
    multiply(charge("later", pay_until=datetime(2027, 3, 31, 23, 59, tzinfo=clock.TOKYO)), 2_100)
    multiply(charge("soon", total=10, pay_until=datetime(2026, 11, 20, 23, 59, tzinfo=clock.TOKYO)), unpaid.PAGE - 1)
    oldest = charge("T1", pay_until=datetime(2026, 10, 31, 23, 59, tzinfo=clock.TOKYO))
    clock_at("2026-11-25 10:00")
    with unit_of_work() as session:
        ages = unpaid.by_age(session, today=clock.today())
        first = unpaid.overdue(session, today=clock.today())
        second = unpaid.overdue(session, today=clock.today(), page=2)
        lines = "".join(unpaid.as_csv(session, today=clock.today())).splitlines()
    assert (sum(each.count for each in ages), sum(each.total.amount for each in ages)) == (101, 4000)
    assert first[0].reference == oldest, "the longest overdue first"
    assert (len(first), len(second)) == (unpaid.PAGE, 1)
    assert not {each.reference for each in first} & {each.reference for each in second}
    assert len(lines) == 1 + 101
    sign_in(client, make_staff(Role.FINANCE))
    shown = client.get("/staff/unpaid?page=2").get_data(as_text=True)
    assert second[0].reference in shown
    assert oldest not in shown
    for words in ("4,000円", "前のページ"):
        assert words in shown, words
    answer = client.get("/staff/unpaid/list.csv")
    assert len(answer.get_data(as_text=True).splitlines()) == 1 + 101


def test_finance_demands_and_writes_off_in_the_browser(overdue: str, client: FlaskClient, run_jobs: Callable[[], None]):
    sign_in(client, make_staff(Role.FINANCE))
    page = f"/staff/unpaid/{overdue}"
    assert overdue in client.get("/staff/unpaid").get_data(as_text=True)
    form = {"pay_by": "令和8年12月10日", "costs": "0", "ground": "地方自治法", "article": "第231条の3第1項"}
    assert post(client, f"{page}/demand", {**form, "pay_by": "x"}).status_code == 422
    assert post(client, f"{page}/demand", form).status_code == 303
    run_jobs()
    with unit_of_work() as session:
        number = session.scalars(select(DemandLetter.number)).one()
    client.get(page)
    assert f"/staff/unpaid/letters/{number}.pdf" in client.get(page).get_data(as_text=True)
    assert client.get(f"/staff/unpaid/letters/{number}.pdf").data.startswith(b"%PDF")
    assert post(client, f"{page}/write-off", {"ground": "limitation", "reason": ""}).status_code == 422
    assert post(client, f"{page}/write-off", {"ground": "limitation", "reason": "5年"}).status_code == 303
    listed = client.get("/staff/unpaid").get_data(as_text=True)
    assert "別の人が決めます" in listed
    assert client.get("/staff/unpaid/list.csv").status_code == 200
