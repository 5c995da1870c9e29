"""Tables of booking rules: groups, declared categories, reductions asked for, corrections of a price, operators of facilities.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PHONE_DIGITS = "regexp_replace(phone, '\\D', '', 'g')"


def upgrade() -> None:
    """Create the tables and the columns that bookings carry for them."""
    _kinds("'timetable', 'fees', 'policy', 'groups'")
    _people()
    _bookings()
    op.add_column(
        "facility",
        sa.Column(
            "access", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )
    op.create_table(
        "facility_operator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("payee", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["facility_id"], ["facility.id"], name=op.f("fk_facility_operator_facility_id_facility"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facility_operator")),
    )
    op.create_index(op.f("ix_facility_operator_facility_id"), "facility_operator", ["facility_id"], unique=False)
    op.create_index("ix_person_phone_digits", "person", [sa.text(PHONE_DIGITS)], unique=False)
    op.create_index("ix_person_household", "person", ["postal_code", "block"], unique=False)


def _kinds(allowed: str) -> None:
    op.drop_constraint(op.f("ck_rule_document_kind"), "rule_document", type_="check")
    op.create_check_constraint(op.f("ck_rule_document_kind"), "rule_document", f"kind IN ({allowed})")


def _people() -> None:
    op.create_table(
        "booking_group",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kana", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("purposes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("representative_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("counter_only", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint("state IN ('applied', 'verified', 'refused', 'ended')", name=op.f("ck_booking_group_state")),
        sa.CheckConstraint(
            "(state = 'verified') <= (valid_until IS NOT NULL AND valid_from <= valid_until)",
            name=op.f("ck_booking_group_term"),
        ),
        sa.ForeignKeyConstraint(
            ["representative_id"], ["person.id"], name=op.f("fk_booking_group_representative_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_group")),
        sa.UniqueConstraint("reference", name=op.f("uq_booking_group_reference")),
    )
    op.create_index(op.f("ix_booking_group_representative_id"), "booking_group", ["representative_id"], unique=False)
    op.create_table(
        "booking_group_member",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("may_book", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "basis IN ('lives', 'works', 'studies', 'none')", name=op.f("ck_booking_group_member_basis")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["booking_group.id"],
            name=op.f("fk_booking_group_member_group_id_booking_group"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_booking_group_member_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_group_member")),
    )
    op.create_index(op.f("ix_booking_group_member_group_id"), "booking_group_member", ["group_id"], unique=False)
    op.create_index(op.f("ix_booking_group_member_person_id"), "booking_group_member", ["person_id"], unique=False)
    op.create_table(
        "eligibility",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint("basis IN ('lives', 'works', 'studies')", name=op.f("ck_eligibility_basis")),
        sa.CheckConstraint("state IN ('declared', 'verified', 'refused', 'ended')", name=op.f("ck_eligibility_state")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_eligibility_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility")),
        sa.UniqueConstraint("reference", name=op.f("uq_eligibility_reference")),
    )
    op.create_index(op.f("ix_eligibility_person_id"), "eligibility", ["person_id"], unique=False)


def _bookings() -> None:
    op.add_column("booking", sa.Column("group_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_booking_group_id_booking_group"), "booking", "booking_group", ["group_id"], ["id"])
    op.create_index(op.f("ix_booking_group_id"), "booking", ["group_id"], unique=False)
    empty = sa.text("'{}'::jsonb")
    op.add_column(
        "booking",
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=empty, nullable=False),
    )
    op.add_column("booking", sa.Column("pay_when", sa.String(), server_default=sa.text("'advance'"), nullable=False))
    op.create_check_constraint(
        op.f("ck_booking_pay_when"), "booking", "pay_when IN ('advance', 'within', 'on_day', 'after_use', 'counter')"
    )
    op.add_column(
        "booking",
        sa.Column(
            "conditions", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.add_column("booking", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("booking", sa.Column("reviewed_by", sa.BigInteger(), nullable=True))
    op.add_column("booking", sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("booking", sa.Column("changes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "reduction_request",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("reduction", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'granted', 'refused', 'revoked', 'withdrawn')", name=op.f("ck_reduction_request_state")
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_reduction_request_booking_id_booking")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reduction_request")),
        sa.UniqueConstraint("booking_id", "reduction", name=op.f("uq_reduction_request_booking_id_reduction")),
    )
    op.create_table(
        "booking_adjustment",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_account_id", sa.BigInteger(), nullable=True),
        sa.Column("old_total", sa.BigInteger(), nullable=False),
        sa.Column("new_total", sa.BigInteger(), nullable=False),
        sa.Column("quote", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("charge_ref", sa.String(), nullable=True),
        sa.Column("refund_refs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_booking_adjustment_booking_id_booking")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_adjustment")),
        sa.UniqueConstraint("booking_id", "run", name=op.f("uq_booking_adjustment_booking_id_run")),
    )
    op.create_index(op.f("ix_booking_adjustment_booking_id"), "booking_adjustment", ["booking_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_person_household", table_name="person")
    op.drop_index("ix_person_phone_digits", table_name="person")
    op.drop_table("facility_operator")
    op.drop_column("facility", "access")
    op.drop_table("booking_adjustment")
    op.drop_table("reduction_request")
    for column in (
        "changes",
        "no_show_at",
        "reviewed_by",
        "reviewed_at",
        "conditions",
        "pay_when",
        "facts",
        "group_id",
    ):
        op.drop_column("booking", column)
    op.drop_table("eligibility")
    op.drop_table("booking_group_member")
    op.drop_table("booking_group")
    # Rows of the kind that goes stay where they are: nothing of the tables below is deleted on the way down.
    op.drop_constraint(op.f("ck_rule_document_kind"), "rule_document", type_="check")
    op.execute(
        "ALTER TABLE rule_document ADD CONSTRAINT ck_rule_document_kind"
        " CHECK (kind IN ('timetable', 'fees', 'policy')) NOT VALID"
    )
