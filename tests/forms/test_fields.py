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


def test_a_twelve_digit_number_is_a_resident_number_only_with_its_check_digit() -> None:
    assert is_resident_number("123456789018")
    assert not is_resident_number("123456789012")
    assert not is_resident_number("392149012345678"), "a microchip has fifteen digits"
