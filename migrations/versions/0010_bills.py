"""Tables of bills: payees, fiscal years, tax bills, transfers, reminders, drawers.

What must hold is here: what is written about a charge's year, a receipt, a drawer's journal or a 督促 is never edited; a bill
changes nothing but its withdrawal; a write-off needs two people.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "bill_elsewhere",
    "bill_export",
    "bill_export_row",
    "bill_import",
    "carry_over",
    "charge_year",
    "demand_letter",
    "drawer_move",
    "paying_in_slip",
    "payment_year",
)
CHANGES = {
    "bill": ("withdrawn_at", "withdrawn_why"),
    "bill_excess": ("outcome", "refund_id", "applied_to_id", "decided_by", "decided_at"),
    "drawer": ("state", "closed_at", "expected", "counted", "count", "explanation"),
    "write_off": ("state", "decided_by", "decided_at"),
}
# Words that columns may hold from now on. A way down leaves them: rows that use them are not thrown away.
WIDER = {
    ("ledger_account", "code"): ("terminal", "clearing", "written_off"),
    ("ledger_transaction", "kind"): ("written_off",),
    ("charge", "state"): ("written_off",),
}


def upgrade() -> None:
    for (table, column), words in WIDER.items():
        _widen(table, column, words)
    op.execute(
        "INSERT INTO ledger_account (payee_id, code)"
        " SELECT p.id, c.code FROM payee p CROSS JOIN (VALUES ('terminal'), ('clearing'), ('written_off')) AS c (code)"
        " ON CONFLICT DO NOTHING"
    )
    op.add_column("receipt_issue", sa.Column("name", sa.String(), nullable=True))
    _tables()
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


def downgrade() -> None:
    for table in (
        "drawer_move",
        "bill_export_row",
        "bill_excess",
        "payment_year",
        "bill_elsewhere",
        "demand_letter_file",
        "bill",
        "write_off",
        "transfer_registration",
        "reminder",
        "paying_in_slip",
        "drawer",
        "demand_letter",
        "charge_year",
        "carry_over",
        "bill_import",
        "bill_export",
        "payee_succession",
        "budget_item",
    ):
        op.drop_table(table)
    op.drop_column("receipt_issue", "name")


def _widen(table: str, column: str, words: tuple[str, ...]) -> None:
    name = f"ck_{table}_{column}_known"
    condition = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"), {"name": name}
    )
    known = re.findall(r"'([a-z_]+)'", str(condition))
    listed = ", ".join(f"'{word}'" for word in dict.fromkeys([*known, *words]))
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, f"{column} IN ({listed})")


def _tables() -> None:
    op.create_table(
        "budget_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("payee_code", sa.String(length=60), nullable=False),
        sa.Column("money_kind", sa.String(length=20), nullable=False),
        sa.Column("timing", sa.String(length=20), nullable=False),
        sa.Column("kan", sa.String(), nullable=False),
        sa.Column("kou", sa.String(), nullable=False),
        sa.Column("moku", sa.String(), nullable=False),
        sa.Column("setsu", sa.String(), nullable=False),
        sa.Column("setsu_carried", sa.String(), nullable=False),
        sa.Column("tax_code", sa.String(length=20), nullable=True),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "money_kind IN ('city_tax', 'office_fee', 'facility_fee')", name=op.f("ck_budget_item_money_kind_known")
        ),
        sa.CheckConstraint(
            "timing IN ('term', 'notice', 'receipt', 'accrual')", name=op.f("ck_budget_item_timing_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_item")),
        sa.UniqueConstraint("code", name=op.f("uq_budget_item_code")),
        sa.UniqueConstraint("tax_code", name=op.f("uq_budget_item_tax_code")),
    )
    op.create_index(
        "uq_budget_item_default",
        "budget_item",
        ["payee_code", "money_kind"],
        unique=True,
        postgresql_where="is_default",
    )
    op.create_table(
        "payee_succession",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("from_payee", sa.String(length=60), nullable=False),
        sa.Column("to_payee", sa.String(length=60), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("refunds_by", sa.String(length=60), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.CheckConstraint("from_payee <> to_payee", name=op.f("ck_payee_succession_two_payees")),
        sa.CheckConstraint(
            "refunds_by IN (from_payee, to_payee)", name=op.f("ck_payee_succession_refunds_by_one_of_them")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee_succession")),
        sa.UniqueConstraint(
            "from_payee", "on_date", "scope", name=op.f("uq_payee_succession_from_payee_on_date_scope")
        ),
    )
    op.create_table(
        "bill_export",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_bill_export_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_export")),
        sa.UniqueConstraint("reference", name=op.f("uq_bill_export_reference")),
    )
    op.create_table(
        "bill_import",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("encoding", sa.String(length=20), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('bills', 'elsewhere')", name=op.f("ck_bill_import_kind_known")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_bill_import_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_import")),
        sa.UniqueConstraint("reference", name=op.f("uq_bill_import_reference")),
        sa.UniqueConstraint("sha256", name=op.f("uq_bill_import_sha256")),
    )
    op.create_table(
        "carry_over",
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("to_year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("carried_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_carry_over_charge_id_charge")),
        sa.PrimaryKeyConstraint("charge_id", "to_year", name=op.f("pk_carry_over")),
    )
    op.create_table(
        "charge_year",
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("budget_item_id", sa.BigInteger(), nullable=True),
        sa.Column("timing", sa.String(length=20), nullable=False),
        sa.Column("term_end", sa.Date(), nullable=True),
        sa.Column("noticed_on", sa.Date(), nullable=False),
        sa.Column("performed_on", sa.Date(), nullable=True),
        sa.Column("assessed_year", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint(
            "timing IN ('term', 'notice', 'receipt', 'accrual')", name=op.f("ck_charge_year_timing_known")
        ),
        sa.ForeignKeyConstraint(
            ["budget_item_id"], ["budget_item.id"], name=op.f("fk_charge_year_budget_item_id_budget_item")
        ),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_charge_year_charge_id_charge")),
        sa.PrimaryKeyConstraint("charge_id", name=op.f("pk_charge_year")),
    )
    op.create_index(op.f("ix_charge_year_budget_item_id"), "charge_year", ["budget_item_id"], unique=False)
    op.create_index(op.f("ix_charge_year_performed_on"), "charge_year", ["performed_on"], unique=False)
    op.create_table(
        "demand_letter",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=30), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("cost_charge_id", sa.BigInteger(), nullable=True),
        sa.Column("costs", sa.BigInteger(), nullable=False),
        sa.Column("was_due_on", sa.Date(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("pay_by", sa.Date(), nullable=False),
        sa.Column("ground_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("costs >= 0", name=op.f("ck_demand_letter_costs_not_negative")),
        sa.CheckConstraint("pay_by > issued_on", name=op.f("ck_demand_letter_term_after_date")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_demand_letter_account_id_account")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_demand_letter_charge_id_charge")),
        sa.ForeignKeyConstraint(["cost_charge_id"], ["charge.id"], name=op.f("fk_demand_letter_cost_charge_id_charge")),
        sa.ForeignKeyConstraint(["ground_id"], ["ground.id"], name=op.f("fk_demand_letter_ground_id_ground")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_letter")),
        sa.UniqueConstraint("charge_id", name=op.f("uq_demand_letter_charge_id")),
        sa.UniqueConstraint("number", name=op.f("uq_demand_letter_number")),
    )
    op.create_table(
        "drawer",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("clerk_account_id", sa.BigInteger(), nullable=True),
        sa.Column("fund", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("count", postgresql.JSONB(), nullable=True),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL AND counted IS NOT NULL)",
            name=op.f("ck_drawer_closed_is_counted"),
        ),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_drawer_state_known")),
        sa.CheckConstraint("fund >= 0", name=op.f("ck_drawer_fund_not_negative")),
        sa.ForeignKeyConstraint(["clerk_account_id"], ["account.id"], name=op.f("fk_drawer_clerk_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drawer")),
        sa.UniqueConstraint("reference", name=op.f("uq_drawer_reference")),
    )
    op.create_index(op.f("ix_drawer_opened_at"), "drawer", ["opened_at"], unique=False)
    op.create_index(
        "uq_drawer_open",
        "drawer",
        ["clerk_account_id", "place"],
        unique=True,
        postgresql_where="state = 'open'",
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "paying_in_slip",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("payee_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_paying_in_slip_amount_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_paying_in_slip_account_id_account")),
        sa.ForeignKeyConstraint(["payee_id"], ["payee.id"], name=op.f("fk_paying_in_slip_payee_id_payee")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paying_in_slip")),
        sa.UniqueConstraint("reference", name=op.f("uq_paying_in_slip_reference")),
    )
    op.create_table(
        "reminder",
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_reminder_charge_id_charge")),
        sa.PrimaryKeyConstraint("charge_id", "days", name=op.f("pk_reminder")),
    )
    op.create_table(
        "transfer_registration",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("budget_item_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_code", sa.String(length=4), nullable=False),
        sa.Column("branch_code", sa.String(length=3), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("mandate", sa.String(length=80), nullable=True),
        sa.Column("last_digits", sa.String(length=4), nullable=False),
        sa.Column("failure", sa.String(length=60), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bank_code ~ '^[0-9]{4}$' AND branch_code ~ '^[0-9]{3}$'", name=op.f("ck_transfer_registration_bank_form")
        ),
        sa.CheckConstraint(
            "state IN ('started', 'confirmed', 'refused', 'ended')", name=op.f("ck_transfer_registration_state_known")
        ),
        sa.CheckConstraint(
            "state NOT IN ('confirmed', 'ended') OR (mandate IS NOT NULL AND confirmed_at IS NOT NULL)",
            name=op.f("ck_transfer_registration_confirmed_by_bank"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_transfer_registration_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["budget_item_id"], ["budget_item.id"], name=op.f("fk_transfer_registration_budget_item_id_budget_item")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_transfer_registration_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_registration")),
        sa.UniqueConstraint("mandate", name=op.f("uq_transfer_registration_mandate")),
        sa.UniqueConstraint("reference", name=op.f("uq_transfer_registration_reference")),
    )
    op.create_index(op.f("ix_transfer_registration_person_id"), "transfer_registration", ["person_id"], unique=False)
    op.create_index(op.f("ix_transfer_registration_started_at"), "transfer_registration", ["started_at"], unique=False)
    op.create_index(
        "uq_transfer_registration_live",
        "transfer_registration",
        ["person_id", "budget_item_id"],
        unique=True,
        postgresql_where="state = 'confirmed'",
    )
    op.create_table(
        "write_off",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_write_off_decided_at_some_time")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)", name=op.f("ck_write_off_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "ground IN ('limitation', 'stopped_three_years', 'stopped_at_once', 'waived')",
            name=op.f("ck_write_off_ground_known"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_write_off_has_reason")),
        sa.CheckConstraint("state IN ('proposed', 'agreed', 'refused')", name=op.f("ck_write_off_state_known")),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_write_off_second_person")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_write_off_charge_id_charge")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_write_off_decided_by_account")),
        sa.ForeignKeyConstraint(["proposed_by"], ["account.id"], name=op.f("fk_write_off_proposed_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_off")),
        sa.UniqueConstraint("reference", name=op.f("uq_write_off_reference")),
    )
    op.create_index("uq_write_off_live", "write_off", ["charge_id"], unique=True, postgresql_where="state <> 'refused'")
    op.create_table(
        "bill",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("check_digits", sa.String(length=6), nullable=False),
        sa.Column("budget_item_id", sa.BigInteger(), nullable=False),
        sa.Column("levy_year", sa.SmallInteger(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("usable_until", sa.Date(), nullable=False),
        sa.Column("taken_here", sa.Boolean(), nullable=False),
        sa.Column("el_number", sa.String(length=60), nullable=False),
        sa.Column("barcode", sa.String(length=120), nullable=False),
        sa.Column("subject_key", sa.String(length=40), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_why", sa.String(), nullable=False),
        sa.CheckConstraint("check_digits ~ '^[0-9]{6}$'", name=op.f("ck_bill_check_digits_form")),
        sa.CheckConstraint("number ~ '^[0-9]{6,20}$'", name=op.f("ck_bill_number_form")),
        sa.CheckConstraint("taken_here OR el_number <> ''", name=op.f("ck_bill_somewhere_to_pay")),
        sa.CheckConstraint("amount BETWEEN 1 AND 9999999", name=op.f("ck_bill_amount_in_range")),
        sa.CheckConstraint("usable_until >= due_on", name=op.f("ck_bill_usable_until_after_due")),
        sa.ForeignKeyConstraint(
            ["budget_item_id"], ["budget_item.id"], name=op.f("fk_bill_budget_item_id_budget_item")
        ),
        sa.ForeignKeyConstraint(["import_id"], ["bill_import.id"], name=op.f("fk_bill_import_id_bill_import")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill")),
        sa.UniqueConstraint("number", name=op.f("uq_bill_number")),
        sa.UniqueConstraint("reference", name=op.f("uq_bill_reference")),
    )
    op.create_index("ix_bill_barcode", "bill", ["barcode"], unique=False, postgresql_where="barcode <> ''")
    op.create_index(op.f("ix_bill_due_on"), "bill", ["due_on"], unique=False)
    op.create_index("ix_bill_el_number", "bill", ["el_number"], unique=False, postgresql_where="el_number <> ''")
    op.create_index(op.f("ix_bill_import_id"), "bill", ["import_id"], unique=False)
    op.create_table(
        "demand_letter_file",
        sa.Column("letter_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_file.id"], name=op.f("fk_demand_letter_file_file_id_stored_file")
        ),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["demand_letter.id"], name=op.f("fk_demand_letter_file_letter_id_demand_letter")
        ),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_demand_letter_file")),
    )
    op.create_table(
        "bill_elsewhere",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("bill_id", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_bill_elsewhere_bill_id_bill")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["bill_import.id"], name=op.f("fk_bill_elsewhere_import_id_bill_import")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_elsewhere")),
        sa.UniqueConstraint(
            "bill_id", "paid_on", "amount", "channel", name=op.f("uq_bill_elsewhere_bill_id_paid_on_amount_channel")
        ),
    )
    op.create_index(op.f("ix_bill_elsewhere_bill_id"), "bill_elsewhere", ["bill_id"], unique=False)
    op.create_table(
        "payment_year",
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("fiscal_year", sa.SmallInteger(), nullable=False),
        sa.Column("part", sa.String(length=20), nullable=False),
        sa.Column("budget_item_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("part IN ('current', 'carried')", name=op.f("ck_payment_year_part_known")),
        sa.ForeignKeyConstraint(
            ["budget_item_id"], ["budget_item.id"], name=op.f("fk_payment_year_budget_item_id_budget_item")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_year_payment_id_payment")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payment_year")),
    )
    op.create_index(op.f("ix_payment_year_fiscal_year"), "payment_year", ["fiscal_year"], unique=False)
    op.create_table(
        "bill_excess",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=30), nullable=False),
        sa.Column("bill_id", sa.BigInteger(), nullable=False),
        sa.Column("elsewhere_id", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.Column("applied_to_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "coalesce(outcome = 'applied', false) = (applied_to_id IS NOT NULL)",
            name=op.f("ck_bill_excess_applied_names_bill"),
        ),
        sa.CheckConstraint("outcome IN ('returned', 'applied')", name=op.f("ck_bill_excess_outcome_known")),
        sa.CheckConstraint("(outcome IS NULL) = (refund_id IS NULL)", name=op.f("ck_bill_excess_outcome_has_refund")),
        sa.CheckConstraint("applied_to_id <> bill_id", name=op.f("ck_bill_excess_not_to_itself")),
        sa.ForeignKeyConstraint(["applied_to_id"], ["bill.id"], name=op.f("fk_bill_excess_applied_to_id_bill")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_bill_excess_bill_id_bill")),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_bill_excess_charge_id_charge")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_bill_excess_decided_by_account")),
        sa.ForeignKeyConstraint(
            ["elsewhere_id"], ["bill_elsewhere.id"], name=op.f("fk_bill_excess_elsewhere_id_bill_elsewhere")
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_bill_excess_refund_id_refund")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_excess")),
        sa.UniqueConstraint("elsewhere_id", name=op.f("uq_bill_excess_elsewhere_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_bill_excess_reference")),
    )
    op.create_index(op.f("ix_bill_excess_bill_id"), "bill_excess", ["bill_id"], unique=False)
    op.create_table(
        "bill_export_row",
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bill_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(payment_id IS NULL) <> (refund_id IS NULL)", name=op.f("ck_bill_export_row_one_movement")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_bill_export_row_bill_id_bill")),
        sa.ForeignKeyConstraint(
            ["export_id"], ["bill_export.id"], name=op.f("fk_bill_export_row_export_id_bill_export")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_bill_export_row_payment_id_payment")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_bill_export_row_refund_id_refund")),
        sa.PrimaryKeyConstraint("export_id", "position", name=op.f("pk_bill_export_row")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_bill_export_row_payment_id")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_bill_export_row_refund_id")),
    )
    op.create_table(
        "drawer_move",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("drawer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cash", sa.BigInteger(), nullable=False),
        sa.Column("payee_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.Column("slip_id", sa.BigInteger(), nullable=True),
        sa.Column("corrects_id", sa.BigInteger(), nullable=True),
        sa.Column("slip_number", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'card') = (slip_number <> '')", name=op.f("ck_drawer_move_card_has_slip")),
        sa.CheckConstraint(
            "(kind = 'correction') = (corrects_id IS NOT NULL)", name=op.f("ck_drawer_move_correction_names_entry")
        ),
        sa.CheckConstraint(
            "kind IN ('fund', 'cash', 'card', 'refund', 'difference', 'to_bank', 'fund_back', 'correction')",
            name=op.f("ck_drawer_move_kind_known"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('correction', 'difference') OR note <> ''", name=op.f("ck_drawer_move_explained")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_drawer_move_account_id_account")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["drawer_move.id"], name=op.f("fk_drawer_move_corrects_id_drawer_move")
        ),
        sa.ForeignKeyConstraint(["drawer_id"], ["drawer.id"], name=op.f("fk_drawer_move_drawer_id_drawer")),
        sa.ForeignKeyConstraint(["payee_id"], ["payee.id"], name=op.f("fk_drawer_move_payee_id_payee")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_drawer_move_payment_id_payment")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_drawer_move_refund_id_refund")),
        sa.ForeignKeyConstraint(["slip_id"], ["paying_in_slip.id"], name=op.f("fk_drawer_move_slip_id_paying_in_slip")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drawer_move")),
        sa.UniqueConstraint("corrects_id", name=op.f("uq_drawer_move_corrects_id")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_drawer_move_payment_id")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_drawer_move_refund_id")),
    )
    op.create_index(op.f("ix_drawer_move_at"), "drawer_move", ["at"], unique=False)
    op.create_index(op.f("ix_drawer_move_drawer_id"), "drawer_move", ["drawer_id"], unique=False)
