"""People without mail: reminders, refunds and what the city calls off go by post, printed where they belong (CASES A11)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select

from forms.services import protection
from payments import dunning
from payments.contract import Payer
from portal.accounts.models import Person, Role
from portal.kernel import clock
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from portal.notices import services as notices
from portal.notices.models import Notice, PostedNotice
from tests.payments.things import Things, charge
from tests.people import HANAKO, make_resident, make_staff, post, sign_in


@pytest.fixture
def hanako(koga: str, things: Things) -> int:
    """A person known to the counter: an address, no mail. Her id."""
    account = make_resident()
    with unit_of_work() as session:
        session.get_one(Person, account.person_id).email = None
    assert account.person_id is not None
    return account.person_id


@pytest.fixture
def owing(hanako: int, clock_at: Callable[[str], datetime]) -> str:
    """Her charge; seven days before it is due the reminder is due."""
    clock_at("2026-11-18 10:00")
    reference = charge("T1", payer=Payer(hanako, None, HANAKO.name, None), pay_until=clock.now() + timedelta(days=7))
    remind()
    return reference


def remind() -> int:
    with unit_of_work() as session:
        return dunning.remind(session, today=clock.today(), now=clock.now())


def letters() -> list[PostedNotice]:
    with unit_of_work() as session:
        return list(session.scalars(select(PostedNotice).order_by(PostedNotice.id)))


def words(content: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_a_reminder_goes_by_post_is_printed_and_its_day_written_down(client: FlaskClient, owing: str):
    (letter,) = letters()
    with unit_of_work() as session:
        assert session.scalars(select(Notice.id).where(Notice.template == letter.template)).all() == []
    sign_in(client, make_staff(Role.FINANCE))
    page = client.get("/staff/post").text
    assert "お支払いの期限が近づいています" in page
    assert owing in page
    chosen: dict[str, Any] = {"letter": letter.id, "sent_on": clock.today().isoformat()}
    assert post(client, "/staff/post/sent", data=chosen).status_code == 409, "nothing is posted before it is printed"
    paper = post(client, "/staff/post/print", data=chosen)
    assert paper.mimetype == "application/pdf"
    said = words(paper.data)
    for each in ("306-0033", "中央町1-2-3", owing, "3,000円", "この手紙を窓口に見せてください"):
        assert each in said
    assert "http" not in said
    assert post(client, "/staff/post/sent", data={**chosen, "sent_on": "2026-12-31"}).status_code == 422
    assert post(client, "/staff/post/sent", data=chosen).status_code == 303
    assert letters()[0].stage == "sent"
    assert owing not in client.get("/staff/post").text
    assert owing in client.get("/staff/post?show=sent").text
    with unit_of_work() as session:
        done = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_kind == "posted_notice")).all()
    assert {"post.print", "post.sent", "post.list"} == set(done)


def test_the_same_reminder_again_makes_no_second_letter_and_a_stranger_prints_none(client: FlaskClient, owing: str):
    remind()
    (letter,) = letters()
    sign_in(client, make_staff(Role.FACILITY_MANAGER))
    assert owing not in client.get("/staff/post").text
    assert post(client, "/staff/post/print", data={"letter": letter.id}).status_code == 404
    sign_in(client, make_staff(Role.COUNTER))
    assert client.get("/staff/post").status_code == 403


def test_no_letter_goes_to_a_home_at_which_somebody_must_not_learn_of_her(hanako: int, client: FlaskClient, owing: str):
    with unit_of_work() as session:
        head = make_staff(Role.APPROVER, "citizen-counter", email="head@example.jp")
        protection.protect(
            session, person_id=hanako, households=["3060033|1-2-3"], until=date(2027, 1, 1),
            actor=Actor(head.id, "staff"), now=clock.now(),
        )  # fmt: skip
    sign_in(client, make_staff(Role.FINANCE))
    refused = post(client, "/staff/post/print", data={"letter": letters()[0].id})
    assert refused.status_code == 409
    assert "住所が分からない" in refused.text
    charge("T2", payer=Payer(hanako, None, HANAKO.name, None), pay_until=clock.now() + timedelta(days=7))
    remind()
    assert len(letters()) == 1


def test_whoever_has_mail_gets_mail_and_words_leave_after_90_days(
    owing: str, hanako: int, clock_at: Callable[[str], datetime], client: FlaskClient
):
    charge("T3", payer=Payer(hanako, None, HANAKO.name, "hanako@example.jp"), pay_until=clock.now() + timedelta(days=7))
    remind()
    with unit_of_work() as session:
        assert session.scalars(select(Notice.email)).all() == ["hanako@example.jp"]
    (letter,) = letters()
    sign_in(client, make_staff(Role.FINANCE))
    post(client, "/staff/post/print", data={"letter": letter.id})
    post(client, "/staff/post/sent", data={"letter": letter.id, "sent_on": clock.today().isoformat()})
    later = clock_at("2027-03-01 10:00")
    with unit_of_work() as session:
        notices.forget(session, now=later)
    assert (letters()[0].name, letters()[0].context) == ("", {})
