"""Who has a booking hears that it was moved, whoever moved it; the page says what happened and until when it can be undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask.testing import FlaskClient

from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from reservations.operations import moving
from reservations.operations.moving import MoveTo
from reservations.services.deciding import in_scope
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import Resident
from tests.reservations.test_moving import LATER, move

STAFF = Actor(None, "staff")


def _texts(mailbox: Mailbox) -> list[str]:
    found = []
    for mail in mailbox.to("hanako@example.com"):
        body = mail.get_body(("plain",))
        if body is not None and "予約の時間が変わりました" in str(mail["subject"]):
            found.append(str(body.get_content()))
    return found


def _staff_move(reference: str, to: MoveTo) -> None:
    with unit_of_work() as session:
        held = in_scope(session, reference, {"S05"})
        shown = moving.look(session, held, to, by_staff=True, now=clock.now())[1].quote.digest
        moving.move(session, held, to, accepted=shown, by_staff=True, actor=STAFF, now=clock.now())


def test_who_is_moved_by_staff_is_told_from_when_to_when_each_time(
    hanako: Resident, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    run_jobs()
    assert _texts(mailbox) == []
    _staff_move(reference, MoveTo(LATER, ("t1100",)))
    run_jobs()
    [told] = _texts(mailbox)
    assert "施設の担当者が、予約の時間か場所を変えました" in told
    assert "前の予約: テニスコート 1面 2026年12月4日(金) 9:00〜11:00" in told
    assert "使う日時: 2026年12月10日(木) 11:00〜13:00" in told
    _staff_move(reference, MoveTo(LATER, ("t1500",)))
    run_jobs()
    assert len(_texts(mailbox)) == 2
    assert "2026年12月10日(木) 11:00〜13:00" in _texts(mailbox)[1]
    assert "15:00〜17:00" in _texts(mailbox)[1]


def test_who_moves_it_themselves_reads_it_on_the_page_and_in_the_mail(
    client: FlaskClient, hanako: Resident, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    run_jobs()
    move(hanako, reference, MoveTo(LATER, ("t1100",)))
    run_jobs()
    [told] = _texts(mailbox)
    assert "施設の担当者が" not in told
    assert "前の使用許可書は使えません" in told
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    assert "予約の時間を変えました。" in client.get(f"/bookings/{reference}?moved=y").text
    assert "予約の時間を変えました。" not in client.get(f"/bookings/{reference}").text


def test_the_page_says_until_when_a_booking_can_be_undone_and_where_the_money_is(
    client: FlaskClient, hanako: Resident, clock_at: Callable[[str], datetime]
) -> None:
    reference = hanako.book("S05-01", "t0900")
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    assert "10:15 までは、取り消すと全額が返ります" in client.get(f"/bookings/{reference}").text
    clock_at("2026-11-25 10:16")
    assert "取り消すと全額が返ります" not in client.get(f"/bookings/{reference}").text
    hanako.cancel(reference, hanako.refund(reference))
    page = client.get(f"/bookings/{reference}").text
    assert "窓口でお返しします。くわしくは、支払いのページで見られます" in page
