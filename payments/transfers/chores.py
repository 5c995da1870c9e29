"""Work on orders to the banks in the background. Safe to run twice."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from payments import mails
from payments.models import Charge, TransferBatch, TransferLine, TransferRegistration
from payments.transfers import filling, orders, results
from payments.transfers.rules import BatchState, LineState
from portal.kernel import audit, clock, dates
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import PATIENT, task

QUEUE = "money"
AHEAD = 5
"""So many bank days before the file has to be at the bank its list is made by itself."""


@task(name=orders.FILL, queue=QUEUE, retry=PATIENT)
def fill_transfer_order(batch_id: int) -> None:
    """Make the list of a month's orders to the banks, payer by payer."""
    filling.fill(batch_id, now=clock.now())


@task(name=orders.TELL, queue=QUEUE, retry=PATIENT)
def tell_transfer_order(batch_id: int) -> None:
    """Tell each payer by mail what is going to be taken from which account, once."""
    with unit_of_work() as session:
        rows = session.execute(
            select(Charge, TransferBatch, TransferRegistration.last_digits)
            .join(TransferLine, TransferLine.charge_id == Charge.id)
            .join(TransferBatch, TransferBatch.id == TransferLine.batch_id)
            .join(TransferRegistration, TransferRegistration.id == TransferLine.registration_id)
            .where(TransferBatch.id == batch_id, TransferLine.state == LineState.ORDERED.value)
        ).all()
        for row in rows:
            batch = row.TransferBatch
            mails.going_to_be_taken(
                session, row.Charge, order=batch.reference, debit_on=batch.debit_on, last_digits=row.last_digits
            )


@task(name=results.SETTLE, queue=QUEUE, retry=PATIENT)
def settle_transfer_line(line_id: int) -> None:
    """Settle one order by what the bank said of it."""
    results.settle_line(line_id, now=clock.now())


@task(name="payments.make_transfer_orders", queue=QUEUE, periodic="0 20 * * *")
def make_transfer_orders(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each morning (5:00 in Japan): make or renew the lists that are due soon, and settle what a stopped job left."""
    make_due(today=clock.today())


def make_due(*, today: date) -> None:
    """Make the lists that are due soon, renew drafts, and go on with results that were not settled to the end."""
    now = clock.now()
    with unit_of_work() as session:
        for collector in orders.collectors(session):
            calendar = collector.calendar
            month = calendar.next_month(today)
            if dates.bank_days_before(calendar.hand_in_by(month), AHEAD) <= today < calendar.debit_on(month):
                orders.start(session, collector.budget_item, month=month, actor=audit.SYSTEM, now=now)
        wanted = (BatchState.DRAFT.value, BatchState.RETURNED.value)
        found = session.execute(
            select(TransferBatch.id, TransferBatch.state).where(TransferBatch.state.in_(wanted))
        ).all()
    for each in found:
        if each.state == BatchState.DRAFT.value:
            filling.fill(each.id, now=now)
        else:
            results.settle(each.id, now=now)
