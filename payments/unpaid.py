"""What is not paid, by age, and what was done about it. Read only; the database filters, sums and pages, however long the list is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, and_, case, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

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
from payments.transfers import standing
from payments.transfers.rules import LineState
from portal.accounts.models import Account
from portal.kernel import clock
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
PAGE = 100
"""How many charges one page of the list shows."""
_BATCH = 500


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
    costs: Yen | None = None
    """督促手数料 that is unpaid and would be written off with it; None: there is none."""


@dataclass(frozen=True)
class Age:
    """All overdue charges of one class of age."""

    name: str
    count: int
    total: Yen


def overdue(
    session: Session, *, today: date, charge_ref: str = "", page: int = 1, size: int = PAGE
) -> Sequence[Unpaid]:
    """One page of the open charges whose due date has passed, the longest overdue first. One statement.

    Args:
        session: the transaction.
        today: by the clock in Japan.
        charge_ref: only this charge; "": all.
        page: from 1.
        size: how many on a page.
    """
    query = _overdue(today)
    if charge_ref:
        query = query.where(Charge.reference == charge_ref)
    query = query.limit(size).offset((max(page, 1) - 1) * size)
    return [_unpaid(row, today) for row in session.execute(query)]


def by_age(session: Session, *, today: date) -> Sequence[Age]:
    """Count and sum of all overdue charges, the youngest class first; classes without any are there, too. One statement."""
    days = literal(today) - _due()
    age = case(*((days <= most, name) for name, most in AGES), else_="over_365")
    rows = session.execute(
        select(age.label("age"), func.count().label("charges"), func.sum(Charge.total).label("total"))
        .select_from(Charge)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .outerjoin(DemandLetter, DemandLetter.charge_id == Charge.id)
        .where(_is_overdue(today))
        .group_by("age")
    )
    found = {row.age: Age(row.age, row.charges, row.total) for row in rows}
    names = [*(name for name, _most in AGES), "over_365"]
    return [found.get(name, Age(name, 0, Yen(0))) for name in names]


def _due() -> ColumnElement[date]:
    """When a charge was due, as `dunning.due_on` says it; a 督促 moved the end of the time to pay, not that day."""
    until = cast(func.timezone(clock.TOKYO.key, Charge.pay_until), Date)
    return func.coalesce(DemandLetter.was_due_on, ChargeYear.term_end, until)


def _is_overdue(today: date) -> ColumnElement[bool]:
    return and_(
        Charge.state == ChargeState.OPEN.value,
        Charge.total > Yen(0),
        _due() < today,
        # What the bank is taking from an account is not overdue before it says that it could not and a new term is over.
        ~standing.has_order(LineState.ORDERED),
        ~standing.has_new_term(today),
    )


def _overdue(today: date) -> Select[Charge, date, int | None, str, str | None, int | None, str | None, str | None]:
    return (
        select(
            Charge,
            _due().label("due"),
            ChargeYear.assessed_year,
            Payee.name.label("payee"),
            BudgetItem.name.label("item"),
            select(CarryOver.to_year)
            .where(CarryOver.charge_id == Charge.id)
            .order_by(CarryOver.to_year.desc())
            .limit(1)
            .scalar_subquery()
            .label("carried"),
            DemandLetter.number.label("letter"),
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
        .where(_is_overdue(today))
        .order_by("due", Charge.id)
    )


def _unpaid(row: Any, today: date) -> Unpaid:
    return Unpaid(
        row.Charge.reference,
        row.Charge.description,
        row.payee,
        row.item or "",
        row.Charge.total,
        row.due,
        (today - row.due).days,
        row.assessed_year,
        row.carried,
        row.letter,
        row.write_off,
    )


def proposals(session: Session) -> Sequence[Proposed]:
    """Write-offs that wait for a second person. One statement."""
    costs = aliased(Charge)
    rows = session.execute(
        select(WriteOff, Charge.reference, Account.display_name, costs.total.label("costs"))
        .join(Charge, Charge.id == WriteOff.charge_id)
        .outerjoin(DemandLetter, DemandLetter.charge_id == Charge.id)
        .outerjoin(costs, (costs.id == DemandLetter.cost_charge_id) & (costs.state == ChargeState.OPEN.value))
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
            row.costs,
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


def as_csv(session: Session, *, today: date) -> Iterator[str]:
    """The whole list as CSV, a few hundred lines at a time from a cursor of the database."""
    yield _lines([COLUMNS])
    found = session.execute(_overdue(today).execution_options(yield_per=_BATCH))
    for rows in found.partitions():
        yield _lines([_cells(_unpaid(row, today)) for row in rows])


def _cells(each: Unpaid) -> Sequence[object]:
    return (
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
    )


def _lines(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()
