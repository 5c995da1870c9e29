"""Procedures of a city pack become published versions; mistakes are told with file and line."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from forms import loader
from forms.definition import from_document
from forms.models import ProcedureRow, ProcedureVersion
from forms.services import publishing
from portal.accounts.models import Role
from portal.directory.pack import Pack, PackError
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people

KOGA = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(KOGA, tmp_path / "koga")
    return tmp_path / "koga"


def edit(folder: Path, slug: str, old: str, new: str) -> Path:
    file = folder / "procedures" / f"{slug}.yaml"
    content = file.read_text("utf-8")
    assert old in content
    file.write_text(content.replace(old, new, 1), "utf-8")
    return file


def test_loading_twice_changes_nothing(koga: str, session: Session) -> None:
    before = {(v.id, v.sha256) for v in session.scalars(select(ProcedureVersion))}
    report = loader.load(session, Pack(KOGA))
    assert (report.touched, report.unchanged) == (0, len(before))
    assert {(v.id, v.sha256) for v in session.scalars(select(ProcedureVersion))} == before


def test_a_changed_document_becomes_a_new_version_and_the_old_one_stays_as_it_was(
    koga: str, session: Session, folder: Path
) -> None:
    edit(folder, "dog-registration", "毛の色", "犬の毛の色")
    report = loader.load(session, Pack(folder))
    assert (report.created, report.changed) == (0, 1)
    row = session.scalars(select(ProcedureRow).where(ProcedureRow.slug == "dog-registration")).one()
    session.refresh(row)
    first, second = row.versions
    assert first.valid_until == second.valid_from
    assert second.valid_until is None
    assert "毛の色" in str(first.document)
    assert "犬の毛の色" not in str(first.document)


def by_editors(session: Session, *, begins: datetime) -> ProcedureRow:
    """Two editors have published the registration of dogs with another guide, from a moment on."""
    row = session.scalars(select(ProcedureRow).where(ProcedureRow.slug == "dog-registration")).one()
    first, second = (people.make_staff(Role.EDITOR, "citizen-counter", email=f"editor{n}@example.jp") for n in (1, 2))
    document = {**row.versions[0].document, "plain_name": "いぬの登録"}
    with unit_of_work() as own:
        made = publishing.propose(
            own, procedure=from_document(document), actor=Actor(first.id, "staff"), now=clock.now()
        )
        publishing.agree(
            own,
            slug="dog-registration",
            sha256=made.sha256,
            actor=Actor(second.id, "staff"),
            now=clock.now(),
            from_at=begins,
        )
    session.expire_all()
    return row


def test_loading_again_does_not_take_back_what_editors_published(koga: str, session: Session) -> None:
    row = by_editors(session, begins=clock.now())
    assert loader.load(session, Pack(KOGA)).touched == 0
    assert [(v.number, v.valid_until) for v in row.versions][-1] == (2, None)


def test_a_new_document_of_the_pack_lets_a_planned_version_begin_as_planned(
    koga: str, session: Session, folder: Path
) -> None:
    begins = clock.now() + timedelta(days=10)
    row = by_editors(session, begins=begins)
    edit(folder, "dog-registration", "毛の色", "犬の毛の色")
    assert loader.load(session, Pack(folder)).changed == 1
    session.refresh(row)
    first, planned, loaded = row.versions
    assert first.valid_until == loaded.valid_from
    assert (planned.valid_from, planned.valid_until) == (begins, None)
    assert loaded.valid_until == begins


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE procedure_version SET document = '{}'",
        "UPDATE procedure_version SET sha256 = repeat('0', 64)",
        "UPDATE procedure_version SET published_at = NULL",
        "DELETE FROM procedure_version",
    ],
)
def test_the_database_itself_refuses_to_change_a_published_version(koga: str, session: Session, statement: str) -> None:
    with pytest.raises(IntegrityError, match="never changes"):
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("old", "new", "line_of", "words"),
    [
        ("max_length: 30", "max_lenght: 30", "max_lenght", "max_lenght"),
        ("show_if: {field: has_chip, is: true}", "show_if: {field: has_tag, is: true}", "has_tag", "has_tag"),
        ("section: citizen-counter", "section: citizen-conter", "citizen-conter", "citizen-counter"),
        ("label: {ja: 毛の色, en: Colour of the coat}", "label: {ja: 個人番号}", "個人番号", "個人番号"),
        ("type: kana", "type: kanna", "kanna", "kana"),
        ("amount: 3000", "amount: -3000", "-3000", "amount"),
    ],
)
def test_a_mistake_is_told_with_file_and_line_and_nothing_is_written(
    koga: str, session: Session, folder: Path, old: str, new: str, line_of: str, words: str
) -> None:
    file = edit(folder, "dog-registration", old, new)
    with pytest.raises(PackError) as raised:
        loader.load(session, Pack(folder))
    problem = raised.value.problems[0]
    lines = file.read_text("utf-8").splitlines()
    wanted = next(n for n, line in enumerate(lines, start=1) if line_of in line and not line.startswith("#"))
    assert problem.file == "procedures/dog-registration.yaml"
    assert wanted - 5 <= problem.line <= wanted, str(problem)
    assert words in str(problem)
    assert not session.new
    assert not session.dirty
