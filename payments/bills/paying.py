"""A bill on the resident's side: find it by number and check digits, ask for its money, take note when it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payments import contract
from payments.bills import rules
from payments.bills.errors import BillNotPayable, NoSuchBill
from payments.bills.importing import KIND
from payments.bills.rules import BillState
from payments.contract import CITY, ChargeLine, ChargeRequest, Ground, MoneyKind, Offer, Payer, TaxClass, Verdict
from payments.models import Bill, BillElsewhere, BillImport, BudgetItem, Charge, DemandLetter, Payment
from payments.paid import of_purpose
from payments.services import raise_charge
from portal.kernel import clock
from portal.kernel.money import Yen


@dataclass(frozen=True)
class BillView:
    """A bill with what its page shows."""

    id: int
    reference: str
    number: str
    name: str
    name_en: str
    levy_year: int
    term: int
    amount: Yen
    due_on: date
    usable_until: date
    el_number: str
    state: BillState
    charge_ref: str | None
    paid_at: datetime | None
    elsewhere_on: date | None
    elsewhere_at: str | None
    sample: bool

    @property
    def payable(self) -> bool:
        """Whether money is taken for it here and now."""
        return self.state in rules.PAYABLE


def find(session: Session, *, number: str, check_digits: str) -> str:
    """The reference of the bill with this number and these check digits.

    Raises:
        NoSuchBill: there is none; which of the two is wrong is not told.
    """
    found = session.scalar(
        select(Bill.reference).where(Bill.number == rules.plain(number), Bill.check_digits == rules.plain(check_digits))
    )
    if found is None:
        raise NoSuchBill
    return found


def by_number(session: Session, number: str) -> str:
    """The reference of the bill with this number (staff, who see the slip).

    Raises:
        NoSuchBill: there is none.
    """
    found = session.scalar(select(Bill.reference).where(Bill.number == rules.plain(number)))
    if found is None:
        raise NoSuchBill
    return found


def is_known(session: Session, typed: str) -> bool:
    """Whether what was typed is the number of a bill."""
    number = rules.plain(typed)
    if not rules.NUMBER.fullmatch(number):
        return False
    return session.scalar(select(Bill.id).where(Bill.number == number)) is not None


def number_of_code(session: Session, code: rules.Code) -> tuple[str, bool]:
    """The bill number that a scanned code stands for ("" where none does), and whether the slip is for 地方税お支払サイト."""
    if code.number:
        return code.number, False
    if not code.raw:
        return "", code.eltax
    row = session.execute(
        select(Bill.number, Bill.taken_here).where(or_(Bill.barcode == code.raw, Bill.el_number == code.raw)).limit(1)
    ).one_or_none()
    if row is None:
        return "", code.eltax
    return (row.number, False) if row.taken_here else ("", True)


def view(session: Session, reference: str, *, today: date) -> BillView:
    """A bill by its reference. Two statements.

    Raises:
        NoSuchBill: there is none.
    """
    newest = (
        select(Charge.id)
        .where(Charge.payable_kind == KIND, Charge.payable_ref == Bill.reference, of_purpose("fee"))
        .order_by(Charge.id.desc())
        .limit(1)
        .correlate(Bill)
        .scalar_subquery()
    )
    row = session.execute(
        select(
            Bill, BudgetItem, BillImport.sample, Charge.reference, Charge.state, Payment.paid_at, DemandLetter.pay_by
        )
        .join(BudgetItem, BudgetItem.id == Bill.budget_item_id)
        .join(BillImport, BillImport.id == Bill.import_id)
        .outerjoin(Charge, Charge.id == newest)
        .outerjoin(Payment, (Payment.charge_id == Charge.id) & Payment.accepted.is_(True))
        .outerjoin(DemandLetter, DemandLetter.charge_id == Charge.id)
        .where(Bill.reference == reference)
    ).one_or_none()
    if row is None:
        raise NoSuchBill
    bill, item = row.Bill, row.BudgetItem
    # A 督促 gives a new term: the slip can be paid until then.
    usable_until = max(bill.usable_until, row.pay_by) if row.pay_by else bill.usable_until
    elsewhere = session.execute(
        select(BillElsewhere.paid_on, BillElsewhere.channel)
        .where(BillElsewhere.bill_id == bill.id)
        .order_by(BillElsewhere.id)
        .limit(1)
    ).one_or_none()
    return BillView(
        id=bill.id,
        reference=bill.reference,
        number=bill.number,
        name=item.name,
        name_en=item.name_en or item.name,
        levy_year=bill.levy_year,
        term=bill.term,
        amount=bill.amount,
        due_on=bill.due_on,
        usable_until=usable_until,
        el_number=bill.el_number,
        state=rules.state(_facts(bill, usable_until, row.state, elsewhere is not None), today),
        charge_ref=row.reference,
        paid_at=row.paid_at,
        elsewhere_on=elsewhere.paid_on if elsewhere else None,
        elsewhere_at=elsewhere.channel if elsewhere else None,
        sample=row.sample,
    )


def ask_for(session: Session, reference: str, *, payer: Payer, now: datetime) -> Charge:
    """The charge of a bill: made when somebody is about to pay, one for a bill whoever comes (unique constraint).

    Args:
        session: the transaction.
        reference: the bill's.
        payer: who is at it; the first one is kept.
        now: aware.

    Raises:
        NoSuchBill: unknown reference.
        BillNotPayable: paid, past its term, withdrawn or taken elsewhere.
    """
    bill = session.scalars(select(Bill).where(Bill.reference == reference).with_for_update()).one_or_none()
    if bill is None:
        raise NoSuchBill
    found = view(session, reference, today=clock.local(now).date())
    if not found.payable:
        raise BillNotPayable(reference, found.state)
    if found.charge_ref is not None:
        return session.scalars(select(Charge).where(Charge.reference == found.charge_ref)).one()
    item = session.get_one(BudgetItem, bill.budget_item_id)
    sample = session.get_one(BillImport, bill.import_id).sample
    ground = Ground(item.ground)
    term = f" 第{bill.term}期" if bill.term else ""
    return raise_charge(
        session,
        ChargeRequest(
            payable_kind=KIND,
            payable_ref=bill.reference,
            payer=payer,
            payee=CITY,
            money_kind=MoneyKind.CITY_TAX,
            lines=[
                ChargeLine(
                    f"{item.name} {bill.levy_year}年度{term}",
                    bill.amount,
                    TaxClass.OUTSIDE,
                    ground,
                    sample,
                    f"bill/{bill.number}",
                )
            ],
            description=f"{item.name[:14]}{term}",
            description_en=_in_english(item, bill.term),
            ground=ground,
            pay_until=datetime.combine(bill.usable_until, time(23, 59, 59), clock.TOKYO),
            budget_item=item.code,
            term_end=bill.due_on,
        ),
        now=now,
    )


def _in_english(item: BudgetItem, term: int | None) -> str:
    if not item.name_en:
        return ""
    return f"{item.name_en}, term {term}" if term else item.name_en


class BillPayable:
    """Lets bills be paid: the bill is locked first, then payments locks the charge."""

    kind = KIND

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:  # noqa: ARG002 - the protocol's signature
        """Accept, unless the bill was withdrawn or paid elsewhere before: that money was not owed and goes back."""
        bill = session.scalars(select(Bill).where(Bill.reference == ref).with_for_update()).one()
        gone = bill.withdrawn_at is not None or session.scalar(
            select(func.count()).select_from(BillElsewhere).where(BillElsewhere.bill_id == bill.id)
        )
        return Verdict.REFUSED if gone else Verdict.ACCEPTED

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Nothing to do: the payment file tells the tax system."""

    def page(self, ref: str) -> str:
        """The bill's page."""
        return f"/bills/{ref}"


def offer(session: Any) -> Offer:
    """What of city tax can be paid here (measure 1_12): bills that are published and not withdrawn."""
    row = session.execute(
        select(func.count(), func.bool_and(BillImport.sample))
        .select_from(Bill)
        .join(BillImport, BillImport.id == Bill.import_id)
        .where(Bill.taken_here, Bill.withdrawn_at.is_(None))
    ).one()
    title = "市税の納付書(見本)" if row[1] else "市税の納付書"
    return Offer(row[0], ({"title": title, "address": "/bills"},) if row[0] else ())


def samples(session: Session) -> Sequence[tuple[str, str, str]]:
    """Number, check digits and reference of the sample bills (見本); empty where there are none."""
    rows = session.execute(
        select(Bill.number, Bill.check_digits, Bill.reference)
        .join(BillImport, BillImport.id == Bill.import_id)
        .where(BillImport.sample)
        .order_by(Bill.number)
        .limit(20)
    )
    return [(row.number, row.check_digits, row.reference) for row in rows]


def register() -> None:
    """Make bills payable and count them."""
    contract.register(BillPayable())
    contract.offers(MoneyKind.CITY_TAX, offer)


def _facts(bill: Bill, usable_until: date, charge: str | None, elsewhere: bool) -> rules.Facts:  # noqa: FBT001 - one fact of several
    return rules.Facts(
        due_on=bill.due_on,
        usable_until=usable_until,
        taken_here=bill.taken_here,
        withdrawn=bill.withdrawn_at is not None,
        charge=charge,
        elsewhere=elsewhere,
    )
