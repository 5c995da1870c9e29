"""People with a registered account, what they owe for a month, and the two people of finance who hand an order over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from payments import checkout, queries, transfers
from payments import services as payments
from payments.contract import MoneyKind, Payer
from payments.models import TransferBatch, TransferLine
from payments.transfers import files, filling, orders, results, services, standing
from payments.transfers.files import Result
from payments.transfers.rules import BatchState
from payments.transfers.standing import Standing
from portal.accounts.models import Account, Role
from portal.kernel import audit, clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments.things import CLERK, charge
from tests.people import make_resident, make_staff

DECEMBER = date(2026, 12, 1)
DUE = date(2026, 12, 27)
"""A Sunday: banks take it on the 28th, and want the file by the 17th."""
ITEM = "facility-fee"


@dataclass(frozen=True)
class Finance:
    """Two people, as a month's orders need them."""

    one: Actor
    two: Actor


def finance() -> Finance:
    return Finance(
        Actor(make_staff(Role.FINANCE, email="one@example.jp").id, "staff"),
        Actor(make_staff(Role.FINANCE, email="two@example.jp").id, "staff"),
    )


def register(who: Account, *, code: str = ITEM) -> str:
    """Register an account by way of the double's bank; the registration's reference."""
    assert who.person_id is not None
    with unit_of_work() as session:
        address = services.start(
            session,
            person_id=who.person_id,
            kind_code=code,
            bank_code="0130",
            branch_code="012",
            return_url="http://localhost/transfers/answer",
            locale="ja",
            actor=Actor(who.id, "resident"),
            now=clock.now(),
        )
    bank = transfers.double()
    assert bank is not None
    asked = parse_qs(urlsplit(address).query)
    order = bank.order(asked["order"][0], asked["signature"][0])
    with unit_of_work() as session:
        said = bank.read_answer(*bank.answer(order, confirmed=True, now=clock.now()))
        return services.take_answer(session, said, now=clock.now()).reference


def resident(email: str = "hanako@example.jp", *, registered: bool = True) -> Account:
    who = make_resident(email=email)
    if registered:
        register(who)
    return who


def owes(
    who: Account, ref: str, *, total: int = 1500, due: date | None = DUE, email: str | None = "", **facts: object
) -> str:
    """A month's use that is taken from the payer's account; the charge's reference."""
    payer = Payer(who.person_id, who.id, "古河 花子", who.email if email == "" else email)
    known = {"from_account": True, "money_kind": MoneyKind.FACILITY_FEE, "term_end": due, "payer": payer, **facts}
    return charge(ref, total=total, **known)


def make(month: date = DECEMBER) -> str:
    """The list of a month, made as the job makes it; its reference."""
    with unit_of_work() as session:
        batch = orders.start(session, ITEM, month=month, actor=audit.SYSTEM, now=clock.now())
    filling.fill(batch.id, now=clock.now())
    return batch.reference


def write(reference: str, who: Finance) -> int:
    """Two people look and write; the clock is moved to the month where it is not there yet."""
    wait_for(reference)
    with unit_of_work() as session:
        orders.ask(session, reference, actor=who.one, now=clock.now())
    with unit_of_work() as session:
        return orders.write(session, reference, actor=who.two, now=clock.now())


def wait_for(reference: str) -> None:
    """Until the month before is over, nobody looks at a list."""
    first = datetime.combine(batch(reference).month, time(9), clock.TOKYO)
    if clock.now() < first:
        clock.move_to(first)


def fetch(reference: str, who: Finance) -> bytes:
    with unit_of_work() as session:
        return orders.fetch(session, reference, actor=who.one, now=clock.now())[0]


def take(reference: str, content: bytes, who: Finance) -> None:
    """Take a result in and settle it, as the job does."""
    with unit_of_work() as session:
        results.take(session, reference, content, file_name="kekka.txt", actor=who.one, now=clock.now(), early=True)
    results.settle(batch(reference).id, now=clock.now())


def batch(reference: str) -> TransferBatch:
    with unit_of_work() as session:
        return session.scalars(select(TransferBatch).where(TransferBatch.reference == reference)).one()


def state(reference: str) -> BatchState:
    return BatchState(batch(reference).state)


def lines(reference: str) -> list[TransferLine]:
    with unit_of_work() as session:
        query = select(TransferLine).join(TransferBatch).where(TransferBatch.reference == reference)
        return list(session.scalars(query.order_by(TransferLine.id)))


def answer(ordered: bytes, **said: Result) -> bytes:
    """A bank's result: `n1=Result.NO_FUNDS` for the first order; the others were taken."""
    found = files.read(ordered).orders
    return files.answer(ordered, {found[int(name[1:]) - 1].customer: result for name, result in said.items()})


def stands(reference: str) -> Standing | None:
    with unit_of_work() as session:
        return standing.of_charge(session, reference, now=clock.now())


def whole_of(reference: str) -> str:
    with unit_of_work() as session:
        return queries.charge(session, reference).pay_ref


def open_page(reference: str) -> str:
    return checkout.open_page(
        reference, return_url="http://localhost/x", cancel_url="http://localhost/x", locale="ja", now=clock.now()
    )


def cash(reference: str, amount: int) -> None:
    with unit_of_work() as session:
        payments.take_cash(session, reference, received=Yen(amount), clerk=CLERK, place="koga", now=clock.now())
