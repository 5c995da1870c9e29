"""The lines of charges with their grounds, as they were asked for: one reading for pages, sums, and demands that are raised anew."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.contract import ChargeLine, Ground, TaxClass
from payments.models import ChargeLineRow, GroundRow


def of_charge(session: Session, charge_id: int) -> list[ChargeLine]:
    """A charge's lines in their order. One statement."""
    return [line for _charge, line in of_charges(session, [charge_id])]


def of_charges(session: Session, charge_ids: Sequence[int]) -> list[tuple[int, ChargeLine]]:
    """(charge, line) of several charges, by charge and position. One statement."""
    rows = session.execute(
        select(ChargeLineRow, GroundRow)
        .join(GroundRow, GroundRow.id == ChargeLineRow.ground_id)
        .where(ChargeLineRow.charge_id.in_(charge_ids))
        .order_by(ChargeLineRow.charge_id, ChargeLineRow.position)
    )
    return [
        (
            row.charge_id,
            ChargeLine(row.label, row.amount, TaxClass(row.tax), stands_on(ground), row.sample, row.rule, row.label_en),
        )
        for row, ground in rows
    ]


def stands_on(row: GroundRow) -> Ground:
    """A stored ground as the contract says it."""
    return Ground(row.title, row.article, row.since)
