"""What a manager and a payer need to read at the right moment: too early, too long, and what is owed for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask.testing import FlaskClient

from payments import queries as payment_queries
from payments import services as payments
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import CLERK, Resident, booking

Move = Callable[[str], datetime]


def _account(who: Resident) -> Account:
    with unit_of_work() as session:
        return session.get_one(Account, who.account_id)


def test_a_permit_of_another_day_has_no_button_to_check_in_but_its_day(
    client: FlaskClient, hanako: Resident, clock_at: Move
) -> None:
    reference = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    early = client.get(f"/staff/desk/bookings/{reference}?by=qr").text
    assert "まだ受付できません" in early
    assert "2026年12月4日(金) 9:00〜11:00" in early
    assert f"/bookings/{reference}/came" not in early
    clock_at("2026-12-04 08:30")
    assert f"/bookings/{reference}/came" in client.get(f"/staff/desk/bookings/{reference}").text
    clock_at("2026-12-05 09:00")
    late = client.get(f"/staff/desk/bookings/{reference}").text
    assert "もう終わりました" in late
    assert f"/staff/desk/2026-12-04#{reference}" in late
    assert f"/bookings/{reference}/came" not in late


def test_who_stayed_longer_is_asked_at_once_told_by_mail_and_reads_what_is_owed_until_when(
    client: FlaskClient, hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    clock_at("2026-12-04 08:50")
    assert people.post(client, f"/staff/desk/bookings/{reference}/came").status_code == 303
    clock_at("2026-12-04 11:40")
    saved = people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "11:25"})
    assert saved.headers["Location"].endswith(f"/staff/desk/bookings/{reference}#overtime")
    assert "25分、時間をこえました" in client.get("/staff/desk/2026-12-04").text
    assert "300円を請求する" in client.get(f"/staff/desk/bookings/{reference}").text
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")
    run_jobs()
    [mail] = [one for one in mailbox.to("hanako@example.com") if "時間をこえた分の料金" in one["subject"]]
    said = mail.get_body(("plain",))
    assert said is not None
    text = said.get_content()
    for words in ("25分 こえて", "600円", "900円", "2026年12月18日(金) 24:00 までに、300円", "審査請求"):
        assert words in text
    people.sign_in(client, _account(hanako))
    page = client.get(f"/bookings/{reference}").text
    assert "まだ支払っていない料金が 300円 あります。2026年12月18日(金) 24:00 までに支払ってください。" in page
    assert "この予約の時間は終わりました" in page
    assert "<h1>終わった予約</h1>" in page
    assert "600円 → 900円" in page
    with unit_of_work() as session:
        [(owed, _purpose)] = payment_queries.open_charges(session, "booking", reference)
        payments.take_cash(session, owed, received=Yen(300), clerk=CLERK, place="総和庁舎", now=clock.now())
    assert "まだ支払っていない料金" not in client.get(f"/bookings/{reference}").text


def test_who_left_in_time_leads_back_to_the_day(client: FlaskClient, hanako: Resident, clock_at: Move) -> None:
    reference = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    clock_at("2026-12-04 08:50")
    people.post(client, f"/staff/desk/bookings/{reference}/came")
    clock.move_to(booking(reference).ends_at + timedelta(minutes=5))
    saved = people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "11:00"})
    assert people.location(saved).startswith("/staff/desk/2026-12-04")
