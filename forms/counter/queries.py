"""What the counter's pages show, each in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from forms.counter.models import Visit, VisitFact, VisitState
from forms.definition import Procedure
from forms.models import ProcedureRow, ProcedureVersion
from forms.services.common import definition
from portal.directory.models import Office


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One line of the counter's home page."""

    reference: str
    opened_at: datetime
    office: str
    name: str
    slugs: tuple[str, ...]
    printed: bool
    signed: bool


def open_visits(session: Session, *, since: datetime) -> Sequence[VisitRow]:
    """Visits that are open, or were opened since a moment; the newest first. Four statements."""
    visits = session.scalars(
        select(Visit)
        .where(Visit.state == VisitState.OPEN.value, Visit.opened_at >= since)
        .options(selectinload(Visit.items), selectinload(Visit.facts.and_(VisitFact.current)))
        .order_by(Visit.opened_at.desc())
    ).all()
    offices = {code: name for code, name, _en in offices_of(session)}
    return [
        VisitRow(
            reference=visit.reference,
            opened_at=visit.opened_at,
            office=offices.get(visit.office, visit.office),
            name=next((str(fact.value) for fact in visit.facts if fact.item == "person.name"), ""),
            slugs=tuple(item.slug for item in visit.items),
            printed=all(item.printed_at for item in visit.items),
            signed=all(item.signed_at for item in visit.items),
        )
        for visit in visits
    ]


def offices_of(session: Session) -> Sequence[tuple[str, str, str]]:
    """(code, name, English name) of the offices with counters. One statement."""
    rows = session.execute(
        select(Office.code, Office.name, Office.name_en).where(Office.active.is_(True)).order_by(Office.position)
    )
    return [(code, name, name_en) for code, name, name_en in rows]


def offered(session: Session, *, now: datetime) -> Sequence[Procedure]:
    """The procedures that the counter offers now (bundled), by slug. One statement."""
    versions = session.scalars(
        select(ProcedureVersion)
        .join(ProcedureRow)
        .where(
            ProcedureVersion.published_at.is_not(None),
            ProcedureVersion.valid_from <= now,
            (ProcedureVersion.valid_until.is_(None)) | (ProcedureVersion.valid_until > now),
        )
        .order_by(ProcedureRow.slug)
    )
    procedures = [definition(version) for version in versions]
    return [one for one in procedures if one.bundled and one.fillable and one.is_open(now)]
