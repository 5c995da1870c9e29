"""Tables of reservations: facilities, spaces and their units, rule documents, bookings, occupancies.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of reservations."""
    op.create_table(
        "facility",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kana", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("department", sa.String(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("replaced_by", sa.String(), nullable=True),
        sa.Column("evidence_class", sa.String(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facility")),
        sa.UniqueConstraint("code", name=op.f("uq_facility_code")),
    )
    op.create_table(
        "facility_name",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["facility_id"], ["facility.id"], name=op.f("fk_facility_name_facility_id_facility"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facility_name")),
    )
    op.create_index(op.f("ix_facility_name_facility_id"), "facility_name", ["facility_id"], unique=False)
    op.create_table(
        "purpose",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("purpose_group", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purpose")),
        sa.UniqueConstraint("code", name=op.f("uq_purpose_code")),
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_unit_facility_id_facility")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
        sa.UniqueConstraint("facility_id", "code", name=op.f("uq_unit_facility_id_code")),
    )
    op.create_table(
        "space",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("bookable", sa.Boolean(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("tariff", sa.String(), nullable=False),
        sa.Column("timetable_code", sa.String(), nullable=True),
        sa.Column("fees_code", sa.String(), nullable=True),
        sa.Column("policy_code", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_space_facility_id_facility")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space")),
        sa.UniqueConstraint("code", name=op.f("uq_space_code")),
    )
    op.create_index(op.f("ix_space_facility_id"), "space", ["facility_id"], unique=False)
    op.create_table(
        "space_unit",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_space_unit_space_id_space"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_space_unit_unit_id_unit")),
        sa.PrimaryKeyConstraint("space_id", "unit_id", name=op.f("pk_space_unit")),
    )
    op.create_index("ix_space_unit_unit_id", "space_unit", ["unit_id"], unique=False)
    op.create_table(
        "space_purpose",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("purpose_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["purpose_id"], ["purpose.id"], name=op.f("fk_space_purpose_purpose_id_purpose")),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_space_purpose_space_id_space"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", "purpose_id", name=op.f("pk_space_purpose")),
    )
    op.create_index("ix_space_purpose_purpose_id", "space_purpose", ["purpose_id"], unique=False)
    op.create_table(
        "rule_document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('timetable', 'fees', 'policy')", name=op.f("ck_rule_document_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_document")),
        sa.UniqueConstraint(
            "kind", "code", "valid_from", "revision", name=op.f("uq_rule_document_kind_code_valid_from_revision")
        ),
    )
    op.create_table(
        "booking",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("purpose_id", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("slot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timetable_id", sa.Integer(), nullable=False),
        sa.Column("fees_id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("quote", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("permit_code", sa.String(), nullable=True),
        sa.Column("permit_file_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("people >= 1", name=op.f("ck_booking_people")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_booking_forward")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_booking_account_id_account")),
        sa.ForeignKeyConstraint(["fees_id"], ["rule_document.id"], name=op.f("fk_booking_fees_id_rule_document")),
        sa.ForeignKeyConstraint(
            ["permit_file_id"], ["stored_file.id"], name=op.f("fk_booking_permit_file_id_stored_file")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_booking_person_id_person")),
        sa.ForeignKeyConstraint(["policy_id"], ["rule_document.id"], name=op.f("fk_booking_policy_id_rule_document")),
        sa.ForeignKeyConstraint(["purpose_id"], ["purpose.id"], name=op.f("fk_booking_purpose_id_purpose")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_booking_space_id_space")),
        sa.ForeignKeyConstraint(
            ["timetable_id"], ["rule_document.id"], name=op.f("fk_booking_timetable_id_rule_document")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking")),
        sa.UniqueConstraint("permit_code", name=op.f("uq_booking_permit_code")),
        sa.UniqueConstraint("reference", name=op.f("uq_booking_reference")),
    )
    op.create_index(
        "ix_booking_held", "booking", ["held_until"], unique=False, postgresql_where=sa.text("state = 'held'")
    )
    op.create_index("ix_booking_person_id_state", "booking", ["person_id", "state"], unique=False)
    op.create_index("ix_booking_space_id_starts_at", "booking", ["space_id", "starts_at"], unique=False)
    op.create_table(
        "occupancy",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("live", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_ref", sa.String(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("unit_id"), "="),
            (sa.column("during"), "&&"),
            (sa.column("live"), "&&"),
            using="gist",
            name="ex_occupancy_no_overlap",
        ),
        sa.CheckConstraint("(kind = 'booking') = (booking_id IS NOT NULL)", name=op.f("ck_occupancy_owner")),
        sa.CheckConstraint(
            "kind IN ('booking', 'closure', 'session', 'allocation', 'city')", name=op.f("ck_occupancy_kind")
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_occupancy_booking_id_booking")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_occupancy_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occupancy")),
    )
    op.create_index(op.f("ix_occupancy_booking_id"), "occupancy", ["booking_id"], unique=False)
    op.create_table(
        "booking_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_account_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_booking_event_booking_id_booking")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_event")),
    )
    op.create_index(op.f("ix_booking_event_booking_id"), "booking_event", ["booking_id"], unique=False)


def downgrade() -> None:
    """Drop the tables of reservations."""
    op.drop_table("booking_event")
    op.drop_table("occupancy")
    op.drop_table("booking")
    op.drop_table("rule_document")
    op.drop_table("space_purpose")
    op.drop_table("space_unit")
    op.drop_table("space")
    op.drop_table("unit")
    op.drop_table("purpose")
    op.drop_table("facility_name")
    op.drop_table("facility")
