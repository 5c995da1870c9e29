"""The orders of a month: a list made by a job (`filling`), looked through by two people, written as the file for the bank.

Order of locks: the month, then the charges by id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import sealing
from payments.errors import SameSecondPerson
from payments.models import (
    PaymentAttempt,
    TransferBatch,
    TransferCollector,
    TransferLine,
    TransferRegistration,
)
from payments.states import LIVE_ATTEMPTS
from payments.transfers import files, filling
from payments.transfers.errors import NoSuchOrder, NothingToOrder, OrderNotLikeThis, OrderTooEarly, OrderTooLate
from payments.transfers.rules import (
    LIVE_LINES,
    BatchEvent,
    BatchState,
    IllegalBatchMoveError,
    LineState,
    Why,
    move,
)
from portal.directory import banks
from portal.kernel import audit, clock, jobs, references
from portal.kernel.audit import Actor

FILL = "payments.fill_transfer_order"
TELL = "payments.tell_transfer_order"
_LIVE = [state.value for state in LIVE_LINES]


def collectors(session: Session) -> Sequence[TransferCollector]:
    """Whose money is taken from accounts."""
    query = select(TransferCollector).where(TransferCollector.active)
    return list(session.scalars(query.order_by(TransferCollector.id)))


def start(session: Session, budget_item: str, *, month: date, actor: Actor, now: datetime) -> TransferBatch:
    """Begin the orders of a month, or find them; a job makes the list.

    Args:
        session: the transaction.
        budget_item: whose money: the collector's budget item.
        month: a day of the month.
        actor: who wants it; the program each morning, too.
        now: aware.

    Raises:
        NoSuchOrder: nobody collects such money from accounts.
        OrderTooLate: the day of the debit is here.
    """
    collector = session.scalars(
        select(TransferCollector).where(TransferCollector.budget_item == budget_item, TransferCollector.active)
    ).one_or_none()
    if collector is None:
        raise NoSuchOrder(budget_item)
    first, calendar = month.replace(day=1), collector.calendar
    if calendar.debit_on(first) <= clock.local(now).date():
        raise OrderTooLate(calendar.debit_on(first))
    made = session.scalar(
        insert(TransferBatch)
        .values(
            reference=references.new("D"),
            collector_id=collector.id,
            month=first,
            debit_on=calendar.debit_on(first),
            hand_in_by=calendar.hand_in_by(first),
            state=BatchState.DRAFT.value,
            made_at=now,
        )
        .on_conflict_do_nothing()
        .returning(TransferBatch.id)
    )
    found = session.scalars(
        select(TransferBatch).where(
            TransferBatch.collector_id == collector.id,
            TransferBatch.month == first,
            TransferBatch.state != BatchState.DROPPED.value,
        )
    ).one()
    if made is not None:
        jobs.defer(session, FILL, batch_id=made)
        _audit(session, found, actor, "make")
    return found


def renew(session: Session, reference: str, *, actor: Actor) -> None:
    """Have the list made anew: what was paid meanwhile leaves it, what came joins it. Whoever looked at it looks again.

    Raises:
        NoSuchOrder: unknown reference.
        OrderNotLikeThis: it is with the bank, or given up.
    """
    batch = locked(session, reference)
    batch.state = _next(batch, BatchEvent.RENEW)
    batch.asked_by, batch.asked_at, batch.filled_at = None, None, None
    session.flush()
    jobs.defer(session, FILL, batch_id=batch.id)
    _audit(session, batch, actor, "renew")


def withdraw(session: Session, reference: str, line_id: int, *, actor: Actor, now: datetime) -> None:
    """Take one order out of a list that is not written: it is paid in another way, and stays out of this list.

    Raises:
        NoSuchOrder: unknown.
        OrderNotLikeThis: the list is with the bank.
    """
    batch = locked(session, reference)
    if batch.state not in {BatchState.DRAFT.value, BatchState.ASKED.value}:
        raise OrderNotLikeThis(reference, batch.state)
    line = session.get(TransferLine, line_id)
    if line is None or line.batch_id != batch.id or line.state != LineState.PLANNED.value:
        raise NoSuchOrder(reference)
    filling.out(line, Why.BY_HAND, now)
    _audit(session, batch, actor, "withdraw")


def ask(session: Session, reference: str, *, actor: Actor, now: datetime) -> None:
    """One person has looked through the list and asks another one to.

    Raises:
        NoSuchOrder: unknown reference.
        OrderNotLikeThis: the list is being made, or is further on.
        OrderTooEarly: the uses that it is for are not over.
        NothingToOrder: it is empty.
    """
    batch = locked(session, reference)
    if batch.filled_at is None:
        raise OrderNotLikeThis(reference, batch.state)
    asked = _next(batch, BatchEvent.ASK)
    complete_on = session.get_one(TransferCollector, batch.collector_id).calendar.complete_on(batch.month)
    if clock.local(now).date() < complete_on:
        raise OrderTooEarly(complete_on)
    if not session.scalar(filling.planned(batch).with_only_columns(TransferLine.id).limit(1)):
        raise NothingToOrder(reference)
    batch.state, batch.asked_by, batch.asked_at = asked, actor.account_id, now
    session.flush()
    _audit(session, batch, actor, "ask")


def write(session: Session, reference: str, *, actor: Actor, now: datetime) -> int:
    """The second person agrees: the file is written, and nobody can pay these sums in another way. How many left the list.

    What was paid since the list was made is withdrawn; nothing is added.

    Raises:
        NoSuchOrder: unknown reference.
        OrderNotLikeThis: nobody has asked for it.
        SameSecondPerson: the one who asked.
        OrderTooLate: the day of the debit is here.
        NothingToOrder: nothing is left of the list.
    """
    batch = locked(session, reference)
    if batch.asked_by is not None and batch.asked_by == actor.account_id:
        raise SameSecondPerson(reference)
    if batch.debit_on <= clock.local(now).date():
        raise OrderTooLate(batch.debit_on)
    written = _next(batch, BatchEvent.WRITE)
    gone = filling.withdraw_stale(session, batch, now)
    lines = session.execute(
        filling.planned(batch)
        .add_columns(TransferRegistration)
        .join(TransferRegistration, TransferRegistration.id == TransferLine.registration_id)
    ).all()
    if not lines:
        raise NothingToOrder(reference)
    known = set(
        session.scalars(
            select(TransferLine.registration_id).where(
                TransferLine.registration_id.in_({row.TransferRegistration.id for row in lines}),
                TransferLine.state.in_([LineState.TAKEN.value, LineState.FAILED.value, LineState.ORDERED.value]),
            )
        )
    )
    orders = []
    for row in lines:
        line: TransferLine = row.TransferLine
        # The records name no year: with a number that no other order ever has no file is taken for another month's.
        line.customer = f"{line.id:020}"
        line.state, line.changed_at = LineState.ORDERED.value, now
        orders.append(_order(line, row.TransferRegistration, first=line.registration_id not in known))
    content = files.write(_file(session.get_one(TransferCollector, batch.collector_id), batch, orders))
    batch.file, batch.sha256 = sealing.seal_file(content), hashlib.sha256(content).hexdigest()
    batch.state, batch.written_by, batch.written_at = written, actor.account_id, now
    session.flush()
    _end_pages(session, [row.TransferLine.charge_id for row in lines])
    jobs.defer(session, TELL, batch_id=batch.id)
    _audit(session, batch, actor, "write", orders=len(lines))
    return gone


def fetch(session: Session, reference: str, *, actor: Actor, now: datetime) -> tuple[bytes, str]:
    """The file for the bank and its name; each reading is in the audit log, the first one is kept.

    Raises:
        NoSuchOrder: unknown reference.
        OrderNotLikeThis: it is not written, or its results are in.
    """
    batch = locked(session, reference)
    if batch.state != BatchState.WRITTEN.value or batch.file is None:
        raise OrderNotLikeThis(reference, batch.state)
    batch.fetched_at = batch.fetched_at or now
    _audit(session, batch, actor, "fetch")
    return sealing.unseal_file(batch.file), f"furikae-{batch.debit_on:%Y%m%d}-{reference}.txt"


def drop(session: Session, reference: str, *, why: str, actor: Actor, now: datetime) -> None:
    """Give the orders of a month up; everything in them is paid in another way, or ordered anew.

    Args:
        session: the transaction.
        reference: the month's.
        why: in words; where the file was fetched, also how it is known that the bank takes nothing.
        actor: who.
        now: aware.

    Raises:
        NoSuchOrder: unknown reference.
        OrderNotLikeThis: its results are in.
        SameSecondPerson: the file may be at the bank: whoever wrote it does not say alone that nothing is taken.
        ValueError: no reason.
    """
    if not why.strip():
        raise ValueError("orders are given up for a reason")
    batch = locked(session, reference)
    if batch.fetched_at is not None and batch.written_by == actor.account_id:
        raise SameSecondPerson(reference)
    dropped = _next(batch, BatchEvent.DROP)
    for line in session.scalars(
        select(TransferLine).where(TransferLine.batch_id == batch.id, TransferLine.state.in_(_LIVE)).with_for_update()
    ):
        filling.out(line, Why.DROPPED, now)
    batch.state, batch.file = dropped, None
    batch.dropped_by, batch.dropped_why = actor.account_id, why.strip()[:400]
    session.flush()
    _audit(session, batch, actor, "drop")


def locked(session: Session, reference: str) -> TransferBatch:
    """The orders of a month, locked.

    Raises:
        NoSuchOrder: unknown reference.
    """
    found = session.scalars(
        select(TransferBatch)
        .where(TransferBatch.reference == reference)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchOrder(reference)
    return found


def _next(batch: TransferBatch, event: BatchEvent) -> str:
    try:
        return move(BatchState(batch.state), event).value
    except IllegalBatchMoveError as error:
        raise OrderNotLikeThis(batch.reference, batch.state) from error


def _end_pages(session: Session, charge_ids: Sequence[int]) -> None:
    live = session.scalars(
        select(PaymentAttempt.charge_id)
        .where(
            PaymentAttempt.charge_id.in_(charge_ids),
            PaymentAttempt.state.in_([state.value for state in LIVE_ATTEMPTS]),
        )
        .distinct()
    )
    for charge_id in live.all():
        jobs.defer(session, "payments.end_attempts", charge_id=charge_id)


def _order(line: TransferLine, registration: TransferRegistration, *, first: bool) -> files.Order:
    account = sealing.unseal(registration.sealed_account or b"")
    bank, branch = _names(account.bank_code, account.branch_code)
    return files.Order(
        files.Account(
            account.bank_code, bank, account.branch_code, branch, account.kind.zengin, account.number, account.holder
        ),
        line.amount,
        line.customer or "",
        files.NEW if first else files.USUAL,
    )


def _file(collector: TransferCollector, batch: TransferBatch, orders: Sequence[files.Order]) -> files.OrderFile:
    bank, branch = _names(collector.bank_code, collector.branch_code)
    own = files.Account(
        collector.bank_code,
        bank,
        collector.branch_code,
        branch,
        collector.account_kind,
        collector.account_number,
        collector.name_kana,
    )
    return files.OrderFile(collector.code, own, batch.debit_on, tuple(orders))


def _names(bank_code: str, branch_code: str) -> tuple[str, str]:
    branch = banks.branch(bank_code, branch_code)
    return (branch.bank.kana, branch.kana) if branch is not None else ("", "")


def _audit(session: Session, batch: TransferBatch, actor: Actor, word: str, *, orders: int = 0) -> None:
    audit.record(
        session,
        actor=actor,
        action=f"transfer_order.{word}",
        subject_kind="transfer_order",
        subject_ref=batch.reference,
        detail={"orders": orders, "sha256": batch.sha256} if word in {"write", "fetch"} else None,
    )
