"""The facilities of Koga as the pack tells them: 71 candidates, each with its evidence, sample where no source says so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from portal.directory.pack import Pack
from tests.conftest import KOGA


@pytest.fixture(scope="module")
def facilities() -> dict[str, dict[str, Any]]:
    data, _lines = Pack(KOGA).raw("facilities.yaml")
    return {entry["code"]: entry for entry in data}


def test_there_are_71_candidates_with_the_evidence_that_was_found(facilities: dict[str, dict[str, Any]]) -> None:
    assert Counter(entry["evidence_class"] for entry in facilities.values()) == {"A": 14, "B": 23, "C": 32, "D": 2}


def test_every_facility_names_its_sources(facilities: dict[str, dict[str, Any]]) -> None:
    assert [code for code, entry in facilities.items() if not entry["source"]] == []


def test_a_space_without_a_source_is_sample(facilities: dict[str, dict[str, Any]]) -> None:
    spaces = [space for entry in facilities.values() for space in entry["spaces"]]
    assert [space["code"] for space in spaces if not space["source"] and not space["sample"]] == []
    assert len({space["code"] for space in spaces}) == len(spaces)


def test_every_department_is_one_of_the_pack(facilities: dict[str, dict[str, Any]]) -> None:
    known = Pack(KOGA).departments()
    assert {entry["department"] for entry in facilities.values()} - known == {None}


def test_the_town_called_sanwa_lies_in_the_old_district_of_koga(facilities: dict[str, dict[str, Any]]) -> None:
    house = facilities["C10"]
    assert (house["official_name"], house["address"], house["district"]) == ("三和いこいの家", "三和176-2", "古河")


def test_the_centre_that_replaces_others_is_named_by_them(facilities: dict[str, dict[str, Any]]) -> None:
    replaced = {code for code, entry in facilities.items() if entry["replaced_by"]}
    assert replaced == {"C01", "C05"}
    assert {facilities[code]["replaced_by"] for code in replaced} == {"C16"}


def test_three_kinds_of_names_are_kept_apart(facilities: dict[str, dict[str, Any]]) -> None:
    plaza = facilities["C11"]
    names = (plaza["official_name"], plaza["nickname"], plaza["naming_rights"][0]["name"])
    assert names == ("古河市地域交流センター", "はなももプラザ", "山水はなももプラザ")


def test_a_period_that_nobody_found_is_open_and_says_so(facilities: dict[str, dict[str, Any]]) -> None:
    rights = [right for entry in facilities.values() for right in entry["naming_rights"]]
    assert len(rights) == 11
    for right in rights:
        assert right["from"] is None
        assert right["until"] is None
        assert "見つかっていません" in right["note"]


def test_six_pitches_by_the_river_are_six_spaces(facilities: dict[str, dict[str, Any]]) -> None:
    names = [space["name"] for space in facilities["S11"]["spaces"]]
    assert names == [f"サッカー場 第{number}面" for number in range(1, 7)] + ["マレットゴルフ場"]


def test_readings_are_hiragana_and_empty_where_nobody_knows(facilities: dict[str, dict[str, Any]]) -> None:
    readings = {code: entry["kana"] for code, entry in facilities.items()}
    assert {code for code, reading in readings.items() if not reading} == {"C08", "G02"}
    assert all(all("ぁ" <= letter <= "ゖ" or letter == "ー" for letter in reading) for reading in readings.values())
