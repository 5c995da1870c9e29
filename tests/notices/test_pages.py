"""The page for the IT section, and the development mail catcher."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from portal.accounts.models import Role
from portal.cli import take_bounce
from portal.kernel import database as kernel_database
from portal.kernel import jobs
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from portal.notices import catcher, queries
from portal.notices.models import NoticeState
from portal.web.access import GUEST_VISITOR, Grant, Visitor
from tests.notices.conftest import MailServer
from tests.notices.test_bounces import report
from tests.notices.test_delivery import Run, ask_for, state_of
from tests.people import make_staff, sign_in

IT = Visitor(account_id=9, is_staff=True, display_name="IT 職員", grants=(Grant("it_strategy"),))
CLERK = Visitor(account_id=8, is_staff=True, display_name="窓口 職員", grants=(Grant("counter"),))
As = Callable[[Visitor], FlaskClient]


@pytest.fixture
def signed_in(app: Flask, monkeypatch: pytest.MonkeyPatch) -> As:
    """A browser of somebody who signed in."""

    def enter(who: Visitor) -> FlaskClient:
        monkeypatch.setitem(app.extensions, "portal.visitor", lambda: who)
        monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
        return app.test_client()

    return enter


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_when_nothing_is_wrong_the_page_says_so(koga: str, client: FlaskClient, locale: str) -> None:
    sign_in(client, make_staff(Role.IT_STRATEGY))
    answer = client.get("/staff/it/jobs", query_string={"lang": locale}, follow_redirects=True)
    assert answer.status_code == 200
    assert "notice--success" in answer.text


@pytest.mark.parametrize(("who", "status"), [(CLERK, 403), (GUEST_VISITOR, 303)])
def test_only_the_it_section_sees_it(koga: str, signed_in: As, who: Visitor, status: int) -> None:
    assert signed_in(who).get("/staff/it/jobs").status_code == status
    assert signed_in(who).post("/staff/it/jobs/1/retry").status_code == status


def test_a_mail_that_failed_is_shown_without_its_address_and_sent_again(
    koga: str, mail_server: MailServer, run_jobs: Run, signed_in: As
) -> None:
    mail_server.answer = lambda _recipients: "550 5.1.1 no such user"
    notice = ask_for()
    run_jobs()
    client = signed_in(IT)
    page = client.get("/staff/it/jobs").text
    assert "smtp_550" in page
    assert "hanako@" not in page
    assert "花子" not in page
    mail_server.answer = lambda _recipients: None
    assert client.post(f"/staff/it/mails/{notice}/retry").status_code == 303
    run_jobs()
    assert state_of(notice).state is NoticeState.SENT
    assert client.post("/staff/it/mails/4711/retry").status_code == 404


def broken() -> None:
    raise ZeroDivisionError


def test_a_job_that_failed_is_shown_and_put_back_once(koga: str, run_jobs: Run, signed_in: As) -> None:
    if "tests.broken" not in jobs.jobs.tasks:
        jobs.task(name="tests.broken")(broken)
    with unit_of_work() as session:
        jobs.defer(session, "tests.broken")
    run_jobs()
    with unit_of_work() as session:
        (job,) = jobs.failed(session)
    client = signed_in(IT)
    assert "tests.broken" in client.get("/staff/it/jobs").text
    assert client.post(f"/staff/it/jobs/{job['id']}/retry").status_code == 303
    assert client.post(f"/staff/it/jobs/{job['id']}/retry").status_code == 404, "a double click"
    with unit_of_work() as session:
        states = session.scalars(text("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'tests.broken'"))
        assert list(states) == ["todo"]
        assert session.scalars(select(AuditEntry.actor_account_id).where(AuditEntry.action == "job.retry")).all() == [9]


def test_a_job_that_a_killed_worker_left_is_counted_and_runs_again(
    database: str, mail_server: MailServer, run_jobs: Run
) -> None:
    notice = ask_for()
    with unit_of_work() as session:
        session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"))
        session.execute(
            text(
                "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
                " WHERE task_name = 'notices.deliver'"
            )
        )
    with unit_of_work() as session:
        assert queries.overview(session).stalled_count == 1
    assert jobs.retry_left_behind(kernel_database.engine().url.render_as_string(hide_password=False)) == 1
    run_jobs()
    assert state_of(notice).state is NoticeState.SENT


def test_a_job_that_kills_every_worker_is_not_tried_for_ever(database: str, mail_server: MailServer) -> None:
    ask_for()
    with unit_of_work() as session:
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing', attempts = 10, worker_id = NULL"))
    jobs.retry_left_behind(kernel_database.engine().url.render_as_string(hide_password=False))
    with unit_of_work() as session:
        (job,) = jobs.failed(session)
    assert job["task_name"] == "notices.deliver"


def test_the_mail_server_hands_a_returned_mail_over_by_a_pipe(
    database: str, mail_server: MailServer, run_jobs: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = ask_for()
    run_jobs()
    monkeypatch.setenv("DATABASE_URL", database)
    content = report(state_of(notice).message_id)
    answer = CliRunner().invoke(take_bounce, input=content, catch_exceptions=False)
    assert "marked" in answer.output
    assert state_of(notice).state is NoticeState.BOUNCED


def test_the_catcher_shows_mails_and_makes_their_links_work(app: Flask, koga: str, client: FlaskClient) -> None:
    folder = Path(app.extensions["portal"].data) / "mail"
    ident = catcher.keep(
        folder,
        b"To: hanako@example.jp\r\nSubject: =?utf-8?b?56K66KqN?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"http://localhost/register/confirm/abc <script>alert(1)</script>\r\n",
    )
    assert "確認" in client.get("/dev/mail").text
    page = client.get(f"/dev/mail/{ident}").text
    assert 'href="http://localhost/register/confirm/abc"' in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("ident", ["nothing", "1-1-1", "..%2F..%2Fsecret", "1763000000000000000-1-1"])
def test_an_unknown_mail_is_not_found(koga: str, client: FlaskClient, ident: str) -> None:
    assert client.get(f"/dev/mail/{ident}").status_code == 404


def test_a_mail_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    ident = catcher.keep(tmp_path, b"Subject: x\r\n\r\ny")
    assert [file.name for file in tmp_path.iterdir()] == [f"{ident}.eml"]
    (mail,) = catcher.mails(tmp_path)
    assert (mail.subject, mail.text) == ("x", "y")
    assert mail.received_at <= datetime.now(UTC)
