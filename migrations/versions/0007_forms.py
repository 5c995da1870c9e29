"""Tables of forms: procedures and their versions, cases with their answers, events, corrections, decisions, documents.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What was filed and what happened is only ever added to.
APPEND_ONLY = ("application_answers", "application_event")


def upgrade() -> None:
    op.create_table(
        "document_counter",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("last > 0", name=op.f("ck_document_counter_last_positive")),
        sa.PrimaryKeyConstraint("prefix", "fiscal_year", name="pk_document_counter"),
    )
    op.create_table(
        "procedure",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["department"], ["department.code"], name="fk_procedure_department_department"),
        sa.PrimaryKeyConstraint("id", name="pk_procedure"),
        sa.UniqueConstraint("slug", name="uq_procedure_slug"),
    )
    op.create_index("ix_procedure_department", "procedure", ["department"])
    op.create_table(
        "procedure_version",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("procedure_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_procedure_version_sha256_is_one")),
        sa.CheckConstraint("number > 0", name=op.f("ck_procedure_version_number_positive")),
        sa.CheckConstraint(
            "valid_until is null or valid_until >= valid_from", name=op.f("ck_procedure_version_valid_in_order")
        ),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name="fk_procedure_version_procedure_id_procedure"),
        sa.PrimaryKeyConstraint("id", name="pk_procedure_version"),
        sa.UniqueConstraint("procedure_id", "number", name="uq_procedure_version_procedure_id_number"),
    )
    op.create_index("ix_procedure_version_procedure_id", "procedure_version", ["procedure_id"])
    op.create_table(
        "application",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("procedure_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("applicant_person_id", sa.BigInteger(), nullable=True),
        sa.Column("applicant_name", sa.Text(), nullable=True),
        sa.Column("owner_account_id", sa.BigInteger(), nullable=True),
        sa.Column("filed_by_account_id", sa.BigInteger(), nullable=True),
        sa.Column("typed_by", sa.Text(), nullable=False),
        sa.Column("on_behalf", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=True),
        sa.Column("contact", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'draft') = (reference is null)", name=op.f("ck_application_reference_from_filing")
        ),
        sa.CheckConstraint("channel in ('online', 'counter')", name=op.f("ck_application_channel_known")),
        sa.CheckConstraint(
            "state in ('draft', 'prepared', 'filed', 'correction_asked', 'corrected', 'accepted', 'in_review', 'decided', 'issued', 'closed', 'withdrawn')",
            name=op.f("ck_application_state_known"),
        ),
        sa.CheckConstraint(
            "state in ('draft', 'prepared', 'withdrawn') or filed_at is not null",
            name=op.f("ck_application_filed_has_arrival"),
        ),
        sa.CheckConstraint("typed_by in ('applicant', 'staff')", name=op.f("ck_application_typed_by_known")),
        sa.ForeignKeyConstraint(
            ["applicant_person_id"], ["person.id"], name="fk_application_applicant_person_id_person"
        ),
        sa.ForeignKeyConstraint(
            ["filed_by_account_id"], ["account.id"], name="fk_application_filed_by_account_id_account"
        ),
        sa.ForeignKeyConstraint(["owner_account_id"], ["account.id"], name="fk_application_owner_account_id_account"),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name="fk_application_procedure_id_procedure"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["procedure_version.id"], name="fk_application_version_id_procedure_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_application"),
        sa.UniqueConstraint("key", name="uq_application_key"),
        sa.UniqueConstraint("reference", name="uq_application_reference"),
    )
    op.create_index("ix_application_applicant_person_id", "application", ["applicant_person_id"])
    op.create_index("ix_application_owner_account_id", "application", ["owner_account_id"])
    op.create_index("ix_application_queue", "application", ["procedure_id", "state", "filed_at"])
    op.create_index("ix_application_version_id", "application", ["version_id"])
    op.create_index(
        "one_draft",
        "application",
        ["owner_account_id", "procedure_id"],
        unique=True,
        postgresql_where=sa.text("state = 'draft' and channel = 'online' and owner_account_id is not null"),
    )
    op.create_table(
        "application_answers",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("answers", postgresql.JSONB(), nullable=False),
        sa.Column("fee", postgresql.JSONB(), nullable=False),
        sa.Column("prefill", postgresql.JSONB(), nullable=False),
        sa.Column("flags", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name="fk_application_answers_application_id_application"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_application_answers"),
        sa.UniqueConstraint("application_id", "number", name="uq_application_answers_application_id_number"),
    )
    op.create_index("ix_application_answers_application_id", "application_answers", ["application_id"])
    op.create_table(
        "application_draft",
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("typed", postgresql.JSONB(), nullable=False),
        sa.Column("answers", postgresql.JSONB(), nullable=False),
        sa.Column("prefill", postgresql.JSONB(), nullable=False),
        sa.Column("flags", postgresql.JSONB(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name="fk_application_draft_application_id_application",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("application_id", name="pk_application_draft"),
    )
    op.create_table(
        "application_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor_account_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_account_id"], ["account.id"], name="fk_application_event_actor_account_id_account"
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name="fk_application_event_application_id_application"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_application_event"),
    )
    op.create_index("ix_application_event_application_id", "application_event", ["application_id"])
    op.create_table(
        "correction_request",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("field_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("old_value", postgresql.JSONB(), nullable=True),
        sa.Column("new_value", postgresql.JSONB(), nullable=True),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name="fk_correction_request_application_id_application"
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name="fk_correction_request_asked_by_account"),
        sa.PrimaryKeyConstraint("id", name="pk_correction_request"),
    )
    op.create_index("ix_correction_request_application_id", "correction_request", ["application_id"])
    op.create_index(
        "one_open_request",
        "correction_request",
        ["application_id", "field_id"],
        unique=True,
        postgresql_where=sa.text("answered_at is null"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("outcome = 'granted' or reasons is not null", name=op.f("ck_decision_refusal_has_reasons")),
        sa.CheckConstraint("outcome in ('granted', 'refused', 'partly')", name=op.f("ck_decision_outcome_known")),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"], name="fk_decision_application_id_application"),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name="fk_decision_decided_by_account"),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.UniqueConstraint("application_id", name="uq_decision_application_id"),
    )
    op.create_table(
        "issued_document",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name="fk_issued_document_application_id_application"
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_issued_document_file_id_stored_file"),
        sa.PrimaryKeyConstraint("id", name="pk_issued_document"),
        sa.UniqueConstraint("application_id", "kind", name="uq_issued_document_application_id_kind"),
        sa.UniqueConstraint("number", name="uq_issued_document_number"),
    )
    op.create_index("ix_issued_document_application_id", "issued_document", ["application_id"])
    op.execute(
        """
        CREATE FUNCTION procedure_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.published_at IS NULL THEN
                RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
            END IF;
            -- Of a published version only the end of its validity may be set.
            IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'valid_until' = to_jsonb(OLD) - 'valid_until' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'a published procedure version never changes' USING ERRCODE = 'restrict_violation';
        END $$
        """,
    )
    op.execute(
        "CREATE TRIGGER procedure_version_is_immutable BEFORE UPDATE OR DELETE ON procedure_version"
        " FOR EACH ROW EXECUTE FUNCTION procedure_version_is_immutable()",
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        )


def downgrade() -> None:
    op.drop_table("issued_document")
    op.drop_table("decision")
    op.drop_table("correction_request")
    op.drop_table("application_event")
    op.drop_table("application_draft")
    op.drop_table("application_answers")
    op.drop_table("application")
    op.drop_table("procedure_version")
    op.drop_table("procedure")
    op.drop_table("document_counter")
    op.execute("DROP FUNCTION procedure_version_is_immutable()")
