"""Procedures of a city pack: `procedures/*.yaml`, one file a procedure, into published versions.

Loading twice changes nothing, also where editors have published other versions in the browser since; a document that changed in
the pack becomes a new version, and the one before is valid until that moment (drafts finish on theirs). A version that editors
have planned begins when they said. The format: docs/procedures.md.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from forms import mistakes
from forms.definition import Procedure, sha256_of, to_document
from forms.models import ProcedureRow, ProcedureVersion
from forms.services import publishing
from portal.directory.pack import Pack, near
from portal.directory.sync import LoadReport
from portal.kernel import clock

Lines = dict[tuple[str | int, ...], int]


def load(session: Session, pack: Pack) -> LoadReport:
    """Publish what the pack's procedure files say.

    Raises:
        PackError: mistakes, each with file, line and suggestion; nothing was written.
    """
    found = read(pack)
    pack.check()
    rows = {
        row.slug: row
        for row in session.scalars(select(ProcedureRow).options(selectinload(ProcedureRow.versions))).all()
    }
    now = clock.now_in(session)
    created = changed = unchanged = 0
    for procedure in found:
        row = rows.get(procedure.slug)
        document = to_document(procedure)
        digest = sha256_of(document)
        if row is None:
            row = ProcedureRow(slug=procedure.slug, department=procedure.section, created_at=now)
            session.add(row)
        loaded = [version for version in row.versions if version.proposed_by is None]
        if loaded and loaded[-1].sha256 == digest:
            # Nothing new from the pack: what editors have published or planned since stands.
            unchanged += 1
            continue
        row.department = procedure.section
        if publishing.newest_published(row) is None:
            created += 1
        else:
            changed += 1
        row.versions.append(
            ProcedureVersion(
                number=publishing.next_number(row),
                document=document,
                sha256=digest,
                published_at=now,
                valid_from=now,
                valid_until=publishing.make_room(row, now),
            )
        )
        session.flush()
    return LoadReport(created=created, changed=changed, unchanged=unchanged, name="procedures")


def read(pack: Pack) -> list[Procedure]:
    """Every procedure of the pack; mistakes go into `pack.problems`."""
    found: dict[str, str] = {}
    procedures: list[Procedure] = []
    for name in pack.files("procedures/*.yaml"):
        data, lines = pack.raw(name)
        if data is None:
            continue
        procedure = parse(pack, name, data, lines)
        if procedure is None:
            continue
        if procedure.slug in found:
            pack.problem(
                name, lines.get(("slug",), 1), f"slug「{procedure.slug}」は {found[procedure.slug]} でも使っています。"
            )
        check_section(pack, name, procedure, lines)
        found[procedure.slug] = name
        procedures.append(procedure)
    return procedures


def check_section(pack: Pack, name: str, procedure: Procedure, lines: Lines) -> None:
    """Note a section that the city does not have."""
    if procedure.section not in pack.departments():
        pack.problem(
            name,
            lines.get(("section",), 1),
            f"section「{procedure.section}」は departments.yaml にありません。",
            near(procedure.section, pack.departments()),
        )


def parse(pack: Pack, name: str, data: Any, lines: Lines) -> Procedure | None:
    """One document; None and problems with file and line where it is not sound."""
    procedure, found = mistakes.read(data)
    for path, message, suggestion in found:
        pack.problem(name, _line(lines, path), message, suggestion)
    return procedure


def _line(lines: Lines, path: tuple[str | int, ...]) -> int:
    """The line of the deepest part of a path that is written in the file (pydantic puts the kind of a field between)."""
    here: tuple[str | int, ...] = ()
    for part in path:
        if (*here, part) in lines:
            here = (*here, part)
    return lines.get(here, 1)
