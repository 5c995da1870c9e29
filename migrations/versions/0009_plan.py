"""Tables of plan: initiatives, measures, lines, readings, procedures elsewhere.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_initiative",
        sa.Column("no", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=True),
        sa.Column("departments", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("no", name="pk_plan_initiative"),
    )
    op.create_table(
        "plan_elsewhere",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("department_code", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_code"], ["department.code"], name="fk_plan_elsewhere_department_code_department"
        ),
        sa.PrimaryKeyConstraint("slug", name="pk_plan_elsewhere"),
    )
    op.create_index("ix_plan_elsewhere_department_code", "plan_elsewhere", ["department_code"], unique=False)
    op.create_table(
        "plan_measure",
        sa.Column("no", sa.Text(), nullable=False),
        sa.Column("initiative_no", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_en", sa.Text(), nullable=True),
        sa.Column("baseline", sa.Numeric(), nullable=True),
        sa.Column("baseline_text", sa.Text(), nullable=True),
        sa.Column("baseline_as_of", sa.Text(), nullable=True),
        sa.Column("target", sa.Numeric(), nullable=True),
        sa.Column("target_text", sa.Text(), nullable=True),
        sa.Column("target_year", sa.Integer(), nullable=False),
        sa.Column("better", sa.Text(), nullable=False),
        sa.Column("line_kind", sa.Text(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint("better IN ('up', 'down')", name=op.f("ck_plan_measure_better_known")),
        sa.CheckConstraint("line_kind IN ('level', 'yearly')", name=op.f("ck_plan_measure_line_kind_known")),
        sa.ForeignKeyConstraint(
            ["initiative_no"], ["plan_initiative.no"], name="fk_plan_measure_initiative_no_plan_initiative"
        ),
        sa.PrimaryKeyConstraint("no", name="pk_plan_measure"),
        sa.UniqueConstraint("headline", name="uq_plan_measure_headline"),
    )
    op.create_index("ix_plan_measure_initiative_no", "plan_measure", ["initiative_no"], unique=False)
    op.create_table(
        "plan_measure_line",
        sa.Column("measure_no", sa.Text(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["measure_no"], ["plan_measure.no"], name="fk_plan_measure_line_measure_no_plan_measure"
        ),
        sa.PrimaryKeyConstraint("measure_no", "fiscal_year", name="pk_plan_measure_line"),
    )
    op.create_table(
        "plan_measure_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("measure_no", sa.Text(), nullable=False),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["measure_no"], ["plan_measure.no"], name="fk_plan_measure_reading_measure_no_plan_measure"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plan_measure_reading"),
        sa.UniqueConstraint("measure_no", "read_on", name="uq_plan_measure_reading_measure_no_read_on"),
    )


def downgrade() -> None:
    op.drop_table("plan_measure_reading")
    op.drop_table("plan_measure_line")
    op.drop_index("ix_plan_measure_initiative_no", table_name="plan_measure")
    op.drop_table("plan_measure")
    op.drop_index("ix_plan_elsewhere_department_code", table_name="plan_elsewhere")
    op.drop_table("plan_elsewhere")
    op.drop_table("plan_initiative")
