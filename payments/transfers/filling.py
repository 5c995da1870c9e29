"""Makes the list of a month: payer by payer, each in a transaction of its own; safe to run twice.

Order of locks: the month, then the charges by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from payments import joining, settlement
from payments.contract import JOINT
from payments.errors import NotJoinable
from payments.models import (
    Charge,
    ChargeYear,
    PaymentAttempt,
    TransferBatch,
    TransferCollector,
    TransferLine,
    TransferRegistration,
    TransferState,
)
from payments.states import AttemptState, ChargeState
from payments.transfers import standing
from payments.transfers.rules import LIVE_LINES, BatchState, LineState, Why
from portal.kernel import audit
from portal.kernel.database import transact


def fill(batch_id: int, *, now: datetime) -> None:
    """Make the list of a draft; safe to run twice, and a month that is further on stays as it is."""
    people = transact(partial(_tidy, batch_id=batch_id, now=now))
    for person_id in people:
        transact(partial(_fill_person, batch_id=batch_id, person_id=person_id, now=now))
    transact(partial(_filled, batch_id=batch_id, now=now))


def _draft(session: Session, batch_id: int) -> TransferBatch | None:
    """The draft, kept from others until the transaction ends (two workers at it take turns); None: it is further on."""
    batch = session.scalars(
        select(TransferBatch)
        .where(TransferBatch.id == batch_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return batch if batch.state == BatchState.DRAFT.value else None


def _tidy(session: Session, *, batch_id: int, now: datetime) -> list[int]:
    """Take out what is not to be taken any more; whose money there is to put in."""
    batch = _draft(session, batch_id)
    if batch is None:
        return []
    withdraw_stale(session, batch, now)
    rows = session.execute(_to_put_in(batch)).all()
    return sorted({row.person_id for row in rows})


def _filled(session: Session, *, batch_id: int, now: datetime) -> None:
    batch = session.scalars(select(TransferBatch).where(TransferBatch.id == batch_id).with_for_update()).one()
    if batch.state == BatchState.DRAFT.value:
        batch.filled_at = now


def _fill_person(session: Session, *, batch_id: int, person_id: int, now: datetime) -> None:
    """Put a payer's money in: in one sum where that can be, with what is in the list already."""
    batch = _draft(session, batch_id)
    if batch is None:
        return
    query = _to_put_in(batch).where(TransferRegistration.person_id == person_id)
    rows = session.execute(query).all()
    if any(_joins(row.Charge) for row in rows):
        _take_apart(session, batch, person_id, now)
        rows = session.execute(query.execution_options(populate_existing=True)).all()
    if not rows:
        return
    registration: TransferRegistration = rows[0].TransferRegistration
    single = [row.Charge.reference for row in rows if _joins(row.Charge)]
    charges = [row.Charge for row in rows if not _joins(row.Charge)] + _together(session, single, now)
    for charge in charges:
        held = settlement.lock_charge(session, charge.id)
        if held.state == ChargeState.OPEN.value:
            session.add(
                TransferLine(
                    batch_id=batch.id,
                    registration_id=registration.id,
                    charge_id=held.id,
                    amount=held.total,
                    state=LineState.PLANNED.value,
                    changed_at=now,
                )
            )
    session.flush()


def _joins(charge: Charge) -> bool:
    return charge.payable_kind != JOINT and not charge.alone


def _together(session: Session, charge_refs: Sequence[str], now: datetime) -> list[Charge]:
    """One charge for all of them; each by itself where they cannot be paid in one sum."""
    if len(charge_refs) >= joining.FEWEST:
        try:
            with session.begin_nested():
                return [joining.join(session, charge_refs, actor=audit.SYSTEM, now=now)]
        except NotJoinable:
            pass
    return list(session.scalars(select(Charge).where(Charge.reference.in_(charge_refs)).order_by(Charge.id)))


def _take_apart(session: Session, batch: TransferBatch, person_id: int, now: datetime) -> None:
    """What of a payer is in the list already, so that it is put in anew together with what came."""
    rows = session.execute(
        planned(batch)
        .add_columns(Charge)
        .join(Charge, Charge.id == TransferLine.charge_id)
        .join(TransferRegistration, TransferRegistration.id == TransferLine.registration_id)
        .where(TransferRegistration.person_id == person_id, Charge.alone.is_(False))
    ).all()
    for row in rows:
        out(row.TransferLine, Why.RENEWED, now)
        session.flush()
        joining.separate(session, row.Charge.reference, actor=audit.SYSTEM, now=now)


def _to_put_in(
    batch: TransferBatch,
) -> Select[Charge, int | None, TransferRegistration, TransferCollector, ChargeYear]:
    return standing.eligible().where(
        TransferCollector.id == batch.collector_id,
        func.date_trunc("month", ChargeYear.term_end) == batch.month,
        ~standing.has_order(*LIVE_LINES),
    )


def planned(batch: TransferBatch) -> Select[TransferLine]:
    """The orders of a list that is not written yet, in the order in which they were put in."""
    return (
        select(TransferLine)
        .where(TransferLine.batch_id == batch.id, TransferLine.state == LineState.PLANNED.value)
        .order_by(TransferLine.id)
    )


def withdraw_stale(session: Session, batch: TransferBatch, now: datetime) -> int:
    """Take out, under the charges' locks, what was paid or is about to be paid, or has lost its registration; how many."""
    lines = session.scalars(planned(batch)).all()
    charges = {
        charge.id: charge
        for charge in session.scalars(
            select(Charge)
            .where(Charge.id.in_([line.charge_id for line in lines]))
            .order_by(Charge.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    }
    pending = set(
        session.scalars(
            select(PaymentAttempt.charge_id).where(
                PaymentAttempt.charge_id.in_(charges), PaymentAttempt.state == AttemptState.PENDING.value
            )
        )
    )
    valid = set(
        session.scalars(
            select(TransferRegistration.id)
            .where(
                TransferRegistration.id.in_({line.registration_id for line in lines}),
                TransferRegistration.state == TransferState.CONFIRMED.value,
            )
            .with_for_update(read=True)
        )
    )
    gone = 0
    for line in lines:
        why = None
        if charges[line.charge_id].state != ChargeState.OPEN.value:
            why = Why.SETTLED
        elif line.charge_id in pending:
            why = Why.VOUCHER
        elif line.registration_id not in valid:
            why = Why.REGISTRATION
        if why is not None:
            out(line, why, now)
            gone += 1
    session.flush()
    return gone


def out(line: TransferLine, why: Why, now: datetime) -> None:
    """Take an order out."""
    line.state, line.why, line.changed_at = LineState.WITHDRAWN.value, why.value, now
