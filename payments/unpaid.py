"""What is not paid, by age, and what was done about it. Read only, in a fixed number of statements."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import dunning
from payments.models import (
    BudgetItem,
    CarryOver,
    Charge,
    ChargeYear,
    DemandLetter,
    DemandLetterFile,
    Payee,
    WriteOff,
    WriteOffState,
)
from payments.states import ChargeState
from portal.accounts.models import Account
from portal.kernel.money import Yen

AGES = (("to_30", 30), ("to_90", 90), ("to_365", 365))
"""Classes of age in days since the due date; the last one has no end."""
COLUMNS = (
    "支払番号",
    "内容",
    "受取先",
    "科目",
    "金額",
    "期限",
    "過ぎた日数",
    "調定年度",
    "繰越先の年度",
    "督促状",
    "不納欠損",
)
MOST = 2000


@dataclass(frozen=True)
class Unpaid:
    """One charge that is overdue."""

    reference: str
    description: str
    payee: str
    budget_item: str
    total: Yen
    due_on: date
    days: int
    assessed_year: int | None
    carried_to: int | None
    letter: str | None
    write_off: str | None

    @property
    def age(self) -> str:
        """The class of age: to_30, to_90, to_365 or over_365."""
        return next((name for name, most in AGES if self.days <= most), "over_365")


@dataclass(frozen=True)
class Proposed:
    """A write-off that waits for a second person."""

    reference: str
    charge_ref: str
    amount: Yen
    ground: str
    reason: str
    evidence: str
    proposed_by: int
    proposer: str
    proposed_at: datetime


def overdue(session: Session, *, today: date, charge_ref: str = "") -> Sequence[Unpaid]:
    """Open charges whose due date has passed, the oldest first. One statement."""
    query = (
        select(
            Charge,
            ChargeYear,
            Payee.name.label("payee"),
            BudgetItem.name.label("item"),
            select(CarryOver.to_year)
            .where(CarryOver.charge_id == Charge.id)
            .order_by(CarryOver.to_year.desc())
            .limit(1)
            .scalar_subquery()
            .label("carried"),
            DemandLetter.number.label("letter"),
            DemandLetter.was_due_on,
            select(WriteOff.state)
            .where(WriteOff.charge_id == Charge.id, WriteOff.state != WriteOffState.REFUSED.value)
            .limit(1)
            .scalar_subquery()
            .label("write_off"),
        )
        .join(Payee, Payee.id == Charge.payee_id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .outerjoin(BudgetItem, BudgetItem.id == ChargeYear.budget_item_id)
        .outerjoin(DemandLetter, DemandLetter.charge_id == Charge.id)
        .where(Charge.state == ChargeState.OPEN.value, Charge.total > Yen(0))
        .order_by(Charge.id)
        .limit(MOST)
    )
    if charge_ref:
        query = query.where(Charge.reference == charge_ref)
    found = []
    for row in session.execute(query):
        # A 督促 moved the end of the time to pay, not the day on which it was due.
        due = row.was_due_on or dunning.due_on(row.Charge, row.ChargeYear)
        if due is None or due >= today:
            continue
        found.append(
            Unpaid(
                row.Charge.reference,
                row.Charge.description,
                row.payee,
                row.item or "",
                row.Charge.total,
                due,
                (today - due).days,
                row.ChargeYear.assessed_year if row.ChargeYear else None,
                row.carried,
                row.letter,
                row.write_off,
            )
        )
    return sorted(found, key=lambda each: each.due_on)


def by_age(charges: Sequence[Unpaid]) -> Sequence[tuple[str, int, Yen]]:
    """(class of age, how many, how much), the youngest first; classes without any are there, too."""
    names = [*(name for name, _most in AGES), "over_365"]
    return [
        (name, len(part), sum((each.total for each in part), start=Yen(0)))
        for name in names
        for part in [[each for each in charges if each.age == name]]
    ]


def proposals(session: Session) -> Sequence[Proposed]:
    """Write-offs that wait for a second person. One statement."""
    rows = session.execute(
        select(WriteOff, Charge.reference, Account.display_name)
        .join(Charge, Charge.id == WriteOff.charge_id)
        .outerjoin(Account, Account.id == WriteOff.proposed_by)
        .where(WriteOff.state == WriteOffState.PROPOSED.value)
        .order_by(WriteOff.id)
    )
    return [
        Proposed(
            row.WriteOff.reference,
            row.reference,
            row.WriteOff.amount,
            row.WriteOff.ground,
            row.WriteOff.reason,
            row.WriteOff.evidence,
            row.WriteOff.proposed_by,
            row.display_name or "",
            row.WriteOff.proposed_at,
        )
        for row in rows
    ]


def letter_file(session: Session, number: str) -> DemandLetterFile | None:
    """The PDF of a 督促状; None where there is none (yet)."""
    return session.scalars(
        select(DemandLetterFile)
        .join(DemandLetter, DemandLetter.id == DemandLetterFile.letter_id)
        .where(DemandLetter.number == number)
    ).one_or_none()


def as_csv(charges: Sequence[Unpaid]) -> str:
    """The list as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each in charges:
        writer.writerow(
            [
                each.reference,
                each.description,
                each.payee,
                each.budget_item,
                each.total.amount,
                each.due_on.isoformat(),
                each.days,
                each.assessed_year or "",
                each.carried_to or "",
                each.letter or "",
                each.write_off or "",
            ]
        )
    return stream.getvalue()
