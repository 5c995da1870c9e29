"""Tables of booking screens: browser set-up, tokens of the API, check-in, favourites.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROLES = "'counter', 'reviewer', 'approver', 'facility_manager', 'editor', 'finance', 'it_strategy'"


def upgrade() -> None:
    """Create the tables and columns; the facility admin is a role from here on."""
    _roles(f"{ROLES}, 'facility_admin'")
    op.create_table(
        "api_calls",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who", "minute", name=op.f("pk_api_calls")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_token_scopes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
    )
    op.create_table(
        "api_answer",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name=op.f("fk_api_answer_token_id_api_token")),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_api_answer")),
    )
    op.create_table(
        "api_person",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_api_person_person_id_person")),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name=op.f("fk_api_person_token_id_api_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_person")),
        sa.UniqueConstraint("token_id", "subject", name=op.f("uq_api_person_token_id_subject")),
    )
    op.create_index(op.f("ix_api_person_person_id"), "api_person", ["person_id"], unique=False)
    op.create_table(
        "day_sheet",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bookings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_day_sheet_facility_id_facility")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_day_sheet_file_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_sheet")),
        sa.UniqueConstraint("facility_id", "day", name=op.f("uq_day_sheet_facility_id_day")),
    )
    op.create_table(
        "facility_picture",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("alt", sa.String(), nullable=False),
        sa.Column("alt_en", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["facility_id"], ["facility.id"], name=op.f("fk_facility_picture_facility_id_facility"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_facility_picture_file_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facility_picture")),
    )
    op.create_index(op.f("ix_facility_picture_facility_id"), "facility_picture", ["facility_id"], unique=False)
    op.create_table(
        "favourite",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_favourite_facility_id_facility")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_favourite_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", "facility_id", name=op.f("pk_favourite")),
    )
    op.create_table(
        "rule_draft",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("writers", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_by", sa.BigInteger(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned", sa.String(), nullable=True),
        sa.Column("document_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'published') = (agreed_by IS NOT NULL AND document_id IS NOT NULL AND agreed_at IS NOT NULL)",
            name=op.f("ck_rule_draft_published"),
        ),
        sa.CheckConstraint("kind IN ('timetable', 'fees', 'policy')", name=op.f("ck_rule_draft_kind")),
        sa.CheckConstraint(
            "state <> 'asked' OR (asked_by IS NOT NULL AND content IS NOT NULL)", name=op.f("ck_rule_draft_asked")
        ),
        sa.CheckConstraint("state IN ('writing', 'asked', 'published', 'dropped')", name=op.f("ck_rule_draft_state")),
        sa.CheckConstraint(
            "agreed_by IS NULL OR (agreed_by <> ALL (writers) AND asked_by IS NOT NULL AND agreed_by <> asked_by)",
            name=op.f("ck_rule_draft_two_persons"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["rule_document.id"], name=op.f("fk_rule_draft_document_id_rule_document")
        ),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_rule_draft_facility_id_facility")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_draft")),
    )
    op.create_index(op.f("ix_rule_draft_facility_id"), "rule_draft", ["facility_id"], unique=False)
    op.create_table(
        "booking_use",
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("came_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("came_by", sa.String(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.BigInteger(), nullable=True),
        sa.Column("users", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("overtime", sa.Integer(), nullable=False),
        sa.Column("overtime_charge", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.CheckConstraint("came_by IN ('list', 'code', 'qr', 'paper')", name=op.f("ck_booking_use_came_by")),
        sa.CheckConstraint(
            "came_at <= entered_at AND (left_at IS NULL OR left_at <= entered_at)",
            name=op.f("ck_booking_use_true_time"),
        ),
        sa.CheckConstraint("left_at IS NULL OR came_at < left_at", name=op.f("ck_booking_use_forward")),
        sa.CheckConstraint("overtime >= 0", name=op.f("ck_booking_use_overtime")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_booking_use_booking_id_booking")),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_booking_use")),
    )
    op.create_table(
        "lent_thing",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("lent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lent_by", sa.BigInteger(), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("returned_at IS NULL OR lent_at <= returned_at", name=op.f("ck_lent_thing_forward")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_lent_thing_booking_id_booking")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lent_thing")),
    )
    op.create_index(op.f("ix_lent_thing_booking_id"), "lent_thing", ["booking_id"], unique=False)
    op.add_column("facility", sa.Column("origin", sa.String(), server_default=sa.text("'pack'"), nullable=False))
    op.add_column(
        "facility",
        sa.Column(
            "barrier_free",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column("facility", sa.Column("wifi", sa.Boolean(), nullable=True))
    op.add_column("facility_name", sa.Column("name_en", sa.String(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    """Drop them again. Grants of the role stay as rows that mean nothing: no data of the steps below is touched."""
    op.drop_column("facility_name", "name_en")
    op.drop_column("facility", "wifi")
    op.drop_column("facility", "barrier_free")
    op.drop_column("facility", "origin")
    op.drop_index(op.f("ix_lent_thing_booking_id"), table_name="lent_thing")
    op.drop_table("lent_thing")
    op.drop_table("booking_use")
    op.drop_index(op.f("ix_rule_draft_facility_id"), table_name="rule_draft")
    op.drop_table("rule_draft")
    op.drop_table("favourite")
    op.drop_index(op.f("ix_facility_picture_facility_id"), table_name="facility_picture")
    op.drop_table("facility_picture")
    op.drop_table("day_sheet")
    op.drop_index(op.f("ix_api_person_person_id"), table_name="api_person")
    op.drop_table("api_person")
    op.drop_table("api_answer")
    op.drop_table("api_token")
    op.drop_table("api_calls")
    _roles(ROLES, not_valid=True)


def _roles(allowed: str, *, not_valid: bool = False) -> None:
    op.drop_constraint(op.f("ck_role_grant_role_known"), "role_grant", type_="check")
    op.create_check_constraint(
        op.f("ck_role_grant_role_known"), "role_grant", f"role IN ({allowed})", postgresql_not_valid=not_valid
    )
