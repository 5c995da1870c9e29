"""Every evening: tomorrow's sheets as PDF."""

from __future__ import annotations

from datetime import date
from functools import partial

from portal.documents import pdf
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.jobs import PATIENT, task
from reservations.desk import sheets


@task(name="reservations.evening_sheets", periodic="30 8 * * *")
def evening_sheets(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """At 17:30 in Japan: a job for each facility's sheet of tomorrow; sheets of two months ago leave."""
    with unit_of_work() as session:
        now = clock.now_in(session)
        sheets.forget(session, now=now)
        for facility in sheets.wanted(session):
            sheets.ask(session, facility, sheets.tomorrow(now))


@task(name=sheets.MAKE_SHEET, queue="documents", retry=PATIENT)
def make_sheet(facility: str, day: str) -> None:
    """Make one sheet; the PDF outside of any transaction. Twice gives the newest."""
    wanted = date.fromisoformat(day)
    with unit_of_work() as session:
        now = clock.now_in(session)
        context = sheets.context(session, facility, wanted, now=now)
    content = pdf.render("reservations/pdf/sheet.html", "ja", **context)
    transact(partial(sheets.keep, facility=facility, day=wanted, content=content, count=len(context["lines"]), now=now))
