"""Messages: sent if and only if the transaction committed, once or with one Message-ID, and never lost quietly."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text
from structlog.testing import capture_logs

from portal.kernel import database as kernel_database
from portal.kernel.audit import SYSTEM, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.notices import jobs, queries, services
from portal.notices.models import Notice, NoticeState
from portal.notices.services import Recipient
from tests.notices.conftest import MailServer

Run = Callable[[], None]

HANAKO = Recipient("hanako@example.jp", "渡邊\U000e0109 花子", "ja", None)
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
TEMPLATE = "portal/mail/test.txt"


def ask_for(key: str = "forms.filed:A-1", recipient: Recipient = HANAKO) -> int:
    with unit_of_work() as session:
        return services.send(
            session, recipient=recipient, template=TEMPLATE, context={"note": "神\ufa19"}, key=key, now=NOW
        ).id


def state_of(notice_id: int) -> Notice:
    with unit_of_work() as session:
        return session.get_one(Notice, notice_id)


def hurry(notice_id: int) -> None:
    """Let the waiting try be due now."""
    with unit_of_work() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'"))


def test_a_message_arrives_with_every_character(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    notice = ask_for()
    run_jobs()
    (mail,) = mail_server.mails
    assert "渡邊\U000e0109 花子" in mail.to
    assert "神\ufa19" in mail.text
    assert mail.subject == "【みんなの窓口】試しの送信"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["Content-Language"] == "ja"
    assert state_of(notice).state is NoticeState.SENT


def test_nothing_is_sent_before_the_commit(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    with unit_of_work() as session:
        services.send(session, recipient=HANAKO, template=TEMPLATE, context={"note": ""}, key="k", now=NOW)
        other = threading.Thread(target=run_jobs)
        other.start()
        other.join()
        assert mail_server.mails == []
    run_jobs()
    assert len(mail_server.mails) == 1


def test_a_rollback_sends_nothing_and_leaves_no_row(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    def ask_and_fail() -> None:
        with unit_of_work() as session:
            services.send(session, recipient=HANAKO, template=TEMPLATE, context={"note": ""}, key="k", now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    run_jobs()
    assert mail_server.mails == []
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Notice)) == 0


def test_the_same_key_makes_one_row_and_one_mail(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    assert ask_for("same") == ask_for("same")
    run_jobs()
    assert len(mail_server.mails) == 1


def test_twenty_people_asking_at_once_make_one_row_and_one_mail(
    database: str, mail_server: MailServer, run_jobs: Run
) -> None:
    threads = [threading.Thread(target=ask_for, args=("same",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_jobs()
    assert len(mail_server.mails) == 1


def test_a_job_that_runs_twice_sends_once(database: str, mail_server: MailServer) -> None:
    notice = ask_for()
    jobs.deliver(notice)
    jobs.deliver(notice)
    assert len(mail_server.mails) == 1


def test_a_worker_killed_after_sending_sends_again_with_the_same_message_id(
    database: str, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = ask_for()

    def killed(*args: object, **kwargs: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(services, "mark_sent", killed)
        with pytest.raises(SystemExit):
            jobs.deliver(notice)
    jobs.deliver(notice)
    first, second = mail_server.mails
    assert first.message_id == second.message_id
    assert first.message["Date"] == second.message["Date"]
    assert state_of(notice).state is NoticeState.SENT


def test_a_server_that_is_down_is_tried_again(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    mail_server.stop()
    notice = ask_for()
    run_jobs()
    waiting = state_of(notice)
    assert (waiting.state, waiting.problem, waiting.attempts) == (NoticeState.PENDING, "unreachable", 1)
    run_jobs()
    assert state_of(notice).attempts == 1, "the next try waits"
    mail_server.start()
    hurry(notice)
    run_jobs()
    assert state_of(notice).state is NoticeState.SENT
    assert len(mail_server.mails) == 1


def test_a_server_that_stays_down_puts_the_message_on_the_page(
    database: str, mail_server: MailServer, run_jobs: Run
) -> None:
    mail_server.stop()
    notice = ask_for()
    for _ in range(len(services.WAITS) + 1):
        hurry(notice)
        run_jobs()
    assert state_of(notice).state is NoticeState.FAILED
    with unit_of_work() as session:
        shown = queries.overview(session)
    assert not shown.calm
    (mail,) = shown.unsent_mails
    assert (mail.id, mail.problem, mail.domain) == (notice, "unreachable", "example.jp")


@pytest.mark.parametrize(
    ("answer", "state"),
    [("550 5.1.1 no such user", NoticeState.FAILED), ("451 4.3.0 later", NoticeState.PENDING)],
)
def test_a_refusal_for_good_ends_it_and_a_refusal_for_now_does_not(
    database: str, mail_server: MailServer, run_jobs: Run, answer: str, state: NoticeState
) -> None:
    mail_server.answer = lambda _recipients: answer
    notice = ask_for()
    run_jobs()
    found = state_of(notice)
    assert (found.state, found.problem) == (state, f"smtp_{answer[:3]}")


def test_an_address_that_cannot_be_one_fails_at_once(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    notice = ask_for(recipient=Recipient("no at sign\r\nBcc: x@example.jp", "x", "ja"))
    run_jobs()
    assert (state_of(notice).state, state_of(notice).problem) == (NoticeState.FAILED, "bad_address")
    assert mail_server.mails == []


def test_a_line_break_in_a_name_makes_no_header(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    ask_for(recipient=Recipient("hanako@example.jp", "花子\r\nBcc: x@example.jp", "ja"))
    run_jobs()
    (mail,) = mail_server.mails
    assert mail.message["Bcc"] is None


def test_no_address_and_no_name_is_logged(
    database: str, mail_server: MailServer, run_jobs: Run, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.answer = lambda recipients: f"550 5.1.1 {recipients[0]} unknown"
    with caplog.at_level(logging.DEBUG), capture_logs() as structured:
        ask_for()
        run_jobs()
    ours = [record.getMessage() + str(record.exc_text) for record in caplog.records if record.name != "mail.log"]
    everything = repr(ours) + repr(structured)  # mail.log is the test's own mail server
    assert "hanako" not in everything
    assert "花子" not in everything


def test_a_failed_message_is_sent_again_by_hand_with_an_audit_line(
    database: str, mail_server: MailServer, run_jobs: Run
) -> None:
    mail_server.answer = lambda _recipients: "550 5.1.1 no such user"
    notice = ask_for()
    run_jobs()
    mail_server.answer = lambda _recipients: None
    with unit_of_work() as session:
        services.send_again(session, notice, actor=SYSTEM)
        services.send_again(session, notice, actor=SYSTEM)
    run_jobs()
    assert state_of(notice).state is NoticeState.SENT
    assert len(mail_server.mails) == 1
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.action == "notice.send_again")) == 1


def test_sending_again_what_is_not_there_is_not_found(database: str) -> None:
    with unit_of_work() as session, pytest.raises(NotFound):
        services.send_again(session, 4711, actor=SYSTEM)


def test_the_page_takes_a_fixed_number_of_statements(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(kernel_database.engine(), "before_cursor_execute", note)
        with unit_of_work() as session:
            queries.overview(session)
        event.remove(kernel_database.engine(), "before_cursor_execute", note)
        return len(seen)

    empty = statements()
    mail_server.answer = lambda _recipients: "550 no"
    for number in range(5):
        ask_for(f"k{number}")
    run_jobs()
    assert statements() == empty


def test_what_was_sent_long_ago_keeps_its_key_and_loses_its_words(
    database: str, mail_server: MailServer, run_jobs: Run
) -> None:
    notice = ask_for()
    run_jobs()
    with unit_of_work() as session:
        assert services.forget(session, now=NOW + timedelta(days=89)) == 0
        assert services.forget(session, now=NOW + timedelta(days=91)) == 1
        assert services.forget(session, now=NOW + timedelta(days=91)) == 0
    found = state_of(notice)
    assert (found.email, found.name, found.context, found.state) == ("", "", {}, NoticeState.SENT)
    assert ask_for() == notice, "the same message is not sent again"
