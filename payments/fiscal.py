"""Writes down which fiscal year a charge and its payment belong to, and carries over what is unpaid when the books close.

The rule itself is `payments.years`; here is only what is read and written.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import years
from payments.contract import ChargeRequest, MoneyKind
from payments.errors import NoSuchBudgetItem
from payments.models import BudgetItem, CarryOver, Charge, ChargeYear, Payee, PayeeKind, Payment, PaymentYear
from payments.states import ChargeState
from payments.years import Timing
from portal.kernel import audit, clock
from portal.kernel.money import Yen

USUAL = {
    MoneyKind.CITY_TAX: Timing.TERM,
    MoneyKind.OFFICE_FEE: Timing.RECEIPT,
    MoneyKind.FACILITY_FEE: Timing.RECEIPT,
}
"""Where the city pack has no budget item for a charge: taxes have terms, fees are paid when they are asked for."""


def note_charge(session: Session, charge: Charge, request: ChargeRequest, payee: Payee, *, now: datetime) -> ChargeYear:
    """Write down what decides the fiscal year of a new charge.

    Raises:
        NoSuchBudgetItem: the request names an item that the city pack does not have.
        ValueError: revenue by term without the last day of its term.
    """
    item = _item(session, request, payee)
    timing = _timing(request, payee, item)
    noticed_on = clock.local(now).date()
    noted = ChargeYear(
        charge_id=charge.id,
        budget_item_id=item.id if item else None,
        timing=timing.value,
        term_end=request.term_end,
        noticed_on=noticed_on,
        performed_on=request.performed_on,
        assessed_year=years.assessed(timing, noticed_on=noticed_on, term_end=request.term_end),
    )
    session.add(noted)
    session.flush()
    return noted


def _item(session: Session, request: ChargeRequest, payee: Payee) -> BudgetItem | None:
    query = select(BudgetItem).where(BudgetItem.payee_code == payee.code)
    if request.budget_item:
        found = session.scalars(query.where(BudgetItem.code == request.budget_item)).one_or_none()
        if found is None:
            raise NoSuchBudgetItem(request.budget_item)
        return found
    return session.scalars(
        query.where(BudgetItem.money_kind == request.money_kind.value, BudgetItem.is_default.is_(True))
    ).one_or_none()


def _timing(request: ChargeRequest, payee: Payee, item: BudgetItem | None) -> Timing:
    if payee.kind == PayeeKind.PUBLIC_ENTERPRISE.value:
        return Timing.ACCRUAL
    if payee.kind == PayeeKind.DESIGNATED_MANAGER.value:
        # 利用料金 is the manager's own income: the city assesses nothing (CASES M1).
        return Timing.RECEIPT
    timing = Timing(item.timing) if item else USUAL[request.money_kind]
    if timing is Timing.TERM and request.term_end is None:
        # A tax without a term (随時): by the day of its notice.
        return Timing.NOTICE
    return timing


def book(session: Session, charge: Charge, payment: Payment) -> None:
    """Write down which year a payment that settled its charge belongs to; the day counts on which the payer paid."""
    noted = session.get(ChargeYear, charge.id)
    paid_on = clock.local(payment.paid_at).date()
    # Charges from before there were fiscal years are booked by the receipt.
    timing = Timing(noted.timing) if noted else Timing.RECEIPT
    found = years.belongs(timing, noted.assessed_year if noted else None, paid_on)
    session.add(
        PaymentYear(
            payment_id=payment.id,
            fiscal_year=found.year,
            part=found.part.value,
            budget_item_id=noted.budget_item_id if noted else None,
        )
    )
    session.flush()


def carry_over(session: Session, *, on: date, now: datetime) -> int:
    """滞納繰越: write down every open charge whose year has closed; returns how many are new. Safe to run every day.

    Args:
        session: the transaction.
        on: today; before June 1 nothing of the last year is carried.
        now: aware.
    """
    into = years.oldest_open(on)
    # Closed on or before yesterday: assessed in a year older than the oldest one whose books are open.
    waiting = session.execute(
        select(Charge.id, Charge.total)
        .join(ChargeYear, ChargeYear.charge_id == Charge.id)
        .where(
            Charge.state == ChargeState.OPEN.value,
            Charge.total > Yen(0),
            ChargeYear.timing.in_([Timing.TERM.value, Timing.NOTICE.value]),
            ChargeYear.assessed_year < into,
        )
    ).all()
    if not waiting:
        return 0
    made = session.execute(
        insert(CarryOver)
        .values([{"charge_id": row.id, "to_year": into, "amount": row.total, "carried_at": now} for row in waiting])
        .on_conflict_do_nothing()
        .returning(CarryOver.charge_id)
    ).all()
    if made:
        audit.record(
            session,
            actor=audit.SYSTEM,
            action="charges.carry_over",
            subject_kind="fiscal_year",
            subject_ref=str(into),
            detail={"charges": len(made)},
        )
    return len(made)
