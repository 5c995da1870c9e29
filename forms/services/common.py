"""What the use cases share: who acts, errors, locking a case, writing its event."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Literal

from sqlalchemy import inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, SessionTransaction

from forms.case_models import ApplicationTypist
from forms.definition import IdentityLevel, Moment, Problem, Procedure, Town, from_document
from forms.models import Application, ApplicationAnswers, ApplicationEvent, IssuedDocument, ProcedureVersion
from forms.rules import Facts
from forms.states import Action, Party, State, after
from portal.accounts.models import Person
from portal.directory import postal
from portal.directory.models import City
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.errors import Conflict, Forbidden, Gone, Invalid, NotFound

LEVELS = tuple(IdentityLevel)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Whose case it is and who acts (DESIGN invariant 9).

    Attributes:
        account_id: owner of the case online; None: guest, or a visitor at the counter without an account.
        person_id: whose application it is; None for a guest.
        email, locale: where messages of this case go.
        identity: what is proved about who acts online.
        on_behalf: by what authority somebody acts for the applicant; None: the applicant acts.
        delegation_id, acting_name: somebody acts by this delegation, and their name (CASES A11).
    """

    account_id: int | None = None
    person_id: int | None = None
    email: str | None = None
    locale: str = "ja"
    identity: IdentityLevel = IdentityLevel.NONE
    on_behalf: str | None = None
    delegation_id: int | None = None
    acting_name: str | None = None


@dataclass(eq=False)
class ProcedureClosed(Gone):
    """The procedure is not taken at this time."""

    code: ClassVar[str] = "procedure_closed"
    slug: str


@dataclass(eq=False)
class NotTakenHere(Conflict):
    """The procedure is done elsewhere; this portal never takes it (CASES A1–A3)."""

    code: ClassVar[str] = "not_taken_here"
    slug: str


@dataclass(eq=False)
class IdentityTooLow(Forbidden):
    """The procedure asks for more proof of identity than there is."""

    code: ClassVar[str] = "identity_too_low"
    needed: IdentityLevel


@dataclass(eq=False)
class MustGoOver(Conflict):
    """The draft's version is not taken any more and a newer one is: it has to go over to it before it is filed."""

    code: ClassVar[str] = "must_go_over"


@dataclass(eq=False)
class ReviewChanged(Conflict):
    """What would be filed is not what was reviewed; it must be reviewed again (DESIGN invariant 6)."""

    code: ClassVar[str] = "review_changed"


@dataclass(eq=False)
class Incomplete(Invalid):
    """Answers are missing or no longer good; nothing was filed.

    Attributes:
        problems: field id → what is wrong.
    """

    code: ClassVar[str] = "incomplete"
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


@dataclass(eq=False)
class ChangedMeanwhile(Conflict):
    """Somebody else worked on the case after this page was opened.

    Attributes:
        state: where the case stands now.
        action, at: the last thing that happened.
    """

    code: ClassVar[str] = "changed_meanwhile"
    state: State
    action: str | None = None
    at: datetime | None = None


@dataclass(eq=False)
class AtTheCounter(Conflict):
    """What was prepared at home is being finished at the counter; only the clerk lets go of it."""

    code: ClassVar[str] = "at_the_counter"


@dataclass(eq=False)
class OwnCase(Forbidden):
    """Nobody decides what they filed or typed themselves (CASES A7)."""

    code: ClassVar[str] = "own_case"


@dataclass(eq=False)
class ApprovalNeeded(Conflict):
    """The definition asks for more than one person: propose, then have it approved (起案、決裁)."""

    code: ClassVar[str] = "approval_needed"


@dataclass(eq=False)
class NotYourStep(Forbidden):
    """This step of the approval is another role's; a deputy has to say why they take it (代決)."""

    code: ClassVar[str] = "not_your_step"


@dataclass(eq=False)
class PurposeMissing(Invalid):
    """The procedure asks staff for what purpose they look at a case."""

    code: ClassVar[str] = "purpose_missing"


@dataclass(eq=False)
class FeeUnpaid(Conflict):
    """The fee of this case is not paid yet."""

    code: ClassVar[str] = "fee_unpaid"


@dataclass(eq=False)
class ReasonMissing(Invalid):
    """A refusal, a partial grant, a correction needs its reason (行政手続法 §8)."""

    code: ClassVar[str] = "reason_missing"


@dataclass(eq=False)
class NotCorrectable(Invalid):
    """This field cannot be asked again: it is not part of what was filed, or the fee hangs on it."""

    code: ClassVar[str] = "not_correctable"
    field_id: str


def moment(session: Session, now: datetime) -> Moment:
    """What reading of answers depends on: the day in Japan and the postal codes."""

    def town(code: str) -> Town | None:
        found = postal.lookup(session, code)
        return Town(found.prefecture, found.city, found.town) if found else None

    return Moment(local(now).date(), town)


def facts_of(session: Session, application: Application, *, now: datetime) -> Facts:
    """What the rules may ask about the applicant and the day: as they were when it was filed, else as they are now.

    At most two statements, and only where the procedure asks about the applicant.
    """
    if application.facts is not None:
        return Facts.from_json(application.facts)
    procedure = definition(application.version)
    day = local(application.filed_at or now).date()
    opened = local(procedure.open_from).date() if procedure.open_from else None
    guest = (
        application.owner_account_id is None and application.channel == "online" and application.delegation_id is None
    )
    facts = Facts(today=day, opened=opened, kind="guest" if guest else "person")
    if not procedure.asks_applicant or application.applicant_person_id is None:
        return facts
    person = session.get_one(Person, application.applicant_person_id)
    city = session.scalars(select(City.name)).first()
    born = person.birth_date
    age = None if born is None else day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    residence: Literal["city", "outside"] | None = None
    if person.city:
        residence = "city" if person.city == city else "outside"
    return replace(facts, age=age, residence=residence)


def definition(version: ProcedureVersion) -> Procedure:
    """The document of a version, read once a process and version (published documents never change)."""
    if version.published_at is None:
        return from_document(version.document)
    known = _read.get(version.sha256)
    if known is None:
        known = _read[version.sha256] = from_document(version.document)
    return known


def is_read(sha256: str) -> Procedure | None:
    """The document with this hash, where this process has read it already (`definition`)."""
    return _read.get(sha256)


_read: dict[str, Procedure] = {}


def locked(session: Session, *, key: str | None = None, reference: str | None = None) -> Application:
    """The case, its row locked until the transaction ends; it is read and locked once in a transaction.

    Raises:
        NotFound: there is none.
    """
    wanted = Application.key == key if reference is None else Application.reference == reference
    held = _held(session)
    for application in held:
        if (application.key == key) if reference is None else (application.reference == reference):
            return application
    found = session.scalars(
        select(Application).where(wanted).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    hold(session, found)
    return found


def hold(session: Session, application: Application) -> None:
    """Remember that this transaction (or savepoint) has locked the case and read it afterwards: `locked` gives it back."""
    _held(session).append(application)


def _held(session: Session) -> list[Application]:
    now = session.get_nested_transaction() or session.get_transaction()
    known: tuple[weakref.ref[SessionTransaction], list[Application]] | None = session.info.get(_HELD)
    if now is None or known is None or known[0]() is not now:
        known = session.info[_HELD] = (weakref.ref(now or session.begin()), [])
    return known[1]


_HELD = "cases that are locked"


def unchanged(application: Application, revision: int | None) -> None:
    """Make sure that nobody worked on the case since the page was opened.

    Args:
        application: locked.
        revision: as the page knew it; None: do not ask (the program itself).

    Raises:
        ChangedMeanwhile: with what happened.
    """
    if revision is None or application.revision == revision:
        return
    last = application.events[-1] if application.events else None
    raise ChangedMeanwhile(State(application.state), last.action if last else None, last.at if last else None)


def move(
    session: Session,
    application: Application,
    action: Action,
    *,
    by: Party,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Change the state of a locked case, with its event and its audit entry.

    Raises:
        NotNow: the state machine does not allow it.
    """
    application.state = after(State(application.state), action, by=by).value
    note(session, application, action.value, actor=actor, now=now, reason=reason)


def note(
    session: Session, application: Application, action: str, *, actor: Actor, now: datetime, reason: str | None = None
) -> None:
    """Write down that something happened to a case (its state may be the same)."""
    application.changed_at = now
    event = ApplicationEvent(
        application_id=application.id,
        action=action,
        state=application.state,
        actor_account_id=actor.account_id,
        actor_kind=actor.kind,
        reason=reason,
        at=now,
    )
    add_to(session, application, "events", event)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=f"application.{action}",
        subject_kind="application",
        subject_ref=application.reference or application.key,
    )


def add_to(
    session: Session,
    application: Application,
    collection: str,
    row: ApplicationEvent | ApplicationAnswers | IssuedDocument,
) -> None:
    """Add to a collection of the case, which is not read for that where nobody has asked for it."""
    if collection in inspect(application).unloaded:
        session.add(row)
    else:
        getattr(application, collection).append(row)


def party(actor: Actor) -> Party:
    """On which side an actor stands."""
    sides: dict[Literal["resident", "staff", "guest", "system"], Party] = {"staff": Party.STAFF, "system": Party.SYSTEM}
    return sides.get(actor.kind, Party.APPLICANT)


def typed_by(session: Session, application: Application, actor: Actor) -> None:
    """Remember that this member of staff typed into the case: they never decide it."""
    if actor.kind == "staff" and actor.account_id is not None:
        made = insert(ApplicationTypist).values(application_id=application.id, account_id=actor.account_id)
        session.execute(made.on_conflict_do_nothing())
