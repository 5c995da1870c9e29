"""Orders to the banks (口座振替): who collects, the orders of a month, each order; the account that a bank's signed answer brings.

What keeps anybody from paying twice is here too: a charge is in one live order at most, an order asks for exactly what its charge asks
for, and nothing is taken over a counter for a charge whose order is with the bank.

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge", sa.Column("from_account", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("transfer_registration", sa.Column("sealed_account", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_transfer_registration_account_only_while_valid"),
        "transfer_registration",
        "sealed_account IS NULL OR state = 'confirmed'",
    )
    _collector()
    _batch()
    _line()
    _rules()


def _collector() -> None:
    op.create_table(
        "transfer_collector",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("budget_item", sa.String(60), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("code", sa.String(10), nullable=False),
        sa.Column("name_kana", sa.String(60), nullable=False),
        sa.Column("bank_code", sa.String(4), nullable=False),
        sa.Column("branch_code", sa.String(3), nullable=False),
        sa.Column("account_kind", sa.String(1), nullable=False),
        sa.Column("account_number", sa.String(7), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("lead", sa.SmallInteger(), nullable=False),
        sa.Column("retry", sa.SmallInteger(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "code ~ '^[0-9]{10}$' AND account_number ~ '^[0-9]{7}$'", name=op.f("ck_transfer_collector_numbers_form")
        ),
        sa.CheckConstraint(
            "bank_code ~ '^[0-9]{4}$' AND branch_code ~ '^[0-9]{3}$'", name=op.f("ck_transfer_collector_bank_form")
        ),
        sa.CheckConstraint(
            "day BETWEEN 1 AND 31 AND lead BETWEEN 1 AND 20 AND retry BETWEEN 1 AND 60",
            name=op.f("ck_transfer_collector_days_in_range"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_collector")),
        sa.UniqueConstraint("budget_item", name=op.f("uq_transfer_collector_budget_item")),
    )


def _batch() -> None:
    people = ("asked_by", "written_by", "returned_by", "dropped_by")
    op.create_table(
        "transfer_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.String(30), nullable=False),
        sa.Column("collector_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("debit_on", sa.Date(), nullable=False),
        sa.Column("hand_in_by", sa.Date(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("written_by", sa.BigInteger(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result_sha256", sa.String(64), nullable=True),
        sa.Column("returned_by", sa.BigInteger(), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped_by", sa.BigInteger(), nullable=True),
        sa.Column("dropped_why", sa.String(400), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'asked', 'written', 'returned', 'settled', 'dropped')",
            name=op.f("ck_transfer_batch_state_known"),
        ),
        sa.CheckConstraint("written_by <> asked_by", name=op.f("ck_transfer_batch_second_person")),
        sa.CheckConstraint(
            "state NOT IN ('written', 'returned', 'settled') OR (asked_by IS NOT NULL AND written_by IS NOT NULL"
            " AND written_at IS NOT NULL AND sha256 IS NOT NULL)",
            name=op.f("ck_transfer_batch_written_by_two"),
        ),
        sa.CheckConstraint("state <> 'written' OR file IS NOT NULL", name=op.f("ck_transfer_batch_written_has_file")),
        sa.CheckConstraint(
            "state NOT IN ('returned', 'settled') OR result_sha256 IS NOT NULL",
            name=op.f("ck_transfer_batch_returned_has_result"),
        ),
        sa.CheckConstraint(
            "state <> 'dropped' OR (file IS NULL AND dropped_why <> '')",
            name=op.f("ck_transfer_batch_dropped_has_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["collector_id"], ["transfer_collector.id"], name=op.f("fk_transfer_batch_collector_id_transfer_collector")
        ),
        *(
            sa.ForeignKeyConstraint([column], ["account.id"], name=op.f(f"fk_transfer_batch_{column}_account"))
            for column in people
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_batch")),
        sa.UniqueConstraint("reference", name=op.f("uq_transfer_batch_reference")),
        sa.UniqueConstraint("result_sha256", name=op.f("uq_transfer_batch_result_sha256")),
    )
    op.create_index(
        "uq_transfer_batch_month",
        "transfer_batch",
        ["collector_id", "month"],
        unique=True,
        postgresql_where=sa.text("state <> 'dropped'"),
    )


def _line() -> None:
    op.create_table(
        "transfer_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("registration_id", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("customer", sa.String(20), nullable=True),
        sa.Column("why", sa.String(20), nullable=True),
        sa.Column("result", sa.String(1), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("pay_by", sa.Date(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfer_line_amount_positive")),
        sa.CheckConstraint(
            "state IN ('planned', 'ordered', 'taken', 'failed', 'withdrawn')", name=op.f("ck_transfer_line_state_known")
        ),
        sa.CheckConstraint("result IN ('0', '1', '2', '3', '4', '8', '9')", name=op.f("ck_transfer_line_result_known")),
        sa.CheckConstraint(
            "why IN ('settled', 'voucher', 'registration', 'by_hand', 'renewed', 'dropped')",
            name=op.f("ck_transfer_line_why_known"),
        ),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (why IS NOT NULL)", name=op.f("ck_transfer_line_withdrawn_for_a_reason")
        ),
        sa.CheckConstraint(
            "state NOT IN ('taken', 'failed') OR result IS NOT NULL", name=op.f("ck_transfer_line_settled_by_result")
        ),
        sa.CheckConstraint("(state = 'taken') = (payment_id IS NOT NULL)", name=op.f("ck_transfer_line_taken_is_paid")),
        sa.CheckConstraint(
            "state <> 'ordered' OR customer IS NOT NULL", name=op.f("ck_transfer_line_ordered_has_number")
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{column}_id"], [f"{table}.id"], name=op.f(f"fk_transfer_line_{column}_id_{table}")
            )
            for column, table in (
                ("batch", "transfer_batch"),
                ("registration", "transfer_registration"),
                ("charge", "charge"),
                ("payment", "payment"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_line")),
        sa.UniqueConstraint("batch_id", "customer", name=op.f("uq_transfer_line_batch_id_customer")),
    )
    for column in ("batch_id", "registration_id", "charge_id"):
        op.create_index(op.f(f"ix_transfer_line_{column}"), "transfer_line", [column])
    op.create_index(
        "uq_transfer_line_live",
        "transfer_line",
        ["charge_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('planned', 'ordered')"),
    )


def _rules() -> None:
    op.execute(
        """
        CREATE FUNCTION transfer_line_amount() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.amount <> (SELECT total FROM charge WHERE id = NEW.charge_id) THEN
                RAISE EXCEPTION 'an order asks for what its charge asks for'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'amount_of_the_charge', TABLE = 'transfer_line';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER transfer_line_amount BEFORE INSERT ON transfer_line FOR EACH ROW"
        " EXECUTE FUNCTION transfer_line_amount()"
    )
    op.execute(
        "CREATE TRIGGER transfer_line_changes BEFORE UPDATE OR DELETE ON transfer_line FOR EACH ROW EXECUTE FUNCTION"
        " refuse_other_change('state', 'customer', 'why', 'result', 'payment_id', 'pay_by', 'changed_at')"
    )
    op.execute(
        """
        CREATE FUNCTION payment_not_while_ordered() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT 1 FROM transfer_line WHERE state = 'ordered' AND (charge_id = NEW.charge_id
                    OR charge_id IN (SELECT joint_id FROM charge_part WHERE charge_part.charge_id = NEW.charge_id))
            ) THEN
                RAISE EXCEPTION 'charge % is about to be taken from an account', NEW.charge_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'not_while_ordered', TABLE = 'payment';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    # A provider's money that is there all the same has to be written down; what a clerk takes need not be taken.
    op.execute(
        "CREATE TRIGGER payment_not_while_ordered BEFORE INSERT ON payment FOR EACH ROW"
        " WHEN (NEW.accepted AND NEW.provider IN ('counter', 'terminal')) EXECUTE FUNCTION payment_not_while_ordered()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER payment_not_while_ordered ON payment")
    op.execute("DROP FUNCTION payment_not_while_ordered()")
    op.drop_table("transfer_line")
    op.execute("DROP FUNCTION transfer_line_amount()")
    op.drop_table("transfer_batch")
    op.drop_table("transfer_collector")
    op.drop_constraint(
        op.f("ck_transfer_registration_account_only_while_valid"), "transfer_registration", type_="check"
    )
    op.drop_column("transfer_registration", "sealed_account")
    op.drop_column("charge", "from_account")
