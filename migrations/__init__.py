"""Alembic migrations, numbered and reversible."""
