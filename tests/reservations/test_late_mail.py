"""A mail about a booking's charge that is overdue says where it is paid when it cannot be paid online any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask.testing import FlaskClient
from sqlalchemy import update

from payments import dunning
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations.models import Booking
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import Resident

Move = Callable[[str], datetime]


def _late(mailbox: Mailbox) -> str:
    about = [one for one in mailbox.to("hanako@example.com") if "期限" in one["Subject"] or "due" in one["Subject"]]
    body = about[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _remind() -> int:
    with unit_of_work() as session:
        return dunning.remind(session, today=clock.today(), now=clock.now())


def _owing(client: FlaskClient, hanako: Resident, clock_at: Move, *, locale: str = "ja") -> None:
    """Who stayed 25 minutes longer and has 14 days to pay."""
    reference = hanako.book("S05-01", "t0900")
    with unit_of_work() as session:
        session.execute(update(Booking).where(Booking.reference == reference).values(locale=locale))
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    clock_at("2026-12-04 08:50")
    people.post(client, f"/staff/desk/bookings/{reference}/came")
    clock_at("2026-12-04 11:40")
    people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "11:25"})
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")


def test_after_the_online_term_the_mail_names_the_facilitys_counter(
    client: FlaskClient, hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    _owing(client, hanako, clock_at)
    clock_at("2026-12-11 09:30")
    assert _remind() == 1
    run_jobs()
    soon = _late(mailbox)
    assert "オンラインで払える期限は過ぎました" not in soon
    assert "/pay/" in soon
    clock_at("2026-12-25 09:30")
    assert _remind() == 1
    run_jobs()
    late = _late(mailbox)
    for words in (
        "オンラインで払える期限は過ぎました。次の窓口で、できるだけ早く払ってください。",
        "督促状が届くことがあります",
        "・中央運動公園テニスコート",
        "開いている時間 9:00〜17:00 (月曜日の休み",
        "窓口では、支払番号",
    ):
        assert words in late, late


def test_in_english_it_is_said_in_english(
    client: FlaskClient, hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    _owing(client, hanako, clock_at, locale="en")
    clock_at("2026-12-25 09:30")
    _remind()
    run_jobs()
    late = _late(mailbox)
    assert "It can no longer be paid online" in late
    assert "Closed on Mondays" in late
