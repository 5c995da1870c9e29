"""A wrong charge for overtime is taken back at the desk: withdrawn or paid back, with a reason, told by mail and page, on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask.testing import FlaskClient
from sqlalchemy import select

from payments import queries as payment_queries
from payments import services as payments
from payments.models import Refund
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import CLERK, Resident, booking, change_rules

Move = Callable[[str], datetime]
WHY = {"reason": "帰った時刻を打ちまちがえました"}


def _account(who: Resident) -> Account:
    with unit_of_work() as session:
        return session.get_one(Account, who.account_id)


def _charged(client: FlaskClient, hanako: Resident, clock_at: Move) -> str:
    """A booking whose people stayed 25 minutes longer, by what the clerk typed; 300円 are asked for it."""
    reference = hanako.book("S05-01", "t0900")
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    clock_at("2026-12-04 08:50")
    people.post(client, f"/staff/desk/bookings/{reference}/came")
    clock_at("2026-12-04 11:40")
    people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "11:25"})
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")
    return reference


def _text(mailbox: Mailbox, subject: str) -> list[str]:
    found = [one.get_body(("plain",)) for one in mailbox.to("hanako@example.com") if subject in str(one["subject"])]
    return [str(body.get_content()) for body in found if body is not None]


def _owed(reference: str) -> list[str]:
    with unit_of_work() as session:
        return [charge for charge, _purpose in payment_queries.open_charges(session, "booking", reference)]


def _refunds() -> list[Yen]:
    with unit_of_work() as session:
        return [one.amount for one in session.scalars(select(Refund))]


def test_an_unpaid_charge_is_withdrawn_with_the_reason_and_everybody_reads_it(
    client: FlaskClient, hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = _charged(client, hanako, clock_at)
    assert len(_owed(reference)) == 1
    back = f"/staff/desk/bookings/{reference}/overtime/back"
    assert "請求を取り下げる" in client.get(f"/staff/desk/bookings/{reference}").text
    for _ in range(2):
        assert people.post(client, back, WHY).status_code == 303
    assert _owed(reference) == []
    assert _refunds() == []
    run_jobs()
    [text] = _text(mailbox, "時間をこえた分の料金を取り下げました")
    for words in (WHY["reason"], "900円", "600円", "何も支払わなくてだいじょうぶです"):
        assert words in text
    desk = client.get(f"/staff/desk/bookings/{reference}").text
    assert "300円 の請求を取り下げて、本人に知らせました。理由: 帰った時刻を打ちまちがえました" in desk
    assert "300円を請求する" in desk, "the right minutes can be charged afterwards"
    with unit_of_work() as session:
        entries = select(AuditEntry).where(AuditEntry.action == "booking.adjusted").order_by(AuditEntry.id.desc())
        entry = session.scalars(entries).first()
        assert entry is not None
        assert entry.detail == {"kind": "overtime_back", "old": 900, "new": 600}, "codes and sums, no words of people"
    people.sign_in(client, _account(hanako))
    page = client.get(f"/bookings/{reference}").text
    assert "延長の料金を取り下げた" in page
    assert WHY["reason"] in page
    assert "まだ支払っていない料金" not in page


def test_a_paid_charge_is_paid_back_once(
    client: FlaskClient, hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = _charged(client, hanako, clock_at)
    [owed] = _owed(reference)
    with unit_of_work() as session:
        payments.take_cash(session, owed, received=Yen(300), clerk=CLERK, place="総和庁舎", now=clock.now())
    for _ in range(2):
        people.post(client, f"/staff/desk/bookings/{reference}/overtime/back", WHY)
    assert _refunds() == [Yen(300)]
    run_jobs()
    [text] = _text(mailbox, "時間をこえた分の料金を取り下げました")
    assert "払っていただいた 300円は、お返しします" in text


def test_what_was_owed_before_stays_owed(client: FlaskClient, hanako: Resident, clock_at: Move) -> None:
    change_rules("sports", payment=[{"when": "on_day"}])
    reference = hanako.book("S05-01", "t0900", paid=False)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    clock_at("2026-12-04 08:50")
    people.post(client, f"/staff/desk/bookings/{reference}/came")
    clock_at("2026-12-04 11:40")
    people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "11:25"})
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")
    people.post(client, f"/staff/desk/bookings/{reference}/overtime/back", WHY)
    [owed] = _owed(reference)
    with unit_of_work() as session:
        assert payment_queries.charge(session, owed).total == Yen(600)


def test_the_right_minutes_are_charged_after_a_wrong_charge_and_told_again(
    client: FlaskClient, hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = _charged(client, hanako, clock_at)
    clock_at("2026-12-04 12:50")
    people.post(client, f"/staff/desk/bookings/{reference}/overtime/back", WHY)
    people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "12:25"})
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")
    run_jobs()
    assert len(_text(mailbox, "時間をこえた分の料金 ")) == 2
    [owed] = _owed(reference)
    with unit_of_work() as session:
        assert payment_queries.charge(session, owed).total == Yen(600)
    assert "請求を取り下げて、本人に" not in client.get(f"/staff/desk/bookings/{reference}").text


def test_without_a_reason_or_from_another_facility_nothing_happens(
    client: FlaskClient, hanako: Resident, clock_at: Move
) -> None:
    reference = _charged(client, hanako, clock_at)
    back = f"/staff/desk/bookings/{reference}/overtime/back"
    answer = people.post(client, back, {"reason": " "})
    assert answer.status_code == 422
    assert "取り下げる理由" in answer.text
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    assert people.post(client, back, WHY).status_code == 404
    people.sign_in(client, people.make_staff(Role.COUNTER))
    assert people.post(client, back, WHY).status_code == 403
    assert len(_owed(reference)) == 1
    assert booking(reference).facts["overtime"] == 25
