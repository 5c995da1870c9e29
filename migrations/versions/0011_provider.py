"""Tables of the provider: switches of methods, its books line by line, payouts, disputes, reconciliation, accounts for refunds.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Words that columns may hold from now on. A way down leaves them: rows that use them are not thrown away.
WIDER = {
    ("ledger_account", "code"): ("bank", "fee", "disputed", "dispute_lost"),
    ("ledger_transaction", "kind"): (
        "fee",
        "paid_out",
        "payout_returned",
        "dispute_opened",
        "dispute_won",
        "dispute_lost",
    ),
    ("refund", "state"): ("awaiting", "declined", "needs_account"),
}
REFUND_CHECKS = {
    "recipient_known": "recipient IN ('payer', 'heir')",
    "booked_as_known": "booked_as IN ('revenue', 'expenditure')",
    "agreed_before_it_moves": "NOT needs_agreement OR state IN ('awaiting', 'declined') OR agreed_by_account_id IS NOT NULL",
    "agreed_by_another": "agreed_by_account_id <> requested_by_account_id",
    "heir_on_evidence": "recipient = 'payer' OR (needs_agreement AND provider = 'bank' AND heir_evidence <> '')",
    "account_only_for_a_transfer": "state <> 'needs_account' OR provider = 'bank'",
}
CHANGES = {
    "refund": (
        ("state", "provider_id", "failure", "changed_at", "checked_at"),
        ("agreed_by_account_id", "agreed_at", "booked_as"),
    ),
    "payment_attempt": (
        ("state", "provider_id", "url", "changed_at", "checked_at"),
        ("voucher_until", "method", "paid_at"),
    ),
    "provider_line": (
        (),
        ("payout_id", "charge_id", "payment_id", "refund_id", "dispute_id", "note", "explained_by_account_id"),
    ),
    "provider_payout": ((), ("state", "changed_at")),
    "dispute": ((), ("state", "evidence_due_at", "changed_at")),
}


def upgrade() -> None:
    _tables()
    _columns()
    for (table, column), words in WIDER.items():
        _widen(table, column, words)
    for name, condition in REFUND_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_refund_{name}"), "refund", condition)
    op.create_check_constraint(
        op.f("ck_ledger_transaction_of_a_charge"),
        "ledger_transaction",
        "charge_id IS NOT NULL OR provider_line_id IS NOT NULL",
    )
    for table, (before, more) in CHANGES.items():
        _may_change(table, (*before, *more))


def downgrade() -> None:
    for table, (before, _more) in CHANGES.items():
        op.execute(f"DROP TRIGGER {table}_changes ON {table}")
        if before:
            _may_change(table, before, replace=False)
    op.drop_constraint(op.f("ck_ledger_transaction_of_a_charge"), "ledger_transaction", type_="check")
    for name in REFUND_CHECKS:
        op.drop_constraint(op.f(f"ck_refund_{name}"), "refund", type_="check")
    for column in ("methods", "voucher_days", "voucher_until", "refund_fails"):
        op.drop_column("sandbox_session", column)
    for column in (
        "needs_agreement",
        "agreed_by_account_id",
        "agreed_at",
        "recipient",
        "heir_evidence",
        "booked_as",
    ):
        op.drop_column("refund", column)
    for column in ("methods", "voucher_days", "voucher_until", "method", "paid_at"):
        op.drop_column("payment_attempt", column)
    op.drop_column("ledger_transaction", "provider_line_id")
    op.drop_column("ledger_transaction", "dispute_id")
    for table in (
        "refund_account",
        "provider_line",
        "dispute",
        "reconciliation_item",
        "payment_method_switch",
        "reconciliation",
        "provider_payout",
    ):
        op.drop_table(table)


def _widen(table: str, column: str, words: tuple[str, ...]) -> None:
    """Let a column hold more words, whatever it may hold already."""
    name = f"ck_{table}_{column}_known"
    condition = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"), {"name": name}
    )
    known = re.findall(r"'([a-z_]+)'", str(condition))
    listed = ", ".join(f"'{word}'" for word in dict.fromkeys([*known, *words]))
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, f"{column} IN ({listed})")


def _may_change(table: str, columns: tuple[str, ...], *, replace: bool = True) -> None:
    if replace:
        op.execute(f"DROP TRIGGER IF EXISTS {table}_changes ON {table}")
    arguments = ", ".join(f"'{column}'" for column in columns)
    op.execute(
        f"CREATE TRIGGER {table}_changes BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_other_change({arguments})",
    )


def _columns() -> None:
    op.alter_column("ledger_entry", "charge_id", existing_type=sa.BIGINT(), nullable=True)
    op.add_column("ledger_transaction", sa.Column("provider_line_id", sa.BigInteger(), nullable=True))
    op.add_column("ledger_transaction", sa.Column("dispute_id", sa.BigInteger(), nullable=True))
    op.alter_column("ledger_transaction", "charge_id", existing_type=sa.BIGINT(), nullable=True)
    op.create_unique_constraint(
        op.f("uq_ledger_transaction_provider_line_id_kind"), "ledger_transaction", ["provider_line_id", "kind"]
    )
    op.create_foreign_key(
        op.f("fk_ledger_transaction_provider_line_id_provider_line"),
        "ledger_transaction",
        "provider_line",
        ["provider_line_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_ledger_transaction_dispute_id_dispute"), "ledger_transaction", "dispute", ["dispute_id"], ["id"]
    )
    op.add_column("payment_attempt", sa.Column("methods", sa.String(length=120), nullable=False, server_default="card"))
    op.add_column("payment_attempt", sa.Column("voucher_days", sa.SmallInteger(), nullable=True))
    op.add_column("payment_attempt", sa.Column("voucher_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payment_attempt", sa.Column("method", sa.String(length=30), nullable=True))
    op.add_column("payment_attempt", sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refund", sa.Column("needs_agreement", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("refund", sa.Column("agreed_by_account_id", sa.BigInteger(), nullable=True))
    op.add_column("refund", sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refund", sa.Column("recipient", sa.String(length=10), nullable=False, server_default="payer"))
    op.add_column("refund", sa.Column("heir_evidence", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("refund", sa.Column("booked_as", sa.String(length=20), nullable=True))
    op.create_foreign_key(
        op.f("fk_refund_agreed_by_account_id_account"), "refund", "account", ["agreed_by_account_id"], ["id"]
    )
    op.add_column("sandbox_session", sa.Column("methods", sa.String(length=120), nullable=False, server_default="card"))
    op.add_column("sandbox_session", sa.Column("voucher_days", sa.SmallInteger(), nullable=True))
    op.add_column("sandbox_session", sa.Column("voucher_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sandbox_session", sa.Column("refund_fails", sa.Boolean(), nullable=False, server_default=sa.false()))


def _tables() -> None:
    op.create_table(
        "provider_payout",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("merchant", sa.String(length=60), nullable=False),
        sa.Column("provider_id", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')",
            name=op.f("ck_provider_payout_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_payout")),
        sa.UniqueConstraint("provider", "provider_id", name=op.f("uq_provider_payout_provider_provider_id")),
    )
    op.create_index(op.f("ix_provider_payout_arrives_on"), "provider_payout", ["arrives_on"], unique=False)
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("merchant", sa.String(length=60), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_count", sa.Integer(), nullable=False),
        sa.Column("provider_yen", sa.BigInteger(), nullable=False),
        sa.Column("ours_count", sa.Integer(), nullable=False),
        sa.Column("ours_yen", sa.BigInteger(), nullable=False),
        sa.Column("fee_yen", sa.BigInteger(), nullable=False),
        sa.Column("caught_up", sa.Integer(), nullable=False),
        sa.Column("unexplained_yen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
        sa.UniqueConstraint("provider", "merchant", "day", name=op.f("uq_reconciliation_provider_merchant_day")),
    )
    op.create_index(op.f("ix_reconciliation_day"), "reconciliation", ["day"], unique=False)
    op.create_table(
        "payment_method_switch",
        sa.Column("money_kind", sa.String(length=20), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "method IN ('card', 'paypay', 'konbini', 'customer_balance')",
            name=op.f("ck_payment_method_switch_method_known"),
        ),
        sa.CheckConstraint(
            "money_kind IN ('city_tax', 'office_fee', 'facility_fee')",
            name=op.f("ck_payment_method_switch_money_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["changed_by_account_id"],
            ["account.id"],
            name=op.f("fk_payment_method_switch_changed_by_account_id_account"),
        ),
        sa.PrimaryKeyConstraint("money_kind", "method", name=op.f("pk_payment_method_switch")),
    )
    op.create_table(
        "reconciliation_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reconciliation_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_reconciliation_item_charge_id_charge")),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliation.id"],
            name=op.f("fk_reconciliation_item_reconciliation_id_reconciliation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_item")),
        sa.UniqueConstraint(
            "reconciliation_id",
            "kind",
            "reference",
            name=op.f("uq_reconciliation_item_reconciliation_id_kind_reference"),
        ),
    )
    op.create_table(
        "dispute",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.String(length=120), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("evidence_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('warning', 'needs_response', 'under_review', 'won', 'lost')", name=op.f("ck_dispute_state_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_dispute_amount_positive")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_dispute_charge_id_charge")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("provider", "provider_id", name=op.f("uq_dispute_provider_provider_id")),
    )
    op.create_index(op.f("ix_dispute_charge_id"), "dispute", ["charge_id"], unique=False)
    op.create_index(op.f("ix_dispute_payment_id"), "dispute", ["payment_id"], unique=False)
    op.create_table(
        "provider_line",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("merchant", sa.String(length=60), nullable=False),
        sa.Column("provider_id", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_id", sa.String(length=120), nullable=False),
        sa.Column("provider_payment_id", sa.String(length=120), nullable=True),
        sa.Column("attempt_ref", sa.String(length=40), nullable=True),
        sa.Column("payout_id", sa.BigInteger(), nullable=True),
        sa.Column("charge_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.Column("dispute_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("explained_by_account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('payment', 'refund', 'refund_failure', 'dispute', 'dispute_reversal', 'fee', 'payout', 'payout_failure', 'other')",
            name=op.f("ck_provider_line_kind_known"),
        ),
        sa.CheckConstraint("net = amount - fee", name=op.f("ck_provider_line_net_is_amount_less_fee")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_provider_line_charge_id_charge")),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_provider_line_dispute_id_dispute")),
        sa.ForeignKeyConstraint(
            ["explained_by_account_id"], ["account.id"], name=op.f("fk_provider_line_explained_by_account_id_account")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_provider_line_payment_id_payment")),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["provider_payout.id"], name=op.f("fk_provider_line_payout_id_provider_payout")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_provider_line_refund_id_refund")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_line")),
        sa.UniqueConstraint("provider", "provider_id", name=op.f("uq_provider_line_provider_provider_id")),
    )
    op.create_index(op.f("ix_provider_line_charge_id"), "provider_line", ["charge_id"], unique=False)
    op.create_index("ix_provider_line_created", "provider_line", ["provider", "created_at"], unique=False)
    op.create_index(
        "ix_provider_line_open",
        "provider_line",
        ["provider", "merchant"],
        unique=False,
        postgresql_where="charge_id IS NULL",
    )
    op.create_index(op.f("ix_provider_line_payout_id"), "provider_line", ["payout_id"], unique=False)
    op.create_index(
        op.f("ix_provider_line_provider_payment_id"), "provider_line", ["provider_payment_id"], unique=False
    )
    op.create_index(
        "ix_provider_line_unpaid",
        "provider_line",
        ["provider", "merchant"],
        unique=False,
        postgresql_where="payout_id IS NULL",
    )
    op.create_table(
        "refund_account",
        sa.Column("refund_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bank_code", sa.String(length=4), nullable=False),
        sa.Column("branch_code", sa.String(length=3), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by_account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("bank_code ~ '^[0-9]{4}$'", name=op.f("ck_refund_account_bank_code_form")),
        sa.CheckConstraint("branch_code ~ '^[0-9]{3}$'", name=op.f("ck_refund_account_branch_code_form")),
        sa.ForeignKeyConstraint(
            ["given_by_account_id"], ["account.id"], name=op.f("fk_refund_account_given_by_account_id_account")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_refund_account_refund_id_refund")),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_refund_account")),
    )
