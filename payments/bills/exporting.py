"""The payment file (消込) that goes back to the tax system: every payment and every refund of a bill, each told once."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from payments.bills.errors import NoSuchBill, NothingToExport
from payments.bills.importing import KIND
from payments.models import (
    Bill,
    BillExport,
    BillExportRow,
    BudgetItem,
    Charge,
    Payment,
    PaymentYear,
    Refund,
)
from payments.states import RefundState
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

COLUMNS = (
    "区分",
    "納付書番号",
    "税目コード",
    "相当年度",
    "期",
    "金額",
    "納付日",
    "確認日時",
    "方法",
    "会計年度",
    "支払番号",
    "整理番号",
)
PAID, BACK = "収納", "還付"
AT_ONCE = 50_000


@dataclass(frozen=True)
class ExportView:
    """One payment file as the list shows it."""

    reference: str
    rows: int
    total: Yen
    made_at: datetime


def waiting(session: Session) -> tuple[int, Yen]:
    """How many movements the next file would tell, and their sum (refunds count down)."""
    payments, refunds = _payments(session), _refunds(session)
    total = sum((payment.amount for _bill, payment in payments), start=Yen(0))
    return len(payments) + len(refunds), total - sum((refund.amount for _bill, refund in refunds), start=Yen(0))


def make(session: Session, *, actor: Actor, now: datetime) -> BillExport:
    """Put everything that was not told yet into a new file.

    Raises:
        NothingToExport: there is nothing new.
    """
    payments, refunds = _payments(session), _refunds(session)
    if not payments and not refunds:
        raise NothingToExport
    total = sum((payment.amount for _bill, payment in payments), start=Yen(0))
    total -= sum((refund.amount for _bill, refund in refunds), start=Yen(0))
    made = BillExport(
        reference=references.new("X"),
        rows=len(payments) + len(refunds),
        total=total,
        account_id=actor.account_id,
        made_at=now,
    )
    session.add(made)
    session.flush()
    rows = [(bill, payment.id, None) for bill, payment in payments] + [(bill, None, back.id) for bill, back in refunds]
    session.add_all(
        BillExportRow(export_id=made.id, position=position, bill_id=bill, payment_id=payment, refund_id=refund)
        for position, (bill, payment, refund) in enumerate(rows, start=1)
    )
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="bills.export",
        subject_kind="bill_export",
        subject_ref=made.reference,
        detail={"rows": made.rows},
    )
    return made


def made_before(session: Session, *, limit: int = 50) -> Sequence[ExportView]:
    """The files that were made, the newest first."""
    rows = session.scalars(select(BillExport).order_by(BillExport.id.desc()).limit(limit))
    return [ExportView(row.reference, row.rows, row.total, row.made_at) for row in rows]


def as_csv(session: Session, reference: str) -> str:
    """A payment file as CSV; the same every time it is fetched.

    Raises:
        NoSuchBill: no file has this reference.
    """
    export_id = session.scalar(select(BillExport.id).where(BillExport.reference == reference))
    if export_id is None:
        raise NoSuchBill
    rows = session.execute(
        select(BillExportRow, Bill, BudgetItem.tax_code, Payment, Refund, Charge.reference, PaymentYear.fiscal_year)
        .join(Bill, Bill.id == BillExportRow.bill_id)
        .join(BudgetItem, BudgetItem.id == Bill.budget_item_id)
        .outerjoin(Refund, Refund.id == BillExportRow.refund_id)
        .join(Payment, (Payment.id == BillExportRow.payment_id) | (Payment.id == Refund.payment_id))
        .join(Charge, Charge.id == Payment.charge_id)
        .outerjoin(PaymentYear, PaymentYear.payment_id == Payment.id)
        .where(BillExportRow.export_id == export_id)
        .order_by(BillExportRow.position)
    )
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        bill, payment, refund = row.Bill, row.Payment, row.Refund
        happened = refund.changed_at if refund else payment.paid_at
        known = refund.changed_at if refund else payment.recorded_at
        writer.writerow(
            [
                BACK if refund else PAID,
                bill.number,
                row.tax_code,
                bill.levy_year,
                bill.term,
                (refund or payment).amount.amount,
                clock.local(happened).date().isoformat(),
                clock.local(known).isoformat(timespec="seconds"),
                refund.provider if refund else payment.method,
                row.fiscal_year or "",
                row.reference,
                bill.subject_key,
            ]
        )
    return stream.getvalue()


def _payments(session: Session) -> list[tuple[int, Payment]]:
    rows = session.execute(
        select(Bill.id, Payment)
        .join(
            Charge, (Charge.payable_kind == KIND) & (Charge.payable_ref == Bill.reference) & (Charge.purpose == "fee")
        )
        .join(Payment, (Payment.charge_id == Charge.id) & Payment.accepted.is_(True))
        .where(~exists().where(BillExportRow.payment_id == Payment.id))
        .order_by(Payment.id)
        .limit(AT_ONCE)
    )
    return [(row[0], row[1]) for row in rows]


def _refunds(session: Session) -> list[tuple[int, Refund]]:
    rows = session.execute(
        select(Bill.id, Refund)
        .join(
            Charge, (Charge.payable_kind == KIND) & (Charge.payable_ref == Bill.reference) & (Charge.purpose == "fee")
        )
        .join(Refund, Refund.charge_id == Charge.id)
        .join(Payment, (Payment.id == Refund.payment_id) & Payment.accepted.is_(True))
        .where(
            Refund.state == RefundState.SUCCEEDED.value,
            ~exists().where(BillExportRow.refund_id == Refund.id),
        )
        .order_by(Refund.id)
        .limit(AT_ONCE)
    )
    return [(row[0], row[1]) for row in rows]
