"""What the bank says of the orders of a month: taken in whole or not at all, then settled one by one by a job."""

from __future__ import annotations

import hashlib
from datetime import datetime, time
from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from payments import ledger, mails, sealing, settlement
from payments.bills.files import Findings
from payments.models import Charge, ChargePart, TransferBatch, TransferCollector, TransferLine
from payments.states import ChargeState
from payments.transfers import files, orders, services
from payments.transfers.errors import OrderNotLikeThis, TransferResultKnown, TransferResultRefused
from payments.transfers.files import Result
from payments.transfers.rules import BatchEvent, BatchState, LineState, move
from portal.kernel import audit, clock, jobs
from portal.kernel.audit import Actor
from portal.kernel.database import transact

SETTLE = "payments.settle_transfer_line"
METHOD = "transfer"
"""The word for 口座振替 in payments."""


def take(
    session: Session,
    reference: str,
    content: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    early: bool = False,
) -> int:
    """Take a bank's result file in; a job settles each order. How many orders it speaks of.

    Args:
        session: the transaction.
        reference: the orders that it answers.
        content: the file.
        file_name: goes before each mistake.
        actor: who.
        now: aware.
        early: also before the day of the debit: the development double answers at once, a bank cannot.

    Raises:
        NoSuchOrder: unknown reference.
        OrderNotLikeThis: no file of it is with the bank.
        TransferResultKnown: the same file was taken in before, for these orders or for others.
        TransferResultRefused: mistakes, each with its record; nothing was taken in.
    """
    batch = orders.locked(session, reference)
    digest = hashlib.sha256(content).hexdigest()
    known = session.scalar(select(TransferBatch.reference).where(TransferBatch.result_sha256 == digest))
    if known is not None:
        raise TransferResultKnown(known)
    if batch.state != BatchState.WRITTEN.value or batch.file is None:
        raise OrderNotLikeThis(reference, batch.state)
    findings = Findings(file_name)
    if clock.local(now).date() < batch.debit_on and not early:
        findings.wrong(1, "まだ振替日になっていません。", "銀行が引き落としたあとの結果を取り込みます。")
    outcomes = files.read_result(content, sealing.unseal_file(batch.file), findings)
    if findings.count:
        raise TransferResultRefused(findings.problems, findings.count)
    said = {outcome.customer: outcome.result for outcome in outcomes}
    lines = session.scalars(_ordered(batch.id).with_for_update()).all()
    for line in lines:
        line.result = said[line.customer or ""].value
    batch.state = move(BatchState(batch.state), BatchEvent.RETURN).value
    batch.result_sha256, batch.returned_by, batch.returned_at = digest, actor.account_id, now
    session.flush()
    # A job for each: what goes wrong with one keeps no other from being booked.
    jobs.defer_many(session, SETTLE, [{"line_id": line.id} for line in lines])
    audit.record(
        session,
        actor=actor,
        action="transfer_order.result",
        subject_kind="transfer_order",
        subject_ref=reference,
        detail={"orders": len(outcomes), "sha256": digest},
    )
    return len(outcomes)


def settle(batch_id: int, *, now: datetime) -> None:
    """Settle what is left of a month, each order in a transaction of its own; a second run finds nothing to do."""
    lines = transact(lambda session: session.scalars(_ordered(batch_id).with_only_columns(TransferLine.id)).all())
    for line_id in lines:
        settle_line(line_id, now=now)
    transact(partial(_settled, batch_id=batch_id, now=now))


def settle_line(line_id: int, *, now: datetime) -> None:
    """Settle one order by its result, and the month with the last of them; a second run finds nothing to do."""
    batch_id = transact(partial(_settle, line_id=line_id, now=now))
    transact(partial(_settled, batch_id=batch_id, now=now))


def _ordered(batch_id: int) -> Select[TransferLine]:
    return (
        select(TransferLine)
        .where(TransferLine.batch_id == batch_id, TransferLine.state == LineState.ORDERED.value)
        .order_by(TransferLine.id)
    )


def _settle(session: Session, *, line_id: int, now: datetime) -> int:
    line = session.scalars(select(TransferLine).where(TransferLine.id == line_id).with_for_update()).one()
    if line.state != LineState.ORDERED.value or line.result is None:
        return line.batch_id
    batch = session.get_one(TransferBatch, line.batch_id)
    line.changed_at = now
    if line.result == Result.TAKEN.value:
        # The day of the debit is the day of payment; a result that comes before it cannot have been paid later than now.
        paid_at = min(datetime.combine(batch.debit_on, time(0), clock.TOKYO), now)
        arrival = settlement.Arrival(
            provider=ledger.DEBIT_PROVIDER,
            method=METHOD,
            amount=line.amount,
            paid_at=paid_at,
            provider_payment_id=f"{batch.reference}/{line.customer}",
        )
        payment = settlement.take_in(session, line.charge_id, arrival, now=now)
        line.state, line.payment_id = LineState.TAKEN.value, payment.id
        session.flush()
        return line.batch_id
    result = Result(line.result)
    calendar = session.get_one(TransferCollector, batch.collector_id).calendar
    line.state, line.pay_by = LineState.FAILED.value, calendar.pay_by(max(clock.local(now).date(), batch.debit_on))
    session.flush()
    ended = result.ends_registration and services.end_refused(
        session, line.registration_id, result=result.value, now=now
    )
    for charge in _still_owed(session, line):
        if charge.pay_until is not None:
            charge.pay_until = max(charge.pay_until, datetime.combine(line.pay_by, time(23, 59, 59), clock.TOKYO))
        mails.not_taken(
            session,
            charge,
            order=batch.reference,
            debit_on=batch.debit_on,
            result=result.value,
            pay_by=line.pay_by,
            ended=ended,
        )
    session.flush()
    return line.batch_id


def _still_owed(session: Session, line: TransferLine) -> list[Charge]:
    """What an order that failed was for and is still to be paid: the charge, or what is left of a sum that was taken apart."""
    whole = settlement.lock_charge(session, line.charge_id)
    if whole.state == ChargeState.OPEN.value:
        return [whole]
    parts = (
        select(Charge)
        .join(ChargePart, ChargePart.charge_id == Charge.id)
        .where(ChargePart.joint_id == whole.id, Charge.state == ChargeState.OPEN.value)
        .order_by(Charge.id)
        .with_for_update(key_share=True, of=Charge)
    )
    return list(session.scalars(parts))


def _settled(session: Session, *, batch_id: int, now: datetime) -> None:
    batch = session.scalars(select(TransferBatch).where(TransferBatch.id == batch_id).with_for_update()).one()
    left = session.scalar(_ordered(batch_id).with_only_columns(TransferLine.id).limit(1))
    if batch.state == BatchState.RETURNED.value and left is None:
        batch.state = move(BatchState.RETURNED, BatchEvent.SETTLE).value
        # The accounts in the file have done their work.
        batch.settled_at, batch.file = now, None
