"""`portal procedures check | diff | export`, as a person at a terminal sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from forms.commands import procedures
from forms.definition import from_document, to_document
from forms.definition.comparison import compare
from forms.reach import never_shown
from forms.services import publishing
from portal.accounts.models import Role
from portal.directory.plain import read
from tests import people

FOLDER = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga" / "procedures"
DOG = FOLDER / "dog-registration.yaml"
NEVER = "{all: [{field: owner_kana, answered: true}, {field: owner_kana, answered: false}]}"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(procedures(lambda: None), [str(a) for a in arguments])


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    text = DOG.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "dog.yaml"
    file.write_text(text, "utf-8")
    return file


def line_of(file: Path, words: str) -> int:
    return next(
        n for n, line in enumerate(file.read_text("utf-8").splitlines(), start=1) if words.splitlines()[0] in line
    )


def test_the_procedures_of_the_city_have_no_mistakes() -> None:
    done = run("check", *sorted(FOLDER.glob("*.yaml")))
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max_length: 30", "max_lenght: 30", "max_length"),
        ("item: person.kana", "item: person.kna", "person.kana"),
        ("show_if: {field: has_chip, is: true}", "show_if: {field: has_chp, is: true}", "has_chip"),
        ("show_if: {field: receive_by, is: counter}", "show_if: {field: receive_by, is: conter}", "counter"),
        ("type: kana", "type: kanna", "kana"),
        ("amount: 3000", "amont: 3000", "amount"),
        (
            "show_if: {field: has_chip, is: true}",
            "show_if: {all: [{field: has_chip, is: true}, {field: has_chip, is: false}]}",
            "どう答えても",
        ),
        (
            "{code: male, label: {ja: オス",
            "{code: male, offer_if: {field: dog_born, is: x}, label: {ja: オス",
            "になることはありません",
        ),
        (
            "{code: post, label: {ja: 郵便",
            "{code: post, offer_if: {all: [{field: dog_sex, is: male}, {field: dog_sex, is: female}]}, label: {ja: 郵便",
            "どう答えても選べません",
        ),
        (
            "    fields:\n      - id: dog_name",
            f"    show_if: {NEVER}\n    fields:\n      - id: dog_name",
            "ステップ「dog」は、どう答えても",
        ),
        ("show_if: {field: has_chip, is: true}", "show_if: {field: dog_colour, at_least: 3}", "大小をくらべられません"),
        (
            "show_if: {field: has_chip, is: true}",
            "show_if: {field: has_chip, is: {field: dog_name}}",
            "くらべられません",
        ),
        ("show_if: {field: has_chip, is: true}", "show_if: {field: chip_number, answered: true}", "輪になっています"),
        (
            "show_if: {field: has_chip, is: true}",
            "limits: [{must: {field: dog_born, at_most: {date: todai}}, message: だめ}]",
            "today",
        ),
        ("    signed: true", "    signed: maybe", "signed"),
        ("{ja: 犬の名前, en: Name of the dog}", "犬の名前", "英語がありません"),
        ("  before_you_start:", "  after_all:", "before_you_start"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_what_would_be_right(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    file = changed(tmp_path, (old, new))
    done = run("check", file)
    assert done.exit_code == 1
    told = next(line for line in done.stderr.splitlines() if words in line)
    where, number = told.split(":")[:2]
    assert where == str(file)
    assert line_of(file, new) - 8 <= int(number) <= line_of(file, new), told
    assert "→" in told


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    file = changed(
        tmp_path,
        ("max_length: 30", "max_lenght: 30"),
        ("item: person.kana", "item: person.kna"),
        ("fields: [owner_name,", "fields: [owner_nam,"),
    )
    done = run("check", file, DOG)
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 3, done.stderr
    assert "2 files, 3 mistakes" in done.stdout


def test_mistakes_of_every_kind_are_told_in_one_run_and_no_others(tmp_path: Path) -> None:
    file = changed(
        tmp_path,
        ("retention_years: 5\n", ""),
        ("amount: 3000", "amount: -3"),
        ("title: {ja: 飼い主について, en: About you}", "titel: {ja: 飼い主について, en: About you}"),
        ("type: kana", "type: kanna"),
        ("item: person.phone", "item: person.fone"),
        ("{ja: 犬の名前, en: Name of the dog}", "犬の名前"),
        ("max_length: 40", "max_length: forty"),
        ("latest: today", "latest: tomorow"),
        ("label: {ja: 毛の色, en: Colour of the coat}", "lable: {ja: 毛の色, en: Colour of the coat}"),
        ("show_if: {field: has_chip, is: true}", "show_if: {field: chip_number, answered: true}"),
        ("show_if: {field: receive_by, is: counter}", "show_if: {field: receive_by, is: conter}"),
        ("fields: [owner_name,", "fields: [owner_nam, owner_kana,"),
    )
    done = run("check", file)
    assert done.exit_code == 1
    told = done.stderr.splitlines()
    for words in (
        "retention_years", "amount", "「titel」", "「title」", "kanna", "person.fone", "英語がありません", "max_length", "latest",
        "「lable」", "「label」", "輪になっています", "conter", "owner_nam",
    ):  # fmt: skip
        assert [line for line in told if words in line], f"{words} in\n{done.stderr}"
    assert not [line for line in told if "→" not in line], "each says what would be right"
    assert len(told) == 14, done.stderr


@pytest.mark.parametrize(
    "steps", ["steps: 3", "steps: [3]", "steps: [{fields: 3}]", "steps: [{fields: [3, {id: 3}]}]", "steps: {a: b}"]
)
@pytest.mark.parametrize(
    "rest", ["", "fee: x", "texts: []\nchannel: {kind: nowhere}", "slug: [x]\nidentity: 3\ndocuments: 3"]
)
def test_a_file_of_nonsense_gets_mistakes_with_lines_and_an_end(tmp_path: Path, steps: str, rest: str) -> None:
    file = tmp_path / "nonsense.yaml"
    file.write_text(f"schema: 1\n{steps}\n{rest}\n", "utf-8")
    done = run("check", file)
    assert done.exit_code == 1
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
    assert all(line.startswith(f"{file}:") for line in done.stderr.splitlines())
    assert [line for line in done.stderr.splitlines() if "steps" in line or "fields" in line or "「3」" in line]


def test_a_section_is_checked_where_the_file_lies_in_a_city_pack(tmp_path: Path) -> None:
    (tmp_path / "procedures").mkdir()
    (tmp_path / "departments.yaml").write_text("- {code: citizen-counters, name: 窓口}\n", "utf-8")
    done = run("check", changed(tmp_path / "procedures", ("毛の色", "いろ")))
    assert done.exit_code == 1
    assert "「citizen-counters」ではありませんか" in done.stderr


def test_two_versions_differ_field_by_field(tmp_path: Path) -> None:
    file = changed(
        tmp_path, ("amount: 3000", "amount: 3500"), ("毛の色", "犬の毛の色"), ("max_length: 40", "max_length: 50")
    )
    done = run("diff", DOG, file)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "~ fee.amount: 3000 → 3500",
        "~ steps[dog].fields[dog_kind].max_length: 40 → 50",
        "~ steps[dog].fields[dog_colour].label.ja: 毛の色 → 犬の毛の色",
    ]
    rows = [json.loads(line) for line in run("diff", DOG, file, "--json").stdout.splitlines()]
    assert rows[0] == {"path": "fee.amount", "kind": "changed", "old": 3000, "new": 3500}
    assert run("diff", DOG, DOG).stdout == "no difference\n"


def test_a_question_that_moves_is_the_same_question() -> None:
    old: dict[str, Any] = {"steps": [{"id": "a", "x": 1}, {"id": "b", "x": 1}, {"id": "c", "x": 1}]}
    new: dict[str, Any] = {"steps": [{"id": "b", "x": 2}, {"id": "a", "x": 1}, {"id": "d", "x": 1}]}
    assert [(d.where, d.kind) for d in compare(old, new)] == [
        ("steps[b].x", "changed"),
        ("steps[d]", "added"),
        ("steps[c]", "removed"),
        ("steps", "moved"),
    ]
    assert compare(old, old) == []


def test_true_and_one_are_not_the_same() -> None:
    assert [d.kind for d in compare({"a": True}, {"a": 1})] == ["changed"]


def test_what_is_published_is_exported_as_a_file_that_says_the_same(koga: str, tmp_path: Path) -> None:
    for file in sorted(FOLDER.glob("*.yaml")):
        done = run("export", file.stem)
        assert done.exit_code == 0, done.output
        out = tmp_path / file.name
        out.write_text(done.stdout, "utf-8")
        assert to_document(from_document(read(done.stdout)[0])) == to_document(
            from_document(read(file.read_text("utf-8"))[0])
        )
        assert run("diff", file.stem, out).stdout == "no difference\n"
    assert run("export", "no-such-thing").exit_code == 1
    assert run("diff", DOG, tmp_path / "nothing.yaml").exit_code == 1


def test_a_condition_that_can_be_met_is_never_called_impossible() -> None:
    for file in FOLDER.glob("*.yaml"):
        assert not list(never_shown(from_document(read(file.read_text("utf-8"))[0])))


def test_a_file_is_proposed_by_one_editor_and_published_by_another(koga: str, session: Session, tmp_path: Path) -> None:
    del koga
    for n in (1, 2):
        people.make_staff(Role.EDITOR, "citizen-counter", email=f"editor{n}@example.jp")
    file = changed(tmp_path, ("ja: 犬の名前", "ja: いぬの名前"))
    dry = run("import", file, "--by", "editor1@example.jp")
    assert "1 differences (nothing was written" in dry.output
    assert publishing.waiting(session, "dog-registration") is None
    assert run("import", file, "--by", "nobody@example.jp").exit_code == 1
    assert "proposed as version 2" in run("import", file, "--by", "editor1@example.jp", "--write").output
    assert run("publish", "dog-registration", "--by", "editor1@example.jp", "--write").exit_code == 1
    assert "nothing was written" in run("publish", "dog-registration", "--by", "editor2@example.jp").output
    done = run("publish", "dog-registration", "--by", "editor2@example.jp", "--write")
    assert (done.exit_code, "version 2 is published" in done.output) == (0, True)
    assert "いぬの名前" in run("export", "dog-registration").output
    assert "nothing new" in run("import", file, "--by", "editor1@example.jp", "--write").output


def test_a_file_with_a_mistake_is_never_proposed(tmp_path: Path) -> None:
    done = run("import", changed(tmp_path, ("type: kana", "type: kanna")), "--by", "editor1@example.jp", "--write")
    assert (done.exit_code, "nothing was written" in done.output) == (1, True)
