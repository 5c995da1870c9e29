"""Work of the city's own books in the background: carrying over, reminders, letters. Safe to run twice."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from payments import dunning, fiscal, lines, mails
from payments.models import Charge, ChargePayer, DemandLetter, DemandLetterFile, GroundRow, Payee
from portal.documents import pdf
from portal.kernel import clock, dates, files
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import PATIENT, task

QUEUE = "money"
log = structlog.get_logger(__name__)


@task(name="payments.carry_over", queue=QUEUE, periodic="20 16 * * *")
def carry_over(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night (1:20 in Japan): what is unpaid on June 1 belongs to the next year (滞納繰越)."""
    with unit_of_work() as session:
        fiscal.carry_over(session, on=clock.today(), now=clock.now())


@task(name="payments.remind", queue=QUEUE, periodic="30 0 * * *")
def remind(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each morning (9:30 in Japan): mails about what is due soon or was due."""
    with unit_of_work() as session:
        sent = dunning.remind(session, today=clock.today(), now=clock.now())
    if sent:
        log.info("reminders_sent", count=sent)


@task(name="payments.make_demand_letter", queue=QUEUE, retry=PATIENT)
def make_demand_letter(letter_id: int) -> None:
    """The 督促状 as PDF, outside of any transaction, and the mail about it; made once."""
    with unit_of_work() as session:
        if session.get(DemandLetterFile, letter_id) is not None:
            return
        row = session.execute(
            select(DemandLetter, Charge, Payee.name, Payee.sample, GroundRow, ChargePayer.name.label("payer"))
            .join(Charge, Charge.id == DemandLetter.charge_id)
            .join(Payee, Payee.id == Charge.payee_id)
            .join(GroundRow, GroundRow.id == DemandLetter.ground_id)
            .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
            .where(DemandLetter.id == letter_id)
        ).one()
        letter, charge = row.DemandLetter, row.Charge
        sample = row.sample or any(line.sample for line in lines.of_charge(session, charge.id))
    content = pdf.render(
        "payments/pdf/demand.html",
        "ja",
        title="督促状",
        number=letter.number,
        city_name=row.name,
        issued_on=dates.both(letter.issued_on),
        name=row.payer or "",
        payee=row.name,
        description=charge.description,
        amount=charge.total.amount,
        costs=letter.costs.amount,
        due=dates.both(letter.was_due_on),
        pay_by=dates.both(letter.pay_by),
        charge_ref=charge.reference,
        ground=str(row.GroundRow),
        sample=sample,
    )
    with unit_of_work() as session:
        if (
            session.scalars(select(DemandLetter.id).where(DemandLetter.id == letter_id).with_for_update()).one()
            and session.get(DemandLetterFile, letter_id) is None
        ):
            stored = files.put(
                session,
                name=f"tokusoku-{letter.number}.pdf",
                media_type="application/pdf",
                content=content,
                kind="demand_letter",
            )
            session.add(DemandLetterFile(letter_id=letter_id, file_id=stored.id, made_at=clock.now()))
            mails.demand(session, charge, number=letter.number, pay_by=letter.pay_by, costs=letter.costs.amount)
