"""Delivery in the background."""

from __future__ import annotations

from portal.kernel import clock, texts
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import BRIEF, task
from portal.notices import attachments, mailer, services
from portal.notices.models import Notice, NoticeState


@task(name=services.DELIVER, queue="mail", retry=BRIEF)
def deliver(notice_id: int) -> None:
    """Send one message; the conversation with the mail server runs between two transactions.

    Safe to run twice: what was sent is not sent again, and a second sending carries the same Message-ID.
    """
    with unit_of_work() as session:
        notice = session.get(Notice, notice_id)
        if notice is None or notice.state is not NoticeState.PENDING:
            return
    server = mailer.current()
    problem, lasting = None, False
    try:
        message = mailer.compose(
            server,
            rendered=texts.render(notice.template, notice.locale, **notice.context),
            email=notice.email,
            name=notice.name,
            locale=notice.locale,
            message_id=notice.message_id,
            at=notice.created_at,
            files=attachments.of(notice.template, notice.context),
        )
        server.send(message)
    except mailer.PermanentProblemError as refused:
        problem, lasting = str(refused), True
    except mailer.TransientProblemError as refused:
        problem = str(refused)
    now = clock.now()
    with unit_of_work() as session:
        current = session.get(Notice, notice_id, with_for_update=True)
        if current is None or current.state is not NoticeState.PENDING:
            return
        if problem is None:
            services.mark_sent(session, current, now=now)
        elif lasting:
            services.mark_failed(session, current, problem=problem, now=now)
        else:
            services.put_off(session, current, problem=problem, now=now)


@task(name="notices.forget", periodic="11 18 * * *")
def forget(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate hands it over
    """Each night: messages that ended 90 days ago lose address, name and words; that they were sent stays on record."""
    with unit_of_work() as session:
        services.forget(session, now=clock.now())
