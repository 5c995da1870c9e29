"""On which paper finance saw the account that a refund is transferred to; it stays when the account is forgotten.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MAY_CHANGE = (
    "state",
    "provider_id",
    "failure",
    "changed_at",
    "checked_at",
    "agreed_by_account_id",
    "agreed_at",
    "booked_as",
)


def upgrade() -> None:
    op.add_column("refund", sa.Column("account_evidence", sa.String(200), server_default="", nullable=False))
    _may_change((*MAY_CHANGE, "account_evidence"))


def downgrade() -> None:
    _may_change(MAY_CHANGE)
    op.drop_column("refund", "account_evidence")


def _may_change(columns: tuple[str, ...]) -> None:
    op.execute("DROP TRIGGER refund_changes ON refund")
    arguments = ", ".join(f"'{column}'" for column in columns)
    op.execute(
        "CREATE TRIGGER refund_changes BEFORE UPDATE OR DELETE ON refund"
        f" FOR EACH ROW EXECUTE FUNCTION refuse_other_change({arguments})"
    )
