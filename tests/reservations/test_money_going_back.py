"""A booking's page says what the person has to do so that money comes back: name an account, come to the counter, or nothing."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import update

from payments import giving_back
from payments import queries as payment_queries
from payments.models import Refund, RefundKind
from payments.settlement import Why
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people
from tests.reservations.conftest import Resident


def _page(client: FlaskClient, who: Resident, reference: str) -> str:
    with unit_of_work() as session:
        account = session.get_one(Account, who.account_id)
    people.sign_in(client, account)
    return client.get(f"/bookings/{reference}").text


def test_who_paid_at_the_counter_gets_it_back_there(client: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    hanako.cancel(reference, hanako.refund(reference))
    page = _page(client, hanako, reference)
    assert "窓口でお返しします。" in page
    assert "手続きはいりません" not in page
    with unit_of_work() as session:
        session.execute(update(Refund).values(state="succeeded"))
    page = _page(client, hanako, reference)
    assert "お返しのようすは、支払いのページで見られます。" in page
    assert "窓口でお返しします。" not in page


def test_who_gets_a_transfer_is_asked_for_the_account(client: FlaskClient, hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    office = Actor(people.make_staff(Role.FINANCE).id, "staff")
    with unit_of_work() as session:
        charge = payment_queries.charge_of(session, "booking", reference)
        assert charge is not None
        giving_back.start(
            session,
            charge.reference,
            amount=charge.total,
            kind=RefundKind.NOT_OWED,
            ground=None,
            why=Why("二重に払った", "台帳 3", to_bank=True),
            seen=charge.total,
            actor=office,
            now=clock.now(),
        )
    page = _page(client, hanako, reference)
    assert "振込先の口座を入力してください。" in page
    assert "手続きはいりません" not in page
