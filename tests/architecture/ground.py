"""A database in use: Koga loaded, demo people, and whatever the domains can make in a few lines."""

from __future__ import annotations

import psycopg
from psycopg import sql

from portal import app as composition


def in_use(_url: str) -> None:
    """Fill a database that has Koga's data with demo people."""
    composition.seed_demo()


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
