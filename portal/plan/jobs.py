"""Periodic work of the plan."""

from __future__ import annotations

from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import BRIEF, task
from portal.plan import services


@task(name="plan.record_readings", retry=BRIEF, periodic="50 14 * * *")
def record_readings(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """At 23:50 in Japan: the day's figures, for the chart. Safe to run twice."""
    with unit_of_work() as session:
        services.record_readings(session, today=clock.today())
