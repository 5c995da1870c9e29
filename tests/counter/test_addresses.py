"""The one line on a card becomes the parts of an address, and no character is lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.counter.addresses import TownCode, split

TOWNS = [
    TownCode("3060000", "茨城県", "古河市", ""),
    TownCode("3060013", "茨城県", "古河市", "東本町"),
    TownCode("3060023", "茨城県", "古河市", "本町"),
    TownCode("3060126", "茨城県", "古河市", "諸川"),
    TownCode("3060211", "茨城県", "古河市", "葛生"),
    TownCode("3060034", "茨城県", "古河市", "長谷町"),
    TownCode("3068601", "茨城県", "古河市", "長谷町"),
]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("茨城県古河市東本町九丁目99番99号", ("306-0013", "茨城県", "古河市", "東本町", "九丁目99番99号", "")),
        (
            "茨城県古河市本町九丁目9番地 𠮷野ハイツ203",
            ("306-0023", "茨城県", "古河市", "本町", "九丁目9番地", "𠮷野ハイツ203"),
        ),
        (
            "茨城県古河市諸川9999番地\u3000見本 荘\u30002号",
            ("306-0126", "茨城県", "古河市", "諸川", "9999番地", "見本 荘\u30002号"),
        ),
        ("茨城県古河市長谷町38番18号", ("", "茨城県", "古河市", "長谷町", "38番18号", "")),  # two codes: not certain
        ("茨城県古河市神\ufa19町1番", ("", "茨城県", "古河市", "", "神\ufa19町1番", "")),
        ("東京都千代田区千代田1番1号", ("", "東京都", "", "", "千代田区千代田1番1号", "")),
        ("京都府京都市中京区1番", ("", "京都府", "", "", "京都市中京区1番", "")),
        ("古河市東本町1番", ("", "", "", "", "古河市東本町1番", "")),
        ("", ("", "", "", "", "", "")),
    ],
)
def test_the_parts_of_an_address(line: str, parts: tuple[str, ...]) -> None:
    assert tuple(split(line, TOWNS).parts().values()) == parts


@given(st.text(st.sampled_from("茨城県古河市東本町諸川葛\U000e0100神\ufa19 \u3000一丁目9番-"), max_size=40))
def test_no_character_is_lost_but_blanks(line: str) -> None:
    found = split(line, TOWNS)
    joined = found.prefecture + found.city + found.town + found.block + found.building
    assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", line)
