"""Something payable that knows nothing but whether it takes money: what payments sees of a booking or an application."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import contract, ledger, services, switches
from payments.contract import ChargeLine, ChargeRequest, Ground, MoneyKind, Payer, TaxClass, Verdict
from payments.methods import Method
from payments.models import AccountCode, Charge, LedgerEntry, PayeeKind, Payment, Refund
from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen

ORDINANCE = Ground("古河市見本条例", "第3条")
HANAKO = Payer(None, None, "古河 はなこ", "hanako@example.jp")
CLERK = Actor(None, "staff")


@dataclass
class Things:
    """A payable kind whose things are names; `gone` ones refuse money, `given` ones were confirmed."""

    kind: str = "thing"
    gone: set[str] = field(default_factory=set)
    given: dict[str, str] = field(default_factory=dict)
    given_back: list[tuple[str, Yen]] = field(default_factory=list)
    asked: int = 0

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:  # noqa: ARG002 - the protocol's signature
        self.asked += 1
        if self.given.get(ref) == charge_ref:
            return Verdict.ACCEPTED
        if ref in self.gone:
            return Verdict.REFUSED
        self.given[ref] = charge_ref
        return Verdict.ACCEPTED

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:  # noqa: ARG002 - the protocol's signature
        self.given_back.append((ref, amount))

    def page(self, ref: str) -> str:
        return f"/things/{ref}"


def new_things() -> Things:
    things = Things()
    contract.register(things)
    return things


def define_payees(session: Session) -> None:
    services.define_payee(
        session, code="city", kind=PayeeKind.CITY, name="古河市", name_en="Koga City", merchant="main"
    )
    services.define_payee(
        session, code="manager", kind=PayeeKind.DESIGNATED_MANAGER, name="見本の指定管理者", sample=True
    )
    switches.begin_with(session, dict.fromkeys(MoneyKind, list(Method)[:3]), now=clock.now())


def line(
    amount: int, *, label: str = "見本の料金", tax: TaxClass = TaxClass.EXEMPT, ground: Ground = ORDINANCE
) -> ChargeLine:
    return ChargeLine(label, Yen(amount), tax, ground, sample=True, rule="sample")


def request(ref: str = "T1", *lines: ChargeLine, total: int = 3000, **facts: Any) -> ChargeRequest:
    values: dict[str, Any] = {
        "payable_kind": "thing",
        "payable_ref": ref,
        "payer": HANAKO,
        "payee": "city",
        "money_kind": MoneyKind.OFFICE_FEE,
        "lines": lines or (line(total),),
        "description": "見本の手数料",
        "ground": ORDINANCE,
    }
    return ChargeRequest(**{**values, **facts})


def charge(ref: str = "T1", *lines: ChargeLine, total: int = 3000, **facts: Any) -> str:
    """Demand money for a thing in a transaction of its own; the charge's reference."""
    with unit_of_work() as session:
        return services.raise_charge(session, request(ref, *lines, total=total, **facts), now=clock.now()).reference


def state_of(reference: str) -> ChargeState:
    with unit_of_work() as session:
        return ChargeState(session.scalars(select(Charge.state).where(Charge.reference == reference)).one())


def balances() -> dict[AccountCode, int]:
    """All books together, in yen, without the accounts that are even."""
    with unit_of_work() as session:
        return {code: amount.amount for code, amount in ledger.balances(session).items() if amount}


def payments_of(reference: str) -> list[Payment]:
    with unit_of_work() as session:
        query = select(Payment).join(Charge, Charge.id == Payment.charge_id).where(Charge.reference == reference)
        return list(session.scalars(query.order_by(Payment.id)))


def refunds_of(reference: str) -> list[Refund]:
    with unit_of_work() as session:
        query = select(Refund).join(Charge, Charge.id == Refund.charge_id).where(Charge.reference == reference)
        return list(session.scalars(query.order_by(Refund.id)))


def entries() -> int:
    with unit_of_work() as session:
        return len(session.scalars(select(LedgerEntry.id)).all())


def give_back_in_part(reference: str, amount: int) -> str:
    """Promise a part of a paid charge back; the refund's reference."""
    with unit_of_work() as session:
        return services.refund(
            session,
            charge_ref=reference,
            amount=Yen(amount),
            kind=services.RefundKind.BY_ORDINANCE,
            ground=ORDINANCE,
            requested_by=CLERK,
            now=clock.now(),
        ).reference
