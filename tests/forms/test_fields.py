"""What each field type takes and refuses: tables of what people type."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from forms.definition.fields import AnyField, FieldSpec, Moment, Reading, Town, is_resident_number

TODAY = date(2026, 11, 25)
AT = Moment(TODAY, {"3060042": Town("茨城県", "古河市", "三和"), "3060000": Town("茨城県", "古河市", "")}.get)
_adapter: TypeAdapter[FieldSpec] = TypeAdapter(AnyField)


PARKS = [
    {"code": "kubo", "label": {"ja": "古河公方公園", "en": "Koga Kubo Park"}},
    {"code": "sowa", "label": {"ja": "総和の公園", "en": "Sowa Park"}},
]


def spec(kind: str, **keys: Any) -> FieldSpec:
    return _adapter.validate_python({"id": "f", "label": "質問", "type": kind, **keys})


def read(field: FieldSpec, text: str | list[str]) -> Reading:
    return field.read({"": [text] if isinstance(text, str) else text}, AT)


def codes(reading: Reading) -> list[str]:
    return [p.code for p in reading.problems]


@pytest.mark.parametrize(
    ("kind", "keys", "typed", "value"),
    [
        ("text", {}, "  ポチ　", "ポチ"),
        ("text", {}, "<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("text", {}, "'; DROP TABLE application; --", "'; DROP TABLE application; --"),
        ("text", {"half_width": True, "pattern": "[0-9]{15}"}, "３９２ １４９０１２３４５６７８", "392149012345678"),
        ("long_text", {}, "一行目\r\n二行目", "一行目\n二行目"),
        ("name", {}, "神󠄀田　花子", "神󠄀田　花子"),
        ("name", {}, "𠮷野 🐕", "𠮷野 🐕"),
        ("name", {}, "山田\u0301", "山田\u0301"),
        ("kana", {}, "ｺｶﾞ ﾊﾅｺ", "コガ　ハナコ"),
        ("kana", {}, "こが はなこ", "コガ　ハナコ"),
        ("number", {"maximum": 10}, "３", 3),
        ("number", {"maximum": 100000}, "１２,３４５", 12345),
        ("date", {}, "令和元年5月1日", "2019-05-01"),
        ("date", {}, "Ｈ３１．４．３０", "2019-04-30"),
        ("date", {"latest": "today"}, "2026/11/25", "2026-11-25"),
        ("money", {}, "３，０００円", 3000),
        ("money", {}, "¥1,200", 1200),
        ("time", {}, "９時半", "09:30"),
        ("time", {}, "午後3時", "15:00"),
        ("time", {}, "0930", "09:30"),
        ("time", {}, "23：59", "23:59"),
        ("choose", {"choices": PARKS}, "古河公方公園", "kubo"),
        ("choose", {"choices": PARKS}, "ｓｏｗａ ｐａｒｋ", "sowa"),
        ("choose", {"choices": PARKS}, "sowa", "sowa"),
        ("phone", {}, "０２８０－２２－５１１１", "0280-22-5111"),
        ("phone", {}, "090(1234)5678", "090-1234-5678"),
        ("mail", {}, "hanako@example.jp", "hanako@example.jp"),
        ("yes_no", {}, "no", False),
        ("consent", {}, "yes", True),
        ("one_of", {"choices": [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]}, "b", "b"),
        ("many_of", {"choices": [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]}, ["b", "a"], ["a", "b"]),
    ],
)
def test_what_people_type_is_taken_and_normalised(kind: str, keys: dict[str, Any], typed: Any, value: Any) -> None:
    field = spec(kind, **keys)
    assert read(field, typed).value == value
    assert field.read(field.typed_of(value), AT).value == value, "what is put back into the inputs reads the same"


@pytest.mark.parametrize(
    ("kind", "keys", "typed", "code"),
    [
        ("text", {"max_length": 3}, "ながすぎる", "too_long"),
        ("text", {}, "nul\x00", "control_character"),
        ("text", {}, "\u202eabc", "control_character"),
        ("text", {"pattern": "[0-9]{15}"}, "123", "pattern"),
        ("long_text", {}, "番号は 1234 5678 9018 です", "resident_number"),
        ("kana", {}, "古河 花子", "not_kana"),
        ("number", {}, "三", "not_number"),
        ("number", {}, "1.5", "not_number"),
        ("number", {"minimum": 1}, "0", "too_small"),
        ("number", {"maximum": 10}, "11", "too_large"),
        ("number", {}, "9" * 5000, "not_number"),
        ("date", {}, "令和元年13月1日", "not_date"),
        ("date", {}, "2025-02-29", "not_date"),
        ("date", {"latest": "today"}, "2026-11-26", "in_the_future"),
        ("date", {"earliest": "today"}, "2026-11-24", "too_early"),
        ("money", {}, "-3", "not_money"),
        ("money", {}, "円", "not_money"),
        ("money", {"maximum": 10}, "11円", "too_large"),
        ("money", {"minimum": 10}, "9", "too_small"),
        ("time", {}, "25:00", "not_time"),
        ("time", {}, "9", "not_time"),
        ("time", {}, "午後13時", "not_time"),
        ("time", {}, "あとで", "not_time"),
        ("time", {"earliest": "09:00", "latest": "17:00"}, "8:59", "outside_hours"),
        ("choose", {"choices": PARKS}, "ない公園", "not_in_list"),
        ("phone", {}, "12345", "not_phone"),
        ("mail", {}, "hanako@", "not_mail"),
        ("yes_no", {}, "maybe", "not_offered"),
        ("one_of", {"choices": [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]}, "c", "not_offered"),
        ("many_of", {"choices": [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]}, ["a", "x"], "not_offered"),
    ],
)
def test_what_cannot_be_taken_is_told_by_a_code(kind: str, keys: dict[str, Any], typed: Any, code: str) -> None:
    assert codes(read(spec(kind, **keys), typed)) == [code]


@pytest.mark.parametrize(
    "kind", ["text", "long_text", "name", "kana", "number", "date", "phone", "mail", "yes_no", "consent", "address"]
)
def test_nothing_typed_is_empty_and_no_problem_of_the_type(kind: str) -> None:
    assert read(spec(kind), "") == Reading()


def test_a_name_outside_jis_level_two_is_kept_and_marked_for_the_reviewer() -> None:
    assert read(spec("name"), "𠮷野家").flags == ("check_shape",)
    assert read(spec("name"), "吉野家").flags == ()


def test_an_address_comes_from_its_postal_code_and_what_was_typed_wins() -> None:
    value = spec("address").read({"postal_code": ["３０６００４２"], "town": ["三和１"], "block": ["１－２"]}, AT).value
    assert value == {
        "postal_code": "306-0042",
        "prefecture": "茨城県",
        "city": "古河市",
        "town": "三和１",
        "block": "１－２",
        "building": "",
    }


def test_a_postal_code_is_shown_the_same_with_and_without_its_hyphen() -> None:
    home = {"prefecture": "茨城県", "city": "古河市", "town": "中央町", "block": "0-0-1"}
    plain, written = ({**home, "postal_code": code} for code in ("3060033", "306-0033"))
    address = spec("address")
    assert address.show(plain, "ja") == address.show(written, "ja") == "〒306-0033\n茨城県古河市中央町0-0-1"


def test_an_unknown_postal_code_and_a_missing_block_are_told_at_their_parts() -> None:
    reading = spec("address").read({"postal_code": ["999-9999"], "prefecture": ["茨城県"], "city": ["古河市"]}, AT)
    assert [(p.part, p.code) for p in reading.problems] == [
        ("postal_code", "unknown_postal_code"),
        ("block", "required_part"),
    ]


def test_dates_are_shown_in_both_calendars_and_numbers_with_their_unit() -> None:
    assert spec("date").show("2025-04-01", "ja") == "2025年4月1日(令和7年)"
    assert spec("number", unit={"ja": "通", "en": "copies"}).show(1200, "ja") == "1,200通"
    assert spec("number", unit={"ja": "通", "en": "copies"}).show(2, "en") == "2 copies"
    assert spec("number", year=True).show(2026, "ja") == "2026"


def test_a_twelve_digit_number_is_a_resident_number_only_with_its_check_digit() -> None:
    assert is_resident_number("123456789018")
    assert not is_resident_number("123456789012")
    assert not is_resident_number("392149012345678"), "a microchip has fifteen digits"


@pytest.mark.parametrize("kind", ["money", "time", "period", "place"])
def test_nothing_typed_into_the_newer_types_is_empty(kind: str) -> None:
    assert read(spec(kind), "") == Reading()


def test_a_period_is_read_in_either_calendar_and_shown_in_both() -> None:
    field = spec("period", max_days=31)
    typed = {"from": ["令和8年12月1日"], "until": ["2026/12/31"]}
    value = field.read(typed, AT).value
    assert value == {"from": "2026-12-01", "until": "2026-12-31"}
    assert field.read(field.typed_of(value), AT).value == value
    assert field.show(value, "ja") == "2026年12月1日(令和8年)から\n2026年12月31日(令和8年)まで"
    assert field.show(value, "en") == "2026-12-01 – 2026-12-31"


@pytest.mark.parametrize(
    ("first", "last", "part", "code"),
    [
        ("2026-12-01", "", "until", "required_part"),
        ("", "2026-12-01", "from", "required_part"),
        ("2026-12-02", "2026-12-01", "until", "ends_before"),
        ("2026-12-01", "2027-01-01", "until", "too_many_days"),
        ("2026-11-24", "2026-12-01", "from", "too_early"),
        ("2026-13-01", "2026-12-01", "from", "not_date"),
    ],
)
def test_a_period_that_cannot_be_is_told_at_its_day(first: str, last: str, part: str, code: str) -> None:
    reading = spec("period", max_days=31, earliest="today").read({"from": [first], "until": [last]}, AT)
    assert [(p.part, p.code) for p in reading.problems] == [(part, code)]


def test_a_place_keeps_its_words_and_its_coordinates() -> None:
    field = spec("place")
    value = field.read(
        {"spot": ["総和庁舎の前"], "latitude": ["３６．１７８３"], "longitude": ["139.75551234"]}, AT
    ).value
    assert value == {"spot": "総和庁舎の前", "latitude": "36.178300", "longitude": "139.755512"}
    assert field.read(field.typed_of(value), AT).value == value
    assert field.show(value, "ja") == "総和庁舎の前\n北緯 36.178300 東経 139.755512"
    only_words = field.read({"spot": ["総和庁舎の前"]}, AT).value
    assert field.show(only_words, "en") == "総和庁舎の前"


@pytest.mark.parametrize(
    ("typed", "part", "code"),
    [
        ({"latitude": "36", "longitude": "139"}, "spot", "required_part"),
        ({"spot": "前", "latitude": "36"}, "longitude", "required_part"),
        ({"spot": "前", "latitude": "91", "longitude": "139"}, "latitude", "not_coordinate"),
        ({"spot": "前", "latitude": "36", "longitude": "-77"}, "longitude", "not_coordinate"),
        ({"spot": "長" * 201}, "spot", "too_long"),
        ({"spot": "1234 5678 9018"}, "spot", "resident_number"),
    ],
)
def test_a_place_that_cannot_be_is_told_at_its_part(typed: dict[str, str], part: str, code: str) -> None:
    reading = spec("place").read({k: [v] for k, v in typed.items()}, AT)
    assert [(p.part, p.code) for p in reading.problems] == [(part, code)]


def test_times_and_amounts_are_shown_as_people_write_them() -> None:
    assert spec("time").show("09:30", "ja") == "9時30分"
    assert spec("time").show("15:00", "ja") == "15時"
    assert spec("money").show(3000, "ja") == "3,000円"
    assert spec("money").show(3000, "en") == "¥3,000"
    assert spec("choose", choices=PARKS).show("kubo", "en") == "Koga Kubo Park"
