"""What pages say in words: ends of days, kinds of prices, lines of a price in both languages, what is not known."""

from __future__ import annotations

import re
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from payments.models import Charge
from portal.accounts.models import Account, Role
from portal.kernel.database import unit_of_work
from portal.kernel.texts import show_until
from reservations.timetable import TOKYO
from reservations.web import words
from tests import people
from tests.reservations.conftest import FRIDAY, Resident, booking, change_rules


def sign_in(client: FlaskClient, resident: Resident) -> None:
    with unit_of_work() as session:
        account = session.get_one(Account, resident.account_id)
    people.sign_in(client, account)


def test_the_end_of_a_day_is_the_same_on_every_page_as_in_the_mails(hanako: Resident, client: FlaskClient) -> None:
    change_rules("sports", payment=[{"when": "within", "days": 2}])
    reference = hanako.book("S05-01", "t0900", paid=False)
    until = show_until(booking(reference).held_until)
    assert until.endswith("24:00")
    sign_in(client, hanako)
    with unit_of_work() as session:
        charge = session.scalars(select(Charge.reference).where(Charge.payable_ref == reference)).one()
    for page in ("/my/bookings", f"/bookings/{reference}", "/pay", f"/pay/{charge}"):
        text = client.get(page, follow_redirects=True).text
        assert until in text, page
        assert " 0:00" not in text, page


def test_the_page_of_individual_use_says_the_kinds_of_prices_in_words(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    page = client.get(f"/staff/individual-use?space=S01-01&day={FRIDAY}").text
    shown = re.findall(r'name="tariff" value="([^"]+)"[^>]*> ([^<]+)', page)
    assert ("small", "サブアリーナ・小さい室 2時間 800円") in shown
    assert ("court", "1コート: 1コート 2時間 400円") in shown
    assert not [code for code, said in shown if said.strip() == code]
    assert "Small hall, 2 hours 800" in client.get(f"/staff/individual-use?space=S01-01&day={FRIDAY}&lang=en").text


def test_a_price_is_in_words_and_its_rule_is_one_step_away(hanako: Resident, client: FlaskClient) -> None:
    reference = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    for address in (f"/staff/desk/holds/{reference}", f"/staff/bookings/{reference}"):
        page = client.get(address).text
        before, details, after = page.partition("<summary>料金表の版と行</summary>")
        assert "court@2025-04-01" not in before, address
        assert details
        assert "court@2025-04-01#weekday" in after.partition("</details>")[0]


def test_a_charge_has_its_lines_in_english_for_who_reads_english(hanako: Resident, client: FlaskClient) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    with unit_of_work() as session:
        charge = session.scalars(select(Charge.reference).where(Charge.payable_ref == reference)).one()
    sign_in(client, hanako)
    assert "1面 2時間 平日" in client.get(f"/pay/{charge}", follow_redirects=True).text
    english = client.get(f"/pay/{charge}?lang=en", follow_redirects=True).text
    assert "One court, 2 hours, weekday" in english
    assert "1面 2時間 平日" not in english


def test_what_nobody_has_recorded_is_not_said_to_be_missing(koga: str, client: FlaskClient) -> None:
    page = client.get("/facilities/S05").text
    row = page.partition("<dt>バリアフリー</dt>")[2].partition("</div>")[0]
    assert "記録がありません" in row
    assert "なし" not in row


def test_the_end_of_a_booking_window_is_the_end_of_its_day(app: Flask) -> None:
    with app.test_request_context("/"):
        shown = [words.short_until(datetime(2026, 12, 5, hour, tzinfo=TOKYO)) for hour in (0, 10)]
    assert shown == ["12月4日 24:00", "12月5日 10:00"]
