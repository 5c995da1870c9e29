"""Which font draws which ideographic variation sequence (IVS).

A character of a name may carry a variation selector (U+E0100…U+E01EF). Two collections are in use: Moji_Joho (the
administrative one, drawn by IPAmj Mincho) and Adobe-Japan1 (drawn by Noto Serif CJK JP). Pango chooses a font by the
base character alone, so a sequence that the first font lacks would lose its shape without anybody noticing.
Here each sequence is given the font that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element

from fontTools.ttLib import TTFont

SEQUENCE = re.compile("(.)([\U000e0100-\U000e01ef])", re.DOTALL)
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
_ADOBE_JAPAN1_CLASS = "ivs-aj1"
_UVS_FORMAT = 14


@cache
def _font_file(pattern: str) -> Path | None:
    """The first installed font file of that name."""
    for folder in FOLDERS:
        for file in sorted(Path(folder).expanduser().rglob(pattern)):
            return file
    return None


@cache
def sequences_of(pattern: str) -> frozenset[tuple[int, int]]:
    """(character, selector) pairs that an installed font draws; empty when the font is not there. About 0.2 s, once."""
    file = _font_file(pattern)
    if file is None:
        return frozenset()
    number = 0 if file.suffix == ".ttc" else -1
    with TTFont(file, fontNumber=number, lazy=True) as font:
        return frozenset(
            (base, selector)
            for table in font["cmap"].tables
            if table.format == _UVS_FORMAT
            for selector, pairs in table.uvsDict.items()
            for base, _glyph in pairs
        )


def _needs_adobe_japan1(base: str, selector: str) -> bool:
    pair = (ord(base), ord(selector))
    return pair not in sequences_of("ipamjm.ttf") and pair in sequences_of("NotoSerifCJK-Regular.ttc")


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Text before the first sequence that needs its own font, then (sequence, text after it)."""
    before, last, parts = "", 0, list[tuple[str, str]]()
    for match in SEQUENCE.finditer(text):
        if not _needs_adobe_japan1(match[1], match[2]):
            continue
        plain = text[last : match.start()]
        if parts:
            parts[-1] = (parts[-1][0], plain)
        else:
            before = plain
        parts.append((match.group(), ""))
        last = match.end()
    if not parts:
        return text, []
    parts[-1] = (parts[-1][0], text[last:])
    return before, parts


def _spans(parts: Iterable[tuple[str, str]]) -> list[Element]:
    spans = []
    for sequence, after in parts:
        span = Element("span", {"class": _ADOBE_JAPAN1_CLASS})
        span.text, span.tail = sequence, after
        spans.append(span)
    return spans


def mark(root: Element) -> None:
    """Put a span with the right font around each sequence that the document's first font does not have."""
    for element in list(root.iter()):
        if str(element.tag).rsplit("}", 1)[-1] in {"style", "title", "script"}:
            continue
        for child in reversed(list(element)):
            if child.tail and SEQUENCE.search(child.tail):
                child.tail, parts = _split(child.tail)
                place = list(element).index(child) + 1
                for span in reversed(_spans(parts)):
                    element.insert(place, span)
        if element.text and SEQUENCE.search(element.text):
            element.text, parts = _split(element.text)
            for span in reversed(_spans(parts)):
                element.insert(0, span)
