"""Accounts of people without mail: a number to sign in with, codes on paper, and how an account was confirmed.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("account", "email", nullable=True)
    op.add_column("account", sa.Column("number", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("confirmed_by", sa.Text(), nullable=True))
    op.create_unique_constraint(op.f("uq_account_number"), "account", ["number"])
    op.create_check_constraint(op.f("ck_account_way_in"), "account", "email IS NOT NULL OR number IS NOT NULL")
    op.create_check_constraint(op.f("ck_account_staff_has_mail"), "account", "NOT is_staff OR email IS NOT NULL")
    op.create_check_constraint(
        op.f("ck_account_confirmed_by_known"), "account", "confirmed_by IN ('counter', 'letter')"
    )
    op.create_table(
        "account_code",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("identity_seen", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("way IN ('counter', 'letter')", name=op.f("ck_account_code_way_known")),
        sa.CheckConstraint(
            "(way = 'counter') = (identity_seen IS NOT NULL)", name=op.f("ck_account_code_handed_over_to_somebody_seen")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_code_account_id_account"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_account_code_made_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_code")),
    )
    op.create_index(
        "one_live_account_code",
        "account_code",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("used_at IS NULL AND ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("account_code")
    for name in ("confirmed_by_known", "staff_has_mail", "way_in"):
        op.drop_constraint(op.f(f"ck_account_{name}"), "account", type_="check")
    # An older program signs in by mail only: whoever has none keeps the account under an address that reaches nobody.
    op.execute("UPDATE account SET email = lower(number) || '@mail.invalid' WHERE email IS NULL")
    op.drop_constraint(op.f("uq_account_number"), "account", type_="unique")
    op.drop_column("account", "confirmed_by")
    op.drop_column("account", "number")
    op.alter_column("account", "email", nullable=False)
