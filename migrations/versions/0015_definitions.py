"""Definitions: proposals that a second person publishes; what the rules knew of the applicant.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("procedure_version", sa.Column("proposed_by", sa.BigInteger(), nullable=True))
    op.add_column("procedure_version", sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("procedure_version", sa.Column("agreed_by", sa.BigInteger(), nullable=True))
    op.add_column("procedure_version", sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True))
    for column in ("proposed_by", "agreed_by"):
        op.create_foreign_key(
            f"fk_procedure_version_{column}_account", "procedure_version", "account", [column], ["id"]
        )
    op.create_check_constraint(
        op.f("ck_procedure_version_two_persons"),
        "procedure_version",
        "agreed_by is null or (proposed_by is not null and agreed_by <> proposed_by)",
    )
    op.create_index(
        "one_proposal",
        "procedure_version",
        ["procedure_id"],
        unique=True,
        postgresql_where=sa.text("published_at is null"),
    )
    op.add_column("application", sa.Column("facts", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("application", "facts")
    op.drop_index("one_proposal", table_name="procedure_version")
    op.drop_constraint(op.f("ck_procedure_version_two_persons"), "procedure_version", type_="check")
    for column in ("proposed_by", "agreed_by"):
        op.drop_constraint(f"fk_procedure_version_{column}_account", "procedure_version", type_="foreignkey")
        op.drop_column("procedure_version", column)
    op.drop_column("procedure_version", "agreed_at")
    op.drop_column("procedure_version", "proposed_at")
