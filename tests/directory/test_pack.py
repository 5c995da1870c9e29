"""A pack that is wrong says where, what, and what would be right; all of it at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.directory.pack import Entry, Pack, PackDate, PackError
from portal.directory.schemas import DepartmentEntry, PostalEntry
from tests.directory.packs import problems_of


class Thing(Entry):
    code: str
    count: int = 0
    since: PackDate | None = None


def pack_with(folder: Path, name: str, text: str | bytes) -> Pack:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Pack(folder)


@pytest.mark.parametrize(
    ("text", "line", "message", "suggestion"),
    [
        ("- code: a\n- code: b\n  count: three\n", 3, "整数", "数にします"),
        ("- code: 082040\n", 1, "文字", "引用符"),
        ("- code: a\n  cont: 3\n", 2, "「cont」という項目はありません", "「count」ではありませんか"),
        ("- count: 3\n", 1, "「code」がありません", "code を書いて"),
        ("- code: a\n  since: 令和7年13月1日\n", 2, "日付として読めません(今: 「令和7年13月1日」)", "令和7年4月1日"),
        ("- code: a\n  since: 2025-02-30\n", 2, "日付として読めません", "実際にある日"),
        ("- code: a\n  since: [2025]\n", 2, "日付として読めません", ""),
        ("code: a\n", 1, "一覧", "「- 」"),
        ("- a\n- b\n", 1, "項目: 値", ""),
        ("- code: a\n  code: b\n", 2, "YAML として読めません", "同じキー"),
        ('- code: "a\n', 1, "YAML として読めません", ""),
        ("- &x [*x]\n", 1, "", ""),
        ("", 1, "ファイルが空です", ""),
        (b"- code: a\n- code: \x83\x65\n", 2, "UTF-8 ではない", "UTF-8 で保存"),
    ],
)
def test_a_wrong_yaml_file_tells_the_line_and_what_would_be_right(
    tmp_path: Path, text: str | bytes, line: int, message: str, suggestion: str
) -> None:
    pack = pack_with(tmp_path, "things.yaml", text)
    pack.rows("things.yaml", Thing)
    first = problems_of(pack)[0]
    assert (first.file, first.line) == ("things.yaml", line)
    assert message in first.message
    assert suggestion in first.suggestion


def test_aliases_that_multiply_are_refused_in_a_moment(tmp_path: Path) -> None:
    bomb = "\n".join(
        ["- &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    )
    pack = pack_with(tmp_path, "things.yaml", bomb)
    pack.rows("things.yaml", Thing)
    assert "多すぎます" in problems_of(pack)[0].message


def test_every_mistake_is_told_not_only_the_first(tmp_path: Path) -> None:
    pack = pack_with(tmp_path, "things.yaml", "- code: a\n  count: x\n- count: 1\n- code: a\n- code: a\n")
    pack.unique(pack.rows("things.yaml", Thing), "code")
    found = problems_of(pack)
    assert [problem.line for problem in found] == [2, 3, 5]
    assert "1回目は4行目" in found[2].message


def test_an_era_date_is_read(tmp_path: Path) -> None:
    text = "- {code: a, since: 令和元年5月1日}\n- {code: b, since: 2019-05-01}\n- {code: c, since: H31.4.30}\n"
    pack = pack_with(tmp_path, "things.yaml", text)
    dates = [entry.value.since for entry in pack.rows("things.yaml", Thing)]
    assert dates == [date(2019, 5, 1), date(2019, 5, 1), date(2019, 4, 30)]
    pack.check()


def test_an_unknown_department_names_the_nearest_one(tmp_path: Path) -> None:
    pack_with(tmp_path, "departments.yaml", "- {code: it-strategy, name: IT戦略課, name_en: IT}\n")
    pack = pack_with(tmp_path, "things.yaml", "- code: it-stratgy\n")
    (entry,) = pack.rows("things.yaml", Thing)
    pack.known(entry, "code", entry.value.code, pack.departments(), "departments.yaml")
    assert problems_of(pack)[0].suggestion == "「it-strategy」ではありませんか。"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("postal_code,prefecture,city\n306-0001,茨城県,古河市\n3060002,茨城県,古河市\n", 3, "postal_code"),
        ("postal_code,prefecture\n306-0001,茨城県\n", 1, "列「city」がありません"),
        ("postal_code,prefecture,city,twon\n306-0001,茨城県,古河市,x\n", 1, "列「twon」は使いません"),
        ("postal_code,prefecture,city,city\n306-0001,茨城県,古河市,x\n", 1, "列「city」が2回"),
        ("postal_code,prefecture,city\n306-0001,茨城県\n", 2, "列の数が2"),
        ('postal_code,prefecture,city\n306-0001,"茨城\n県",古河市\n306-000,茨城県,古河市\n', 4, "postal_code"),
        ('postal_code,prefecture,city\n306-0001,茨城県,"古河市\n', 1, "CSV として読めません"),
    ],
)
def test_a_wrong_table_tells_the_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    pack = pack_with(tmp_path, "postal.csv", text)
    pack.table("postal.csv", PostalEntry)
    first = problems_of(pack)[0]
    assert first.line == line
    assert message in first.message


def test_a_missing_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(PackError) as raised:
        Pack(tmp_path / "nowhere")
    assert "フォルダー" in raised.value.message
    pack = Pack(tmp_path)
    pack.rows("departments.yaml", DepartmentEntry)
    assert problems_of(pack)[0].message == "ファイルがありません。"


def test_a_mistake_reads_as_one_line(tmp_path: Path) -> None:
    pack = pack_with(tmp_path, "things.yaml", "- code: a\n  cont: 3\n")
    pack.rows("things.yaml", Thing)
    with pytest.raises(PackError) as raised:
        pack.check()
    assert str(raised.value) == "things.yaml:2: 「cont」という項目はありません。 → 「count」ではありませんか。"
    assert (raised.value.file, raised.value.line) == ("things.yaml", 2)


@given(st.text(max_size=200))
def test_any_text_is_either_read_or_told_as_a_mistake(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("pack")
    encoded = text.encode("utf-8", errors="surrogatepass")
    pack = pack_with(folder, "things.yaml", encoded)
    (folder / "postal.csv").write_bytes(encoded)
    rows = [*pack.rows("things.yaml", Thing), *pack.table("postal.csv", PostalEntry)]
    if not rows and text.strip():
        assert isinstance(pack.problems, list)
