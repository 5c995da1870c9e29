"""What pages show, each in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import DateTime, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, defer, joinedload, selectinload, undefer

from forms.case_models import Delegation, Protection
from forms.definition import Procedure
from forms.models import Application, IssuedDocument, ProcedureRow, ProcedureVersion
from forms.services import changeover, proving
from forms.services.common import definition, hold, is_read
from forms.states import OPEN, State
from portal.accounts.models import Account
from portal.directory.models import Department
from portal.kernel import clock
from portal.kernel.errors import NotFound
from portal.kernel.text import fold


@dataclass(frozen=True, slots=True)
class Entry:
    """A procedure in the catalogue.

    Attributes:
        procedure: the document of the version that new drafts get.
        department, department_en: the section.
        version_id: of that version.
        open: whether it is taken now.
        opens_at: from when it is taken, where that is still to come.
        ends_at: until when it is taken: by its own document, or because it will be withdrawn; known for one procedure, not in the list.
    """

    procedure: Procedure
    department: str
    department_en: str
    version_id: int
    open: bool
    opens_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def kind(self) -> str:
        """Where it ends as the portal is set up: here, prepared or elsewhere."""
        return proving.channel_kind(self.procedure)

    def section(self, locale: str) -> str:
        """The section's name."""
        return self.department_en if locale == "en" else self.department


def _published(now: datetime) -> Select[ProcedureVersion, str, str]:
    return (
        select(ProcedureVersion, Department.name, Department.name_en)
        .join(ProcedureRow, ProcedureRow.id == ProcedureVersion.procedure_id)
        .join(Department, Department.code == ProcedureRow.department)
        .where(
            ProcedureVersion.published_at.is_not(None),
            ProcedureVersion.valid_from <= now,
            (ProcedureVersion.valid_until.is_(None)) | (ProcedureVersion.valid_until > now),
        )
        .order_by(ProcedureRow.slug)
        .options(defer(ProcedureVersion.document))
    )


def _entry(version: ProcedureVersion, name: str, name_en: str, now: datetime) -> Entry:
    procedure = definition(version)
    return Entry(procedure, name, name_en, version.id, procedure.is_open(now))


def catalogue(session: Session, *, now: datetime, search: str = "") -> list[Entry]:
    """Every published procedure, or those that hold all words of a search. One statement; one more where documents are not read yet."""
    rows = session.execute(_published(now)).all()
    unread = [version.id for version, _name, _name_en in rows if is_read(version.sha256) is None]
    if unread:
        documents = select(ProcedureVersion).where(ProcedureVersion.id.in_(unread))
        session.scalars(documents.options(undefer(ProcedureVersion.document))).all()
    entries = [_entry(*row, now) for row in rows]
    words = [fold(word) for word in search.split()]
    found = [e for e in entries if all(word in _haystack(e.procedure) for word in words)]
    order = {"here": 0, "prepared": 1, "elsewhere": 2}
    return sorted(found, key=lambda e: (order[e.kind], e.procedure.slug))


def _haystack(procedure: Procedure) -> str:
    names = [procedure.plain_name, procedure.official_name, procedure.texts.guide, procedure.who]
    texts = [text for words in names for text in (words.ja, words.en or "")]
    law = [procedure.law.name] if procedure.law else []
    return fold("".join([*texts, *procedure.words, *law]))


def procedure(session: Session, slug: str, *, now: datetime) -> Entry:
    """One published procedure. One statement; one more where its version ends one day.

    Raises:
        NotFound: no such procedure is published now.
    """
    row = session.execute(_published(now).where(ProcedureRow.slug == slug)).first()
    if row is None:
        raise NotFound
    entry, version = _entry(*row, now), row[0]
    opens, until = entry.procedure.open_from, entry.procedure.open_until
    ends = [each for each in (until, _withdrawn_at(session, version)) if each is not None and each > now]
    return replace(entry, opens_at=opens if opens and opens > now else None, ends_at=min(ends, default=None))


def _withdrawn_at(session: Session, version: ProcedureVersion) -> datetime | None:
    """When a version ends and no other one follows it."""
    if version.valid_until is None:
        return None
    follows = select(ProcedureVersion.id).where(
        ProcedureVersion.procedure_id == version.procedure_id,
        ProcedureVersion.published_at.is_not(None),
        ProcedureVersion.valid_from == version.valid_until,
        (ProcedureVersion.valid_until.is_(None)) | (ProcedureVersion.valid_until > ProcedureVersion.valid_from),
    )
    return None if session.scalar(follows.limit(1)) is not None else version.valid_until


@dataclass(frozen=True, slots=True)
class Draft:
    """What every page of a draft begins with.

    Attributes:
        application: with draft, version and procedure; its state may be past a draft's (Back after filing).
        procedure: the document of its own version.
        guests: whether the newest version takes guests.
        newer: see `forms.services.changeover.newer`.
    """

    application: Application
    procedure: Procedure
    guests: bool
    newer: changeover.Newer | None


def draft(session: Session, key: str, *, now: datetime, lock: bool = False) -> Draft | None:
    """A draft by its address; None: there is none. One statement, with the lock two.

    Args:
        session: the transaction.
        key: the address.
        now: aware.
        lock: nobody else changes it until the transaction ends (`forms.services.common.locked` knows).
    """
    if lock:
        session.execute(select(Application.id).where(Application.key == key).with_for_update())
    row = session.execute(
        _draft(), {"key": key, "now": now}, execution_options={"populate_existing": lock}
    ).one_or_none()
    if row is None:
        return None
    application, guests, offered = row
    if lock:
        hold(session, application)
    return Draft(application, definition(application.version), bool(guests), changeover.read(application, offered, now))


@cache
def _draft() -> Select[Application, Any, Any]:
    """Made once: SQLAlchemy takes as long to put it together as the database to answer it."""
    published, own = aliased(ProcedureVersion), aliased(ProcedureVersion)
    guests = (
        select(published.document["guests"])
        .where(published.procedure_id == Application.procedure_id, published.published_at.is_not(None))
        .order_by(published.number.desc())
        .limit(1)
        .correlate(Application)
        .scalar_subquery()
    )
    offered = changeover.offered(Application.procedure_id, own.number, bindparam("now", type_=DateTime(timezone=True)))
    return (
        select(Application, guests, offered.correlate(Application, own))
        .join(own, own.id == Application.version_id)
        .where(Application.key == bindparam("key"))
        .options(
            contains_eager(Application.version.of_type(own)).defer(own.document),
            joinedload(Application.procedure, innerjoin=True),
            joinedload(Application.draft),
        )
    )


def by_reference(session: Session, reference: str) -> Application:
    """A case with everything that its page shows. Six statements.

    Raises:
        NotFound: there is none.
    """
    found = session.scalars(_case(), {"reference": reference}).one_or_none()
    if found is None:
        raise NotFound
    definition(found.version)  # read while the transaction lasts
    return found


@cache
def _case() -> Select[Application]:
    """Made once, as `_draft`."""
    return (
        select(Application)
        .where(Application.reference == bindparam("reference"))
        .options(
            joinedload(Application.version, innerjoin=True).defer(ProcedureVersion.document),
            joinedload(Application.procedure, innerjoin=True),
            joinedload(Application.draft),
            joinedload(Application.decision),
            selectinload(Application.filings),
            selectinload(Application.events),
            selectinload(Application.corrections),
            selectinload(Application.documents),
        )
    )


def of_account(session: Session, account_id: int, *, limit: int = 100) -> Sequence[Application]:
    """An account's drafts and cases, and those it acts in by a delegation that holds, newest first. Three statements."""
    protected = select(Protection.person_id).where(Protection.ended_at.is_(None), Protection.until >= clock.today())
    held = select(Delegation.id).where(
        Delegation.delegate_account_id == account_id,
        Delegation.ended_at.is_(None),
        Delegation.agreed_at.is_not(None),
        Delegation.valid_until >= clock.today(),
        Delegation.principal_person_id.not_in(protected),
    )
    return session.scalars(
        select(Application)
        .where(or_(Application.owner_account_id == account_id, Application.delegation_id.in_(held)))
        .options(
            joinedload(Application.version),
            selectinload(Application.corrections),
            selectinload(Application.documents),
        )
        .order_by(Application.changed_at.desc())
        .limit(limit)
    ).all()


def staff_names(session: Session, ids: Collection[int]) -> dict[int, str]:
    """Account id → name that colleagues see. One statement."""
    rows = session.execute(select(Account.id, Account.display_name).where(Account.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


def draft_of(session: Session, account_id: int, procedure_slug: str) -> Application | None:
    """The account's live draft of a procedure. One statement."""
    return session.scalars(
        select(Application)
        .join(ProcedureRow)
        .where(
            Application.owner_account_id == account_id,
            Application.delegation_id.is_(None),
            Application.state == State.DRAFT.value,
            Application.channel == "online",
            ProcedureRow.slug == procedure_slug,
        )
    ).first()


def department_names(session: Session, codes: Iterable[str], lang: str) -> list[str]:
    """Names of departments in the order of the city. One statement."""
    found = session.scalars(select(Department).where(Department.code.in_(list(codes))).order_by(Department.position))
    return [d.name_en if lang == "en" else d.name for d in found]


def section_name(session: Session, code: str, lang: str) -> str:
    """The name of the department that an application goes to (送り先). One statement."""
    return department_names(session, [code], lang)[0]


def waiting(session: Session, departments: Iterable[str]) -> int:
    """How many cases wait for the staff of some departments. One statement."""
    states = [state.value for state in OPEN - {State.CORRECTION_ASKED}]
    return (
        session.scalar(
            select(func.count())
            .select_from(Application)
            .join(ProcedureRow)
            .where(ProcedureRow.department.in_(list(departments)), Application.state.in_(states))
        )
        or 0
    )


def document(application: Application, document_id: int) -> IssuedDocument:
    """A paper of this very case that is ready.

    Raises:
        NotFound: another case's, or not made yet.
    """
    found = next((d for d in application.documents if d.id == document_id), None)
    if found is None or found.file_id is None or found.ready_at is None:
        raise NotFound
    return found


def procedure_guests(session: Session, slug: str) -> bool:
    """Whether the newest version of a procedure takes guests. One statement.

    Raises:
        NotFound: no such procedure.
    """
    version = session.scalars(
        select(ProcedureVersion)
        .join(ProcedureRow)
        .where(ProcedureRow.slug == slug, ProcedureVersion.published_at.is_not(None))
        .order_by(ProcedureVersion.number.desc())
        .limit(1)
        .options(defer(ProcedureVersion.document))
    ).first()
    if version is None:
        raise NotFound
    return definition(version).guests
