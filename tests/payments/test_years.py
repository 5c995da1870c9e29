"""Fiscal years: 施行令142条 as a table, and what payments writes down of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import fiscal, handover, loader, queries, receipts, services, years
from payments.contract import Ground, MoneyKind, Payer, TaxClass
from payments.errors import ChargeSettled, NoSuchBudgetItem
from payments.models import AccountCode, BudgetItem, CarryOver, Charge, ChargeYear, PayeeKind, Payment, PaymentYear
from payments.states import ChargeState
from payments.years import Part, RefundOut, Timing, YearOf
from portal.accounts.models import Role
from portal.directory.pack import Pack
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.conftest import KOGA
from tests.payments.things import CLERK, Things, balances, charge, line, payments_of, state_of
from tests.people import make_resident, make_staff, sign_in


@pytest.mark.parametrize(
    ("timing", "noticed", "term_end", "received", "expected"),
    [
        # 納期の一定している収入: the year of the term's last day.
        (Timing.TERM, "2026-04-10", "2026-06-30", "2026-06-30", (2026, Part.CURRENT)),
        (Timing.TERM, "2026-04-10", "2027-03-31", "2027-05-31", (2026, Part.CURRENT)),
        (Timing.TERM, "2026-04-10", "2027-03-31", "2027-06-01", (2027, Part.CARRIED)),
        # No notice by the end of that year: the year of the notice (第142条第2項).
        (Timing.TERM, "2027-04-02", "2027-03-31", "2027-04-20", (2027, Part.CURRENT)),
        # 通知書を発するもの: the year of the notice.
        (Timing.NOTICE, "2026-03-30", None, "2026-05-20", (2025, Part.CURRENT)),
        (Timing.NOTICE, "2026-04-02", None, "2026-05-20", (2026, Part.CURRENT)),
        (Timing.NOTICE, "2026-03-30", None, "2026-06-01", (2026, Part.CARRIED)),
        # Carried twice: in April and May the older year's books are still open.
        (Timing.NOTICE, "2025-03-30", None, "2026-04-10", (2025, Part.CARRIED)),
        (Timing.NOTICE, "2025-03-30", None, "2026-06-10", (2026, Part.CARRIED)),
        # 通知書を発しないもの: the year of the receipt.
        (Timing.RECEIPT, "2026-03-30", None, "2026-03-31", (2025, Part.CURRENT)),
        (Timing.RECEIPT, "2026-03-30", None, "2026-04-01", (2026, Part.CURRENT)),
        # 公営企業: the year in which it arose, without 出納整理期間.
        (Timing.ACCRUAL, "2026-03-30", None, "2026-07-01", (2025, Part.CURRENT)),
    ],
)
def test_m6_the_year_follows_the_kind_of_revenue(
    timing: Timing, noticed: str, term_end: str | None, received: str, expected: tuple[int, Part]
):
    assessed = years.assessed(
        timing,
        noticed_on=date.fromisoformat(noticed),
        term_end=date.fromisoformat(term_end) if term_end else None,
    )
    assert years.belongs(timing, assessed, date.fromisoformat(received)) == YearOf(*expected)


def test_m4_a_refund_is_booked_out_of_the_revenue_until_may_31_and_as_expenditure_afterwards():
    assert years.refund_out_of(2025, date(2026, 5, 31)) is RefundOut.REVENUE
    assert years.refund_out_of(2025, date(2026, 6, 1)) is RefundOut.EXPENDITURE


def test_revenue_by_term_needs_its_term():
    with pytest.raises(ValueError, match="term"):
        years.assessed(Timing.TERM, noticed_on=date(2026, 4, 1))


def budget(code: str = "after", timing: Timing = Timing.NOTICE, *, payee: str = "city", default: bool = False) -> None:
    with unit_of_work() as session:
        session.add(
            BudgetItem(
                code=code,
                name="見本の科目",
                name_en="",
                payee_code=payee,
                money_kind=MoneyKind.FACILITY_FEE.value,
                timing=timing.value,
                kan="使用料及び手数料",
                kou="使用料",
                moku="",
                setsu="",
                setsu_carried="滞納繰越分",
                tax_code=None,
                ground="見本",
                is_default=default,
                sample=True,
                active=True,
            )
        )


def take(reference: str, received: int = 400_000) -> services.CashTaken:
    with unit_of_work() as session:
        return services.take_cash(
            session, reference, received=Yen(received), clerk=CLERK, place="koga", now=clock.now()
        )


def year_of(reference: str) -> tuple[int, str]:
    with unit_of_work() as session:
        row = session.execute(
            select(PaymentYear.fiscal_year, PaymentYear.part)
            .join(Payment, Payment.id == PaymentYear.payment_id)
            .join(Charge, Charge.id == Payment.charge_id)
            .where(Charge.reference == reference)
        ).one()
    return row.fiscal_year, row.part


def carry(on: date) -> int:
    with unit_of_work() as session:
        return fiscal.carry_over(session, on=on, now=clock.now())


def test_m6_used_in_march_noticed_in_march_or_april_paid_in_may_or_carried_over(
    things: Things, clock_at: Callable[[str], datetime]
):
    budget()
    facts = {"money_kind": MoneyKind.FACILITY_FEE, "budget_item": "after", "performed_on": date(2026, 3, 30)}
    clock_at("2026-03-30 18:00")
    old, unpaid = charge("T1", **facts), charge("T2", **facts)
    clock_at("2026-04-02 09:00")
    new = charge("T3", **facts)
    clock_at("2026-05-20 10:00")
    take(old)
    take(new)
    assert (year_of(old), year_of(new)) == ((2025, "current"), (2026, "current"))
    assert carry(date(2026, 5, 31)) == 0
    assert carry(date(2026, 6, 1)) == 1
    assert carry(date(2026, 6, 2)) == 0, "once a year"
    with unit_of_work() as session:
        carried = session.scalars(select(CarryOver)).one()
    assert (carried.to_year, carried.amount) == (2026, Yen(3000))
    clock_at("2026-07-01 10:00")
    take(unpaid)
    assert year_of(unpaid) == (2026, "carried")
    assert carry(date(2027, 6, 1)) == 0, "what is paid is not carried again"


def test_m6_a_card_on_march_31_belongs_to_the_old_year_whenever_the_payout_comes(
    things: Things, clock_at: Callable[[str], datetime]
):
    clock_at("2026-03-31 23:50")
    reference = charge("T1")
    take(reference)
    assert year_of(reference) == (2025, "current")


def test_what_decides_the_year_is_written_once(things: Things, session: Session):
    charge("T1")
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text("UPDATE charge_year SET assessed_year = 1999"))


def test_a_budget_item_that_the_city_does_not_have_is_refused(things: Things):
    with pytest.raises(NoSuchBudgetItem):
        charge("T1", budget_item="nothing")


def test_m1_a_basket_over_two_payees_is_two_payments_and_two_receipts(things: Things):
    budget("city-fee", Timing.NOTICE, default=True)
    with unit_of_work() as session:
        services.define_payee(
            session,
            code="manager",
            kind=PayeeKind.DESIGNATED_MANAGER,
            name="見本の指定管理者",
            registration_number="T1234567890123",
            merchant="acct_manager",
        )
    tax = {"money_kind": MoneyKind.FACILITY_FEE}
    city = charge("T1", line(3000, tax=TaxClass.STANDARD), **tax)
    manager = charge("T2", line(1100, tax=TaxClass.STANDARD), payee="manager", **tax)
    things.gone.add("T1")
    with pytest.raises(ChargeSettled):
        take(city)
    receipt = take(manager).receipt
    assert state_of(city) is ChargeState.OPEN, "the failure of one leaves the other"
    assert state_of(manager) is ChargeState.PAID
    things.gone.clear()
    other = take(city).receipt
    with unit_of_work() as session:
        shown = [receipts.view(session, found.reference) for found in (receipt, other)]
        noted = session.execute(select(Charge.payable_ref, ChargeYear.timing).join(Charge).order_by(Charge.id)).all()
    assert [view.charge.payee.registration_number for view in shown] == ["T1234567890123", None]
    assert [view.amount for view in shown] == [Yen(1100), Yen(3000)]
    assert [tuple(row) for row in noted] == [("T1", "notice"), ("T2", "receipt")], (
        "the manager's own fee is no 調定 of the city"
    )
    assert len(payments_of(city)) == len(payments_of(manager)) == 1


def test_m9_a_receipt_over_both_tax_classes_rounds_once_for_each_rate(things: Things):
    reference = charge(
        "T1",
        line(333, tax=TaxClass.STANDARD),
        line(333, tax=TaxClass.STANDARD),
        line(300, tax=TaxClass.EXEMPT),
        line(109, tax=TaxClass.REDUCED),
    )
    receipt = take(reference).receipt
    with unit_of_work() as session:
        groups = receipts.view(session, receipt.reference).groups
    # 666 × 10 / 110 = 60.5…: 60, not 30 + 30.
    assert {group.tax: (group.amount.amount, group.contained.amount) for group in groups} == {
        TaxClass.STANDARD: (666, 60),
        TaxClass.EXEMPT: (300, 0),
        TaxClass.REDUCED: (109, 8),
    }


def test_m11_every_fee_and_every_refund_names_its_ground_since_when(things: Things):
    with pytest.raises(ValueError, match="ground names"):
        Ground(" ")
    bylaw = Ground("古河市見本条例", "第9条", date(2025, 4, 1))
    reference = charge("T1", line(3000, ground=bylaw))
    take(reference)
    with unit_of_work() as session:
        services.refund(
            session,
            charge_ref=reference,
            amount=Yen(500),
            kind=services.RefundKind.BY_ORDINANCE,
            ground=bylaw,
            requested_by=CLERK,
            now=clock.now(),
        )
        view = queries.charge(session, reference)
        nameless = session.scalar(text("SELECT count(*) FROM ledger_entry WHERE ground_id IS NULL"))
    assert view.lines[0].ground == view.refunds[0].ground == "古河市見本条例 第9条"
    assert nameless == 0


@pytest.fixture
def pack_loaded(database: str) -> None:
    with unit_of_work() as session:
        loader.load(session, Pack(KOGA))


def test_b10_a_change_of_manager_leaves_a_statement_and_every_refund_names_who_pays(
    things: Things, pack_loaded: None, clock_at: Callable[[str], datetime], client: FlaskClient
):
    clock_at("2027-03-10 10:00")
    facts = {"payee": "manager-a", "money_kind": MoneyKind.FACILITY_FEE}
    april = charge("T1", performed_on=date(2027, 4, 3), **facts)
    march = charge("T2", performed_on=date(2027, 3, 20), **facts)
    unpaid = charge("T3", performed_on=date(2027, 4, 4), **facts)
    take(april)
    take(march)
    with unit_of_work() as session:
        services.refund(
            session,
            charge_ref=april,
            amount=Yen(1000),
            kind=services.RefundKind.BY_ORDINANCE,
            ground="見本条例",
            requested_by=CLERK,
            now=clock.now(),
        )
        change = handover.takeovers(session)[0]
        lines = handover.statement(session, change.id)
        payers = [handover.refund_payer(session, reference) for reference in (april, march, unpaid)]
        assert handover.open_after(session, change.id) == 1
    assert [(each.charge_ref, each.paid, each.left, each.passes_on) for each in lines] == [
        (april, Yen(3000), Yen(2000), Yen(2000))
    ]
    assert payers == ["見本の指定管理者B", "見本の指定管理者A", "見本の指定管理者B"]
    assert handover.as_csv(lines).splitlines()[-1] == "合計,,,,,3000,1000,2000,,2000"
    sign_in(client, make_staff(Role.FINANCE, email="finance@example.jp"))
    shown = [client.get(f"/staff/payments/charges/{reference}").text for reference in (april, march)]
    assert ["返すお金を出すところ" in page for page in shown] == [True, False]
    assert "見本の指定管理者B" in shown[0]


def test_loading_the_pack_twice_changes_nothing(pack_loaded: None):
    with unit_of_work() as session:
        assert loader.load(session, Pack(KOGA)).touched == 0
        items = session.scalars(select(BudgetItem)).all()
    assert all(item.sample for item in items), "no budget number of the city is known: every one is a sample"
    assert {item.tax_code for item in items if item.tax_code} == {"01", "02", "03", "04"}


def test_the_books_stay_as_they_were(things: Things):
    take(charge("T1"))
    assert balances() == {AccountCode.CASH: 3000, AccountCode.REVENUE: -3000}


def test_m1_what_a_resident_can_pay_is_listed_payee_by_payee(things: Things, client: FlaskClient):
    hanako = make_resident()
    payer = Payer(hanako.person_id, hanako.id, "古河 花子")
    charge("T1", payer=payer)
    charge("T2", payer=payer, payee="manager", money_kind=MoneyKind.FACILITY_FEE)
    take(charge("T3", payer=payer))
    charge("T4")
    sign_in(client, hanako)
    shown = client.get("/pay").get_data(as_text=True)
    assert shown.index("古河市") < shown.index("見本の指定管理者")
    assert shown.count("/pay/C-") == 2
    assert "別々の支払いと領収書" in shown
