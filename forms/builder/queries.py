"""What the pages for editors read: the procedures of a section, and one of them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from forms.models import ProcedureRow, ProcedureVersion, ProcedureWithdrawal
from forms.services import publishing
from portal.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the editor's list.

    Attributes:
        slug: of the procedure.
        name: of its newest version.
        waits: a proposal waits for a second person.
        ends: a withdrawal waits for one, to be agreed to or to be looked at afterwards.
    """

    slug: str
    name: str
    waits: bool
    ends: bool


def entries(session: Session, sections: AbstractSet[str]) -> list[Entry]:
    """The procedures of some sections, by slug. Three statements."""
    rows = session.scalars(
        select(ProcedureRow)
        .where(ProcedureRow.department.in_(sections))
        .options(selectinload(ProcedureRow.versions))
        .order_by(ProcedureRow.slug)
    ).all()
    ends = set(
        session.scalars(
            select(ProcedureWithdrawal.procedure_id).where(
                ProcedureWithdrawal.procedure_id.in_([row.id for row in rows]),
                ProcedureWithdrawal.agreed_at.is_(None),
                ProcedureWithdrawal.dropped_at.is_(None),
            )
        )
    )
    return [
        Entry(
            row.slug,
            row.versions[-1].document["plain_name"]["ja"],
            any(v.published_at is None for v in row.versions),
            row.id in ends,
        )
        for row in rows
        if row.versions
    ]


def of_sections(session: Session, slug: str, sections: AbstractSet[str]) -> ProcedureRow:
    """One procedure of these sections, with its versions. Two statements.

    Raises:
        NotFound: there is none, it is another section's, or nothing of it is left.
    """
    row = session.scalars(
        select(ProcedureRow).where(ProcedureRow.slug == slug).options(selectinload(ProcedureRow.versions))
    ).one_or_none()
    if row is None or row.department not in sections or not row.versions:
        raise NotFound
    return row


def stages(row: ProcedureRow, *, now: datetime) -> list[tuple[ProcedureVersion, str]]:
    """The published versions, newest first, each with "now", "later", "over", or "never" (its end came before its beginning)."""
    found = []
    for version in reversed(row.versions):
        begins, ends = version.valid_from, version.valid_until
        if version.published_at is None or begins is None:
            continue
        stage = "now" if begins <= now else "later"
        if ends is not None and ends <= begins:
            stage = "never"
        elif ends is not None and ends <= now:
            stage = "over"
        found.append((version, stage))
    return found


def looked_at(row: ProcedureRow) -> ProcedureVersion:
    """The version that is previewed and tried: the proposal where one waits, else what was published last."""
    proposal = next((v for v in row.versions if v.published_at is None), None)
    return proposal or publishing.newest_published(row) or row.versions[-1]
