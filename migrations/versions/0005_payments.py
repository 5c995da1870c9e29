"""Tables of payments: payees, charges, attempts, payments, refunds, receipts, providers' notices, the ledger.

What the ledger promises is here, in triggers, and not in the program: entries of a transaction sum to zero (looked at when
the transaction commits), nothing is edited or deleted, a charge changes nothing but its state and its term.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "ground",
    "charge_line",
    "payment",
    "receipt",
    "receipt_issue",
    "ledger_account",
    "ledger_transaction",
    "ledger_entry",
)
# What may change in a row that otherwise stays as it was written.
CHANGES = {
    "charge": ("state", "state_at", "pay_until"),
    "payment_attempt": ("state", "provider_id", "url", "changed_at", "checked_at"),
    "refund": ("state", "provider_id", "failure", "changed_at", "checked_at"),
    "provider_event": ("times_received", "outcome", "reason"),
}


def upgrade() -> None:
    _tables()
    _append_only()
    _ledger_balances()


def downgrade() -> None:
    for table in (
        "ledger_entry",
        "receipt_issue",
        "ledger_transaction",
        "refund",
        "receipt",
        "payment",
        "payment_attempt",
        "charge_payer",
        "charge_line",
        "sandbox_refund",
        "ledger_account",
        "charge",
        "sandbox_session",
        "sandbox_event",
        "provider_event",
        "payee",
        "ground",
        "cashless_elsewhere",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION ledger_balances()")
    op.execute("DROP FUNCTION refuse_other_change()")


def _append_only() -> None:
    # The columns that may change are the trigger's arguments; everything else must stay equal.
    op.execute(
        """
        CREATE FUNCTION refuse_other_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR to_jsonb(OLD) - TG_ARGV <> to_jsonb(NEW) - TG_ARGV THEN
                RAISE EXCEPTION '% changes nothing but %', TG_TABLE_NAME, array_to_string(TG_ARGV, ', ')
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
        """,
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        )
    for table, columns in CHANGES.items():
        arguments = ", ".join(f"'{column}'" for column in columns)
        op.execute(
            f"CREATE TRIGGER {table}_changes BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_other_change({arguments})",
        )
    for table in (*APPEND_ONLY, *CHANGES):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        )


def _ledger_balances() -> None:
    op.execute(
        """
        CREATE FUNCTION ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            posted bigint := CASE TG_TABLE_NAME WHEN 'ledger_entry' THEN (to_jsonb(NEW) ->> 'transaction_id')::bigint ELSE NEW.id END;
            sides bigint;
            difference numeric;
        BEGIN
            SELECT count(*), coalesce(sum(amount), 0) INTO sides, difference FROM ledger_entry WHERE transaction_id = posted;
            IF sides < 2 OR difference <> 0 THEN
                RAISE EXCEPTION 'ledger transaction % does not balance: % entries, difference %', posted, sides, difference
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances', TABLE = TG_TABLE_NAME;
            END IF;
            RETURN NULL;
        END $$
        """,
    )
    for table in ("ledger_transaction", "ledger_entry"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_balances AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balances()",
        )


def _tables() -> None:
    op.create_table(
        "cashless_elsewhere",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("money_kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.CheckConstraint(
            "money_kind IN ('city_tax', 'office_fee', 'facility_fee')",
            name=op.f("ck_cashless_elsewhere_money_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cashless_elsewhere"),
        sa.UniqueConstraint("money_kind", "title", name="uq_cashless_elsewhere_money_kind_title"),
    )
    op.create_table(
        "ground",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_ground"),
        sa.UniqueConstraint(
            "title", "article", "since", name="uq_ground_title_article_since", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "payee",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("registration_number", sa.String(), nullable=True),
        sa.Column("merchant", sa.String(length=60), nullable=True),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('city', 'designated_manager', 'public_enterprise', 'other')", name=op.f("ck_payee_kind_known")
        ),
        sa.CheckConstraint("registration_number ~ '^T[0-9]{13}$'", name=op.f("ck_payee_registration_number_form")),
        sa.PrimaryKeyConstraint("id", name="pk_payee"),
        sa.UniqueConstraint("code", name="uq_payee_code"),
    )
    op.create_table(
        "provider_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("object_id", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_received", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('received', 'applied', 'known', 'ignored', 'refused')",
            name=op.f("ck_provider_event_outcome_known"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_provider_event"),
        sa.UniqueConstraint("provider", "event_id", name="uq_provider_event_provider_event_id"),
    )
    op.create_index("ix_provider_event_object_id", "provider_event", ["object_id"], unique=False)
    op.create_index(
        "ix_provider_event_unfinished",
        "provider_event",
        ["received_at"],
        unique=False,
        postgresql_where="outcome IN ('received', 'refused')",
    )
    op.create_table(
        "sandbox_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=60), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox_event"),
        sa.UniqueConstraint("event_id", name="uq_sandbox_event_event_id"),
    )
    op.create_table(
        "sandbox_session",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("attempt", sa.String(length=40), nullable=False),
        sa.Column("charge_reference", sa.String(length=30), nullable=False),
        sa.Column("merchant", sa.String(length=60), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("return_url", sa.String(), nullable=False),
        sa.Column("cancel_url", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("payment_id", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'pending', 'expired', 'failed', 'paid')", name=op.f("ck_sandbox_session_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox_session"),
        sa.UniqueConstraint("idempotency_key", name="uq_sandbox_session_idempotency_key"),
        sa.UniqueConstraint("payment_id", name="uq_sandbox_session_payment_id"),
        sa.UniqueConstraint("provider_id", name="uq_sandbox_session_provider_id"),
    )
    op.create_table(
        "charge",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("payable_kind", sa.String(length=40), nullable=False),
        sa.Column("payable_ref", sa.String(length=60), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("payee_id", sa.BigInteger(), nullable=False),
        sa.Column("money_kind", sa.String(length=20), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(length=22), nullable=False),
        sa.Column("ground_id", sa.BigInteger(), nullable=False),
        sa.Column("pay_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "money_kind IN ('city_tax', 'office_fee', 'facility_fee')", name=op.f("ck_charge_money_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'void', 'partly_refunded', 'refunded')", name=op.f("ck_charge_state_known")
        ),
        sa.CheckConstraint("char_length(description) BETWEEN 1 AND 22", name=op.f("ck_charge_description_length")),
        sa.CheckConstraint("total BETWEEN 0 AND 9999999", name=op.f("ck_charge_total_in_range")),
        sa.ForeignKeyConstraint(["ground_id"], ["ground.id"], name="fk_charge_ground_id_ground"),
        sa.ForeignKeyConstraint(["payee_id"], ["payee.id"], name="fk_charge_payee_id_payee"),
        sa.PrimaryKeyConstraint("id", name="pk_charge"),
        sa.UniqueConstraint(
            "payable_kind", "payable_ref", "purpose", name="uq_charge_payable_kind_payable_ref_purpose"
        ),
        sa.UniqueConstraint("reference", name="uq_charge_reference"),
    )
    op.create_index("ix_charge_created_at", "charge", ["created_at"], unique=False)
    op.create_index("ix_charge_open_until", "charge", ["pay_until"], unique=False, postgresql_where="state = 'open'")
    op.create_index("ix_charge_payee_id", "charge", ["payee_id"], unique=False)
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("payee_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.CheckConstraint(
            "code IN ('receivable', 'revenue', 'provider', 'cash', 'overpaid', 'refund_due')",
            name=op.f("ck_ledger_account_code_known"),
        ),
        sa.ForeignKeyConstraint(["payee_id"], ["payee.id"], name="fk_ledger_account_payee_id_payee"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_account"),
        sa.UniqueConstraint("id", "payee_id", name="uq_ledger_account_id_payee_id"),
        sa.UniqueConstraint("payee_id", "code", name="uq_ledger_account_payee_id_code"),
    )
    op.create_table(
        "sandbox_refund",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sandbox_session.id"], name="fk_sandbox_refund_session_id_sandbox_session"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox_refund"),
        sa.UniqueConstraint("idempotency_key", name="uq_sandbox_refund_idempotency_key"),
        sa.UniqueConstraint("provider_id", name="uq_sandbox_refund_provider_id"),
    )
    op.create_index("ix_sandbox_refund_session_id", "sandbox_refund", ["session_id"], unique=False)
    op.create_table(
        "charge_line",
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.String(length=20), nullable=False),
        sa.Column("ground_id", sa.BigInteger(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.CheckConstraint(
            "tax IN ('standard', 'reduced', 'exempt', 'outside')", name=op.f("ck_charge_line_tax_known")
        ),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_charge_line_charge_id_charge"),
        sa.ForeignKeyConstraint(["ground_id"], ["ground.id"], name="fk_charge_line_ground_id_ground"),
        sa.PrimaryKeyConstraint("charge_id", "position", name="pk_charge_line"),
    )
    op.create_table(
        "charge_payer",
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_charge_payer_account_id_account"),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_charge_payer_charge_id_charge"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_charge_payer_person_id_person"),
        sa.PrimaryKeyConstraint("charge_id", name="pk_charge_payer"),
    )
    op.create_index("ix_charge_payer_account_id", "charge_payer", ["account_id"], unique=False)
    op.create_index("ix_charge_payer_person_id", "charge_payer", ["person_id"], unique=False)
    op.create_table(
        "payment_attempt",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("merchant", sa.String(length=60), nullable=False),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('opening', 'open', 'pending', 'expired', 'failed', 'paid')",
            name=op.f("ck_payment_attempt_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_attempt_amount_positive")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_payment_attempt_charge_id_charge"),
        sa.PrimaryKeyConstraint("id", name="pk_payment_attempt"),
        sa.UniqueConstraint("idempotency_key", name="uq_payment_attempt_idempotency_key"),
        sa.UniqueConstraint("provider", "provider_id", name="uq_payment_attempt_provider_provider_id"),
        sa.UniqueConstraint("reference", name="uq_payment_attempt_reference"),
    )
    op.create_index("ix_payment_attempt_charge_id", "payment_attempt", ["charge_id"], unique=False)
    op.create_index(
        "ix_payment_attempt_checked",
        "payment_attempt",
        ["checked_at"],
        unique=False,
        postgresql_where="state <> 'paid'",
    )
    op.create_index(
        "uq_payment_attempt_live",
        "payment_attempt",
        ["charge_id"],
        unique=True,
        postgresql_where="state IN ('opening', 'open', 'pending')",
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_payment_id", sa.String(length=120), nullable=True),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("why_not_accepted", sa.String(length=20), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clerk_account_id", sa.BigInteger(), nullable=True),
        sa.Column("place", sa.String(length=60), nullable=True),
        sa.Column("cash_received", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(provider = 'counter') = (cash_received IS NOT NULL AND place IS NOT NULL) AND cash_received >= amount",
            name=op.f("ck_payment_cash_covers"),
        ),
        sa.CheckConstraint("why_not_accepted IN ('paid_twice', 'refused')", name=op.f("ck_payment_reason_known")),
        sa.CheckConstraint("(why_not_accepted IS NULL) = accepted", name=op.f("ck_payment_reason_when_not_accepted")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount_positive")),
        sa.ForeignKeyConstraint(["attempt_id"], ["payment_attempt.id"], name="fk_payment_attempt_id_payment_attempt"),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_payment_charge_id_charge"),
        sa.ForeignKeyConstraint(["clerk_account_id"], ["account.id"], name="fk_payment_clerk_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_payment"),
        sa.UniqueConstraint("attempt_id", name="uq_payment_attempt_id"),
        sa.UniqueConstraint("provider", "provider_payment_id", name="uq_payment_provider_provider_payment_id"),
        sa.UniqueConstraint("reference", name="uq_payment_reference"),
    )
    op.create_index("ix_payment_charge_id", "payment", ["charge_id"], unique=False)
    op.create_index("ix_payment_paid_at", "payment", ["paid_at"], unique=False)
    op.create_index("uq_payment_settles", "payment", ["charge_id"], unique=True, postgresql_where="accepted")
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name="fk_receipt_payment_id_payment"),
        sa.PrimaryKeyConstraint("id", name="pk_receipt"),
        sa.UniqueConstraint("number", name="uq_receipt_number"),
        sa.UniqueConstraint("payment_id", name="uq_receipt_payment_id"),
        sa.UniqueConstraint("reference", name="uq_receipt_reference"),
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ground_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("replaces_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_by_kind", sa.String(length=20), nullable=False),
        sa.Column("requested_by_account_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('not_owed', 'by_ordinance')", name=op.f("ck_refund_kind_known")),
        sa.CheckConstraint(
            "state IN ('requested', 'pending', 'succeeded', 'failed')", name=op.f("ck_refund_state_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount_positive")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_refund_charge_id_charge"),
        sa.ForeignKeyConstraint(["ground_id"], ["ground.id"], name="fk_refund_ground_id_ground"),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name="fk_refund_payment_id_payment"),
        sa.ForeignKeyConstraint(["replaces_id"], ["refund.id"], name="fk_refund_replaces_id_refund"),
        sa.ForeignKeyConstraint(
            ["requested_by_account_id"], ["account.id"], name="fk_refund_requested_by_account_id_account"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_refund"),
        sa.UniqueConstraint("provider", "provider_id", name="uq_refund_provider_provider_id"),
        sa.UniqueConstraint("reference", name="uq_refund_reference"),
        sa.UniqueConstraint("replaces_id", name="uq_refund_replaces_id"),
    )
    op.create_index("ix_refund_charge_id", "refund", ["charge_id"], unique=False)
    op.create_index("ix_refund_checked", "refund", ["checked_at"], unique=False)
    op.create_index("ix_refund_payment_id", "refund", ["payment_id"], unique=False)
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("payee_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('charged', 'voided', 'revived', 'paid', 'overpaid', 'refund_requested', 'refund_sent', 'refund_returned')",
            name=op.f("ck_ledger_transaction_kind_known"),
        ),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_ledger_transaction_charge_id_charge"),
        sa.ForeignKeyConstraint(["payee_id"], ["payee.id"], name="fk_ledger_transaction_payee_id_payee"),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name="fk_ledger_transaction_payment_id_payment"),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name="fk_ledger_transaction_refund_id_refund"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_transaction"),
        sa.UniqueConstraint("id", "charge_id", "payee_id", name="uq_ledger_transaction_id_charge_id_payee_id"),
    )
    op.create_index("ix_ledger_transaction_charge_id", "ledger_transaction", ["charge_id"], unique=False)
    op.create_index("ix_ledger_transaction_posted_at", "ledger_transaction", ["posted_at"], unique=False)
    op.create_table(
        "receipt_issue",
        sa.Column("receipt_id", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("serial >= 1", name=op.f("ck_receipt_issue_serial_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_receipt_issue_account_id_account"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name="fk_receipt_issue_receipt_id_receipt"),
        sa.PrimaryKeyConstraint("receipt_id", "serial", name="pk_receipt_issue"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("payee_id", sa.BigInteger(), nullable=False),
        sa.Column("ground_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entry_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["account_id", "payee_id"], ["ledger_account.id", "ledger_account.payee_id"], name="fk_ledger_entry_account"
        ),
        sa.ForeignKeyConstraint(["ground_id"], ["ground.id"], name="fk_ledger_entry_ground_id_ground"),
        sa.ForeignKeyConstraint(
            ["transaction_id", "charge_id", "payee_id"],
            ["ledger_transaction.id", "ledger_transaction.charge_id", "ledger_transaction.payee_id"],
            name="fk_ledger_entry_transaction",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_entry"),
    )
    op.create_index("ix_ledger_entry_account_id", "ledger_entry", ["account_id"], unique=False)
    op.create_index("ix_ledger_entry_charge_id", "ledger_entry", ["charge_id"], unique=False)
    op.create_index("ix_ledger_entry_transaction_id", "ledger_entry", ["transaction_id"], unique=False)
