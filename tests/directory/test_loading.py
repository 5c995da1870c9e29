"""Loading a city: the same folder twice changes nothing, another city's folder loads the same way."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.orm import Session

from portal import app as composition
from portal.directory.loading import load_city
from portal.directory.models import City, CityText, Department, Office, PostalCode
from portal.directory.pack import Pack, PackError
from portal.directory.sync import LoadReport
from portal.kernel import database as kernel_database
from portal.plan.models import ElsewhereProcedure, Initiative, Measure
from tests.conftest import KOGA
from tests.directory.packs import HANAMI, copy_of


@pytest.fixture
def writes(database: str):
    """Statements of this process that change rows."""
    found: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            found.append(statement)

    event.listen(kernel_database.engine(), "before_cursor_execute", note)
    yield found
    event.remove(kernel_database.engine(), "before_cursor_execute", note)


def test_koga_is_loaded_whole(koga: str, session: Session) -> None:
    counts = {
        model: session.scalar(select(func.count()).select_from(model))
        for model in (City, Department, Office, PostalCode, CityText, Initiative, Measure, ElsewhereProcedure)
    }
    assert counts == {
        City: 1, Department: 26, Office: 3, PostalCode: 91, CityText: 8, Initiative: 45, Measure: 50, ElsewhereProcedure: 3,
    }  # fmt: skip


def test_loading_twice_changes_nothing(koga: str, session: Session, writes: list[str]) -> None:
    reports = load_city(session, KOGA, composition.city_loaders())
    session.commit()
    assert [report.touched for report in reports] == [0] * len(reports)
    assert writes == []


def test_another_city_loads_the_same_way(session: Session) -> None:
    first = load_city(session, HANAMI, composition.city_loaders()[:1])
    second = load_city(session, HANAMI, composition.city_loaders()[:1])
    assert sum(report.created for report in first) > 0
    assert sum(report.touched for report in second) == 0
    assert session.scalars(select(City.name)).all() == ["花見市"]


def test_what_differs_is_changed_and_what_left_is_switched_off(session: Session, tmp_path: Path) -> None:
    folder = copy_of(HANAMI, tmp_path)
    load_city(session, folder)
    (folder / "departments.yaml").write_text("- {code: counter, name: 総合窓口課, name_en: Counter Section}\n")
    (report,) = load_city(session, folder)
    assert (report.created, report.changed, report.retired) == (0, 1, 1)
    departments = {row.code: (row.name, row.active) for row in session.scalars(select(Department))}
    assert departments == {"counter": ("総合窓口課", True), "it": ("情報課", False)}


def test_a_department_that_comes_back_is_active_again(session: Session, tmp_path: Path) -> None:
    folder = copy_of(HANAMI, tmp_path)
    whole = (folder / "departments.yaml").read_text()
    load_city(session, folder)
    (folder / "departments.yaml").write_text("- {code: counter, name: 窓口課, name_en: Counter Section}\n")
    load_city(session, folder)
    (folder / "departments.yaml").write_text(whole)
    load_city(session, folder)
    assert session.scalars(select(Department.active)).all() == [True, True]


def test_a_text_that_the_city_edited_is_kept_until_the_packs_own_changes(session: Session, tmp_path: Path) -> None:
    folder = copy_of(HANAMI, tmp_path)
    load_city(session, folder)
    text = session.get_one(CityText, ("privacy", "ja"))
    text.markdown = "市が直した文章"
    session.flush()
    load_city(session, folder)
    assert text.markdown == "市が直した文章"
    (folder / "texts" / "privacy.ja.md").write_text("新しい見本")
    load_city(session, folder)
    assert text.markdown == "新しい見本"


def test_another_citys_pack_is_refused_on_this_citys_database(koga: str, session: Session) -> None:
    with pytest.raises(PackError, match="別の市"):
        load_city(session, HANAMI)


def test_mistakes_of_all_loaders_are_told_together_and_nothing_is_written(session: Session, tmp_path: Path) -> None:
    folder = copy_of(HANAMI, tmp_path)
    (folder / "offices.yaml").write_text("- {code: main, name: 本庁舎, name_en: Main, district: 右}\n")
    (folder / "elsewhere.yaml").write_text("- {slug: a, name: a, department: itt, since: 令和5年4月31日}\n")
    (folder / "measures.csv").write_text("no,initiative,kpi,unit,target_year,better,lines\n1_01,a,b,c,2030,up,2022:5\n")
    (folder / "texts" / "terms.ja.md").rename(folder / "texts" / "terms.md")
    with pytest.raises(PackError) as raised:
        load_city(session, folder, composition.city_loaders()[:1])
    found = {(problem.file, problem.line) for problem in raised.value.problems}
    assert found == {
        ("offices.yaml", 1), ("elsewhere.yaml", 1), ("measures.csv", 2), ("texts/terms.md", 0), ("texts/terms.ja.md", 0),
    }  # fmt: skip
    assert session.scalars(select(City)).all() == []


def test_the_command_prints_every_mistake_with_file_and_line(database: str, tmp_path: Path) -> None:
    folder = copy_of(HANAMI, tmp_path)
    (folder / "departments.yaml").write_text("- {code: it, name: 情報課}\n- {code: it, name: 情報課, name_en: IT}\n")
    ok, lines = composition.load_city(folder)
    assert not ok
    assert lines[0].startswith("departments.yaml:1: 「name_en」がありません")


def test_a_slow_host_may_take_its_time_to_read_the_files_and_only_then(session: Session) -> None:
    """Between two statements of a load there can be more than the minute that a request is given."""
    limit = text("SHOW idle_in_transaction_session_timeout")
    seen: list[str] = []

    def slow(within: Session, _pack: Pack) -> LoadReport:
        seen.append(within.execute(limit).scalar_one())
        return LoadReport()

    load_city(session, HANAMI, [slow])
    session.commit()
    assert seen == ["0"]
    assert session.execute(limit).scalar_one() == "1min"


def test_districts_without_a_name_each_are_a_mistake(session: Session, tmp_path: Path) -> None:
    folder = copy_of(HANAMI, tmp_path)
    (folder / "city.yaml").write_text((folder / "city.yaml").read_text("utf-8") + "districts_en: [Kami]\n", "utf-8")
    with pytest.raises(PackError) as raised:
        load_city(session, folder, composition.city_loaders()[:1])
    assert "地区の数と合いません" in str(raised.value)
