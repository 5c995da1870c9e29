"""Measure 1_12: how many of the three kinds of public money can be paid cashless, here and elsewhere, on what evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import gateways
from payments.contract import MoneyKind, offer_functions
from payments.models import CashlessElsewhere, Payee
from portal.plan.registry import Evidence, MeasureValue

NAMES = {
    MoneyKind.CITY_TAX: ("市税", "City tax"),
    MoneyKind.OFFICE_FEE: ("事務手数料", "Office fees"),
    MoneyKind.FACILITY_FEE: ("施設利用料", "Facility fees"),
}


def cashless_kinds(session: Session, today: date) -> MeasureValue:
    """Kinds that can be paid now. A kind that can be paid here and elsewhere counts once, as here.

    Here: a provider is switched on, a payee has an account at it, and something of the kind is published.
    Elsewhere: the city pack says so and names the evidence.
    """
    counted: dict[str, str] = {}
    evidence = []
    for item in (*_here(session), *_elsewhere(session, today)):
        # What is counted here is not counted elsewhere, too; the plan takes off what it finds counted twice.
        again = item.counted and item.key in counted
        evidence.append(replace(item, counted=False) if again else item)
        if item.counted:
            counted.setdefault(item.key, item.part)
    parts = {part: Decimal(list(counted.values()).count(part)) for part in ("here", "elsewhere")}
    return MeasureValue(Decimal(len(counted)), parts, tuple(evidence))


def _here(session: Session) -> list[Evidence]:
    gateway = gateways.online()
    takes = gateway is not None and session.scalar(select(Payee.id).where(Payee.merchant.is_not(None)).limit(1))
    found = []
    for kind, offer_of in offer_functions().items():
        offer = offer_of(session)
        name, name_en = NAMES[kind]
        first = offer.evidence[0] if offer.evidence else {}
        why_not = "" if takes else "オンラインの支払いが止まっている"
        found.append(
            Evidence(
                key=kind.value,
                name=name,
                name_en=name_en,
                part="here",
                address=first.get("address"),
                source=f"{gateway.code}: {offer.count}件" if gateway else None,
                note=why_not or (None if offer.count else "払えるものがまだ公開されていない"),
                counted=bool(takes) and offer.count > 0,
            )
        )
    return found


def _elsewhere(session: Session, today: date) -> list[Evidence]:
    rows = session.scalars(select(CashlessElsewhere).order_by(CashlessElsewhere.id))
    return [
        Evidence(
            key=row.money_kind,
            name=row.title,
            name_en=row.title_en or None,
            part="elsewhere",
            address=row.address or None,
            since=row.since,
            source=row.evidence,
            note=row.note or None,
            counted=bool(row.evidence) and (row.since is None or row.since <= today),
        )
        for row in rows
    ]
