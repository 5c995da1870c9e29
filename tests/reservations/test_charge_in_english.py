"""Who reads English reads in English what a charge is for: on the list, the page to pay, the receipt, in mails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from payments import queries, services, waiting
from payments.models import Charge
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import CLERK, Resident


def _of(reference: str) -> queries.ChargeView:
    with unit_of_work() as session:
        found = queries.charge_of(session, "booking", reference)
    assert found is not None
    return found


def test_a_bookings_charge_is_called_in_english(
    client: FlaskClient, hanako: Resident, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    charge = _of(reference)
    assert charge.called("ja") == "施設使用料 12/04 09:00"
    assert charge.called("en") == "Facility fee, 4 Dec 09:00"
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
        [open_charge] = waiting.open_of(session, person_id=hanako.person_id, now=clock.now())
    assert open_charge.called("en") == "Facility fee, 4 Dec 09:00"
    people.sign_in(client, account)
    for path in ("/pay", f"/pay/{charge.reference}"):
        page = client.get(path, query_string={"lang": "en"}).text
        assert "Facility fee, 4 Dec 09:00" in page, path
        assert "施設使用料 12/04" not in page, path
    with unit_of_work() as session:
        taken = services.take_cash(
            session, charge.reference, received=Yen(600), clerk=CLERK, place="sowa", now=clock.now()
        )
    page = client.get(f"/pay/receipts/{taken.reference}", query_string={"lang": "en"}).text
    assert "Facility fee, 4 Dec 09:00" in page
    assert "施設使用料 12/04" not in page


def test_a_charge_without_english_words_keeps_those_of_its_first_line(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    found: Any = _of(reference)
    with unit_of_work() as session:
        row = session.query(Charge).filter_by(reference=found.reference).one()
        assert row.called("en") == "Facility fee, 4 Dec 09:00"
        session.expunge(row)
    row.description_en = ""
    assert row.called("en") == row.description


def test_the_search_box_of_finance_asks_for_nothing_and_empty_it_shows_the_day(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_staff(Role.FINANCE))
    page = client.get("/staff/payments").text
    box = page[page.index('action="/staff/payments/search"') :][:1200]
    assert "番号でさがす" in box
    assert "必須" not in box
    assert "任意" not in box
    answer = client.get("/staff/payments/search?q=", follow_redirects=True)
    assert "は見つかりません" not in answer.text
    assert "お金の受け取り" in answer.text
