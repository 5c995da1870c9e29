"""What was prepared at home is finished at the counter: until when, who was seen, what changed there.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("application", sa.Column("prepared_until", sa.Date(), nullable=True))
    # Prepared before there was a last day: thirty days from the last change, in Japan.
    op.execute(
        "UPDATE application SET prepared_until = (changed_at AT TIME ZONE 'Asia/Tokyo')::date + 30 WHERE state = 'prepared'"
    )
    op.add_column("visit", sa.Column("identity_seen", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("visit", sa.Column("identity_by", sa.BigInteger(), nullable=True))
    op.add_column("visit", sa.Column("identity_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f("fk_visit_identity_by_account"), "visit", "account", ["identity_by"], ["id"])
    op.create_check_constraint(
        op.f("ck_visit_identity_seen_by_somebody"),
        "visit",
        "(identity_at is null) = (identity_seen is null) and (identity_at is null) = (identity_by is null)",
    )
    op.add_column("visit_item", sa.Column("prepared", postgresql.JSONB(), nullable=True))
    op.create_table(
        "counter_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("field_id", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_counter_change_application_id_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["entered_by"], ["account.id"], name=op.f("fk_counter_change_entered_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_change")),
        sa.UniqueConstraint("application_id", "field_id", name=op.f("uq_counter_change_application_id_field_id")),
    )
    op.create_index(op.f("ix_counter_change_application_id"), "counter_change", ["application_id"])


def downgrade() -> None:
    op.drop_table("counter_change")
    op.drop_column("visit_item", "prepared")
    op.drop_constraint(op.f("ck_visit_identity_seen_by_somebody"), "visit", type_="check")
    for column in ("identity_at", "identity_by", "identity_seen"):
        op.drop_column("visit", column)
    op.drop_column("application", "prepared_until")
