"""Which ways to pay are on for which kind of money: city data first, then finance's own decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import gateways, methods
from payments.contract import MoneyKind
from payments.methods import Method, Offering
from payments.models import MethodSwitch
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


def switched(session: Session, money_kind: MoneyKind) -> list[Method]:
    """The ways that are on for a kind of money, in the order in which they are shown. One statement."""
    rows = session.execute(
        select(MethodSwitch.method, MethodSwitch.enabled).where(MethodSwitch.money_kind == money_kind.value)
    ).all()
    said = {Method(row.method): row.enabled for row in rows}
    return [method for method in Method if said.get(method, method in methods.DEFAULT)]


def table(session: Session) -> Mapping[MoneyKind, Mapping[Method, bool]]:
    """Every switch, for finance's page. One statement."""
    rows = {
        (row.money_kind, row.method): row.enabled
        for row in session.execute(select(MethodSwitch.money_kind, MethodSwitch.method, MethodSwitch.enabled))
    }
    return {
        kind: {method: rows.get((kind.value, method.value), method in methods.DEFAULT) for method in Method}
        for kind in MoneyKind
    }


def begin_with(session: Session, wanted: Mapping[MoneyKind, Sequence[Method]], *, now: datetime) -> int:
    """Write the city pack's switches where nothing stands yet; what finance has decided stays. How many were written."""
    rows = [
        {"money_kind": kind.value, "method": method.value, "enabled": method in on, "changed_at": now}
        for kind, on in wanted.items()
        for method in Method
    ]
    kept = session.execute(select(MethodSwitch.money_kind, MethodSwitch.method))
    standing = {(row.money_kind, row.method) for row in kept}
    rows = [row for row in rows if (row["money_kind"], row["method"]) not in standing]
    if not rows:
        return 0
    written = session.scalars(
        insert(MethodSwitch).values(rows).on_conflict_do_nothing().returning(MethodSwitch.method)
    ).all()
    return len(written)


def switch(
    session: Session, money_kind: MoneyKind, method: Method, *, enabled: bool, actor: Actor, now: datetime
) -> bool:
    """Turn one way to pay on or off; pages that are open keep what they offered. Whether anything changed."""
    before = table(session)[money_kind][method]
    if before is enabled:
        return False
    values = {"enabled": enabled, "changed_at": now, "changed_by_account_id": actor.account_id}
    session.execute(
        insert(MethodSwitch)
        .values(money_kind=money_kind.value, method=method.value, **values)
        .on_conflict_do_update(constraint="pk_payment_method_switch", set_=values)
    )
    audit.record(
        session,
        actor=actor,
        action="payment_method.switch",
        subject_kind="payment_method",
        subject_ref=f"{money_kind.value}/{method.value}",
        detail={"enabled": enabled},
    )
    return True


def why_not_online(
    session: Session,
    *,
    total: Yen,
    money_kind: MoneyKind,
    merchant: str | None,
    pay_until: datetime | None,
    now: datetime,
) -> tuple[str | None, Offering]:
    """Why a sum cannot be paid online now (None where it can), and the ways that it is offered. At most one statement."""
    gateway = gateways.online()
    if gateway is None:
        return "provider_off", Offering(())
    if merchant is None:
        return "payee_offline", Offering(())
    if total < gateway.limits.smallest:
        return "too_small", Offering(())
    if gateway.limits.largest < total:
        return "too_large", Offering(())
    offering = methods.offer(
        total,
        switched=switched(session, money_kind),
        served=gateway.serves,
        merchant=merchant,
        pay_until=pay_until,
        now=now,
    )
    return (None if offering.methods else "no_method"), offering
