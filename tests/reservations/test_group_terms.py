"""A group hears in time that its term ends, and the pages say from when it can be renewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from flask.testing import FlaskClient

from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations import jobs
from reservations.groups import keeping, services
from reservations.groups.services import Member
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import MANAGER, Resident
from tests.reservations.test_groups import register, request, verify

Move = Callable[[str], datetime]
ENDING = "団体の登録の期限が近づいています"


def _told(mailbox: Mailbox) -> list[str]:
    return [str(mail["subject"]) for mail in mailbox.to("hanako@example.com") if ENDING in str(mail["subject"])]


def _text(mailbox: Mailbox) -> str:
    body = mailbox.to("hanako@example.com")[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_the_representative_is_told_when_it_can_be_renewed_and_once_more_14_days_before(
    hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    assert verify(reference := register(hanako, request())).valid_until == date(2027, 3, 31)
    run_jobs()
    assert "2027年3月31日(水) まで" in _text(mailbox), "a date as people read it"
    for day, times in (("2027-01-29", 0), ("2027-01-30", 1), ("2027-02-15", 1), ("2027-03-17", 2), ("2027-03-30", 2)):
        clock_at(f"{day} 08:10")
        jobs.remind_groups(0)
        jobs.remind_groups(0)
        run_jobs()
        assert len(_told(mailbox)) == times, day
    assert f"/my/groups/{reference}" in _text(mailbox)
    clock_at("2027-04-01 08:10")
    jobs.remind_groups(0)
    run_jobs()
    assert len(_told(mailbox)) == 2, "what has ended is not told as ending"


def test_who_has_asked_for_another_term_is_not_reminded_and_a_refusal_says_that_the_old_one_holds(
    hanako: Resident, clock_at: Move, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = register(hanako, request())
    verify(reference)
    clock_at("2027-02-10 09:00")
    with unit_of_work() as session:
        services.renew(session, reference, request(), person_id=hanako.person_id, actor=hanako.actor, now=clock.now())
    jobs.remind_groups(0)
    run_jobs()
    assert _told(mailbox) == []
    with unit_of_work() as session:
        services.decide(session, reference, accept=False, reason="名簿が古い", actor=MANAGER, now=clock.now())
    run_jobs()
    assert "いまの登録は、2027年3月31日(水) までそのまま使えます" in _text(mailbox)
    jobs.remind_groups(0)
    run_jobs()
    assert len(_told(mailbox)) == 1, "it ends all the same"


def test_the_page_says_from_when_a_group_can_be_renewed_and_my_page_leads_there(
    client: FlaskClient, hanako: Resident, clock_at: Move
) -> None:
    verify(register(hanako, request()))
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    assert 'href="/my/groups"' in client.get("/my").text
    assert "更新は 2027年1月30日(土) から申し込めます" in client.get("/my/groups").text
    clock_at("2027-01-30 09:00")
    people.sign_in(client, account)
    page = client.get("/my/groups").text
    assert "更新できます" in page
    assert "2027年3月31日(水) のあとも使うときは" in page


def test_a_group_that_staff_ended_stays_on_the_page_with_the_reason_and_without_buttons(
    client: FlaskClient, hanako: Resident
) -> None:
    reference = register(hanako, request())
    verify(reference)
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
        keeping.end(session, reference, reason="活動していないため", actor=MANAGER, now=clock.now())
    people.sign_in(client, account)
    page = client.get("/my/groups").text
    assert "活動していないため" in page
    assert "終わりました" in page
    assert f"/my/groups/{reference}" not in page
    assert "この団体で予約する" not in page
    assert client.get(f"/my/groups/{reference}").status_code == 404


def test_a_group_that_its_representative_ended_is_gone_from_the_page(client: FlaskClient, hanako: Resident) -> None:
    reference = register(hanako, request())
    verify(reference, accept=False, reason="名簿が古い")
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
        keeping.leave(session, reference, person_id=hanako.person_id, actor=hanako.actor)
    people.sign_in(client, account)
    assert "古河合唱の会" not in client.get("/my/groups").text


def test_staff_see_who_is_entrusted_with_bookings_in_a_registration_and_in_its_renewal(
    client: FlaskClient, hanako: Resident, stranger: Resident, clock_at: Move
) -> None:
    entrusted = Member("小山 太郎", "古河市", email="stranger@example.com")
    reference = register(hanako, request(5, 0, ("chorus",), entrusted))
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    assert client.get("/staff/groups").text.count("予約を任されている") == 1
    verify(reference)
    clock_at("2027-02-10 09:00")
    with unit_of_work() as session:
        services.renew(
            session,
            reference,
            request(5, 0, ("chorus",), entrusted),
            person_id=hanako.person_id,
            actor=hanako.actor,
            now=clock.now(),
        )
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02", email="again@example.jp"))
    assert client.get("/staff/groups").text.count("予約を任されている") == 2
