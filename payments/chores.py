"""Daily work of the city's own books: carrying over what is unpaid when a year's books close. Safe to run twice."""

from __future__ import annotations

from payments import fiscal
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import task

QUEUE = "money"


@task(name="payments.carry_over", queue=QUEUE, periodic="20 16 * * *")
def carry_over(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night (1:20 in Japan): what is unpaid on June 1 belongs to the next year (滞納繰越)."""
    with unit_of_work() as session:
        fiscal.carry_over(session, on=clock.today(), now=clock.now())
