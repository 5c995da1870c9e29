"""Migrations go up, down and up again with people's data in place, and say the same as the models."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, inspect

from portal.kernel import database as kernel_database
from portal.kernel import migrate
from portal.kernel.database import Base, sqlalchemy_url
from tests.architecture import ground
from tests.conftest import ROOT


def _chain() -> list[str]:
    """Every revision, newest first."""
    return [script.revision for script in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()]


def _tables(url: str) -> set[str]:
    engine = create_engine(sqlalchemy_url(url))
    try:
        return {name for name in inspect(engine).get_table_names() if not name.startswith("procrastinate_")}
    finally:
        engine.dispose()


def test_migrations_stand_in_one_line_and_are_numbered_in_order():
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    assert len(scripts.get_heads()) == 1
    numbered = [Path(str(script.path)).name[:4] for script in scripts.walk_revisions()]
    assert numbered == sorted(numbered, reverse=True)
    assert len(set(numbered)) == len(numbered)


def test_models_and_tables_say_the_same(database: str):
    migrate.check(database)
    assert _tables(database) - {"alembic_version"} == set(Base.metadata.tables)


def test_every_migration_goes_down_and_up_again_on_a_database_in_use(koga: str):
    ground.in_use(koga)
    kernel_database.dispose()
    before = ground.rows(koga)
    assert sum(before.values()) > 500, before
    chain = _chain()
    for revision in [*chain[1:], "base"]:
        migrate.downgrade(koga, revision)
    assert _tables(koga) <= {"alembic_version"}, "a way down leaves tables behind"
    with psycopg.connect(koga) as connection:
        left = connection.execute(
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        ).fetchall()
        types = connection.execute(
            "SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'public'"
            " AND t.typtype IN ('e', 'd') AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')"
        ).fetchall()
    assert left == [], "a way down leaves functions behind"
    assert types == [], "a way down leaves types behind"
    for revision in reversed(chain):
        migrate.upgrade(koga, revision)
    migrate.check(koga)
    assert not migrate.pending(koga)


def test_each_step_down_leaves_the_data_of_the_steps_below(koga: str):
    """Taking one domain away does not touch the rows of those that it stands on."""
    ground.in_use(koga)
    kernel_database.dispose()
    before = ground.rows(koga)
    for revision in _chain()[1:]:
        migrate.downgrade(koga, revision)
        after = ground.rows(koga)
        assert after == {table: before[table] for table in after}, revision


def test_constraints_carry_the_names_that_the_models_give_them(database: str):
    """`alembic check` does not compare check constraints: their names are what errors are told apart by."""
    declared = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint) and constraint.name
    }
    with psycopg.connect(database) as connection:
        there = {
            row[0]
            for row in connection.execute(
                "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
                " AND conrelid::regclass::text NOT LIKE 'procrastinate%'"
            )
        }
    assert declared - there == set(), "the models name them, the migrations do not"
    assert there - declared == set(), "the migrations name them, the models do not"
