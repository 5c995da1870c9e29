"""A database in use: Koga loaded, demo people, bookings firm, held and cancelled, an application filed, money taken and given back."""

from __future__ import annotations

import psycopg
from psycopg import sql

from portal import app as composition
from portal.accounts.models import Role
from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from reservations.services import cancelling
from reservations.services.common import locked
from tests.counter.test_visits import begin
from tests.forms.conftest import filed
from tests.people import make_resident, make_staff
from tests.reservations.conftest import Resident

#: What a database in use has rows in, domain by domain.
LIVED_IN = (
    "account",
    "audit_entry",
    "booking",
    "occupancy",
    "application",
    "charge",
    "payment",
    "notice",
    "plan_measure",
    "facility",
    "visit_fact",
)


def in_use(url: str) -> None:
    """Fill a database that has Koga's data, through the services that people's clicks call."""
    composition.seed_demo()
    hanako = Resident("古河 はなこ", "hanako@example.com")
    hanako.book("S05-01", "t0900")
    hanako.hold("S05-01", "t1300")
    given_up = hanako.book("S05-01", "t1100")
    with unit_of_work() as session:
        goes_back = cancelling.refund_quote(locked(session, given_up), now=clock.now()).amount
    hanako.cancel(given_up, goes_back)
    filed(make_resident(email="dog@example.com"))
    begin(Actor(make_staff(Role.COUNTER, email="clerk@example.com").id, "staff"), card="hanako")
    with unit_of_work() as session:
        audit.seal(session)
    counted = rows(url)
    empty = [table for table in LIVED_IN if not counted.get(table)]
    assert not empty, f"nothing in {empty}"


def rows(url: str) -> dict[str, int]:
    """How many rows each table holds (the queue's own tables and the revision left out)."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'procrastinate%'"
            " AND tablename <> 'alembic_version' ORDER BY 1"
        ).fetchall()
        counted: dict[str, int] = {}
        for (name,) in names:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
            counted[name] = row[0] if row else 0
        return counted
