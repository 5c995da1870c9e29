"""What is sold at a counter without an application: copies, maps, tags.

Revision ID: 0035
Revises: 0034
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counter_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("payee_code", sa.String(60), nullable=False),
        sa.Column("money_kind", sa.String(20), nullable=False),
        sa.Column("tax", sa.String(20), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("budget_item", sa.String(60), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("price BETWEEN 1 AND 999999", name=op.f("ck_counter_item_price_in_range")),
        sa.CheckConstraint(
            "money_kind IN ('city_tax', 'office_fee', 'facility_fee')", name=op.f("ck_counter_item_money_kind_known")
        ),
        sa.CheckConstraint(
            "tax IN ('standard', 'reduced', 'exempt', 'outside')", name=op.f("ck_counter_item_tax_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_item")),
        sa.UniqueConstraint("code", name=op.f("uq_counter_item_code")),
    )


def downgrade() -> None:
    op.drop_table("counter_item")
