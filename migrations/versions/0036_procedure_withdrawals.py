"""Taking a procedure off the catalogue needs a second person too; in an emergency one person does it and the second looks afterwards.

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "procedure_withdrawal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("procedure_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.BigInteger(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_procedure_withdrawal_has_reason")),
        sa.CheckConstraint("agreed_by <> asked_by", name=op.f("ck_procedure_withdrawal_two_persons")),
        sa.CheckConstraint(
            "(agreed_by is null) = (agreed_at is null)", name=op.f("ck_procedure_withdrawal_agreed_whole")
        ),
        sa.CheckConstraint(
            "not alone or (from_at = asked_at and dropped_at is null)",
            name=op.f("ck_procedure_withdrawal_alone_at_once"),
        ),
        sa.ForeignKeyConstraint(
            ["procedure_id"], ["procedure.id"], name=op.f("fk_procedure_withdrawal_procedure_id_procedure")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_procedure_withdrawal_asked_by_account")),
        sa.ForeignKeyConstraint(["agreed_by"], ["account.id"], name=op.f("fk_procedure_withdrawal_agreed_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedure_withdrawal")),
    )
    op.create_index(op.f("ix_procedure_withdrawal_procedure_id"), "procedure_withdrawal", ["procedure_id"])
    op.create_index(
        "one_waiting_withdrawal",
        "procedure_withdrawal",
        ["procedure_id"],
        unique=True,
        postgresql_where=sa.text("not alone and agreed_at is null and dropped_at is null"),
    )


def downgrade() -> None:
    op.drop_table("procedure_withdrawal")
