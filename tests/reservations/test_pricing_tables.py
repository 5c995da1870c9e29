"""Published tables of real cities, priced from files, and the mistakes that a check of a file finds."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from portal import cli
from portal.directory.plain import read
from portal.kernel.money import Yen
from reservations import fee_files
from reservations.pricing import FeeTable, NoFee, PriceCase, Quote
from reservations.pricing.worlds import MOST, Use, World, matches

HERE = Path(__file__).parent
FILES = sorted((HERE / "tables").glob("*.yaml"))
KOGA = HERE.parents[1] / "portal" / "cities" / "koga" / "reservations" / "fees.yaml"


def _cases(file: Path) -> list[dict[str, Any]]:
    found, _lines = read((HERE / "cases" / file.name).read_text(encoding="utf-8"))
    assert isinstance(found, list)
    return found


@cache
def _tables(file: Path) -> list[FeeTable]:
    return fee_files.read(file)


def _quote(file: Path, case: dict[str, Any]) -> Quote:
    return fee_files.quote(_tables(file), fee_files.CaseFile.model_validate(case))


CASES = [(file, case) for file in FILES for case in _cases(file)]


@pytest.mark.parametrize(
    ("file", "expected"), CASES, ids=[f"{file.stem}-{index}" for index, (file, _) in enumerate(CASES)]
)
def test_a_published_table_gives_its_published_prices(file: Path, expected: dict[str, Any]) -> None:
    quote = _quote(file, expected["case"])
    lines = {line.rule.partition("#")[2]: line.amount.amount for line in quote.lines}
    assert expected.keys() <= {"case", "total", "lines", "times"}
    assert expected.keys() & {"total", "lines", "times"}
    assert quote.total == Yen(expected.get("total", quote.total.amount))
    for rule, amount in expected.get("lines", {}).items():
        assert lines[rule] == amount
    if "times" in expected:
        assert Fraction(quote.total.amount, quote.lines[0].amount.amount) == Fraction(expected["times"])


def test_every_table_has_its_source_and_no_mistake() -> None:
    for file in FILES:
        assert fee_files.check(file) == []
        assert all(table.source.startswith("http") for table in _tables(file))


def test_at_least_twelve_are_published_tables_and_every_price_in_their_rows_comes_out_to_the_yen() -> None:
    """Tables with `sample: true` prove published shares only, by a yardstick that is nobody's price: they are not counted."""
    published = [file for file in FILES if not any(table.sample for table in _tables(file))]
    assert len(published) >= 12
    for file in published:
        written = {
            (row.id, slot, amount)
            for table in _tables(file)
            for row in table.rows
            for slot, amount in (row.amounts.items() if row.amounts else [("", row.amount)])
        }
        proved = {
            (line.rule.partition("#")[2].partition(".")[0], slot, line.amount.amount)
            for case in _cases(file)
            for line in _quote(file, case["case"]).lines
            for slot in {"", str(case["case"].get("slot", "")), line.rule.rpartition(".")[2]}
            if "total" in case
        }
        assert written <= proved, (file.name, sorted(written - proved))


def test_the_fees_of_koga_fit_its_spaces_timetables_and_categories() -> None:
    assert fee_files.check(KOGA) == []


def _worked_cases() -> list[tuple[FeeTable, PriceCase]]:
    found = []
    for file in FILES:
        for table in _tables(file):
            conditions = [match for _, match in matches(table)]
            found += [(table, case) for case in list(World(table, Use()).cases(conditions))[:400]]
    return found


WORKED = _worked_cases()


@given(picked=st.sampled_from(WORKED), people=st.integers(1, 900), pieces=st.integers(-3, 20), extra=st.integers(0, 60))
def test_a_quote_is_the_sum_of_its_lines_and_never_below_zero(
    picked: tuple[FeeTable, PriceCase], people: int, pieces: int, extra: int
) -> None:
    table, case = picked
    chosen = PriceCase(
        case.slot,
        case.tariff,
        case.category,
        case.purpose,
        case.weekend,
        people,
        {option.id: pieces for option in table.options},
        case.admission,
        case.traits,
        overtime=extra if table.overtime else 0,
    )
    try:
        quote = table.quote(chosen)
    except NoFee:
        with pytest.raises(NoFee):
            table.quote(chosen)
        return
    assert quote.total.amount == sum(line.amount.amount for line in quote.lines)
    assert quote.total >= Yen(0)
    assert quote == table.quote(chosen)
    # A version is stored as JSON and read again by every process that prices a booking made under it.
    stored = FeeTable.model_validate(json.loads(json.dumps(table.model_dump(mode="json"))))
    assert stored.quote(chosen).digest == quote.digest


def test_a_new_version_changes_no_price_of_the_one_before() -> None:
    file = HERE / "tables" / "clover-plaza.yaml"
    old, new = _tables(file)
    before, after = ({"date": day, "slot": "am", "tariff": "whole"} for day in ("2019-09-30", "2019-10-01"))
    assert (_quote(file, before).total, _quote(file, after).total) == (Yen(3760), Yen(3820))
    alone = fee_files.quote([old], fee_files.CaseFile.model_validate(before))
    assert alone == fee_files.quote([new, old], fee_files.CaseFile.model_validate(before))
    assert alone.lines[0].rule == "gym@2014-04-01#whole.am"


def _table(**more: Any) -> FeeTable:
    rows = [{"id": "room", "amount": 1000, "label": "室"}]
    facts = {"code": "test", "valid_from": "2025-04-01", "sample": True, "ground": "見本", "rows": rows}
    return FeeTable.model_validate({**facts, **more})


def _price(table: FeeTable, **more: Any) -> list[int]:
    case = fee_files.CaseFile.model_validate({"date": "2026-12-02", "start": "9:00", "end": "12:00", **more})
    return [line.amount.amount for line in table.quote(case.price_case(table)).lines]


MIXED = {
    "rows": [
        {"id": "seats", "match": {"traits": ["show"]}, "share": {"percent": 10, "of": "capacity"}, "label": "興行"},
        {"id": "each", "by_user": {"adult": 400, "child": 150}, "label": "1人"},
    ],
    "modifiers": [{"id": "takings", "share": {"percent": 5, "of": "admission_total"}, "label": "入場料の5分"}],
    "users": [{"code": "adult", "label": "大人"}, {"code": "child", "label": "子ども"}],
    "traits": [{"code": "show", "label": "興行"}],
    "reductions": [{"id": "club", "percent": 50, "on_request": True, "label": "登録団体"}],
    "tickets": [{"id": "book", "pieces": 11, "amount": 4000, "pays": "person", "label": "回数券"}],
}


def test_a_case_says_everything_that_a_table_can_ask() -> None:
    table = _table(**MIXED)
    users = {"adult": 6, "child": 4}
    assert sum(_price(table, users=users)) == 3000
    assert sum(_price(table, users=users, admission_total=100_000)) == 8000
    assert sum(_price(table, users=users, granted=["club"])) == 1500
    assert sum(_price(table, traits=["show"], admission=1000, capacity=300)) == 30_000
    assert sum(_price(table, users={"adult": 2}, tickets={"book": 2})) == 0


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"users": {"senior": 1}}, "users"),
        ({"users": {"adult": 1}, "granted": ["clubs"]}, "granted"),
        ({"users": {"adult": 1}, "tickets": {"boook": 1}}, "tickets"),
        ({"users": {"adult": 1}, "option_minutes": {"light": 30}}, "option_minutes"),
    ],
)
def test_a_case_with_a_name_that_the_table_does_not_have_is_no_price(said: dict[str, Any], key: str) -> None:
    with pytest.raises(fee_files.BadCase, match=f"^{key} "):
        _price(_table(**MIXED), **said)


def test_people_that_are_not_the_sum_of_their_kinds_are_refused() -> None:
    with pytest.raises(ValidationError, match="10人"):
        _price(_table(**MIXED), users={"adult": 6, "child": 4}, people=9)


LIGHTS = {"kind": "fixed", "id": "lights", "amount": 500, "label": "照明"}


def test_a_reduction_leaves_the_lights_out() -> None:
    table = _table(
        options=[LIGHTS],
        reductions=[{"id": "half", "percent": 50, "leaves_out": ["lights"], "label": "減免"}],
    )
    assert _price(table, options={"lights": 1}) == [1000, 500, -500]


def test_stacked_reductions_go_on_from_what_is_left_or_from_the_full_sum() -> None:
    """大淀町: 社会教育団体は半額、練習ならさらに半額."""
    again = {"id": "practice", "percent": 50, "label": "練習"}
    half = {"id": "group", "percent": 50, "label": "社会教育団体"}
    assert _price(_table(reductions=[half, again])) == [1000, -500, -250]
    assert _price(_table(reductions=[half, {**again, "on": "full"}])) == [1000, -500, -500]
    assert _price(_table(reductions=[half, {**again, "on": "full", "percent": 80}])) == [1000, -500, -500]


def test_two_steps_of_rounding_each_line_then_the_total() -> None:
    table = _table(
        rows=[{"id": "room", "amount": 1005, "label": "室"}],
        modifiers=[{"id": "third", "times": "4/3", "label": "割増"}, {"id": "tenth", "percent": 10, "label": "割増"}],
        rounding={"unit": 10, "mode": "up", "then": {"unit": 100, "mode": "half_up", "each": "total"}},
    )
    assert _price(table) == [1005, 340, 110, 45]


def test_small_amounts_are_rounded_otherwise() -> None:
    steps = {"unit": 50, "each": "total", "below": 1000, "then": {"unit": 100, "each": "total"}}
    for amount, total in ((980, 900), (1080, 1000)):
        assert sum(_price(_table(rows=[{"id": "a", "amount": amount, "label": "x"}], rounding=steps))) == total


def test_exact_shares_are_rounded_once() -> None:
    """Two halves of a yen are a yen: 333 × 1.5 × 1.5 = 749.25, to 10 yen 740."""
    ups = [{"id": name, "percent": 50, "on": "running", "label": "割増"} for name in ("a", "b")]
    table = _table(rows=[{"id": "room", "amount": 333, "label": "室"}], modifiers=ups, rounding={"each": "total"})
    assert sum(_price(table)) == 749


def test_tax_is_a_line_of_its_own() -> None:
    assert _price(_table(tax={"percent": 10})) == [1000, 100]


def test_highest_admission_fee_times_a_number() -> None:
    table = _table(rows=[{"id": "hall", "amount": 20, "per": "admission", "label": "最高入場料の20人分"}])
    assert _price(table, admission=1500) == [30000]


def test_overtime_beyond_what_the_table_knows_has_no_price() -> None:
    with pytest.raises(NoFee):
        _price(_table(), overtime=30)
    with pytest.raises(NoFee):
        _price(_table(overtime=[{"percent": 30, "label": "延長"}]), overtime=61)


BAD = """\
- code: court
  valid_from: 2025-04-01
  sample: true
  ground: 見本
  bands:
    - {code: am, name: 午前, start: "9:00", end: "12:00"}
    - {code: pm, name: 午後, start: "11:00", end: "17:00"}
  rows:
    - {id: summer, match: {season: {start: "06-01", end: "08-31"}}, amount: 500, label: 夏}
    - {id: july, match: {season: {start: "07-01", end: "07-31"}, slots: [am]}, amount: 100, label: 七月}
    - {id: winter, match: {season: {start: "09-15", end: "05-31"}, slots: [am, pmm]}, amount: 500, label: 冬}
  modifiers:
    - {id: less, percent: -60, label: 減}
    - {id: lesser, percent: -60, label: 減}
    - {id: club, group: who, match: {traits: [club]}, percent: 10, label: 会}
    - {id: club-night, group: who, match: {traits: [club], parts: [evening]}, percent: 20, label: 会}
- code: court
  valid_from: 2025-04-01
  sample: true
  ground: 見本
  rows:
    - {id: weekend, match: {weekend: true}, amount: 500, label: 土日祝}
    - {id: big, match: {people_from: 10}, amount: 500, label: 団体}
"""


def test_a_check_finds_every_mistake_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD, encoding="utf-8")
    result = CliRunner().invoke(cli.main, ["fees", "check", str(file)])
    assert result.exit_code == 1
    told = [line.removeprefix(f"{file}:") for line in result.output.splitlines()]
    for wanted in (
        "7: 区分「am」と時間が重なります",
        "8: 料金がない場合があります: slot am、9/1–9/14。",
        "10: 「july」は使われません。前の「summer」がいつも先に合います。",
        "11: 「pmm」は bands にありません。 → 使えるもの: am、pm",
        "14: 「lesser」で料金が0円より下になる場合があります",
        "16: 「club-night」に合う場合がありません。",
        "18: 「court」は 2025-04-01 から始まる表が2つあります(1つ目は1行目)。",
        "21: 料金がない場合があります: 平日、9人。",
        "23: 「weekend」と「big」の両方に合う場合があります: 土日祝、10人。",
    ):
        assert any(line.startswith(wanted) for line in told), (wanted, told)


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("percent: -60, label: 減}\n    - {id: lesser", "persent: -60, label: 減}\n    - {id: lesser", "percent"),
        ("amount: 500, label: 夏", "amount: 5.5, label: 夏", ":9:"),
        ("percent: 10, label: 会", "percent: 10, times: 2, label: 会", "1つだけ"),
        (
            "2025-04-01\n  sample: true\n  ground: 見本\n  bands",
            "2025-02-30\n  sample: true\n  ground: 見本\n  bands",
            ":2:",
        ),
        ('start: "9:00"', 'start: "9時"', ":6:"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_line_and_suggestion(tmp_path: Path, was: str, now: str, told: str) -> None:
    assert was in BAD
    file = tmp_path / "bad.yaml"
    file.write_text(BAD.replace(was, now), encoding="utf-8")
    result = CliRunner().invoke(cli.main, ["fees", "check", str(file)])
    assert result.exit_code == 1
    assert told in result.output


def test_names_that_no_space_of_the_pack_knows_are_found(tmp_path: Path) -> None:
    for file in KOGA.parent.iterdir():
        text = file.read_text(encoding="utf-8")
        if file.name == KOGA.name:
            text = text.replace("tariffs: [golf]", "tariffs: [gulf]").replace("[outsider]", "[outsyder]", 1)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    told = "\n".join(map(str, fee_files.check(tmp_path / KOGA.name)))
    assert "「gulf」は spaces.yaml にありません。 → 「golf」ではありませんか。" in told
    assert "「outsyder」は policies.yaml にありません。 → 「outsider」ではありませんか。" in told
    assert "料金がない場合があります: tariff golf" in told


def test_of_too_many_cases_every_value_of_every_axis_is_tried() -> None:
    names = [f"t{number}" for number in range(12)]
    steps = [{"id": f"a{n}", "match": {"admission_from": n * 100}, "percent": 1, "label": "x"} for n in range(1, 13)]
    crowds = [{"id": f"p{n}", "match": {"people_from": n * 10}, "percent": 1, "label": "x"} for n in range(1, 13)]
    traits = [{"id": name, "match": {"traits": [name]}, "percent": 1, "label": "x"} for name in names]
    table = _table(modifiers=[*steps, *crowds, *traits])
    cases = list(World(table, Use()).cases([match for _, match in matches(table)]))
    assert len(cases) <= MOST
    assert len({case.admission for case in cases}) == 25
    assert len({case.people for case in cases}) == 25
    assert {name for case in cases for name in case.traits} == set(names)


def _run(tmp_path: Path, case: dict[str, Any], *more: str) -> Any:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    table = str(HERE / "tables" / "hamakawasaki.yaml")
    return CliRunner().invoke(cli.main, ["fees", "quote", table, "--case", str(file), *more])


def test_a_quote_says_each_line_its_rule_and_the_total(tmp_path: Path) -> None:
    case = {"date": "2026-12-02", "slot": "night", "tariff": "gym", "options": {"lights": 1}}
    said = _run(tmp_path, case)
    assert said.exit_code == 0
    assert "6,960円  中体育室  [gym@2025-04-01#gym.night]" in said.output
    assert "10,440円  合計" in said.output
    facts = json.loads(_run(tmp_path, case, "--json").output)
    assert (facts["total"], [line["amount"] for line in facts["lines"]]) == (10440, [6960, 3480])


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"date": "2026-12-02", "slot": "nigth"}, "「night」ではありませんか。"),
        ({"date": "2026-02-30", "slot": "night"}, "date"),
        ({"dat": "2026-12-02", "slot": "night"}, "「date」ではありませんか。"),
        ({"date": "2020-12-02", "slot": "night"}, "まだ"),
        ({"date": "2026-12-02", "slot": "night", "options": {"lihgts": 1}}, "「lights」ではありませんか。"),
        ({"date": "2026-12-02", "slot": "night", "overtime": 30}, "料金がありません"),
        ({"date": "2026-12-02", "slot": "x", "start": "12:00", "end": "9:00"}, "end"),
        ({"date": "2026-12-02", "slot": "night", "table": "pool"}, "ファイルにありません"),
    ],
)
def test_a_case_that_cannot_be_priced_is_told(tmp_path: Path, case: dict[str, Any], told: str) -> None:
    result = _run(tmp_path, case)
    assert result.exit_code == 1
    assert told in result.output


def test_the_table_and_the_case_that_are_shown_in_the_paper_cost_what_it_says(tmp_path: Path) -> None:
    paper = (HERE.parents[1] / "docs" / "fees.md").read_text(encoding="utf-8")
    shown = paper[paper.index("### A table from nothing") :]
    table, case = tmp_path / "fees.yaml", tmp_path / "case.json"
    table.write_text(shown.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    case.write_text(shown.split("```json\n")[1].split("```")[0], encoding="utf-8")
    told = CliRunner().invoke(cli.main, ["fees", "quote", str(table), "--case", str(case)])
    assert "990円  合計" in told.output, told.output
    case.write_text(case.read_text(encoding="utf-8").replace('"start": "9:00", "end": "12:00", ', ""), encoding="utf-8")
    told = CliRunner().invoke(cli.main, ["fees", "quote", str(table), "--case", str(case)])
    assert told.exit_code != 0
    assert "start と end を書くか、料金表に bands" in told.output
