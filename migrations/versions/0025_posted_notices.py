"""Messages on paper about money and bookings, for people without mail.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLE = "posted_notice"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("context", postgresql.JSONB(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("printed_by", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by", sa.BigInteger(), nullable=True),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(printed_at IS NULL) = (printed_by IS NULL)", name=op.f(f"ck_{TABLE}_printed_by_somebody")),
        sa.CheckConstraint("(sent_at IS NULL) = (sent_by IS NULL)", name=op.f(f"ck_{TABLE}_sent_by_somebody")),
        sa.CheckConstraint("(sent_at IS NULL) = (sent_on IS NULL)", name=op.f(f"ck_{TABLE}_sent_on_a_day")),
        sa.CheckConstraint("sent_at IS NULL OR printed_at IS NOT NULL", name=op.f(f"ck_{TABLE}_sent_after_print")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f(f"fk_{TABLE}_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["printed_by"], ["account.id"], name=op.f(f"fk_{TABLE}_printed_by_account")),
        sa.ForeignKeyConstraint(["sent_by"], ["account.id"], name=op.f(f"fk_{TABLE}_sent_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("key", name=op.f(f"uq_{TABLE}_key")),
    )
    op.create_index(op.f(f"ix_{TABLE}_person_id"), TABLE, ["person_id"])
    op.create_index(f"ix_{TABLE}_to_send", TABLE, ["room", "made_at"], postgresql_where=sa.text("sent_at IS NULL"))


def downgrade() -> None:
    op.drop_table(TABLE)
