"""Tables of forms. What the database itself makes sure of is said in each docstring; migration 0007 holds the triggers."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from forms.case_models import CounterChange
from forms.states import State
from portal.kernel.database import Base

APPLICATION_PAPER = "application"
"""The kind of the paper that is the application itself; every other one is issued."""
_STATES = ", ".join(f"'{state.value}'" for state in State)


class ProcedureRow(Base):
    """A procedure: a slug that stays and the section that handles it. What it asks is in its versions."""

    __tablename__ = "procedure"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    department: Mapped[str] = mapped_column(ForeignKey("department.code"), index=True)
    created_at: Mapped[datetime]

    versions: Mapped[list[ProcedureVersion]] = relationship(
        back_populates="procedure", order_by="ProcedureVersion.number"
    )


class ProcedureVersion(Base):
    """One version; once published its document can neither change nor go (trigger `procedure_version_is_immutable`).

    Only the end of its validity may be set. One proposal a procedure waits for a second person (unique `one_proposal`); who agreed is
    not who proposed (check `two_persons`). A version of a city pack has neither.

    Attributes:
        number: 1, 2, … in one procedure.
        document: see `forms.definition.Procedure`.
        sha256: of the canonical JSON of the document.
        valid_from, valid_until: half open; the version that new drafts get.
        proposed_by, proposed_at, agreed_by, agreed_at: who made it, who let it be published; see `forms.services.publishing`.
    """

    __tablename__ = "procedure_version"
    __table_args__ = (
        UniqueConstraint("procedure_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("valid_until is null or valid_until >= valid_from", name="valid_in_order"),
        CheckConstraint("length(sha256) = 64", name="sha256_is_one"),
        CheckConstraint(
            "agreed_by is null or (proposed_by is not null and agreed_by <> proposed_by)", name="two_persons"
        ),
        Index("one_proposal", "procedure_id", unique=True, postgresql_where=text("published_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"), index=True)
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime | None]
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime | None]
    agreed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    agreed_at: Mapped[datetime | None]

    procedure: Mapped[ProcedureRow] = relationship(back_populates="versions")


class ProcedureWithdrawal(Base):
    """Somebody's wish to take a procedure off the catalogue, and a second person's agreement (check `two_persons`).

    One waits a procedure (unique `one_waiting_withdrawal`).

    Attributes:
        from_at: from when on it is not offered (aware); None: from the moment of the agreement, which is then written here.
        reason: why, for colleagues.
        alone: it was an emergency: done at once by one person; `agreed_by` is then who looked at it afterwards.
    """

    __tablename__ = "procedure_withdrawal"
    __table_args__ = (
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("agreed_by <> asked_by", name="two_persons"),
        CheckConstraint("(agreed_by is null) = (agreed_at is null)", name="agreed_whole"),
        CheckConstraint("not alone or (from_at = asked_at and dropped_at is null)", name="alone_at_once"),
        Index(
            "one_waiting_withdrawal",
            "procedure_id",
            unique=True,
            postgresql_where=text("not alone and agreed_at is null and dropped_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"), index=True)
    from_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    alone: Mapped[bool]
    asked_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    agreed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    agreed_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]


class Application(Base):
    """A case. Whose it is, who filed it and who typed it are separate facts (DESIGN invariant 9).

    A draft has no reference; everything else has one, for ever (check `reference_from_filing`). One live draft for an account and a
    procedure (unique `one_draft`). `revision` counts up with every change: two people who work from the same page find out.

    Attributes:
        key: unguessable address of the draft; stays valid, so that Back after filing finds the case.
        applicant_person_id: whose application it is; None for a guest.
        applicant_name: as it stood when filed, for queues and papers (kept exactly).
        owner_account_id: the account that may see and continue it; None for a guest or a visitor without an account.
        filed_by_account_id: who pressed the button.
        typed_by: "applicant" or "staff".
        on_behalf: by what authority somebody else acts ("parent", "proxy letter"), None: the applicant acts.
        secret_sha256: of the secret with which a guest opens the case.
        contact: mail address and language that messages of this case go to.
        filed_at: arrival (aware); periods run from it.
        due_on: end of the standard days (Tokyo day), moved by the days a correction took.
        paused_at: since when the standard days stand still.
        facts: what the rules knew of the applicant when it was filed (`forms.rules.Facts`); a correction is judged by the same.
        stage, due_key: what queues are ordered by, kept by the trigger `application_desk`: "open", "waiting", "done" or "" (not
            filed), and `due_on`, cases without one last.
        search: folded name and number, see `forms.queue.search_text`; never shown.
        assigned_to: the member of staff who has taken it on.
        delegation_id, acting_name: by what delegation somebody acts, and who, as it stood then (CASES A11).
        prepared_until: last day (Tokyo) on which what was prepared at home can be finished at the counter; None: not prepared.
        ended_at: closed or withdrawn; retention counts from the April 1 after it (CASES A13).
        warned_at: when the mail went out that this draft will be deleted.
        disposed_at: its personal parts are gone.
    """

    __tablename__ = "application"
    __table_args__ = (
        CheckConstraint(f"state in ({_STATES})", name="state_known"),
        CheckConstraint("(state = 'draft') = (reference is null)", name="reference_from_filing"),
        CheckConstraint("channel in ('online', 'counter')", name="channel_known"),
        CheckConstraint("typed_by in ('applicant', 'staff')", name="typed_by_known"),
        CheckConstraint(
            "state in ('draft', 'prepared', 'withdrawn') or filed_at is not null", name="filed_has_arrival"
        ),
        Index(
            "one_draft",
            "owner_account_id",
            "procedure_id",
            unique=True,
            postgresql_where=text(
                "state = 'draft' and channel = 'online' and owner_account_id is not null and delegation_id is null"
            ),
        ),
        Index("ix_application_queue", "procedure_id", "state", "filed_at"),
        Index("ix_application_by_due", "procedure_id", "stage", "due_key", "id"),
        Index("ix_application_by_arrival", "procedure_id", "stage", "filed_at", "id"),
        Index("ix_application_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}),
        Index("ix_application_assigned", "assigned_to", "due_key", postgresql_where=text("assigned_to is not null")),
        Index("ix_application_delegation", "delegation_id", postgresql_where=text("delegation_id is not null")),
        Index(
            "one_delegated_draft",
            "delegation_id",
            "procedure_id",
            unique=True,
            postgresql_where=text("state = 'draft' and delegation_id is not null"),
        ),
        CheckConstraint("(delegation_id is null) = (acting_name is null)", name="delegation_has_name"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    reference: Mapped[str | None] = mapped_column(Text, unique=True)
    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("procedure_version.id"), index=True)
    applicant_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    applicant_name: Mapped[str | None] = mapped_column(Text)
    owner_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    filed_by_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    typed_by: Mapped[str] = mapped_column(Text)
    on_behalf: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column()
    secret_sha256: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    filed_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    paused_at: Mapped[datetime | None]
    prepared_until: Mapped[date | None]
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    stage: Mapped[str] = mapped_column(Text, server_default=text("''"))
    due_key: Mapped[date] = mapped_column(server_default=text("'9999-12-31'"))
    search: Mapped[str] = mapped_column(Text, server_default=text("''"), default="")
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    delegation_id: Mapped[int | None] = mapped_column(ForeignKey("delegation.id"))
    acting_name: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    disposed_at: Mapped[datetime | None]

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - SQLAlchemy's own spelling

    procedure: Mapped[ProcedureRow] = relationship()
    version: Mapped[ProcedureVersion] = relationship()
    draft: Mapped[ApplicationDraft | None] = relationship(back_populates="application", cascade="all, delete-orphan")
    filings: Mapped[list[ApplicationAnswers]] = relationship(order_by="ApplicationAnswers.number")
    events: Mapped[list[ApplicationEvent]] = relationship(order_by="ApplicationEvent.id")
    corrections: Mapped[list[CorrectionRequest]] = relationship(order_by="CorrectionRequest.id")
    decision: Mapped[Decision | None] = relationship()
    documents: Mapped[list[IssuedDocument]] = relationship(order_by="IssuedDocument.id")
    counter_changes: Mapped[list[CounterChange]] = relationship(order_by="CounterChange.id", viewonly=True)


class ApplicationDraft(Base):
    """What was typed so far, also what could not be read (nothing typed is lost), and what was filled in beforehand.

    Attributes:
        typed: field id → part → texts.
        answers: field id → value; None: left empty.
        prefill: field id → {"value", "source", "at", "locked"}: the original of what was filled in; "parts": of a person, the parts that
            are locked while the others are open.
        flags: field id → marks for the reviewer.
        step: id of the step last saved: where to go on.
        set_aside: field id → {"label", "text"}: answers that the version it went over to has no place for (`forms.services.changeover`).
        turns: (page, number), oldest page first: the newest sending of each of the last pages (`forms.services.drafts.Turn`).
    """

    __tablename__ = "application_draft"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), primary_key=True)
    typed: Mapped[dict[str, Any]] = mapped_column(JSONB)
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    prefill: Mapped[dict[str, Any]] = mapped_column(JSONB)
    flags: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    step: Mapped[str | None] = mapped_column(Text)
    set_aside: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'::jsonb"))
    turns: Mapped[list[tuple[str, int]]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))

    application: Mapped[Application] = relationship(back_populates="draft")


class ApplicationAnswers(Base):
    """What was filed: exactly what the person reviewed (same SHA-256).

    Number 1 is the filing, each correction adds one. Rows never change (trigger `application_answers_append_only`).

    Attributes:
        answers: field id → value; only what was shown.
        fee: the fee lines of that moment, as JSON.
        prefill: origin of what was filled in beforehand.
        flags: field id → marks for the reviewer, such as check_shape.
        sha256: see `forms.services.filing.review_hash`.
    """

    __tablename__ = "application_answers"
    __table_args__ = (UniqueConstraint("application_id", "number"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    number: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    fee: Mapped[list[Any]] = mapped_column(JSONB)
    prefill: Mapped[dict[str, Any]] = mapped_column(JSONB)
    flags: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class ApplicationEvent(Base):
    """One thing that happened to a case: who, when, why. Appended only (trigger `application_event_append_only`).

    Attributes:
        action: an `Action` of `forms.states`, or "paid", "refunded", "electronic_consent".
        actor_account_id, actor_kind: see `portal.kernel.audit.Actor`.
        reason: as written for the applicant, None where there is none.
    """

    __tablename__ = "application_event"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    action: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    actor_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    actor_kind: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class CorrectionRequest(Base):
    """One field that a reviewer asks to be corrected, old and new value side by side.

    One open request a field (unique `one_open_request`).
    """

    __tablename__ = "correction_request"
    __table_args__ = (
        Index(
            "one_open_request", "application_id", "field_id", unique=True, postgresql_where=text("answered_at is null")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    field_id: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    old_value: Mapped[Any] = mapped_column(JSONB, nullable=True)
    new_value: Mapped[Any] = mapped_column(JSONB, nullable=True)
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    answer_by: Mapped[date]
    answered_at: Mapped[datetime | None]


class Decision(Base):
    """What was decided, by whom, with which reasons; one for a case (unique).

    Never by who filed, typed or drafted it (trigger `decided_by_another`, CASES A7).

    Attributes:
        outcome: `forms.states.Outcome`.
        authority: the deciding authority as printed (処分庁).
        remedy: the 教示 as given, None where the decision is no 処分.
        known_at: when the applicant first opened it; stored apart from the decision (CASES A8).
    """

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("outcome in ('granted', 'refused', 'partly')", name="outcome_known"),
        CheckConstraint("outcome = 'granted' or reasons is not null", name="refusal_has_reasons"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), unique=True)
    outcome: Mapped[str] = mapped_column(Text)
    reasons: Mapped[str | None] = mapped_column(Text)
    authority: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime]
    known_at: Mapped[datetime | None]


class IssuedDocument(Base):
    """A paper of a case: the application itself, the decision, what is issued. The file comes from a job; its number at once.

    Attributes:
        kind: "application", or the id of a document in the version.
        number: document number (文書番号), unique.
        file_id: None until the job has made it.
        sha256: of the file as given out, hexadecimal: a copy that somebody shows is compared with it.
        signer: whose electronic signature it carries; None: unsigned.
    """

    __tablename__ = "issued_document"
    __table_args__ = (UniqueConstraint("application_id", "kind"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    sha256: Mapped[str | None] = mapped_column(Text, index=True)
    signer: Mapped[str | None] = mapped_column(Text)


class DocumentCounter(Base):
    """The last document number given under a prefix in a fiscal year (the row is locked while one is given)."""

    __tablename__ = "document_counter"
    __table_args__ = (CheckConstraint("last > 0", name="last_positive"),)

    prefix: Mapped[str] = mapped_column(Text, primary_key=True)
    fiscal_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
