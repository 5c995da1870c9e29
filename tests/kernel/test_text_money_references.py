from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel import references
from portal.kernel.money import NotWholeYenError, Yen
from portal.kernel.text import beyond_jis2, digits, fold, has_control, is_katakana, katakana


def test_half_width_kana_and_hiragana_become_full_width_katakana() -> None:
    assert katakana("ｺｶﾞ ﾊﾅｺ") == "コガ　ハナコ"
    assert katakana("こが はなこ") == "コガ　ハナコ"
    assert is_katakana("コガ　ハナコ")
    assert not is_katakana("古河花子")


def test_full_width_digits_become_half_width_and_names_stay() -> None:
    assert digits("０２８０－９２") == "0280-92"
    assert digits("神\ufa19𠮷") == "神\ufa19𠮷"


def test_characters_beyond_jis_level_2_are_found_and_kept() -> None:
    assert beyond_jis2("吉田") == []
    assert beyond_jis2("𠮷田\ufa19") == ["𠮷", "\ufa19"]
    assert beyond_jis2("葛\U000e0100") == ["\U000e0100"]


def test_search_folds_width_kana_and_case() -> None:
    assert fold("ｺｶﾞ　Ｔarou") == fold("こがtarou")


def test_control_and_direction_characters_are_seen() -> None:
    assert has_control("a\x00b")
    assert has_control("a\u202eb")
    assert not has_control("a\nb\tc 🐕")


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_yen_are_read_as_they_are_shown(amount: int) -> None:
    assert Yen.parse(str(Yen(amount))) == Yen(amount)


@pytest.mark.parametrize("text", ["", "12.5", "1,00", "1e3", "三千円", "NaN", "0x10", "1 000"])
def test_what_is_not_whole_yen_is_refused(text: str) -> None:
    with pytest.raises(NotWholeYenError):
        Yen.parse(text)


def test_a_float_is_no_amount() -> None:
    with pytest.raises(NotWholeYenError):
        Yen(1.0)  # type: ignore[arg-type]  # the very thing that is refused


@given(st.integers(), st.data())
def test_one_wrong_character_in_a_reference_is_noticed(_: int, data: st.DataObject) -> None:
    reference = references.new("A")
    flat = reference.replace("-", "")
    place = data.draw(st.integers(min_value=1, max_value=len(flat) - 2))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" if c != flat[place]]))
    with pytest.raises(references.BadReference):
        references.parse(flat[:place] + other + flat[place + 1 :])


@given(st.integers(), st.data())
def test_swapped_neighbours_in_a_reference_are_noticed(_: int, data: st.DataObject) -> None:
    flat = references.new("B").replace("-", "")
    place = data.draw(st.integers(min_value=1, max_value=len(flat) - 3))
    if flat[place] == flat[place + 1]:
        return
    swapped = flat[:place] + flat[place + 1] + flat[place] + flat[place + 2 :]
    with pytest.raises(references.BadReference):
        references.parse(swapped)


def test_a_reference_is_read_as_people_type_it() -> None:
    reference = references.new("A")
    assert references.parse(f"　{reference.lower().replace('-', ' ')} ") == reference
    assert references.parse(reference.replace("-", "ー")) == reference
