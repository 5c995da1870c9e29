"""What forms counts for the plan: online procedures (1_02), here and elsewhere apart, and write-less procedures (1_03)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.definition import Procedure
from forms.definition.procedure import Elsewhere, Prepared
from forms.models import ProcedureRow, ProcedureVersion
from forms.services import proving
from forms.services.common import definition
from payments.contract import Offer
from portal.kernel import clock
from portal.kernel.clock import TOKYO, local
from portal.plan.registry import Evidence, MeasureValue


def _live(session: Session, today: date) -> Iterator[tuple[Procedure, date]]:
    """Every procedure whose published version is open on that day, and since when it is published. Two statements."""
    at = datetime.combine(today, time.max, TOKYO)
    versions = session.scalars(
        select(ProcedureVersion)
        .join(ProcedureRow)
        .where(
            ProcedureVersion.published_at.is_not(None),
            ProcedureVersion.valid_from <= at,
            (ProcedureVersion.valid_until.is_(None)) | (ProcedureVersion.valid_until > at),
        )
        .order_by(ProcedureRow.slug)
    ).all()
    firsts = select(ProcedureVersion.procedure_id, ProcedureVersion.published_at).where(ProcedureVersion.number == 1)
    first = {row.procedure_id: row.published_at for row in session.execute(firsts)}
    for version in versions:
        procedure = definition(version)
        published = first.get(version.procedure_id)
        if procedure.is_open(at) and published is not None:
            yield procedure, local(published).date()


def online(session: Session, today: date) -> MeasureValue:
    """1_02: what can be filed here from the first step to the last; and guides to elsewhere, counted only with date and evidence.

    What is prepared here and finished at the counter is named and not counted (CASES A2).
    """
    evidence = [_evidence(procedure, published, today) for procedure, published in _live(session, today)]
    parts = {part: Decimal(sum(1 for e in evidence if e.counted and e.part == part)) for part in ("here", "elsewhere")}
    return MeasureValue(sum(parts.values(), start=Decimal(0)), parts, tuple(evidence))


def _evidence(procedure: Procedure, published: date, today: date) -> Evidence:
    channel = procedure.channel
    path = f"/procedures/{procedure.slug}"
    known = Evidence(procedure.slug, procedure.plain_name.ja, name_en=procedure.plain_name.en)
    if isinstance(channel, Elsewhere):
        counted = channel.since is not None and channel.since <= today and bool(channel.evidence)
        note = None if counted else "始まった日か根拠が確かめられていない"
        return replace(
            known,
            part="elsewhere",
            address=channel.url,
            since=channel.since,
            source=channel.evidence,
            note=note,
            counted=counted,
        )
    if isinstance(channel, Prepared) or proving.channel_kind(procedure) == "prepared":
        note = "ここで書いて窓口で仕上げる。オンラインの数には入らない"
        return replace(known, part="prepared", address=path, since=published, note=note, counted=False)
    since = channel.since or published
    return replace(known, part="here", address=path, since=since, source="このサイトで受け付けている")


def office_fees(session: Session) -> Offer:
    """What is published here now and asks for an office fee that can be paid online (for measure 1_12)."""
    found = [
        procedure
        for procedure, _published in _live(session, clock.today())
        if proving.channel_kind(procedure) == "here" and procedure.fee.kind != "none"
    ]
    evidence = [{"title": p.plain_name.ja, "address": f"/procedures/{p.slug}"} for p in found]
    return Offer(len(found), evidence)


def writeless(session: Session, today: date) -> MeasureValue:
    """1_03: procedures that the write-less counter fills in (bundled at the counter)."""
    found = [
        Evidence(
            key=procedure.slug,
            name=procedure.plain_name.ja,
            name_en=procedure.plain_name.en,
            part="counter",
            since=published,
            source="窓口で、カードから読み取って書く手続き",
        )
        for procedure, published in _live(session, today)
        if procedure.bundled and procedure.channel.kind == "prepared"
    ]
    value = Decimal(len(found))
    return MeasureValue(value, {"counter": value}, tuple(found))
