"""Every text for people is there in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po
from flask import Flask

from portal.kernel import i18n
from tests.architecture import papers
from tests.conftest import ROOT

_PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
_TAG = re.compile(r"</?[a-z]+")


def test_no_text_is_without_english():
    assert i18n.missing() == [], "run `make translations` and write the English"


@pytest.mark.parametrize("package", i18n.PACKAGES)
def test_english_has_the_same_places_to_fill_and_the_same_marks(package: str):
    for source, words in _pairs(package):
        assert sorted(_PLACE.findall(words)) == sorted(_PLACE.findall(source)), f"{source!r} → {words!r}"
        assert sorted(_TAG.findall(words)) == sorted(_TAG.findall(source)), f"{source!r} → {words!r}"


@pytest.mark.parametrize("package", i18n.PACKAGES)
def test_english_is_english_and_japanese_is_the_source(package: str):
    """A Japanese sentence in the English column was forgotten; names in brackets may stay."""
    for source, words in _pairs(package):
        left = re.sub(r"[「『(（][^」』)）]*[」』)）]", "", words)
        if len(words) > 4:
            assert not re.search(r"[ぁ-ん]{3,}", left), f"{source!r} → {words!r}"
        assert not words.startswith("#"), words


def _pairs(package: str) -> Iterator[tuple[str, str]]:
    file = ROOT / package / "translations" / "en" / "LC_MESSAGES" / "messages.po"
    with file.open("rb") as stream:
        for message in read_po(stream):
            if not message.id or message.fuzzy:
                continue
            sources = message.id if isinstance(message.id, tuple | list) else (message.id,)
            words = message.string if isinstance(message.string, tuple | list) else (message.string,)
            for word in words:
                yield str(sources[-1]), str(word)


def test_every_error_code_has_words(_application: Flask):
    """The application hands every domain's words over when it is put together."""
    from portal.web.error_texts import TEXTS

    without = {kind.code: kind.__qualname__ for kind in papers.error_classes() if kind.code not in TEXTS}
    assert without == {}
