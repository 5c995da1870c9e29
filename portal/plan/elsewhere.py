"""Procedures that are online at another address (case A2): counted only with address, since when and evidence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.plan.models import ElsewhereProcedure
from portal.plan.registry import Evidence, MeasureValue

PART = "elsewhere"


def is_counted(address: str | None, since: date | None, evidence: str | None, today: date) -> bool:
    """Whether all three facts are known and the day has come."""
    return bool(address and evidence and since is not None and since <= today)


def provided(session: Session, today: date) -> MeasureValue:
    """The part of measure 1_02 that runs elsewhere. One statement."""
    rows = session.scalars(select(ElsewhereProcedure).order_by(ElsewhereProcedure.position)).all()
    evidence = tuple(
        Evidence(
            key=row.slug,
            name=row.name,
            name_en=row.name_en,
            part=PART,
            address=row.address,
            since=row.since,
            source=row.evidence,
            note=row.note,
            counted=is_counted(row.address, row.since, row.evidence, today),
        )
        for row in rows
    )
    value = Decimal(sum(item.counted for item in evidence))
    return MeasureValue(value, {PART: value}, evidence)
