"""What the set-up pages show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments.models import Payee
from portal.directory.models import City, Department
from portal.kernel import clock
from reservations import documents
from reservations.documents import AnyDocument
from reservations.models import Facility, NameKind, RuleDocument, Space
from reservations.money_models import FacilityOperator
from reservations.queries import bookings
from reservations.queries.bookings import BookingLine
from reservations.studio.models import DraftState, FacilityPicture, RuleDraft
from reservations.studio.services import facility_of


@dataclass(frozen=True)
class FacilityLine:
    """A facility in the list, with what is still missing before it can be booked."""

    code: str
    name: str
    category: str
    spaces: int
    ready: int
    drafts: int


def facilities(session: Session, *, managed: Collection[str], everything: bool, on: date) -> list[FacilityLine]:
    """The facilities that somebody sets up, in order. Four statements."""
    statement = select(Facility).options(selectinload(Facility.names), selectinload(Facility.spaces))
    if not everything:
        statement = statement.where(Facility.code.in_(managed))
    found = session.scalars(statement.order_by(Facility.position)).all()
    waiting = list(session.scalars(select(RuleDraft.facility_id).where(RuleDraft.state == DraftState.ASKED)))
    return [
        FacilityLine(
            one.code,
            official(one, on),
            one.category,
            sum(space.bookable for space in one.spaces),
            sum(complete(space) for space in one.spaces),
            waiting.count(one.id),
        )
        for one in found
    ]


def official(facility: Facility, on: date) -> str:
    """The official name on a day; the first one where none holds."""
    names = [name for name in facility.names if name.kind == NameKind.OFFICIAL]
    held = next((name for name in names if name.holds_on(on)), names[0] if names else None)
    return held.name if held else facility.code


def complete(space: Space) -> bool:
    """Whether a space names all three documents."""
    return bool(space.bookable and space.timetable_code and space.fees_code and space.policy_code)


@dataclass(frozen=True)
class VersionLine:
    """A version of a document that is in."""

    id: int
    kind: str
    code: str
    valid_from: date
    revision: int
    sample: bool


@dataclass(frozen=True)
class SetupPage:
    """A facility as its set-up page shows it."""

    facility: Facility
    name: str
    drafts: tuple[RuleDraft, ...]
    versions: tuple[VersionLine, ...]
    pictures: tuple[FacilityPicture, ...]

    def of_kind(self, kind: str) -> list[VersionLine]:
        """The versions of the documents of one kind."""
        return [version for version in self.versions if version.kind == kind]

    @property
    def missing(self) -> list[str]:
        """What is still to be done before anything can be booked: codes in the order of doing."""
        if not self.facility.spaces:
            return ["spaces", "timetable", "policy", "fees"]
        return [
            kind
            for kind in ("timetable", "policy", "fees")
            if any(getattr(space, f"{kind}_code") is None for space in self.facility.spaces if space.bookable)
        ]

    def draft_of(self, kind: str) -> RuleDraft | None:
        """The newest draft of a kind that is still being written or waits for the second person."""
        return next((one for one in self.drafts if one.kind == kind and one.state in OPEN_DRAFTS), None)


OPEN_DRAFTS = (DraftState.WRITING, DraftState.ASKED)


@dataclass(frozen=True)
class WaitingDraft:
    """A draft that waits for a second person; `mine`: not for this one, who wrote it or asked."""

    id: int
    facility_code: str
    kind: str
    code: str
    valid_from: date | None
    mine: bool


def waiting(
    session: Session, *, managed: Collection[str], everything: bool, account_id: int | None
) -> list[WaitingDraft]:
    """What waits for a second person in these facilities, oldest first; one statement."""
    statement = (
        select(RuleDraft, Facility.code)
        .join(Facility, Facility.id == RuleDraft.facility_id)
        .where(RuleDraft.state == DraftState.ASKED)
    )
    if not everything:
        statement = statement.where(Facility.code.in_(managed))
    rows = session.execute(statement.order_by(RuleDraft.asked_at, RuleDraft.id).limit(100)).all()
    return [
        WaitingDraft(
            draft.id,
            code,
            draft.kind,
            draft.code,
            draft.valid_from,
            account_id in draft.writers or account_id == draft.asked_by,
        )
        for draft, code in rows
    ]


def successors(session: Session, code: str | None, *, on: date) -> dict[str, str]:
    """The facilities that can take the place of one, by code: every other one that is not closed for good by then."""
    found = session.scalars(select(Facility).options(selectinload(Facility.names)).order_by(Facility.position))
    return {
        one.code: official(one, on)
        for one in found
        if one.code != code and (one.closed_on is None or one.closed_on > on) and one.replaced_by != code
    }


def after_the_end(session: Session, facility: Facility, *, now: datetime) -> list[BookingLine]:
    """Bookings and running holds of a facility for days after its last one, by time."""
    if facility.closed_on is None:
        return []
    start = datetime.combine(facility.closed_on + timedelta(days=1), time(), clock.TOKYO)
    return bookings.standing_from(session, facility.code, start=start, now=now)


def payee_of(session: Session, facility_id: int) -> str | None:
    """Code of whoever receives the facility's fees now; None: the city."""
    statement = select(FacilityOperator.payee).where(
        FacilityOperator.facility_id == facility_id, FacilityOperator.valid_until.is_(None)
    )
    return session.scalars(statement.limit(1)).first()


def districts(session: Session) -> list[str]:
    """The districts of the city, in order."""
    return list(session.scalars(select(City.districts)).first() or ())


def page(session: Session, code: str, *, on: date) -> SetupPage:
    """Everything of a facility. Eight statements.

    Raises:
        NotFound: there is none.
    """
    facility = facility_of(session, code)
    drafts = session.scalars(
        select(RuleDraft).where(RuleDraft.facility_id == facility.id).order_by(RuleDraft.id.desc()).limit(50)
    ).all()
    codes = {getattr(space, f"{kind}_code") for space in facility.spaces for kind in ("timetable", "fees", "policy")}
    codes |= {draft.code for draft in drafts}
    rows = session.scalars(
        select(RuleDocument)
        .where(RuleDocument.code.in_([name for name in codes if name]))
        .order_by(RuleDocument.kind, RuleDocument.code, RuleDocument.valid_from, RuleDocument.revision)
    )
    used = {(kind, getattr(space, f"{kind}_code")) for space in facility.spaces for kind in _KINDS}
    used |= {(draft.kind, draft.code) for draft in drafts}
    versions = tuple(
        VersionLine(row.id, row.kind, row.code, row.valid_from, row.revision, row.sample)
        for row in rows
        if (row.kind, row.code) in used
    )
    pictures = tuple(pictures_of(session, facility.id))
    return SetupPage(facility, official(facility, on), tuple(drafts), versions, pictures)


_KINDS = ("timetable", "fees", "policy")


def pictures_of(session: Session, facility_id: int) -> list[FacilityPicture]:
    """The pictures of a facility in order."""
    statement = select(FacilityPicture).where(FacilityPicture.facility_id == facility_id)
    return list(session.scalars(statement.order_by(FacilityPicture.position)))


def document(session: Session, document_id: int) -> RuleDocument | None:
    """One version of a document."""
    return session.get(RuleDocument, document_id)


def before(session: Session, kind: str, code: str, day: date | None) -> RuleDocument | None:
    """The version that a draft of this date follows."""
    statement = select(RuleDocument).where(RuleDocument.kind == kind, RuleDocument.code == code)
    if day is not None:
        statement = statement.where(RuleDocument.valid_from <= day)
    order = (RuleDocument.valid_from.desc(), RuleDocument.revision.desc())
    return session.scalars(statement.order_by(*order).limit(1)).first()


def parsed(row: RuleDocument) -> AnyDocument:
    """The document of a row."""
    return documents.parsed(row)


def codes(session: Session) -> dict[str, list[str]]:
    """The codes of all documents, by kind."""
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for kind, code in session.execute(
        select(RuleDocument.kind, RuleDocument.code).distinct().order_by(RuleDocument.kind, RuleDocument.code)
    ):
        if kind in found:
            found[kind].append(code)
    return found


def departments(session: Session) -> dict[str, str]:
    """Departments by code."""
    return {
        row.code: row.name
        for row in session.scalars(select(Department).where(Department.active).order_by(Department.position))
    }


def payees(session: Session) -> dict[str, str]:
    """Whose money a fee can be, the city left out."""
    return {row.code: row.name for row in session.scalars(select(Payee).order_by(Payee.code)) if row.code != "city"}
