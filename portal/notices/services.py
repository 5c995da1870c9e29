"""Send a message, note what became of it, take back what bounced."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.kernel import audit, clock, jobs
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.notices import mailer
from portal.notices.models import Notice, NoticeState, PostedNotice

#: Waits between tries; together 17 hours, so that a night without mail server loses nothing.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720))
#: How long a message that has ended can be looked at and sent again.
KEPT = timedelta(days=90)
DELIVER = "notices.deliver"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recipient:
    """Who gets a message, in which language."""

    email: str
    name: str
    locale: str = "ja"
    account_id: int | None = None


def _defer(session: Session, notice_id: int, *, at: datetime | None = None) -> None:
    jobs.defer(session, DELIVER, at=at, lock=f"notice:{notice_id}", notice_id=notice_id)


def send(
    session: Session,
    *,
    recipient: Recipient,
    template: str,
    context: Mapping[str, Any],
    key: str,
    now: datetime | None = None,
) -> Notice:
    """Put a message into the caller's transaction: it is sent if and only if that commits.

    Args:
        session: the caller's transaction.
        recipient: who gets it.
        template: such as "forms/mail/filed.txt"; its first line is `Subject: …`.
        context: JSON values that the template shows.
        key: what the message is about, such as `forms.filed:A-7K3F-92QX-5`; the same key again sends nothing.
        now: aware; the clock's where None.
    """
    made = session.scalars(
        insert(Notice)
        .values(
            key=key,
            message_id=f"<{uuid.uuid4()}@{mailer.message_domain()}>",
            account_id=recipient.account_id,
            email=recipient.email,
            name=recipient.name,
            locale=recipient.locale,
            template=template,
            context=dict(context),
            state=NoticeState.PENDING,
            created_at=now or clock.now(),
            attempts=0,
        )
        .on_conflict_do_nothing(index_elements=[Notice.key])
        .returning(Notice),
    ).one_or_none()
    if made is None:
        return session.scalars(select(Notice).where(Notice.key == key)).one()
    _defer(session, made.id)
    return made


@dataclass(frozen=True)
class Outgoing:
    """One of many messages that go out together; `key` and `context` as for `send`."""

    recipient: Recipient
    context: Mapping[str, Any]
    key: str


_MANY = text(
    """
    INSERT INTO notice (key, message_id, account_id, email, name, locale, template, context, state, created_at, attempts)
    SELECT r.key, r.message_id, r.account_id, r.email, r.name, r.locale, :template, r.context, 'pending', :now, 0
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(key text, message_id text, account_id bigint, email text, name text,
                                                       locale text, context jsonb)
    ON CONFLICT (key) DO NOTHING RETURNING id
    """
)


def send_many(session: Session, messages: Sequence[Outgoing], *, template: str, now: datetime) -> int:
    """Put many messages of one kind into the caller's transaction, each once; how many are new. About 0.1 ms each."""
    made: list[int] = []
    for start in range(0, len(messages), jobs.BATCH):
        rows = [
            {
                "key": one.key,
                "message_id": f"<{uuid.uuid4()}@{mailer.message_domain()}>",
                "account_id": one.recipient.account_id,
                "email": one.recipient.email,
                "name": one.recipient.name,
                "locale": one.recipient.locale,
                "context": dict(one.context),
            }
            for one in messages[start : start + jobs.BATCH]
        ]
        values = {"template": template, "now": now, "rows": json.dumps(rows, ensure_ascii=False)}
        made += session.scalars(_MANY, values)
    jobs.defer_many(
        session, DELIVER, [{"notice_id": one} for one in made], lock=lambda job: f"notice:{job['notice_id']}"
    )
    return len(made)


def mark_sent(session: Session, notice: Notice, *, now: datetime) -> None:
    """The server took it."""
    notice.state, notice.sent_at, notice.problem, notice.problem_at = NoticeState.SENT, now, None, None
    notice.attempts += 1
    session.flush()


def mark_failed(session: Session, notice: Notice, *, problem: str, now: datetime) -> None:
    """No further try by itself: the page for the IT section shows it."""
    notice.state, notice.problem, notice.problem_at = NoticeState.FAILED, problem, now
    notice.attempts += 1
    session.flush()
    log.warning("notice_failed", notice_id=notice.id, problem=problem)


def put_off(session: Session, notice: Notice, *, problem: str, now: datetime) -> None:
    """The server did not take it now: try later, and give up after the last wait."""
    if notice.attempts >= len(WAITS):
        mark_failed(session, notice, problem=problem, now=now)
        return
    _defer(session, notice.id, at=now + WAITS[notice.attempts])
    notice.attempts += 1
    notice.problem = problem
    session.flush()
    log.info("notice_put_off", notice_id=notice.id, problem=problem, attempts=notice.attempts)


def mark_bounced(session: Session, *, message_id: str, status: str, now: datetime) -> bool:
    """A message came back. False where it is not one of ours, or was already known to have bounced.

    Args:
        session: the caller's transaction.
        message_id: of our message, with its angle brackets.
        status: enhanced status code (RFC 3463), such as 5.1.1.
        now: aware.
    """
    notice = session.scalars(select(Notice).where(Notice.message_id == message_id).with_for_update()).one_or_none()
    if notice is None or notice.state in {NoticeState.BOUNCED, NoticeState.FAILED}:
        return False
    # A bounce proves that the server took it, even where a killed worker did not note it.
    notice.state, notice.sent_at = NoticeState.BOUNCED, notice.sent_at or now
    notice.problem, notice.problem_at = f"bounce_{status}", now
    session.flush()
    log.warning("notice_bounced", notice_id=notice.id, status=status)
    return True


def send_again(session: Session, notice_id: int, *, actor: Actor) -> Notice:
    """Try a failed or bounced message again, with the same Message-ID. Nothing happens when it is on its way.

    Raises:
        NotFound: there is no such message.
    """
    notice = session.get(Notice, notice_id, with_for_update=True)
    if notice is None:
        raise NotFound
    if notice.state in {NoticeState.FAILED, NoticeState.BOUNCED} and notice.email:
        notice.state, notice.attempts, notice.sent_at = NoticeState.PENDING, 0, None
        notice.problem = notice.problem_at = None
        _defer(session, notice.id)
        audit.record(
            session, actor=actor, action="notice.send_again", subject_kind="notice", subject_ref=str(notice.id)
        )
    return notice


def forget(session: Session, *, now: datetime) -> int:
    """Take address, name and words out of messages (and letters) that ended `KEPT` ago; returns how many.

    The row stays with its key, so that the same message is never sent a second time, and with what became of it.
    """
    ended = func.coalesce(Notice.problem_at, Notice.sent_at)
    forgotten = session.execute(
        update(Notice)
        .where(Notice.state != NoticeState.PENDING, ended < now - KEPT, Notice.email != "")
        .values(email="", name="", context={})
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    posted = session.execute(
        update(PostedNotice)
        .where(PostedNotice.sent_at < now - KEPT, PostedNotice.name != "")
        .values(name="", context={})
        .returning(PostedNotice.id)
        .execution_options(synchronize_session=False)
    )
    return len(forgotten.all()) + len(posted.all())
