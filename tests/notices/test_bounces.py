"""Reports of mails that came back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.database import unit_of_work
from portal.notices import bounces
from portal.notices.models import Notice, NoticeState
from tests.notices.conftest import MailServer
from tests.notices.test_delivery import NOW, Run, ask_for, state_of

REPORT = """From: MAILER-DAEMON@mx.example.jp
To: madoguchi@koga.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Unknown user.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.jp

Final-Recipient: rfc822; hanako@example.jp
Action: failed
Status: {status}

--b
Content-Type: {kind}

From: madoguchi@koga.example
Message-ID: {message_id}
Subject: x

--b--
"""


def report(message_id: str, status: str = "5.1.1", kind: str = "message/rfc822") -> bytes:
    return REPORT.format(message_id=message_id, status=status, kind=kind).encode()


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_returned_mail_is_marked(database: str, mail_server: MailServer, run_jobs: Run, kind: str) -> None:
    notice = ask_for()
    run_jobs()
    content = report(state_of(notice).message_id, kind=kind)
    with unit_of_work() as session:
        assert bounces.take_in(session, content, now=NOW)
        assert not bounces.take_in(session, content, now=NOW), "twice is once"
    found = state_of(notice)
    assert (found.state, found.problem) == (NoticeState.BOUNCED, "bounce_5.1.1")


def test_a_delay_changes_nothing(database: str, mail_server: MailServer, run_jobs: Run) -> None:
    notice = ask_for()
    run_jobs()
    with unit_of_work() as session:
        assert not bounces.take_in(session, report(state_of(notice).message_id, status="4.4.1"), now=NOW)
    assert state_of(notice).state is NoticeState.SENT


def test_a_report_about_somebody_elses_mail_changes_nothing(
    database: str, mail_server: MailServer, run_jobs: Run
) -> None:
    notice = ask_for()
    run_jobs()
    with unit_of_work() as session:
        assert not bounces.take_in(session, report("<other@elsewhere.example>"), now=NOW)
        assert session.get_one(Notice, notice).state is NoticeState.SENT


@given(st.binary(max_size=400))
def test_hostile_bytes_are_no_report(content: bytes) -> None:
    assert bounces.read(content) is None


@given(st.binary(max_size=200))
def test_hostile_bytes_inside_a_report_do_no_harm(content: bytes) -> None:
    found = bounces.read(report("<a@b.example>").replace(b"Unknown user.", content))
    assert found is None or found == bounces.read(report("<a@b.example>"))
