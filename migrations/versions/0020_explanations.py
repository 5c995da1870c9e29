"""What people say about money that does not explain itself; the column that was kept for it on a provider's line goes.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE = "odd_explanation"
MAY_CHANGE = ("state", "decided_by", "decided_at", "withdrawn_by", "withdrawn_at")
OF_A_LINE = ("payout_id", "charge_id", "payment_id", "refund_id", "dispute_id", "note")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(30), nullable=False),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("merchant", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("item_ref", sa.String(120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(200), nullable=False),
        sa.Column("needs_agreement", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("explained_by", sa.BigInteger(), nullable=False),
        sa.Column("explained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_{TABLE}_{name}"))
            for name, condition in {
                "state_known": "state IN ('proposed', 'stands', 'refused', 'withdrawn')",
                "says_why_and_on_what": "reason <> '' AND evidence <> ''",
                "second_person": "decided_by <> explained_by",
                "agreed": "NOT needs_agreement OR state IN ('proposed', 'withdrawn') OR decided_by IS NOT NULL",
                "decided_whole": "(decided_by IS NULL) = (decided_at IS NULL)",
                "withdrawn_by_somebody": "(state = 'withdrawn') = (withdrawn_by IS NOT NULL)",
                "withdrawn_whole": "(withdrawn_by IS NULL) = (withdrawn_at IS NULL)",
            }.items()
        ),
        *(
            sa.ForeignKeyConstraint([column], ["account.id"], name=op.f(f"fk_{TABLE}_{column}_account"))
            for column in ("explained_by", "decided_by", "withdrawn_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("reference", name=op.f(f"uq_{TABLE}_reference")),
    )
    op.create_index(
        "uq_odd_explanation_live",
        TABLE,
        ["provider", "merchant", "kind", "item_ref", "amount"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'stands')"),
    )
    _may_change(TABLE, MAY_CHANGE)
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.drop_column("provider_line", "explained_by_account_id")
    op.execute("DROP TRIGGER provider_line_changes ON provider_line")
    _may_change("provider_line", OF_A_LINE)


def downgrade() -> None:
    op.add_column("provider_line", sa.Column("explained_by_account_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_provider_line_explained_by_account_id_account"),
        "provider_line",
        "account",
        ["explained_by_account_id"],
        ["id"],
    )
    op.execute("DROP TRIGGER provider_line_changes ON provider_line")
    _may_change("provider_line", (*OF_A_LINE, "explained_by_account_id"))
    op.drop_table(TABLE)


def _may_change(table: str, columns: tuple[str, ...]) -> None:
    arguments = ", ".join(f"'{column}'" for column in columns)
    op.execute(
        f"CREATE TRIGGER {table}_changes BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_other_change({arguments})"
    )
