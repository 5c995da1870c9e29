"""Names for readers of English: the city's own English name, else the official reading, marked as such."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from reservations.romaji import romaji


@pytest.mark.parametrize(
    ("kana", "latin"),
    [
        ("さんわ", "Sanwa"),
        ("きょうぎじょう", "Kyōgijō"),
        ("ちゅうがっこう", "Chūgakkō"),
        ("ネーブルパーク", "Nēburupāku"),
        ("まっちゃ", "Matcha"),
        ("おおの", "Ōno"),
        ("", ""),
    ],
)
def test_kana_is_spelled_in_latin_letters(kana: str, latin: str) -> None:
    assert romaji(kana) == latin


def test_an_english_page_names_the_facility_and_says_that_it_is_the_reading(koga: str, client: FlaskClient) -> None:
    page = client.get("/facilities/S01", headers={"Accept-Language": "en"})
    assert "Chūōundōkōensōgōtaiikukan" in page.text
    assert "中央運動公園総合体育館" in page.text
    assert "official reading" in page.text
    assert "official reading" not in client.get("/facilities/S01", headers={"Accept-Language": "ja"}).text
