"""Publish a procedure: one person proposes a version, a second one agrees, from a moment on (`withdrawing` takes it off again).

A proposal is a `ProcedureVersion` that is not published: its document may still be replaced. Once agreed it never changes, and who
began on the version before finishes on that one. That the two persons differ is said by the database too (check `two_persons`).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.definition import Procedure, sha256_of, to_document
from forms.models import ProcedureRow, ProcedureVersion
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound


@dataclass(eq=False)
class SamePerson(Forbidden):
    """Who proposed a version cannot be the one who agrees to it."""

    code: ClassVar[str] = "same_person"


@dataclass(eq=False)
class ProposalChanged(Conflict):
    """The proposal is not the one that was looked at (any more); it must be looked at again."""

    code: ClassVar[str] = "proposal_changed"


@dataclass(eq=False)
class NothingNew(Invalid):
    """The document is the one that is published already."""

    code: ClassVar[str] = "nothing_new"


@dataclass(eq=False)
class TooEarly(Invalid):
    """What is published or withdrawn takes effect now or later, never in the past."""

    code: ClassVar[str] = "in_the_past"


def propose(
    session: Session,
    *,
    procedure: Procedure,
    actor: Actor,
    now: datetime,
    sections: AbstractSet[str] | None = None,
) -> ProcedureVersion:
    """Make a version of a document, for a second person to look at; a proposal that waits already is replaced.

    Args:
        session: the transaction.
        procedure: a document without mistakes (`forms.mistakes.read`).
        actor: who proposes.
        now: aware.
        sections: codes of the sections whose procedures the proposer may change; None: all (the operator's command).

    Raises:
        NotFound: the procedure is another section's, whatever section the document names.
        NothingNew: the newest published version says the same.
    """
    document = to_document(procedure)
    digest = sha256_of(document)
    row = _row(session, procedure.slug)
    if row is None:
        row = ProcedureRow(slug=procedure.slug, department=procedure.section, created_at=now)
        session.add(row)
        session.flush()
    elif sections is not None and row.department not in sections:
        raise NotFound
    newest = newest_published(row)
    # What will end one day can be published again as it is: so a planned withdrawal is undone.
    if newest is not None and newest.sha256 == digest and newest.valid_until is None:
        raise NothingNew
    proposal = next((v for v in row.versions if v.published_at is None), None)
    if proposal is None:
        proposal = ProcedureVersion(number=next_number(row), document=document, sha256=digest)
        row.versions.append(proposal)
    proposal.document, proposal.sha256 = document, digest
    proposal.proposed_by, proposal.proposed_at = actor.account_id, now
    session.flush()
    _note(session, "procedure.propose", proposal, actor)
    return proposal


def agree(
    session: Session, *, slug: str, sha256: str, actor: Actor, now: datetime, from_at: datetime | None = None
) -> ProcedureVersion:
    """Publish the proposal that waits: the second person agrees to exactly what they looked at.

    Args:
        session: the transaction.
        slug: of the procedure.
        sha256: of the document that was looked at.
        actor: who agrees.
        now: aware.
        from_at: from when new drafts get it (aware); None: from now on. The version before ends at that moment.

    Raises:
        NotFound: nothing waits.
        ProposalChanged: it was replaced meanwhile.
        SamePerson: the one who proposed it, or nobody known by an account.
        TooEarly: `from_at` is in the past.
    """
    row = _row(session, slug)
    proposal = next((v for v in row.versions if v.published_at is None), None) if row else None
    if row is None or proposal is None:
        raise NotFound
    if proposal.sha256 != sha256:
        raise ProposalChanged
    if actor.account_id is None or actor.account_id == proposal.proposed_by:
        raise SamePerson
    if from_at is not None and from_at < now:
        raise TooEarly
    start = from_at or now
    end_at(row, start)
    proposal.agreed_by, proposal.agreed_at = actor.account_id, now
    proposal.published_at, proposal.valid_from, proposal.valid_until = now, start, None
    row.department = str(proposal.document["section"])
    session.flush()
    _note(session, "procedure.publish", proposal, actor)
    return proposal


def drop(session: Session, *, slug: str, actor: Actor, sha256: str | None = None) -> None:
    """Take a proposal back; nothing that is published changes.

    Args:
        session: the transaction.
        slug: of the procedure.
        actor: who takes it back.
        sha256: of the document that was looked at; None: whichever waits.

    Raises:
        NotFound: nothing waits.
        ProposalChanged: it was replaced meanwhile.
    """
    row = _row(session, slug)
    proposal = next((v for v in row.versions if v.published_at is None), None) if row else None
    if row is None or proposal is None:
        raise NotFound
    if sha256 is not None and proposal.sha256 != sha256:
        raise ProposalChanged
    _note(session, "procedure.drop", proposal, actor)
    session.delete(proposal)
    session.flush()


def waiting(session: Session, slug: str) -> ProcedureVersion | None:
    """The proposal that waits for a second person. One statement."""
    return session.scalars(
        select(ProcedureVersion)
        .join(ProcedureRow)
        .where(ProcedureRow.slug == slug, ProcedureVersion.published_at.is_(None))
    ).one_or_none()


def newest_published(row: ProcedureRow) -> ProcedureVersion | None:
    """The version that was published last (it may begin later)."""
    return next((v for v in reversed(row.versions) if v.published_at is not None), None)


def next_number(row: ProcedureRow) -> int:
    """The number of the next version."""
    return max((v.number for v in row.versions), default=0) + 1


def end_at(row: ProcedureRow, at: datetime) -> None:
    """Let no published version be valid from a moment on; one that would have begun later never begins."""
    for version in row.versions:
        start = version.valid_from
        if version.published_at is None or start is None or (version.valid_until and version.valid_until <= at):
            continue
        version.valid_until = max(start, at)


def make_room(row: ProcedureRow, at: datetime) -> datetime | None:
    """Let what is valid end at a moment, and leave alone what begins later: until when another version can be valid (None: no end)."""
    planned = None
    for version in row.versions:
        start, end = version.valid_from, version.valid_until
        if version.published_at is None or start is None or (end is not None and end <= max(start, at)):
            continue
        if start > at:
            planned = start if planned is None else min(planned, start)
        else:
            version.valid_until = at
    return planned


def _row(session: Session, slug: str) -> ProcedureRow | None:
    """The procedure, locked, so that two persons who publish do it one after the other."""
    found: ProcedureRow | None = session.scalars(
        select(ProcedureRow)
        .where(ProcedureRow.slug == slug)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    return found


def _note(session: Session, action: str, version: ProcedureVersion, actor: Actor) -> None:
    detail: dict[str, Any] = {"version": version.number, "sha256": version.sha256}
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_kind="procedure",
        subject_ref=str(version.document["slug"]),
        detail=detail,
    )
