"""What finance's pages show of the orders to the banks, each in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from payments.models import (
    Charge,
    ChargePayer,
    Payment,
    TransferBatch,
    TransferCollector,
    TransferLine,
    TransferRegistration,
)
from payments.states import ChargeState
from payments.transfers.errors import NoSuchOrder
from payments.transfers.files import Result
from payments.transfers.rules import BatchState, LineState, Why
from portal.accounts.models import Account
from portal.directory import banks
from portal.kernel.money import ZERO, Yen

PAGE = 100
"""How many orders one page of the list shows."""
MONTHS = 36
"""How many months the list of months shows."""


@dataclass(frozen=True)
class Sum:
    """How many orders in one state, and their yen."""

    count: int = 0
    total: Yen = ZERO


@dataclass(frozen=True)
class Month:
    """The orders of one month."""

    reference: str
    name: str
    sample: bool
    month: date
    debit_on: date
    hand_in_by: date
    complete_on: date
    """The first day on which the list is complete."""
    state: BatchState
    sums: Mapping[LineState, Sum]
    overpaid: Sum
    filled: bool
    asked_by: int | None
    asker: str
    written_by: int | None
    writer: str
    written_at: datetime | None
    fetched_at: datetime | None
    settled_at: datetime | None
    dropped_why: str
    sha256: str

    def sum(self, state: str) -> Sum:
        """The orders in one state."""
        return self.sums.get(LineState(state), Sum())


@dataclass(frozen=True)
class Line:
    """One order."""

    id: int
    payer: str
    charge_ref: str
    description: str
    amount: Yen
    bank: str
    last_digits: str
    state: LineState
    stale: bool
    """It leaves the list when the file is written: it was paid or withdrawn meanwhile."""
    result: Result | None
    why: Why | None
    pay_by: date | None
    customer: str
    overpaid: bool
    """The bank took it, and it had been paid in another way: it goes back."""


@dataclass(frozen=True)
class Next:
    """A collector, and the month whose list is next."""

    budget_item: str
    name: str
    sample: bool
    month: date
    debit_on: date
    hand_in_by: date
    reference: str | None


def nexts(session: Session, *, today: date) -> list[Next]:
    """For each collector the month whose file can still be handed over. Two statements."""
    found = session.scalars(
        select(TransferCollector).where(TransferCollector.active).order_by(TransferCollector.id)
    ).all()
    made = {
        (row.collector_id, row.month): row.reference
        for row in session.execute(
            select(TransferBatch.collector_id, TransferBatch.month, TransferBatch.reference).where(
                TransferBatch.state != BatchState.DROPPED.value
            )
        )
    }
    months = [(each, each.calendar, each.calendar.next_month(today)) for each in found]
    return [
        Next(
            each.budget_item,
            each.name,
            each.sample,
            month,
            calendar.debit_on(month),
            calendar.hand_in_by(month),
            made.get((each.id, month)),
        )
        for each, calendar, month in months
    ]


def months(session: Session) -> list[Month]:
    """The newest months, newest first. Two statements."""
    return _months(session, _month().order_by(TransferBatch.month.desc(), TransferBatch.id.desc()).limit(MONTHS))


def month(session: Session, reference: str) -> Month:
    """The orders of one month. Two statements.

    Raises:
        NoSuchOrder: unknown reference.
    """
    found = _months(session, _month().where(TransferBatch.reference == reference))
    if not found:
        raise NoSuchOrder(reference)
    return found[0]


def lines(session: Session, reference: str, *, page: int = 1, size: int = PAGE) -> list[Line]:
    """One page of the orders of a month; what needs somebody first, what was withdrawn last. One statement."""
    order = {LineState.FAILED: 0, LineState.WITHDRAWN: 2}
    rank = func.array_position(
        [state.value for state in sorted(LineState, key=lambda each: order.get(each, 1))], TransferLine.state
    )
    rows = session.execute(
        select(TransferLine, Charge, ChargePayer.name, TransferRegistration, Payment.accepted)
        .join(TransferBatch, TransferBatch.id == TransferLine.batch_id)
        .join(Charge, Charge.id == TransferLine.charge_id)
        .join(TransferRegistration, TransferRegistration.id == TransferLine.registration_id)
        .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
        .outerjoin(Payment, Payment.id == TransferLine.payment_id)
        .where(TransferBatch.reference == reference)
        .order_by(rank, TransferLine.id)
        .limit(size)
        .offset((max(page, 1) - 1) * size)
    )
    return [_line(row.TransferLine, row.Charge, row.name or "", row.TransferRegistration, row.accepted) for row in rows]


def _line(
    line: TransferLine,
    charge: Charge,
    payer: str,
    registration: TransferRegistration,
    accepted: bool | None,  # noqa: FBT001 - a column
) -> Line:
    branch = banks.branch(registration.bank_code, registration.branch_code)
    state = LineState(line.state)
    return Line(
        id=line.id,
        payer=payer,
        charge_ref=charge.reference,
        description=charge.description,
        amount=line.amount,
        bank=f"{branch.bank.name} {branch.name}" if branch else registration.bank_code,
        last_digits=registration.last_digits,
        state=state,
        stale=state is LineState.PLANNED and charge.state != ChargeState.OPEN.value,
        result=Result(line.result) if line.result else None,
        why=Why(line.why) if line.why else None,
        pay_by=line.pay_by,
        customer=line.customer or "",
        overpaid=accepted is False,
    )


def _month() -> Select[TransferBatch, TransferCollector, str | None, str | None]:
    asker, writer = aliased(Account), aliased(Account)
    return (
        select(
            TransferBatch,
            TransferCollector,
            asker.display_name.label("asker"),
            writer.display_name.label("writer"),
        )
        .join(TransferCollector, TransferCollector.id == TransferBatch.collector_id)
        .outerjoin(asker, asker.id == TransferBatch.asked_by)
        .outerjoin(writer, writer.id == TransferBatch.written_by)
    )


def _months(session: Session, query: Select[TransferBatch, TransferCollector, str | None, str | None]) -> list[Month]:
    rows = session.execute(query.execution_options(populate_existing=True)).all()
    sums: dict[int, dict[LineState, Sum]] = {}
    overpaid: dict[int, Sum] = {}
    counted = session.execute(
        select(
            TransferLine.batch_id,
            TransferLine.state,
            Payment.accepted,
            func.count().label("orders"),
            func.sum(TransferLine.amount).label("total"),
        )
        .outerjoin(Payment, Payment.id == TransferLine.payment_id)
        .where(TransferLine.batch_id.in_([row.TransferBatch.id for row in rows]))
        .group_by(TransferLine.batch_id, TransferLine.state, Payment.accepted)
    )
    for each in counted:
        of_batch = sums.setdefault(each.batch_id, {})
        before = of_batch.get(LineState(each.state), Sum())
        of_batch[LineState(each.state)] = Sum(before.count + each.orders, before.total + each.total)
        if each.accepted is False:
            overpaid[each.batch_id] = Sum(each.orders, each.total)
    return [
        Month(
            reference=row.TransferBatch.reference,
            name=row.TransferCollector.name,
            sample=row.TransferCollector.sample,
            month=row.TransferBatch.month,
            debit_on=row.TransferBatch.debit_on,
            hand_in_by=row.TransferBatch.hand_in_by,
            complete_on=row.TransferCollector.calendar.complete_on(row.TransferBatch.month),
            state=BatchState(row.TransferBatch.state),
            sums=sums.get(row.TransferBatch.id, {}),
            overpaid=overpaid.get(row.TransferBatch.id, Sum()),
            filled=row.TransferBatch.filled_at is not None,
            asked_by=row.TransferBatch.asked_by,
            asker=row.asker or "",
            written_by=row.TransferBatch.written_by,
            writer=row.writer or "",
            written_at=row.TransferBatch.written_at,
            fetched_at=row.TransferBatch.fetched_at,
            settled_at=row.TransferBatch.settled_at,
            dropped_why=row.TransferBatch.dropped_why,
            sha256=row.TransferBatch.sha256 or "",
        )
        for row in rows
    ]
