"""Alembic's environment: the models' metadata against PostgreSQL; Procrastinate's tables are its own."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine

import portal.models
from portal.kernel.database import Base, sqlalchemy_url


def ours(_item: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Whether a table, index or other thing belongs to us."""
    return not (kind in {"table", "index"} and (name or "").startswith(("procrastinate_", "idx_procrastinate")))


def run() -> None:
    """Migrate the database that `portal.kernel.migrate` named."""
    url = context.config.attributes["url"]
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=ours,
            compare_type=True,
            compare_server_default=False,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


assert portal.models
run()
