"""Tables of counter.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of counter."""
    op.create_table(
        "visit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open', 'done', 'cancelled')", name=op.f("ck_visit_state_known")),
        sa.CheckConstraint(
            "authority in ('self', 'family', 'proxy', 'statutory')", name=op.f("ck_visit_authority_known")
        ),
        sa.CheckConstraint("(state = 'open') = (ended_at is null)", name=op.f("ck_visit_ended_has_time")),
        sa.ForeignKeyConstraint(["office"], ["office.code"], name="fk_visit_office_office"),
        sa.ForeignKeyConstraint(["opened_by"], ["account.id"], name="fk_visit_opened_by_account"),
        sa.PrimaryKeyConstraint("id", name="pk_visit"),
        sa.UniqueConstraint("reference", name="uq_visit_reference"),
    )
    op.create_index("ix_visit_open", "visit", ["office", "opened_at"], postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "visit_fact",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("replaces_id", sa.BigInteger(), nullable=True),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "source in ('card', 'sample-card', 'correction', 'opening')", name=op.f("ck_visit_fact_source_known")
        ),
        sa.CheckConstraint(
            "(source = 'correction') = (reason is not null)", name=op.f("ck_visit_fact_correction_has_reason")
        ),
        sa.CheckConstraint(
            "(source = 'correction') = (replaces_id is not null)", name=op.f("ck_visit_fact_correction_replaces")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_visit_fact_visit_id_visit", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["entered_by"], ["account.id"], name="fk_visit_fact_entered_by_account"),
        sa.ForeignKeyConstraint(["replaces_id"], ["visit_fact.id"], name="fk_visit_fact_replaces_id_visit_fact"),
        sa.PrimaryKeyConstraint("id", name="pk_visit_fact"),
    )
    op.create_index("ix_visit_fact_visit_id", "visit_fact", ["visit_id"])
    op.create_index(
        "one_current_fact", "visit_fact", ["visit_id", "item"], unique=True, postgresql_where=sa.text("current")
    )
    op.create_table(
        "visit_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_sha256", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(printed_at is null) = (file_id is null)", name=op.f("ck_visit_item_printed_has_file")),
        sa.CheckConstraint(
            "(printed_at is null) = (reviewed_sha256 is null)", name=op.f("ck_visit_item_printed_was_reviewed")
        ),
        sa.CheckConstraint(
            "signed_at is null or printed_at is not null", name=op.f("ck_visit_item_signed_was_printed")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name="fk_visit_item_visit_id_visit", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name="fk_visit_item_application_id_application"
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_visit_item_file_id_stored_file"),
        sa.PrimaryKeyConstraint("id", name="pk_visit_item"),
        sa.UniqueConstraint("application_id", name="uq_visit_item_application_id"),
        sa.UniqueConstraint("visit_id", "slug", name="uq_visit_item_visit_id_slug"),
    )
    op.create_index("ix_visit_item_visit_id", "visit_item", ["visit_id"])


def downgrade() -> None:
    """Drop the tables of counter."""
    op.drop_table("visit_item")
    op.drop_table("visit_fact")
    op.drop_table("visit")
