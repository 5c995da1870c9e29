"""The plan's figures as data: JSON with stable keys, CSV that a spreadsheet takes as it is meant."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session

from portal import app as composition
from portal.directory.loading import load_city
from portal.kernel import clock
from portal.kernel import database as kernel_database
from portal.plan import elsewhere, services
from portal.plan.models import ElsewhereProcedure, Measure, MeasureReading
from portal.plan.queries import overview
from portal.plan.registry import Evidence, MeasureValue, Registry
from portal.plan.report import COLUMNS, HEADLINES, as_csv, cell, kpi
from tests.directory.packs import HANAMI, copy_of

TODAY = date(2026, 11, 22)


def procedures_here(_session: Session, _today: date) -> MeasureValue:
    names = ("dog-registration", "lost-dog", "=HYPERLINK")
    return MeasureValue(
        Decimal(3),
        {"here": Decimal(3)},
        tuple(Evidence(name, name, "here", address=f"/procedures/{name}", since=TODAY) for name in names),
    )


def facilities(_session: Session, _today: date) -> MeasureValue:
    return MeasureValue(Decimal(71))


def kinds(_session: Session, _today: date) -> MeasureValue:
    return MeasureValue(Decimal(2), {"office_fee": Decimal(1), "facility_fee": Decimal(1)})


@pytest.fixture
def registry() -> Registry:
    """Made-up counts, for these tests only."""
    found = Registry()
    found.provide("online_procedures", elsewhere.provided)
    found.provide("1_02", procedures_here)
    found.provide("online_facilities", facilities)
    found.provide("1_12", kinds)
    return found


@pytest.fixture
def statements(database: str):
    found: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(kernel_database.engine(), "before_cursor_execute", note)
    yield found
    event.remove(kernel_database.engine(), "before_cursor_execute", note)


def test_the_four_counts_stand_against_the_plans_line(koga: str, session: Session, registry: Registry) -> None:
    headlines = kpi(session, TODAY, registry=registry)["headlines"]
    online = headlines["online_procedures"]
    assert (online["measure"], online["value"], online["target"], online["share_percent"]) == ("1_02", 3, 150, 2)
    assert online["parts"] == {"here": 3, "elsewhere": 0}
    assert online["line"] == {
        "fiscal_year": 2026, "value": 150, "of": "year", "due": "2027-03-31", "reached": False, "missing": 147,
    }  # fmt: skip
    assert online["baseline"] == {"value": 23, "text": "23", "as_of": "2021-10-01"}
    assert headlines["online_facilities"]["line"]["reached"] is True
    assert headlines["online_facilities"]["line"]["of"] == "target"
    assert (headlines["cashless_kinds"]["value"], headlines["cashless_kinds"]["target"]) == (2, 3)
    assert headlines["writeless_procedures"]["value"] is None


def test_the_line_moves_on_the_first_of_april(koga: str, session: Session, registry: Registry) -> None:
    lines = [
        kpi(session, day, registry=registry)["headlines"]["online_procedures"]["line"]["value"]
        for day in (date(2026, 3, 31), date(2026, 4, 1))
    ]
    assert lines == [125, 150]


def test_a_procedure_elsewhere_counts_only_with_address_date_and_evidence(koga: str, session: Session) -> None:
    def counted() -> tuple[Decimal, list[bool]]:
        value = elsewhere.provided(session, TODAY)
        return value.value, [item.counted for item in value.evidence]

    assert counted() == (0, [False, False, False])
    row = session.scalars(select(ElsewhereProcedure).order_by(ElsewhereProcedure.position)).first()
    assert row is not None
    row.address = "https://pay.example/koga"
    session.flush()
    assert counted()[0] == 0
    row.since = date(2026, 11, 23)
    session.flush()
    assert counted()[0] == 0
    row.since = TODAY
    session.flush()
    assert counted() == (1, [True, False, False])
    row.evidence = None
    session.flush()
    assert counted()[0] == 0


def test_a_procedure_that_leaves_the_pack_leaves_the_count(session: Session, tmp_path: object) -> None:
    from pathlib import Path

    folder = copy_of(HANAMI, Path(str(tmp_path)))
    loaders = composition.city_loaders()[:1]
    load_city(session, folder, loaders)
    assert elsewhere.provided(session, TODAY).value == 1
    (folder / "elsewhere.yaml").write_text("[]\n")
    load_city(session, folder, loaders)
    assert elsewhere.provided(session, TODAY).value == 0


def test_another_citys_plan_has_its_own_years_and_numbers(session: Session, registry: Registry) -> None:
    load_city(session, HANAMI, composition.city_loaders()[:1])
    online = kpi(session, date(2028, 4, 1), registry=registry)["headlines"]["online_procedures"]
    assert (online["measure"], online["parts"], online["line"]["value"]) == ("9_01", {"elsewhere": 1}, 20)


def test_the_whole_plan_is_read_in_four_statements_and_those_of_the_domains(
    koga: str, session: Session, registry: Registry, statements: list[str]
) -> None:
    plan = overview(session, TODAY, registry=registry)
    assert len(plan.standings) == 50
    assert len(statements) == 5


def test_the_json_is_plain_and_its_keys_stay(koga: str, session: Session, registry: Registry) -> None:
    figures = json.loads(json.dumps(kpi(session, TODAY, registry=registry), ensure_ascii=False))
    assert list(figures) == ["format", "city", "date", "fiscal_year", "fiscal_year_ends", "headlines", "measures"]
    assert figures["format"] == "kpi/1"
    assert figures["city"] == {"code": "082040", "name": "古河市"}
    assert (figures["date"], figures["fiscal_year"], figures["fiscal_year_ends"]) == ("2026-11-22", 2026, "2027-03-31")
    assert tuple(figures["headlines"]) == HEADLINES
    assert set(figures["measures"][0]) == {
        "measure", "initiative", "title", "title_en", "unit", "headline", "value", "parts", "target", "target_text",
        "target_fiscal_year", "share_percent", "line", "lines", "baseline", "better", "departments", "note", "evidence",
    }  # fmt: skip
    assert set(figures["headlines"]["online_procedures"]["evidence"][0]) == {
        "key", "name", "part", "counted", "address", "since", "source", "note",
    }  # fmt: skip


def test_before_a_city_is_loaded_the_counts_are_empty_not_an_error(session: Session) -> None:
    figures = kpi(session, TODAY, registry=Registry())
    assert figures["city"] is None
    assert figures["headlines"] == dict.fromkeys(HEADLINES)


def test_the_csv_holds_every_measure_once(koga: str, session: Session, registry: Registry) -> None:
    content = as_csv(overview(session, TODAY, registry=registry))
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert len(rows) == 50
    assert tuple(rows[0]) == COLUMNS
    online = next(row for row in rows if row["measure"] == "1_02")
    assert (online["value"], online["line"], online["target"], online["parts"]) == (
        "3",
        "150",
        "150",
        "here=3 elsewhere=0",
    )
    assert content.count(b"\r\n") == 51


def test_excel_gets_a_byte_order_mark_and_the_rest_is_the_same(koga: str, session: Session, registry: Registry) -> None:
    plan = overview(session, TODAY, registry=registry)
    assert as_csv(plan, excel=True) == b"\xef\xbb\xbf" + as_csv(plan)


@given(st.text(max_size=60))
def test_no_text_becomes_a_formula(text: str) -> None:
    written = cell(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert written in {text, "'" + text}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'), ("-1+1", "'-1+1"), ("＝1", "'＝1"),
        (Decimal(-3), "-3"), (Decimal("34.80"), "34.8"), (True, "true"), (None, ""), ("古河市", "古河市"), (7, "7"),
        (date(2026, 4, 1), "2026-04-01"),
    ],
)  # fmt: skip
def test_cells_are_written_as_they_are_meant(value: object, written: str) -> None:
    assert cell(value) == written


def test_a_days_reading_is_kept_once_and_the_last_one_counts(koga: str, session: Session, registry: Registry) -> None:
    assert services.record_readings(session, today=TODAY, registry=registry) == 3
    registry.provide("1_02", lambda *_: MeasureValue(Decimal(1), {"here": Decimal(1)}))
    services.record_readings(session, today=TODAY, registry=registry)
    rows = {row.measure_no: (row.value, row.parts) for row in session.scalars(select(MeasureReading))}
    assert set(rows) == {"1_02", "1_12", "1_13"}
    assert rows["1_02"] == (Decimal(4), {"here": "4", "elsewhere": "0"})
    plan = overview(session, TODAY, registry=registry)
    online = plan.headline("online_procedures")
    assert online is not None
    assert online.readings == ((TODAY, Decimal(4)),)


def test_the_history_holds_the_last_reading_of_each_month(koga: str, session: Session, registry: Registry) -> None:
    for day in (date(2026, 10, 1), date(2026, 10, 31), date(2026, 9, 12), TODAY):
        services.record_readings(session, today=day, registry=registry)
    online = overview(session, TODAY, registry=registry).headline("online_procedures")
    assert online is not None
    assert [day for day, _value in online.readings] == [date(2026, 9, 12), date(2026, 10, 31), TODAY]


def test_the_nightly_job_writes_the_day_down(koga: str, session: Session) -> None:
    from portal.plan import jobs

    jobs.record_readings(0)
    jobs.record_readings(0)
    counted = [row.measure.no for row in overview(session, clock.today()).standings if row.value is not None]
    assert "1_02" in counted
    assert sorted(session.scalars(select(MeasureReading.measure_no))) == sorted(counted)


def test_the_packs_measures_are_those_of_the_plan(koga: str, session: Session) -> None:
    measures = {row.no: row for row in session.scalars(select(Measure))}
    assert {no: (row.headline, row.target) for no, row in measures.items() if row.headline} == {
        "1_02": ("online_procedures", 150), "1_03": ("writeless_procedures", 5), "1_12": ("cashless_kinds", 3),
        "1_13": ("online_facilities", 71),
    }  # fmt: skip
    assert (measures["2_09"].target, measures["2_09"].target_text) == (None, "導入・運用")
    assert {no for no, row in measures.items() if row.line_kind == "yearly"} == {"1_19a", "1_19b", "3_02b", "3_05"}
