"""Tables of the work on a case: who types and drafts, notes, messages, approval, delegation, protected persons, disposal.

Migration 0016 holds the triggers that the docstrings name.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.kernel.database import Base


class ApplicationTypist(Base):
    """A member of staff who typed into a case; they never decide it (trigger `decided_by_another`, CASES A7)."""

    __tablename__ = "application_typist"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)


class CounterChange(Base):
    """One answer prepared at home that is another one since the counter, kept apart from what the applicant wrote.

    One row a case and field (unique); it goes away where the counter comes back to the prepared answer.

    Attributes:
        before, after: as answers keep them; None: left empty.
        source: "answer" (asked at the counter), "card", "sample-card" or "correction".
        entered_by: account of the clerk who typed it or read the card.
    """

    __tablename__ = "counter_change"
    __table_args__ = (UniqueConstraint("application_id", "field_id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    field_id: Mapped[str] = mapped_column(Text)
    before: Mapped[Any] = mapped_column(JSONB, nullable=False)
    after: Mapped[Any] = mapped_column(JSONB, nullable=False)
    source: Mapped[str] = mapped_column(Text)
    entered_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]


class CaseNote(Base):
    """An internal note; the applicant never sees it."""

    __tablename__ = "case_note"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class CaseMessage(Base):
    """A message inside the case, between the section and the applicant; a mail says only that there is one.

    Attributes:
        side: "staff" or "applicant".
        author_id: None for a guest.
        author_name: who wrote for the applicant, where it was somebody acting for them.
        read_at: when the other side first saw it.
    """

    __tablename__ = "case_message"
    __table_args__ = (CheckConstraint("side in ('staff', 'applicant')", name="side_known"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id", ondelete="CASCADE"), index=True)
    side: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    author_name: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Proposal(Base):
    """A draft of the decision (起案); at most one is live for a case (unique `one_live_proposal`).

    Attributes:
        outcome, reasons: what is proposed.
        made_by: who drafted it; never takes a later step (trigger `step_by_another`).
        ended_at: returned, taken back, or decided.
        ended_why: "returned", "taken_back", "decided".
    """

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint("outcome in ('granted', 'refused', 'partly')", name="outcome_known"),
        CheckConstraint("outcome = 'granted' or reasons is not null", name="refusal_has_reasons"),
        CheckConstraint("(ended_at is null) = (ended_why is null)", name="end_has_word"),
        Index("one_live_proposal", "application_id", unique=True, postgresql_where=text("ended_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    outcome: Mapped[str] = mapped_column(Text)
    reasons: Mapped[str | None] = mapped_column(Text)
    made_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(Text)

    steps: Mapped[list[ProposalStep]] = relationship(order_by="ProposalStep.position")


class ProposalStep(Base):
    """One approval after the draft, each by another person (unique, trigger `step_by_another`).

    Attributes:
        position: from 1; position 0 of the definition is the draft itself.
        step_id: of the definition.
        taken_by: who approved.
        deputy_reason: why a deputy took it (代決); None: whoever the definition names.
        inspected_by, inspected_at: later inspection of a deputy's step (後閲), by somebody else.
    """

    __tablename__ = "proposal_step"
    __table_args__ = (
        UniqueConstraint("proposal_id", "position"),
        UniqueConstraint("proposal_id", "taken_by"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("(inspected_by is null) = (inspected_at is null)", name="inspected_whole"),
        CheckConstraint("inspected_by is null or inspected_by <> taken_by", name="inspected_by_another"),
        CheckConstraint("inspected_by is null or deputy_reason is not null", name="inspected_was_deputy"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    step_id: Mapped[str] = mapped_column(Text)
    taken_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime]
    deputy_reason: Mapped[str | None] = mapped_column(Text)
    inspected_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    inspected_at: Mapped[datetime | None]


class SavedView(Base):
    """A filter of the queue under a name, of one member of staff."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    query: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Delegation(Base):
    """Somebody acts for a person, with that person's agreement, for some procedures and some time (CASES A11).

    Attributes:
        principal_person_id: for whom.
        delegate_account_id: who acts.
        principal_name, delegate_name: as they stood when it was agreed (kept exactly).
        relation: in the delegate's words ("娘").
        slugs: the procedures; empty: none (never all).
        agreed_at, agreed_how, agreed_by: None until the principal agreed, in their account or on paper before a clerk.
        identity_seen: what the clerk looked at to see who agreed on paper (`Proof`), never its number; None in their own account.
        valid_until: last day (Tokyo).
    """

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("agreed_how in ('account', 'paper')", name="agreed_how_known"),
        CheckConstraint("(agreed_at is null) = (agreed_how is null)", name="agreed_whole"),
        CheckConstraint("cardinality(slugs) > 0", name="scope_named"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    principal_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    delegate_account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    principal_name: Mapped[str] = mapped_column(Text)
    delegate_name: Mapped[str] = mapped_column(Text)
    relation: Mapped[str] = mapped_column(Text)
    slugs: Mapped[list[str]] = mapped_column(ARRAY(Text))
    asked_at: Mapped[datetime]
    valid_until: Mapped[date]
    agreed_at: Mapped[datetime | None]
    agreed_how: Mapped[str | None] = mapped_column(Text)
    agreed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]
    identity_seen: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class Protection(Base):
    """支援措置: a person whose address nobody else of the household may learn (CASES A10). One live one a person.

    Attributes:
        households: addresses ("3060033|1-2-3") of people who must not learn where the person lives; never shown.
        until: last day (Tokyo).
        set_by: who entered the city's decision; alarms go to them.
    """

    __tablename__ = "protection"
    __table_args__ = (
        Index("one_live_protection", "person_id", unique=True, postgresql_where=text("ended_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    households: Mapped[list[str]] = mapped_column(ARRAY(Text))
    until: Mapped[date]
    set_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    set_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ProtectionAlarm(Base):
    """Somebody looked at, or asked for something of, a protected person: one line for each time."""

    __tablename__ = "protection_alarm"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    protection_id: Mapped[int] = mapped_column(ForeignKey("protection.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    what: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None]


class Disposal(Base):
    """A list of cases whose retention ended; a person confirms it, a job carries it out (CASES A13).

    Attributes:
        listed_by, confirmed_by: members of staff; who confirms may be who listed.
        report: counts by kind of what went, after the job.
    """

    __tablename__ = "disposal"
    __table_args__ = (
        CheckConstraint("(confirmed_at is null) = (confirmed_by is null)", name="confirmed_whole"),
        CheckConstraint("done_at is null or confirmed_at is not null", name="done_was_confirmed"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    listed_at: Mapped[datetime]
    listed_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    done_at: Mapped[datetime | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class DisposalItem(Base):
    """One case on such a list. Answers and events may be changed only while their case is on a confirmed one (trigger)."""

    __tablename__ = "disposal_item"

    disposal_id: Mapped[int] = mapped_column(ForeignKey("disposal.id", ondelete="CASCADE"), primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True, index=True)


class DraftTally(Base):
    """How many drafts of a procedure were begun on a day and left at a step; what is counted holds no person."""

    __tablename__ = "draft_tally"

    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int]
