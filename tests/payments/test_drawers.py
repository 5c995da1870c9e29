"""Drawers of the counter: opened, counted, explained, handed to the bank; charges stay as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import drawer_reports, drawers, ledger, services
from payments.contract import MoneyKind
from payments.errors import (
    ChargeSettled,
    DifferenceUnexplained,
    DrawerClosed,
    DrawerOpen,
    NoSuchDrawer,
    NothingToPayIn,
    SlipKnown,
    SlipMissing,
)
from payments.models import AccountCode, Drawer, DrawerMove, DrawerMoveKind, Payment
from payments.states import ChargeState
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments.things import Things, balances, charge, give_back_in_part, new_things, state_of
from tests.people import location, make_staff, post, sign_in


@pytest.fixture
def clerk(things: Things) -> Actor:
    return Actor(make_staff(Role.COUNTER).id, "staff")


def open_drawer(clerk: Actor, fund: int = 20_000, place: str = "koga") -> str:
    with unit_of_work() as session:
        return drawers.open_(session, clerk=clerk, place=place, fund=Yen(fund), now=clock.now()).reference


def cash(reference: str, clerk: Actor, received: int = 10_000) -> None:
    with unit_of_work() as session:
        services.take_cash(session, reference, received=Yen(received), clerk=clerk, place="koga", now=clock.now())


def terminal(reference: str, clerk: Actor, slip: str) -> None:
    with unit_of_work() as session:
        services.take_terminal(session, reference, slip_number=slip, clerk=clerk, place="koga", now=clock.now())


def close(reference: str, clerk: Actor, yen: int, why: str = "") -> Drawer:
    count = dict.fromkeys(drawers.DENOMINATIONS, 0)
    for value in drawers.DENOMINATIONS:
        count[value], yen = divmod(yen, value)
    with unit_of_work() as session:
        return drawers.close(session, reference, count=count, explanation=why, clerk=clerk, now=clock.now())


def pay_in(clerk: Actor) -> list[int]:
    with unit_of_work() as session:
        return [slip.amount.amount for slip in drawers.pay_in(session, place="koga", clerk=clerk, now=clock.now())]


def lies_in(reference: str) -> Yen:
    with unit_of_work() as session:
        return drawers.cash_in(session, session.scalars(select(Drawer.id).where(Drawer.reference == reference)).one())


def test_m10_a_till_that_is_short_by_100_yen_books_a_difference_and_touches_no_charge(clerk: Actor):
    drawer = open_drawer(clerk)
    reference = charge("T1")
    cash(reference, clerk)
    before = balances()
    with pytest.raises(DifferenceUnexplained) as caught:
        close(drawer, clerk, 22_900)
    assert caught.value.difference == Yen(-100)
    closed = close(drawer, clerk, 22_900, "おつりを100円多く渡した可能性")
    assert (closed.expected, closed.counted) == (Yen(23_000), Yen(22_900))
    assert balances() == before == {AccountCode.CASH: 3000, AccountCode.REVENUE: -3000}
    assert state_of(reference) is ChargeState.PAID
    with unit_of_work() as session:
        entry = session.scalars(select(DrawerMove).where(DrawerMove.kind == DrawerMoveKind.DIFFERENCE.value)).one()
    assert (entry.amount, entry.note) == (Yen(-100), "おつりを100円多く渡した可能性")
    assert pay_in(clerk) == [2900], "what lies there is what is paid in"
    assert lies_in(drawer) == Yen(0)


def test_cash_without_an_open_drawer_opens_one_in_the_same_step_and_goes_into_it(clerk: Actor):
    cash(charge("T1"), clerk)
    with unit_of_work() as session:
        drawer = drawers.find(session, clerk=clerk, place="koga")
        assert drawer is not None
        assert drawers.cash_in(session, drawer.id) == Yen(3000)


def test_a_clerk_has_one_open_drawer_at_a_place(clerk: Actor):
    first = open_drawer(clerk)
    with pytest.raises(DrawerOpen) as caught:
        open_drawer(clerk)
    assert caught.value.reference == first
    open_drawer(clerk, place="sanwa")


def test_another_clerks_drawer_is_not_counted_and_a_closed_one_takes_nothing_more(clerk: Actor):
    other = Actor(make_staff(Role.COUNTER, email="other@example.jp").id, "staff")
    drawer = open_drawer(clerk)
    with pytest.raises(NoSuchDrawer):
        close(drawer, other, 20_000)
    close(drawer, clerk, 20_000)
    with pytest.raises(DrawerClosed):
        close(drawer, clerk, 20_000)
    cash(charge("T1"), clerk)
    assert lies_in(drawer) == Yen(0), "the next yen went into a new drawer"


def test_a_card_at_the_terminal_is_recorded_once_with_its_slip_and_puts_no_cash_in(clerk: Actor):
    drawer = open_drawer(clerk)
    first = charge("T1")
    with pytest.raises(SlipMissing):
        terminal(first, clerk, " ")
    terminal(first, clerk, "0012")
    assert balances() == {AccountCode.TERMINAL: 3000, AccountCode.REVENUE: -3000}
    assert lies_in(drawer) == Yen(20_000)
    with pytest.raises(SlipKnown):
        terminal(charge("T2"), clerk, "0012")
    with pytest.raises(ChargeSettled):
        terminal(first, clerk, "0013")


def test_a_refund_goes_out_of_the_drawer_the_way_it_came_in(clerk: Actor):
    drawer = open_drawer(clerk)
    in_cash, by_card = charge("T1"), charge("T2")
    cash(in_cash, clerk)
    terminal(by_card, clerk, "0012")
    for reference in (in_cash, by_card):
        refund = give_back_in_part(reference, 1000)
        with unit_of_work() as session:
            services.pay_out_cash(session, refund, clerk=clerk, now=clock.now())
    assert lies_in(drawer) == Yen(22_000)
    assert balances() == {AccountCode.CASH: 2000, AccountCode.TERMINAL: 2000, AccountCode.REVENUE: -4000}


def test_a_fund_that_was_typed_wrongly_is_countered_and_both_entries_stay(clerk: Actor):
    drawer = open_drawer(clerk, 2000)
    with unit_of_work() as session:
        drawers.correct_fund(session, drawer, fund=Yen(20_000), reason="0を1つ落とした", clerk=clerk, now=clock.now())
    assert lies_in(drawer) == Yen(20_000)
    with unit_of_work() as session:
        moves = session.execute(select(DrawerMove.kind, DrawerMove.cash).order_by(DrawerMove.id)).all()
    assert [(kind, yen.amount) for kind, yen in moves] == [("fund", 2000), ("correction", -2000), ("fund", 20_000)]
    close(drawer, clerk, 20_000)


def test_the_journal_is_never_edited(clerk: Actor, session: Session):
    open_drawer(clerk)
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text("UPDATE drawer_move SET cash = 0"))


def test_the_slips_for_the_bank_are_one_for_each_payee_and_nothing_is_paid_in_twice(clerk: Actor):
    drawer = open_drawer(clerk)
    cash(charge("T1"), clerk)
    cash(charge("T2", total=500, payee="manager", money_kind=MoneyKind.FACILITY_FEE), clerk)
    with pytest.raises(NothingToPayIn):
        pay_in(clerk)
    close(drawer, clerk, 23_500)
    assert sorted(pay_in(clerk)) == [500, 3000]
    with pytest.raises(NothingToPayIn):
        pay_in(clerk)
    assert lies_in(drawer) == Yen(0)


def test_what_the_drawers_took_is_what_the_ledger_says(clerk: Actor):
    cash(charge("T1"), clerk)
    refund = give_back_in_part(charge_of("T1"), 700)
    with unit_of_work() as session:
        services.pay_out_cash(session, refund, clerk=clerk, now=clock.now())
        taken = session.scalar(select(func.sum(DrawerMove.cash)).where(DrawerMove.kind.in_(["cash", "refund"])))
        assert taken == ledger.balances(session)[AccountCode.CASH]


def charge_of(ref: str) -> str:
    return charge(ref)


def test_the_daily_report_says_who_took_what_where(clerk: Actor):
    drawer = open_drawer(clerk)
    cash(charge("T1"), clerk)
    cash(charge("T2", money_kind=MoneyKind.FACILITY_FEE), clerk)
    terminal(charge("T3"), clerk, "0012")
    close(drawer, clerk, 26_001, "1円多い")
    with unit_of_work() as session:
        (day,) = drawer_reports.daily(session, clock.today())
        assert drawer_reports.daily(session, clock.today(), place="sanwa") == []
    assert [(line.money_kind, line.method, line.count, line.amount.amount) for line in day.lines] == [
        ("office_fee", "cash", 1, 3000),
        ("facility_fee", "cash", 1, 3000),
        ("office_fee", "card", 1, 3000),
    ]
    assert (day.clerk, day.fund, day.takings, day.cards, day.difference) == (
        "窓口 太郎",
        Yen(20_000),
        Yen(6000),
        Yen(3000),
        Yen(1),
    )
    rows = list(csv.reader(io.StringIO(drawer_reports.as_csv([day], {"koga": "古河庁舎"}))))
    assert len(rows) == 4
    assert rows[1][0] == "古河庁舎"
    assert sum(int(row[10]) for row in rows[1:]) == 1, "a difference stands once"


def test_money_is_on_the_report_of_the_day_on_which_it_was_taken_and_an_earlier_report_never_changes(
    clerk: Actor, clock_at: Callable[[str], datetime]
):
    clock_at("2026-11-24 09:00")
    drawer = open_drawer(clerk)
    cash(charge("T1"), clerk)
    with unit_of_work() as session:
        (before,) = drawer_reports.daily(session, date(2026, 11, 24))
        assert drawer_reports.daily(session, date(2026, 11, 25)) == [], "that day has not begun"
    assert (before.open, before.takings, before.expected, before.since) == (True, Yen(3000), Yen(23_000), None)

    clock_at("2026-11-25 10:00")
    cash(charge("T2", total=500), clerk)
    close(drawer, clerk, 23_499, "1円足りない")
    clock_at("2026-11-26 09:00")
    pay_in(clerk)
    with unit_of_work() as session:
        (first,) = drawer_reports.daily(session, date(2026, 11, 24))
        (second,) = drawer_reports.daily(session, date(2026, 11, 25))
        (third,) = drawer_reports.daily(session, date(2026, 11, 26))
    assert first == before, "what came later changed nothing"
    assert (second.open, second.since, second.carried, second.takings) == (
        False,
        date(2026, 11, 24),
        Yen(23_000),
        Yen(500),
    )
    assert (second.expected, second.counted, second.difference, second.to_bank) == (
        Yen(23_500),
        Yen(23_499),
        Yen(-1),
        Yen(0),
    )
    assert (third.takings, third.difference, third.to_bank) == (Yen(0), Yen(0), Yen(3499))


@pytest.fixture
def till(koga: str, client: FlaskClient) -> FlaskClient:
    # The books of these tests are Koga's; only the payable is the tests' own.
    new_things()
    sign_in(client, staff())
    return client


def staff() -> Account:
    return make_staff(Role.COUNTER, email="till@example.jp")


def test_a_day_at_the_till_in_the_browser(till: FlaskClient):
    page = location(post(till, "/staff/till", {"place": "koga", "fund": "20,000"}))
    reference = charge("T1")
    charge_page = f"/staff/payments/charges/{reference}"
    assert post(till, f"{charge_page}/cash", {"received": "5000", "place": "koga"}).status_code == 303
    card = charge("T2")
    assert post(till, f"/staff/till/terminal/{card}", {"slip": "0012", "place": "koga"}).status_code == 303
    shown = till.get(page).get_data(as_text=True)
    for words in ("23,000円", "0012", reference):
        assert words in shown, words
    short = {"pieces_10000": "2", "pieces_1000": "2", "pieces_500": "1"}
    refused = post(till, f"{page}/close", short)
    assert refused.status_code == 422
    assert "記録より500円少ない" in refused.get_data(as_text=True)
    assert post(till, f"{page}/close", {**short, "explanation": "数え直しても500円足りない"}).status_code == 303
    assert location(post(till, "/staff/till/pay-in", {"place": "koga"})) == "/staff/till/report?place=koga"
    report = till.get("/staff/till/report").get_data(as_text=True)
    for words in ("窓口 太郎", "現金過不足", "-500円", "2,500円"):
        assert words in report, words
    assert "締めていないレジ" not in report
    assert "古河" in till.get("/staff/till/report.csv").get_data(as_text=True)
    pdf = till.get("/staff/till/report.pdf")
    assert pdf.data.startswith(b"%PDF")
    with unit_of_work() as session:
        slip = drawer_reports.slips(session, clock.today())[0]
        assert session.scalars(select(func.count()).select_from(Payment)).one() == 2
    assert till.get(f"/staff/till/slips/{slip.reference}.pdf").data.startswith(b"%PDF")


def test_a_fund_is_put_right_in_the_browser_with_a_reason(till: FlaskClient):
    page = location(post(till, "/staff/till", {"place": "koga", "fund": "2000"}))
    assert post(till, f"{page}/fund", {"fund": "20000"}).status_code == 422
    assert post(till, f"{page}/fund", {"fund": "20000", "reason": "打ちまちがい"}).status_code == 303
    assert "20,000円" in till.get(page).get_data(as_text=True)
