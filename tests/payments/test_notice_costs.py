"""What a notice costs: the statements that it waits for, and what the one statement of the ledger still opens by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event, select

from payments.models import AccountCode, EventOutcome, LedgerAccount, Payee, PayeeKind
from portal.kernel import database
from portal.kernel.database import unit_of_work
from tests.payments.things import Things, balances, charge
from tests.stripe_server import StripeServer

Take = Callable[[bytes, dict[str, str]], EventOutcome | None]
Open = Callable[[str], str]


def test_a_notice_costs_few_statements_and_its_repetition_one(
    things: Things, stripe: StripeServer, open_page: Open, take: Take
):
    for number in range(2):
        stripe.books.pay(open_page(charge(f"T{number}")))
    first, second = [told for told in stripe.new_events() if told["type"] == "checkout.session.completed"]
    take(*stripe.signed(first))  # what is read once a process is read
    asked: list[str] = []

    def note(*seen: Any) -> None:
        asked.append(seen[2])

    event.listen(database.engine(), "before_cursor_execute", note)
    try:
        take(*stripe.signed(second))
        fresh, asked[:] = list(asked), []
        take(*stripe.signed(second))
    finally:
        event.remove(database.engine(), "before_cursor_execute", note)
    # 20 before the ledger was written in one and the charge read with its payer, payee and year.
    assert len(fresh) <= 15
    assert len(asked) == 1


def test_money_of_a_payee_without_accounts_opens_those_that_it_moves(things: Things):
    """A payee of an earlier version of the program has no account of a code that came later."""
    with unit_of_work() as session:
        session.add(Payee(code="old", kind=PayeeKind.CITY.value, name="見本の会計", merchant=None))
    for number in range(2):
        charge(f"T{number}", payee="old")
    assert balances() == {AccountCode.RECEIVABLE: 6000, AccountCode.REVENUE: -6000}
    with unit_of_work() as session:
        opened = select(LedgerAccount.code).join(Payee, Payee.id == LedgerAccount.payee_id).where(Payee.code == "old")
        assert sorted(session.scalars(opened)) == ["receivable", "revenue"]
