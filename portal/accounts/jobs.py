"""Periodic work of accounts."""

from __future__ import annotations

from portal.accounts import services, throttle
from portal.accounts.identity import services as identity
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import task


@task(name="accounts.sweep_guesses", periodic="17 * * * *")
def sweep_guesses(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each hour: drop the counts of failed sign-ins that no longer matter."""
    with unit_of_work() as session:
        throttle.sweep(session, now=clock.now())


@task(name="accounts.drop_unconfirmed", periodic="41 18 * * *")
def drop_unconfirmed(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night: registrations whose mail address was never proved within 7 days leave, with what they typed."""
    with unit_of_work() as session:
        services.drop_unconfirmed(session, now=clock.now())


@task(name="accounts.sweep_identities", periodic="*/10 * * * *")
def sweep_identities(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Every ten minutes: confirmed identities that do not count any more leave, with the facts in them."""
    with unit_of_work() as session:
        identity.sweep(session, now=clock.now())
