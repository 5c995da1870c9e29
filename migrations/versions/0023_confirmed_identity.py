"""Identities that a provider confirmed: for one sign-in, and a short time.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "confirmed_identity",
        sa.Column("secret_sha256", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(secret_sha256) = 64", name=op.f("ck_confirmed_identity_secret_is_hashed")),
        sa.CheckConstraint("sex in ('female', 'male', 'other')", name=op.f("ck_confirmed_identity_sex_known")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_confirmed_identity_has_name")),
    )
    op.create_index("ix_confirmed_identity_account_id", "confirmed_identity", ["account_id"])
    op.create_index("ix_confirmed_identity_confirmed_at", "confirmed_identity", ["confirmed_at"])


def downgrade() -> None:
    op.drop_table("confirmed_identity")
