"""Load facilities, spaces and rule documents from a city pack. Loading twice changes nothing.

A rule document that is in is never edited: a file that says something else under the same date becomes the next revision, and
bookings keep the one that they were made under.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from portal.directory.pack import Located, Pack, near
from portal.directory.sync import LoadReport, sync
from portal.kernel import clock
from reservations import documents, fee_files
from reservations.fee_files import explained, line_of
from reservations.models import DocumentKind, Facility, FacilityName, NameKind, Purpose, RuleDocument, Space, Unit
from reservations.money_models import FacilityOperator
from reservations.operations.models import SoundClaim, SpaceNeighbour
from reservations.schemas import AddedSpace, FacilityEntry, PurposeEntry, RuleEntry, SpaceEntry, SpacesFile
from reservations.studio.models import RuleDraft

FILES = {
    DocumentKind.TIMETABLE: "reservations/timetables.yaml",
    DocumentKind.FEES: "reservations/fees.yaml",
    DocumentKind.POLICY: "reservations/policies.yaml",
    DocumentKind.GROUPS: "reservations/groups.yaml",
}
SPACES = "reservations/spaces.yaml"


@dataclass(frozen=True)
class _Space:
    """A space as it will be stored: from facilities.yaml or added as a sample."""

    facility: str
    code: str
    name: str
    name_en: str
    detail: str | None
    sample: bool
    bookable: bool
    units: tuple[str, ...]
    rule: RuleEntry | None


def load(session: Session, pack: Pack) -> LoadReport:
    """Create, change or leave alone facilities, purposes, spaces and documents.

    Raises:
        PackError: with every mistake; nothing was written.
    """
    facilities = pack.rows("facilities.yaml", FacilityEntry)
    purposes = pack.rows("reservations/purposes.yaml", PurposeEntry)
    assignment = pack.one(SPACES, SpacesFile)
    files = [kind for kind in FILES if kind is not DocumentKind.GROUPS or pack.has(FILES[kind])]
    found = {kind: _documents(pack, kind) for kind in files}
    pack.unique(facilities, "code")
    pack.unique(purposes, "code")
    if assignment is not None:
        _check(pack, facilities, purposes, assignment, {kind: _codes(pack, kind) for kind in files})
    if not pack.problems:
        for problem in fee_files.check(pack.folder / FILES[DocumentKind.FEES]):
            pack.problem(FILES[DocumentKind.FEES], problem.line, problem.message, problem.suggestion)
    pack.check()
    if assignment is None:  # check() has raised
        return LoadReport()
    # Facilities that somebody keeps in the browser are no longer the pack's.
    kept = set(session.scalars(select(Facility.code).where(Facility.origin == "browser")))
    facilities = [entry for entry in facilities if entry.value.code not in kept]
    spaces = _spaces(facilities, assignment.value)
    return (
        _load_facilities(session, facilities)
        + _load_names(session, facilities)
        + _load_operators(session, facilities)
        + _load_purposes(session, purposes)
        + _load_documents(session, found)
        + _load_spaces(session, spaces)
        + _load_neighbours(session, assignment.value.neighbours)
    )


def _documents(pack: Pack, kind: DocumentKind) -> list[dict[str, Any]]:
    """The documents of one file as canonical JSON; mistakes become problems."""
    name = FILES[kind]
    data, lines = pack.raw(name)
    if not isinstance(data, list):
        if data is not None:
            pack.problem(name, 1, "一覧(「- 」で始まる行)ではありません。", "1件ずつ「- 」で始めてください。")
        return []
    found = []
    for index, content in enumerate(data):
        try:
            found.append(documents.canonical(documents.read(kind, content)))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                message, suggestion = explained(fault, documents.schema(kind))
                pack.problem(name, line_of(lines, (index, *fault["loc"])), message, suggestion)
    return found


def _codes(pack: Pack, kind: DocumentKind) -> set[str]:
    """The codes of a file's documents, also of those with mistakes: one mistake is told once."""
    data, _lines = Pack(pack.folder).raw(FILES[kind])
    entries = data if isinstance(data, list) else []
    return {str(content["code"]) for content in entries if isinstance(content, dict) and "code" in content}


def _check(
    pack: Pack,
    facilities: list[Located[FacilityEntry]],
    purposes: list[Located[PurposeEntry]],
    assignment: Located[SpacesFile],
    codes: Mapping[DocumentKind, set[str]],
) -> None:
    names = {entry.value.code for entry in purposes}
    for index, rule in enumerate(assignment.value.rules):
        line = assignment.line_of("rules", index)
        wanted = {
            DocumentKind.TIMETABLE: rule.timetable,
            DocumentKind.FEES: rule.fees,
            DocumentKind.POLICY: rule.policy,
        }
        for kind, code in wanted.items():
            if code not in codes[kind]:
                pack.problem(SPACES, line, f"「{code}」は {FILES[kind]} にありません。", near(code, codes[kind]))
        for purpose in rule.purposes:
            if purpose not in names:
                pack.problem(
                    SPACES, line, f"使いみち「{purpose}」は purposes.yaml にありません。", near(purpose, names)
                )
    seen = _check_facilities(pack, facilities)
    known = {entry.value.code for entry in facilities}
    for index, added in enumerate(assignment.value.added):
        if added.facility not in known or added.code in seen:
            line = assignment.line_of("added", index)
            pack.problem(
                SPACES, line, f"「{added.code}」は足せません。", "施設の番号と、室の番号が新しいことを見てください。"
            )
        seen.add(added.code)
    _check_neighbours(pack, assignment, seen)


def _check_neighbours(pack: Pack, assignment: Located[SpacesFile], seen: set[str]) -> None:
    for index, pair in enumerate(assignment.value.neighbours):
        for code in pair:
            if code not in seen:
                line = assignment.line_of("neighbours", index)
                pack.problem(SPACES, line, f"室「{code}」はありません。", near(code, seen))


def _check_facilities(pack: Pack, facilities: list[Located[FacilityEntry]]) -> set[str]:
    """Note references that lead nowhere; the codes of all spaces."""
    departments = pack.departments()
    known = {entry.value.code for entry in facilities}
    seen: set[str] = set()
    for entry in facilities:
        pack.known(entry, "department", entry.value.department, departments, "departments.yaml")
        pack.known(entry, "replaced_by", entry.value.replaced_by, known, "facilities.yaml")
        for index, space in enumerate(entry.value.spaces):
            if space.code in seen:
                line = entry.line_of("spaces", index)
                pack.problem(entry.file, line, f"室「{space.code}」は2回出てきます。", "別の番号にしてください。")
            seen.add(space.code)
    return seen


def _spaces(facilities: list[Located[FacilityEntry]], file: SpacesFile) -> list[_Space]:
    def rule_for(code: str) -> RuleEntry | None:
        return next((rule for rule in file.rules if rule.covers(code)), None)

    def own(facility: str, space: SpaceEntry) -> _Space:
        rule = rule_for(space.code) if space.bookable else None
        units = tuple(rule.units) if rule and rule.units else (space.code.lower(),)
        name_en = space.name_en or file.names_en.get(space.name, "")
        return _Space(
            facility, space.code, space.name, name_en, space.detail, space.sample, space.bookable, units, rule
        )

    def extra(space: AddedSpace) -> _Space:
        rule = rule_for(space.code)
        return _Space(space.facility, space.code, space.name, space.name_en, None, True, True, tuple(space.units), rule)

    added: dict[str, list[_Space]] = {}
    for space in file.added:
        added.setdefault(space.facility, []).append(extra(space))
    found: list[_Space] = []
    for entry in facilities:
        found += [own(entry.value.code, space) for space in entry.value.spaces]
        found += added.get(entry.value.code, [])
    return found


def _load_facilities(session: Session, entries: list[Located[FacilityEntry]]) -> LoadReport:
    wanted = {
        (value.code,): {
            "kana": value.kana,
            "category": value.category,
            "district": value.district,
            "address": value.address,
            "phone": value.phone,
            "longitude": value.lon,
            "latitude": value.lat,
            "department": value.department,
            "opened_on": value.open_from,
            "closed_on": value.open_until,
            "replaced_by": value.replaced_by,
            "evidence_class": value.evidence_class,
            "evidence": value.source,
            "note": value.note,
            "access": value.access.model_dump(exclude_defaults=True),
            "position": position,
        }
        for position, value in enumerate((entry.value for entry in entries), 1)
    }
    return sync(session, Facility, wanted, key=("code",), where=Facility.origin == "pack", name="reservations")


def _load_names(session: Session, entries: list[Located[FacilityEntry]]) -> LoadReport:
    ids = _facility_ids(session)
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in entries:
        value, facility = entry.value, ids[entry.value.code]
        wanted[facility, NameKind.OFFICIAL.value, value.official_name, None] = {"valid_until": None}
        if value.nickname:
            wanted[facility, NameKind.NICKNAME.value, value.nickname, None] = {"valid_until": None}
        for former in value.former_names:
            wanted[facility, NameKind.FORMER.value, former, None] = {"valid_until": None}
        for rights in value.naming_rights:
            wanted[facility, NameKind.NAMING_RIGHTS.value, rights.name, rights.since] = {"valid_until": rights.until}

    def retire(row: FacilityName) -> bool:
        session.delete(row)
        return True

    return sync(
        session,
        FacilityName,
        wanted,
        key=("facility_id", "kind", "name", "valid_from"),
        retire=retire,
        where=FacilityName.facility_id.in_(_of_pack()),
    )


def _of_pack() -> Select[int]:
    """Ids of the facilities that the pack keeps."""
    return select(Facility.id).where(Facility.origin == "pack")


def _load_operators(session: Session, entries: list[Located[FacilityEntry]]) -> LoadReport:
    ids = _facility_ids(session)
    wanted = {
        (ids[entry.value.code], operator.payee, operator.since): {"valid_until": operator.until}
        for entry in entries
        for operator in entry.value.operators
    }

    def retire(row: FacilityOperator) -> bool:
        session.delete(row)
        return True

    return sync(session, FacilityOperator, wanted, key=("facility_id", "payee", "valid_from"), retire=retire)


def _facility_ids(session: Session) -> dict[str, int]:
    return {row.code: row.id for row in session.execute(select(Facility.code, Facility.id))}


def _load_purposes(session: Session, entries: list[Located[PurposeEntry]]) -> LoadReport:
    wanted = {
        (entry.value.code,): {
            "name": entry.value.name,
            "name_en": entry.value.name_en,
            "group": entry.value.group,
            "noise": entry.value.noise,
            "position": position,
        }
        for position, entry in enumerate(entries, 1)
    }
    return sync(session, Purpose, wanted, key=("code",))


def _load_documents(session: Session, found: Mapping[DocumentKind, list[dict[str, Any]]]) -> LoadReport:
    agreed = set(session.scalars(select(RuleDraft.document_id).where(RuleDraft.document_id.is_not(None))))
    newest: dict[tuple[str, str, str], RuleDocument] = {}
    loaded: dict[tuple[str, str, str], str] = {}
    for row in session.scalars(select(RuleDocument).order_by(RuleDocument.revision)):
        key = (row.kind, row.code, row.valid_from.isoformat())
        newest[key] = row
        if row.id not in agreed:
            loaded[key] = row.digest
    created = unchanged = changed = 0
    for kind, contents in found.items():
        for content in contents:
            key = (kind.value, content["code"], content["valid_from"])
            present = newest.get(key)
            sha = documents.digest(content)
            if present is not None and sha in (present.digest, loaded.get(key)):
                # Nothing new from the pack: what two people agreed on in the browser since stands.
                unchanged += 1
                continue
            created, changed = created + (present is None), changed + (present is not None)
            document = documents.read(kind, content)
            session.add(
                RuleDocument(
                    kind=kind.value,
                    code=document.code,
                    valid_from=document.valid_from,
                    revision=present.revision + 1 if present else 1,
                    sample=document.sample,
                    content=content,
                    digest=sha,
                    published_at=clock.now(),
                ),
            )
    session.flush()
    return LoadReport(created, changed, unchanged)


def _load_spaces(session: Session, spaces: list[_Space]) -> LoadReport:
    facilities = _facility_ids(session)
    units = sync(
        session,
        Unit,
        {(facilities[space.facility], unit): {} for space in spaces for unit in space.units},
        key=("facility_id", "code"),
    )
    wanted = {
        (space.code,): {
            "facility_id": facilities[space.facility],
            "name": space.name,
            "name_en": space.name_en,
            "detail": space.detail,
            "capacity": space.rule.capacity if space.rule else None,
            "bookable": space.bookable,
            "sample": space.sample,
            "outdoor": bool(space.rule and space.rule.outdoor),
            "tariff": space.rule.tariff if space.rule else "",
            "timetable_code": space.rule.timetable if space.rule else None,
            "fees_code": space.rule.fees if space.rule else None,
            "policy_code": space.rule.policy if space.rule else None,
            "position": position,
        }
        for position, space in enumerate(spaces, 1)
    }

    def retire(row: Space) -> bool:
        changed = row.bookable
        row.bookable = False
        return changed

    report = sync(session, Space, wanted, key=("code",), retire=retire, where=Space.facility_id.in_(_of_pack()))
    return units + report + _load_links(session, spaces)


def _load_neighbours(session: Session, pairs: Sequence[Sequence[str]]) -> LoadReport:
    """Which spaces hear each other. A pair that is gone stays while a booking claims it; nothing is claimed anew."""
    ids = {row.code: row.id for row in session.execute(select(Space.code, Space.id))}
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for pair in pairs:
        one, other = sorted((ids[pair[0]], ids[pair[1]]))
        wanted[one, other] = {}

    def retire(row: SpaceNeighbour) -> bool:
        claimed = session.scalars(select(SoundClaim.id).where(SoundClaim.neighbour_id == row.id).limit(1)).first()
        if claimed is None:
            session.delete(row)
        return claimed is None

    return sync(session, SpaceNeighbour, wanted, key=("space_id", "other_id"), retire=retire)


def _load_links(session: Session, spaces: list[_Space]) -> LoadReport:
    """Which units and purposes a space has."""
    units = {(unit.facility_id, unit.code): unit for unit in session.scalars(select(Unit))}
    purposes = {purpose.code: purpose for purpose in session.scalars(select(Purpose))}
    statement = select(Space).options(selectinload(Space.units), selectinload(Space.purposes))
    rows = {space.code: space for space in session.scalars(statement)}
    changed = 0
    for space in spaces:
        row = rows[space.code]
        have = [units[row.facility_id, code] for code in space.units]
        uses = [purposes[code] for code in (space.rule.purposes if space.rule else [])]
        if {unit.id for unit in row.units} != {unit.id for unit in have}:
            row.units = have
            changed += 1
        if {purpose.id for purpose in row.purposes} != {purpose.id for purpose in uses}:
            row.purposes = uses
            changed += 1
    session.flush()
    return LoadReport(changed=changed)
