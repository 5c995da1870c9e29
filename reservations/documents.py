"""Rule documents as the pure modules read them. A version never changes, so each is read and checked once a process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from portal.kernel import dates
from reservations.models import DocumentKind, RuleDocument
from reservations.policy.groups import GroupRules
from reservations.pricing import FeeTable
from reservations.rules import Policy
from reservations.timetable import Slot, Timetable

AnyDocument = Timetable | FeeTable | Policy | GroupRules
_TYPES: dict[str, type[AnyDocument]] = {
    DocumentKind.TIMETABLE: Timetable,
    DocumentKind.FEES: FeeTable,
    DocumentKind.POLICY: Policy,
    DocumentKind.GROUPS: GroupRules,
}
_known: dict[tuple[str, str], AnyDocument] = {}


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a document."""
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def canonical(document: AnyDocument) -> dict[str, Any]:
    """A document as it is kept: what it says itself. A word that the language learns later changes no kept document."""
    return document.model_dump(mode="json", exclude_defaults=True)


def read(kind: str, content: Mapping[str, Any]) -> AnyDocument:
    """A checked document.

    Raises:
        pydantic.ValidationError: with the place of every mistake.
    """
    return _TYPES[kind].model_validate(content)


def schema(kind: str) -> type[AnyDocument]:
    """The model of a kind of document."""
    return _TYPES[kind]


def parsed(row: RuleDocument) -> AnyDocument:
    """The document of a row."""
    key = (row.kind, row.digest)
    if key not in _known:
        _known[key] = read(row.kind, row.content)
    return _known[key]


def by_ids(session: Session, wanted: Iterable[tuple[int, str, str]]) -> list[AnyDocument]:
    """Documents of (id, kind, digest), in order; asks the database only for those that this process has not read yet."""
    wanted = list(wanted)
    missing = [identity for identity, kind, sha in wanted if (kind, sha) not in _known]
    if missing:
        for row in session.scalars(select(RuleDocument).where(RuleDocument.id.in_(missing))):
            parsed(row)
    return [_known[kind, sha] for _, kind, sha in wanted]


def by_row_ids(session: Session, ids: Iterable[int]) -> list[AnyDocument]:
    """Documents by the ids of their rows, in order; one statement."""
    wanted = list(ids)
    rows = {row.id: row for row in session.scalars(select(RuleDocument).where(RuleDocument.id.in_(wanted)))}
    return [parsed(rows[identity]) for identity in wanted]


@lru_cache(maxsize=2048)
def slots_on(digest: str, day: date) -> Mapping[str, Slot]:
    """Slots of a day by their code, in the timetable that has this digest and was read before (`by_ids`)."""
    timetable = cast("Timetable", _known[DocumentKind.TIMETABLE.value, digest])
    return {slot.code: slot for slot in reversed(timetable.slots_on(day, dates.is_holiday))}


@dataclass(frozen=True)
class Version:
    """Which version of a document is in force from a date."""

    id: int
    valid_from: date
    document: AnyDocument


@dataclass
class Rules:
    """All versions of some documents: for pages that span a change."""

    versions: dict[tuple[str, str], list[Version]] = field(default_factory=dict)

    def on(self, kind: str, code: str | None, day: date) -> Version | None:
        """The version in force on the day; None before the first."""
        if code is None:
            return None
        return next((v for v in reversed(self.versions.get((kind, code), [])) if v.valid_from <= day), None)

    def timetable(self, code: str | None, day: date) -> Timetable | None:
        """The timetable of the day."""
        found = self.on(DocumentKind.TIMETABLE, code, day)
        return cast("Timetable", found.document) if found else None

    def fees(self, code: str | None, day: date) -> FeeTable | None:
        """The fee table of the day."""
        found = self.on(DocumentKind.FEES, code, day)
        return cast("FeeTable", found.document) if found else None

    def policy(self, code: str | None, day: date) -> Policy | None:
        """The rules of use of the day."""
        found = self.on(DocumentKind.POLICY, code, day)
        return cast("Policy", found.document) if found else None


def load(session: Session, codes: Iterable[tuple[str, str | None]]) -> Rules:
    """All versions of the documents (kind, code): one statement, and one more for what was never read."""
    wanted = sorted({(kind, code) for kind, code in codes if code is not None})
    rules = Rules()
    if not wanted:
        return rules
    rows = session.execute(
        select(RuleDocument.id, RuleDocument.kind, RuleDocument.code, RuleDocument.valid_from, RuleDocument.digest)
        .where(tuple_(RuleDocument.kind, RuleDocument.code).in_(wanted))
        .order_by(RuleDocument.valid_from, RuleDocument.revision),
    ).all()
    found = by_ids(session, [(row.id, row.kind, row.digest) for row in rows])
    for row, document in zip(rows, found, strict=True):
        rules.versions.setdefault((row.kind, row.code), []).append(Version(row.id, row.valid_from, document))
    return rules
