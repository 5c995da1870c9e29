"""Working together on a case: who has taken it on, internal notes, messages with the applicant, many cases at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from forms.case_models import CaseMessage, CaseNote, SavedView
from forms.models import Application
from forms.services.filing import tell
from portal.accounts.models import Account, RoleGrant
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.database import transact
from portal.kernel.errors import Invalid, NotFound, PortalError
from portal.kernel.text import without_control

LENGTH = 2000
"""Longest note or message, in characters."""
Work = Callable[[Session, str, int], object]
BULK = 100
"""Most cases that one click handles."""


def colleagues(session: Session, department: str) -> list[tuple[int, str]]:
    """Account id and name of those who review or approve in a department. One statement."""
    rows = session.execute(
        select(Account.id, Account.display_name)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(
            Account.active,
            RoleGrant.role.in_(("reviewer", "approver")),
            RoleGrant.scope_kind == "department",
            RoleGrant.scope_code == department,
        )
        .distinct()
        .order_by(Account.display_name, Account.id)
    )
    return [(row[0], row[1]) for row in rows]


def assign(session: Session, application: Application, *, to: int | None, actor: Actor) -> None:
    """Give a case to a colleague of its section, or to nobody. It is no step of the case: its revision stays.

    Raises:
        NotFound: not a colleague of this section.
    """
    if to is not None and to not in dict(colleagues(session, application.procedure.department)):
        raise NotFound
    session.execute(
        update(Application)
        .where(Application.id == application.id)
        .values(assigned_to=to)
        .execution_options(synchronize_session=False)
    )
    session.expire(application, ["assigned_to"])
    audit.record(
        session,
        actor=actor,
        action="application.assign",
        subject_kind="application",
        subject_ref=str(application.reference),
        detail={"to": to},
    )


def _body(text: str) -> str:
    body = without_control(text.replace("\r\n", "\n")).strip()
    if not body or len(body) > LENGTH:
        raise Invalid
    return body


def add_note(session: Session, application: Application, *, body: str, actor: Actor, now: datetime) -> CaseNote:
    """Write an internal note; the applicant never sees it.

    Raises:
        Invalid: empty or longer than `LENGTH`.
    """
    if actor.account_id is None:
        raise NotFound
    made = CaseNote(application_id=application.id, author_id=actor.account_id, body=_body(body), at=now)
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="application.note",
        subject_kind="application",
        subject_ref=str(application.reference),
    )
    return made


def write(
    session: Session,
    application: Application,
    *,
    body: str,
    actor: Actor,
    now: datetime,
    author_name: str | None = None,
) -> CaseMessage:
    """Write a message inside the case. To the applicant goes a mail that says only that there is one.

    Raises:
        Invalid: empty or longer than `LENGTH`.
        NotFound: a draft; there is nobody to write to yet.
    """
    if application.reference is None:
        raise NotFound
    side = "staff" if actor.kind == "staff" else "applicant"
    made = CaseMessage(
        application_id=application.id,
        side=side,
        author_id=actor.account_id,
        author_name=author_name,
        body=_body(body),
        at=now,
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="application.message",
        subject_kind="application",
        subject_ref=str(application.reference),
    )
    if side == "staff":
        tell(session, application, "message", number=made.id)
    return made


def read_by(session: Session, application: Application, *, side: str, now: datetime) -> None:
    """The messages of the other side are seen by now."""
    session.execute(
        update(CaseMessage)
        .where(CaseMessage.application_id == application.id, CaseMessage.side != side, CaseMessage.read_at.is_(None))
        .values(read_at=now)
    )


def messages_of(session: Session, application: Application) -> Sequence[CaseMessage]:
    """The messages of a case, oldest first. One statement."""
    return session.scalars(
        select(CaseMessage).where(CaseMessage.application_id == application.id).order_by(CaseMessage.id)
    ).all()


def notes_of(session: Session, application: Application) -> list[tuple[CaseNote, str]]:
    """The notes of a case with their authors' names, oldest first. One statement."""
    rows = session.execute(
        select(CaseNote, Account.display_name)
        .join(Account, Account.id == CaseNote.author_id)
        .where(CaseNote.application_id == application.id)
        .order_by(CaseNote.id)
    )
    return [(row[0], row[1]) for row in rows]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case of many: `code` of the error, "" where it went well."""

    reference: str
    code: str


def _one(session: Session, *, work: Work, reference: str, revision: int) -> None:
    work(session, reference, revision)


def for_each(wanted: Collection[tuple[str, int]], work: Work) -> list[Result]:
    """Do one thing to many cases, each in a transaction of its own: one that fails leaves the others done.

    Args:
        wanted: (reference, revision of the page).
        work: does it; its errors are the row's result.

    Raises:
        Invalid: none, or more than `BULK`.
    """
    if not 0 < len(wanted) <= BULK:
        raise Invalid
    found = []
    for reference, revision in wanted:
        try:
            transact(partial(_one, work=work, reference=reference, revision=revision))
            code = ""
        except PortalError as error:
            code = error.code
        found.append(Result(reference, code))
    return found


def views_of(session: Session, account_id: int) -> Sequence[SavedView]:
    """The saved filters of one member of staff. One statement."""
    return session.scalars(select(SavedView).where(SavedView.account_id == account_id).order_by(SavedView.name)).all()


def save_view(session: Session, *, account_id: int, name: str, query: dict[str, str]) -> None:
    """Keep a filter under a name; the same name again replaces it.

    Raises:
        Invalid: no name, or longer than 40 characters.
    """
    name = without_control(name).strip()
    if not 0 < len(name) <= 40:
        raise Invalid
    made = insert(SavedView).values(account_id=account_id, name=name, query=query)
    session.execute(
        made.on_conflict_do_update(index_elements=[SavedView.account_id, SavedView.name], set_={"query": query})
    )


def drop_view(session: Session, *, account_id: int, view_id: int) -> None:
    """Forget a saved filter; somebody else's is not there.

    Raises:
        NotFound: no such view of this account.
    """
    found = session.get(SavedView, view_id)
    if found is None or found.account_id != account_id:
        raise NotFound
    session.delete(found)
    session.flush()
