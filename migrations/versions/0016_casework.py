"""Casework: assignments, notes, messages, approvals, delegation, protected persons, disposal; indexes of the queue.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


DRAFT = "state = 'draft' and channel = 'online' and owner_account_id is not null"

DESK = """
CREATE FUNCTION application_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_key := coalesce(NEW.due_on, DATE '9999-12-31');
    NEW.stage := CASE
        WHEN NEW.disposed_at IS NOT NULL THEN ''
        WHEN NEW.state IN ('filed', 'corrected', 'accepted', 'in_review') THEN 'open'
        WHEN NEW.state = 'correction_asked' THEN 'waiting'
        WHEN NEW.state IN ('decided', 'issued', 'closed', 'withdrawn') THEN 'done'
        ELSE '' END;
    RETURN NEW;
END $$
"""

# Nobody decides what they filed, typed or drafted (CASES A7).
BY_ANOTHER = """
CREATE FUNCTION case_is_of(case_id bigint, who bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM application a WHERE a.id = case_id AND who IN (a.filed_by_account_id, a.owner_account_id))
        OR EXISTS (SELECT FROM application_typist t WHERE t.application_id = case_id AND t.account_id = who)
        OR EXISTS (SELECT FROM proposal p WHERE p.application_id = case_id AND p.made_by = who
            AND coalesce(p.ended_why, 'decided') = 'decided')
$$
"""
DECIDED = """
CREATE FUNCTION decided_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF case_is_of(NEW.application_id, NEW.decided_by) THEN
        RAISE EXCEPTION 'nobody decides what they filed, typed or drafted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decided_by_another';
    END IF;
    RETURN NEW;
END $$
"""
STEP = """
CREATE FUNCTION step_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF case_is_of((SELECT application_id FROM proposal WHERE id = NEW.proposal_id), NEW.taken_by) THEN
        RAISE EXCEPTION 'nobody approves what they filed, typed or drafted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'step_by_another';
    END IF;
    RETURN NEW;
END $$
"""
# What was filed and what happened stays as it is, until a person has confirmed the disposal of the case (CASES A13).
DISPOSED = """
CREATE FUNCTION refuse_change_unless_disposed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM disposal_item i JOIN disposal d ON d.id = i.disposal_id
               WHERE i.application_id = OLD.application_id AND d.confirmed_at IS NOT NULL) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
TRIGGERS = (
    ("application_desk", "application", "BEFORE INSERT OR UPDATE"),
    ("decided_by_another", "decision", "BEFORE INSERT OR UPDATE OF decided_by"),
    ("step_by_another", "proposal_step", "BEFORE INSERT OR UPDATE OF taken_by"),
)
APPEND_ONLY = ("application_answers", "application_event")


def upgrade() -> None:
    op.create_table(
        "delegation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("principal_person_id", sa.BigInteger(), nullable=False),
        sa.Column("delegate_account_id", sa.BigInteger(), nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("delegate_name", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("slugs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_how", sa.Text(), nullable=True),
        sa.Column("agreed_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("agreed_how in ('account', 'paper')", name=op.f("ck_delegation_agreed_how_known")),
        sa.CheckConstraint("(agreed_at is null) = (agreed_how is null)", name=op.f("ck_delegation_agreed_whole")),
        sa.CheckConstraint("cardinality(slugs) > 0", name=op.f("ck_delegation_scope_named")),
        sa.ForeignKeyConstraint(["agreed_by"], ["account.id"], name=op.f("fk_delegation_agreed_by_account")),
        sa.ForeignKeyConstraint(
            ["delegate_account_id"], ["account.id"], name=op.f("fk_delegation_delegate_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["principal_person_id"], ["person.id"], name=op.f("fk_delegation_principal_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index(op.f("ix_delegation_delegate_account_id"), "delegation", ["delegate_account_id"], unique=False)
    op.create_index(op.f("ix_delegation_principal_person_id"), "delegation", ["principal_person_id"], unique=False)
    op.create_table(
        "disposal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_by", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("(confirmed_at is null) = (confirmed_by is null)", name=op.f("ck_disposal_confirmed_whole")),
        sa.CheckConstraint("done_at is null or confirmed_at is not null", name=op.f("ck_disposal_done_was_confirmed")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["account.id"], name=op.f("fk_disposal_confirmed_by_account")),
        sa.ForeignKeyConstraint(["listed_by"], ["account.id"], name=op.f("fk_disposal_listed_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal")),
    )
    op.create_table(
        "draft_tally",
        sa.Column("procedure_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["procedure_id"], ["procedure.id"], name=op.f("fk_draft_tally_procedure_id_procedure")),
        sa.PrimaryKeyConstraint("procedure_id", "day", "step", name=op.f("pk_draft_tally")),
    )
    op.create_table(
        "protection",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("households", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_protection_person_id_person")),
        sa.ForeignKeyConstraint(["set_by"], ["account.id"], name=op.f("fk_protection_set_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protection")),
    )
    op.create_index(
        "one_live_protection", "protection", ["person_id"], unique=True, postgresql_where=sa.text("ended_at is null")
    )
    op.create_table(
        "saved_view",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_saved_view_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_saved_view_account_id_name")),
    )
    op.create_table(
        "protection_alarm",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("protection_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_protection_alarm_account_id_account")),
        sa.ForeignKeyConstraint(
            ["protection_id"], ["protection.id"], name=op.f("fk_protection_alarm_protection_id_protection")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protection_alarm")),
    )
    op.create_index(op.f("ix_protection_alarm_protection_id"), "protection_alarm", ["protection_id"], unique=False)
    op.create_table(
        "application_typist",
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_application_typist_account_id_account")),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_application_typist_application_id_application"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("application_id", "account_id", name=op.f("pk_application_typist")),
    )
    op.create_table(
        "case_message",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("side in ('staff', 'applicant')", name=op.f("ck_case_message_side_known")),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_case_message_application_id_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_case_message_author_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_message")),
    )
    op.create_index(op.f("ix_case_message_application_id"), "case_message", ["application_id"], unique=False)
    op.create_table(
        "case_note",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_case_note_application_id_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_case_note_author_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_note")),
    )
    op.create_index(op.f("ix_case_note_application_id"), "case_note", ["application_id"], unique=False)
    op.create_table(
        "disposal_item",
        sa.Column("disposal_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_disposal_item_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["disposal_id"], ["disposal.id"], name=op.f("fk_disposal_item_disposal_id_disposal"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("disposal_id", "application_id", name=op.f("pk_disposal_item")),
    )
    op.create_index(op.f("ix_disposal_item_application_id"), "disposal_item", ["application_id"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome = 'granted' or reasons is not null", name=op.f("ck_proposal_refusal_has_reasons")),
        sa.CheckConstraint("outcome in ('granted', 'refused', 'partly')", name=op.f("ck_proposal_outcome_known")),
        sa.CheckConstraint("(ended_at is null) = (ended_why is null)", name=op.f("ck_proposal_end_has_word")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_proposal_application_id_application")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_proposal_made_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_application_id"), "proposal", ["application_id"], unique=False)
    op.create_index(
        "one_live_proposal", "proposal", ["application_id"], unique=True, postgresql_where=sa.text("ended_at is null")
    )
    op.create_table(
        "proposal_step",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deputy_reason", sa.Text(), nullable=True),
        sa.Column("inspected_by", sa.BigInteger(), nullable=True),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(inspected_by is null) = (inspected_at is null)", name=op.f("ck_proposal_step_inspected_whole")
        ),
        sa.CheckConstraint(
            "inspected_by is null or deputy_reason is not null", name=op.f("ck_proposal_step_inspected_was_deputy")
        ),
        sa.CheckConstraint(
            "inspected_by is null or inspected_by <> taken_by", name=op.f("ck_proposal_step_inspected_by_another")
        ),
        sa.CheckConstraint("position > 0", name=op.f("ck_proposal_step_position_positive")),
        sa.ForeignKeyConstraint(["inspected_by"], ["account.id"], name=op.f("fk_proposal_step_inspected_by_account")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_step_proposal_id_proposal"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["taken_by"], ["account.id"], name=op.f("fk_proposal_step_taken_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_step")),
        sa.UniqueConstraint("proposal_id", "position", name=op.f("uq_proposal_step_proposal_id_position")),
        sa.UniqueConstraint("proposal_id", "taken_by", name=op.f("uq_proposal_step_proposal_id_taken_by")),
    )
    op.create_index(op.f("ix_proposal_step_proposal_id"), "proposal_step", ["proposal_id"], unique=False)
    op.add_column("application", sa.Column("stage", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column(
        "application", sa.Column("due_key", sa.Date(), server_default=sa.text("'9999-12-31'"), nullable=False)
    )
    op.add_column("application", sa.Column("search", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("application", sa.Column("assigned_to", sa.BigInteger(), nullable=True))
    op.add_column("application", sa.Column("delegation_id", sa.BigInteger(), nullable=True))
    op.add_column("application", sa.Column("acting_name", sa.Text(), nullable=True))
    op.add_column("application", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("application", sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("application", sa.Column("disposed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_application_assigned",
        "application",
        ["assigned_to", "due_key"],
        unique=False,
        postgresql_where=sa.text("assigned_to is not null"),
    )
    op.create_index(
        "ix_application_by_arrival", "application", ["procedure_id", "stage", "filed_at", "id"], unique=False
    )
    op.create_index("ix_application_by_due", "application", ["procedure_id", "stage", "due_key", "id"], unique=False)
    op.create_index(
        "ix_application_delegation",
        "application",
        ["delegation_id"],
        unique=False,
        postgresql_where=sa.text("delegation_id is not null"),
    )
    op.create_index(
        "ix_application_search",
        "application",
        ["search"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    )
    op.create_index(
        "one_delegated_draft",
        "application",
        ["delegation_id", "procedure_id"],
        unique=True,
        postgresql_where=sa.text("state = 'draft' and delegation_id is not null"),
    )
    op.create_foreign_key(
        op.f("fk_application_delegation_id_delegation"), "application", "delegation", ["delegation_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_application_assigned_to_account"), "application", "account", ["assigned_to"], ["id"])

    op.drop_index("one_draft", table_name="application")
    op.create_index(
        "one_draft",
        "application",
        ["owner_account_id", "procedure_id"],
        unique=True,
        postgresql_where=sa.text(f"{DRAFT} and delegation_id is null"),
    )
    op.create_check_constraint(
        op.f("ck_application_delegation_has_name"), "application", "(delegation_id is null) = (acting_name is null)"
    )
    for function in (DESK, BY_ANOTHER, DECIDED, STEP, DISPOSED):
        op.execute(function)
    for name, table, when in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change_unless_disposed()"
        )
    op.execute(
        "UPDATE application SET search = lower(coalesce(applicant_name, '')) || ' ' || replace(coalesce(reference, ''), '-', '')"
    )


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for name, table, _when in reversed(TRIGGERS):
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION refuse_change_unless_disposed()")
    op.execute("DROP FUNCTION case_is_of(bigint, bigint)")
    op.drop_constraint(op.f("ck_application_delegation_has_name"), "application", type_="check")
    op.execute("DELETE FROM application WHERE state = 'draft' AND delegation_id IS NOT NULL")
    op.drop_index("one_draft", table_name="application")
    op.create_index(
        "one_draft", "application", ["owner_account_id", "procedure_id"], unique=True, postgresql_where=sa.text(DRAFT)
    )
    op.drop_constraint(op.f("fk_application_assigned_to_account"), "application", type_="foreignkey")
    op.drop_constraint(op.f("fk_application_delegation_id_delegation"), "application", type_="foreignkey")
    op.drop_index(
        "one_delegated_draft",
        table_name="application",
        postgresql_where=sa.text("state = 'draft' and delegation_id is not null"),
    )
    op.drop_index(
        "ix_application_search",
        table_name="application",
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    )
    op.drop_index(
        "ix_application_delegation", table_name="application", postgresql_where=sa.text("delegation_id is not null")
    )
    op.drop_index("ix_application_by_due", table_name="application")
    op.drop_index("ix_application_by_arrival", table_name="application")
    op.drop_index(
        "ix_application_assigned", table_name="application", postgresql_where=sa.text("assigned_to is not null")
    )
    op.drop_column("application", "disposed_at")
    op.drop_column("application", "warned_at")
    op.drop_column("application", "ended_at")
    op.drop_column("application", "acting_name")
    op.drop_column("application", "delegation_id")
    op.drop_column("application", "assigned_to")
    op.drop_column("application", "search")
    op.drop_column("application", "due_key")
    op.drop_column("application", "stage")
    op.drop_index(op.f("ix_proposal_step_proposal_id"), table_name="proposal_step")
    op.drop_table("proposal_step")
    op.drop_index("one_live_proposal", table_name="proposal", postgresql_where=sa.text("ended_at is null"))
    op.drop_index(op.f("ix_proposal_application_id"), table_name="proposal")
    op.drop_table("proposal")
    op.drop_index(op.f("ix_disposal_item_application_id"), table_name="disposal_item")
    op.drop_table("disposal_item")
    op.drop_index(op.f("ix_case_note_application_id"), table_name="case_note")
    op.drop_table("case_note")
    op.drop_index(op.f("ix_case_message_application_id"), table_name="case_message")
    op.drop_table("case_message")
    op.drop_table("application_typist")
    op.drop_index(op.f("ix_protection_alarm_protection_id"), table_name="protection_alarm")
    op.drop_table("protection_alarm")
    op.drop_table("saved_view")
    op.drop_index("one_live_protection", table_name="protection", postgresql_where=sa.text("ended_at is null"))
    op.drop_table("protection")
    op.drop_table("draft_tally")
    op.drop_table("disposal")
    op.drop_index(op.f("ix_delegation_principal_person_id"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_delegate_account_id"), table_name="delegation")
    op.drop_table("delegation")
