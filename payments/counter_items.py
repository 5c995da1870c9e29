"""Selling things at a counter without an application: a copy, a map, a tag. Charge, money and receipt are one step.

Each sale is something payable of its own; its number is made with the form, so that a double click is one sale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import contract, till
from payments.contract import ChargeLine, ChargeRequest, Ground, MoneyKind, Payer, TaxClass, Verdict
from payments.errors import NotSold
from payments.models import Charge, CounterItem, Payment, Receipt
from payments.services import raise_charge
from payments.till import CashTaken
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

KIND = "counter_item"
MOST = 999
"""Most of one thing in one sale."""


@dataclass(frozen=True)
class Basket:
    """What is to be sold, in the order of the list, all of one payee and kind of money."""

    lines: Sequence[tuple[CounterItem, int]]

    @property
    def total(self) -> Yen:
        """What is to be paid."""
        return sum((Yen(item.price.amount * count) for item, count in self.lines), start=Yen(0))


def items(session: Session) -> Sequence[CounterItem]:
    """The price list. One statement."""
    query = select(CounterItem).where(CounterItem.active).order_by(CounterItem.position, CounterItem.id)
    return session.scalars(query).all()


def basket(session: Session, counts: Mapping[str, int]) -> Basket:
    """How much of what.

    Args:
        session: the transaction.
        counts: how many of each item, by code; 0: none.

    Raises:
        NotSold: nothing, too many, unknown, or of two payees or kinds of money.
    """
    wanted = {code: count for code, count in counts.items() if count}
    if not wanted:
        raise NotSold("nothing")
    if not all(0 < count <= MOST for count in wanted.values()):
        raise NotSold("too_many")
    found = [(item, wanted[item.code]) for item in items(session) if item.code in wanted]
    if len(found) < len(wanted):
        raise NotSold("unknown")
    if len({(item.payee_code, item.money_kind, item.budget_item) for item, _count in found}) > 1:
        raise NotSold("mixed")
    made = Basket(found)
    if made.total > contract.MAXIMUM:
        raise NotSold("too_many")
    return made


def sell(
    session: Session,
    sale: str,
    counts: Mapping[str, int],
    *,
    seen: Yen,
    received: Yen | None,
    slip_number: str,
    clerk: Actor,
    place: str,
    now: datetime,
) -> CashTaken:
    """Charge what is sold and take its money, in cash or by the card terminal; nothing happened where it raises.

    Args:
        session: the caller's transaction.
        sale: the sale's own number; the same again is the same sale, and its receipt is found again without change.
        counts: how many of each item, by code.
        seen: the total that was said to the buyer.
        received: the cash on the counter; None: the card terminal took it.
        slip_number: of the terminal.
        clerk: who sells.
        place: code of the office.
        now: aware.

    Raises:
        NotSold: as `basket`; or the total is another one by now.
        CashTooLittle, SlipMissing, SlipKnown: as in `payments.till`.
    """
    done = session.execute(
        select(Receipt, Charge)
        .join(Payment, Payment.id == Receipt.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .where(Charge.payable_kind == KIND, Charge.payable_ref == sale)
    ).first()
    if done is not None:
        return CashTaken(done.Receipt, Yen(0))
    found = basket(session, counts)
    if found.total != seen:
        raise NotSold("price")
    charge = raise_charge(session, _request(sale, found), now=now)
    if received is None:
        return till.take_terminal(session, charge.reference, slip_number=slip_number, clerk=clerk, place=place, now=now)
    return till.take_cash(session, charge.reference, received=received, clerk=clerk, place=place, now=now)


def _request(sale: str, found: Basket) -> ChargeRequest:
    first = found.lines[0][0]
    name = first.name if len(found.lines) == 1 else f"{first.name[:14]} ほか"
    return ChargeRequest(
        payable_kind=KIND,
        payable_ref=sale,
        payer=Payer(None, None, ""),
        payee=first.payee_code,
        money_kind=MoneyKind(first.money_kind),
        lines=[
            ChargeLine(
                f"{item.name} {item.price}×{count}{item.unit}",
                Yen(item.price.amount * count),
                TaxClass(item.tax),
                Ground(item.ground, item.article),
                item.sample,
                f"counter/{item.code}",
            )
            for item, count in found.lines
        ],
        description=name[: contract.DESCRIPTION_LENGTH],
        description_en=(first.name_en if len(found.lines) == 1 else f"{first.name_en} and others")
        if first.name_en
        else "",
        ground=Ground(first.ground, first.article),
        budget_item=first.budget_item,
    )


class CounterSale:
    """Something sold over the counter: it is handed over when the money is there."""

    kind = KIND

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:  # noqa: ARG002 - the protocol's signature
        """Always given."""
        return Verdict.ACCEPTED

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Nothing to do: the charge says it."""

    def page(self, ref: str) -> str:
        """Nobody has a page of their own about it."""
        del ref
        return "/"


def register() -> None:
    """Make sales payable. Safe to call again."""
    contract.register(CounterSale())
