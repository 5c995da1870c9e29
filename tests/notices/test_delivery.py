"""Messages: sent if and only if the transaction committed, once or with one Message-ID, and never lost quietly."""

import logging
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from portal.kernel.audit import SYSTEM, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.notices import jobs, queries, services
from portal.notices.models import Notice, NoticeState
from portal.notices.services import Recipient

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


def test_a_message_arrives_with_every_character(database, smtp, run_jobs):
    notice = ask_for()
    run_jobs()
    (mail,) = smtp.mails
    assert "渡邊\U000e0109 花子" in mail.to
    assert "神\ufa19" in mail.text
    assert mail.subject == "【みんなの窓口】試しの送信"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert state_of(notice).state is NoticeState.SENT


def test_nothing_is_sent_before_the_commit(database, smtp, run_jobs):
    with unit_of_work() as session:
        services.send(session, recipient=HANAKO, template=TEMPLATE, context={"note": ""}, key="k", now=NOW)
        other = threading.Thread(target=run_jobs)
        other.start()
        other.join()
        assert smtp.mails == []
    run_jobs()
    assert len(smtp.mails) == 1


def test_a_rollback_sends_nothing_and_leaves_no_row(database, smtp, run_jobs):
    with pytest.raises(ZeroDivisionError), unit_of_work() as session:
        services.send(session, recipient=HANAKO, template=TEMPLATE, context={"note": ""}, key="k", now=NOW)
        raise ZeroDivisionError
    run_jobs()
    assert smtp.mails == []
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Notice)) == 0


def test_the_same_key_makes_one_row_and_one_mail(database, smtp, run_jobs):
    assert ask_for("same") == ask_for("same")
    run_jobs()
    assert len(smtp.mails) == 1


def test_twenty_people_asking_at_once_make_one_row_and_one_mail(database, smtp, run_jobs):
    threads = [threading.Thread(target=ask_for, args=("same",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_jobs()
    assert len(smtp.mails) == 1


def test_a_job_that_runs_twice_sends_once(database, smtp):
    notice = ask_for()
    jobs.deliver(notice)
    jobs.deliver(notice)
    assert len(smtp.mails) == 1


def test_a_worker_killed_after_sending_sends_again_with_the_same_message_id(database, smtp, monkeypatch):
    notice = ask_for()

    def killed(*args: object, **kwargs: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(services, "mark_sent", killed)
        with pytest.raises(SystemExit):
            jobs.deliver(notice)
    jobs.deliver(notice)
    first, second = smtp.mails
    assert first.message_id == second.message_id
    assert first.message["Date"] == second.message["Date"]
    assert state_of(notice).state is NoticeState.SENT


def test_a_server_that_is_down_is_tried_again(database, smtp, run_jobs):
    smtp.stop()
    notice = ask_for()
    run_jobs()
    waiting = state_of(notice)
    assert (waiting.state, waiting.problem, waiting.attempts) == (NoticeState.PENDING, "unreachable", 1)
    run_jobs()
    assert state_of(notice).attempts == 1, "the next try waits"
    smtp.start()
    hurry(notice)
    run_jobs()
    assert state_of(notice).state is NoticeState.SENT
    assert len(smtp.mails) == 1


def test_a_server_that_stays_down_puts_the_message_on_the_page(database, smtp, run_jobs):
    smtp.stop()
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
def test_a_refusal_for_good_ends_it_and_a_refusal_for_now_does_not(database, smtp, run_jobs, answer, state):
    smtp.answer = lambda recipients: answer
    notice = ask_for()
    run_jobs()
    found = state_of(notice)
    assert (found.state, found.problem) == (state, f"smtp_{answer[:3]}")


def test_an_address_that_cannot_be_one_fails_at_once(database, smtp, run_jobs):
    notice = ask_for(recipient=Recipient("no at sign\r\nBcc: x@example.jp", "x", "ja"))
    run_jobs()
    assert (state_of(notice).state, state_of(notice).problem) == (NoticeState.FAILED, "bad_address")
    assert smtp.mails == []


def test_a_line_break_in_a_name_makes_no_header(database, smtp, run_jobs):
    ask_for(recipient=Recipient("hanako@example.jp", "花子\r\nBcc: x@example.jp", "ja"))
    run_jobs()
    (mail,) = smtp.mails
    assert mail.message["Bcc"] is None


def test_no_address_and_no_name_is_logged(database, smtp, run_jobs, caplog):
    smtp.answer = lambda recipients: f"550 5.1.1 {recipients[0]} unknown"
    with caplog.at_level(logging.DEBUG), capture_logs() as structured:
        ask_for()
        run_jobs()
    everything = caplog.text + repr(structured)
    assert "hanako" not in everything
    assert "花子" not in everything


def test_a_failed_message_is_sent_again_by_hand_with_an_audit_line(database, smtp, run_jobs):
    smtp.answer = lambda recipients: "550 5.1.1 no such user"
    notice = ask_for()
    run_jobs()
    smtp.answer = lambda recipients: None
    with unit_of_work() as session:
        services.send_again(session, notice, actor=SYSTEM)
        services.send_again(session, notice, actor=SYSTEM)
    run_jobs()
    assert state_of(notice).state is NoticeState.SENT
    assert len(smtp.mails) == 1
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.action == "notice.send_again")) == 1


def test_sending_again_what_is_not_there_is_not_found(database):
    with unit_of_work() as session, pytest.raises(NotFound):
        services.send_again(session, 4711, actor=SYSTEM)


def test_the_page_takes_a_fixed_number_of_statements(database, smtp, run_jobs):
    from sqlalchemy import event

    from portal.kernel import database as db

    def count() -> int:
        seen: list[str] = []
        event.listen(db.engine(), "before_cursor_execute", lambda *a: seen.append(a[2]))
        with unit_of_work() as session:
            queries.overview(session)
        return len(seen)

    empty = count()
    smtp.answer = lambda recipients: "550 no"
    for number in range(5):
        ask_for(f"k{number}")
    run_jobs()
    assert count() == 2 * empty, "two listeners by now, the same statements"
