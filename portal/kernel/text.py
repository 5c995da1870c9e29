"""Text as people type it: full and half width, kana, characters beyond JIS level 2.

Names are never NFC- or NFKC-normalised: an IVS or a compatibility ideograph (神 U+FA19) stays what it is.
Only `fold`, which makes the column that searches look into, flattens characters.
"""

from __future__ import annotations

import re
import unicodedata

import jaconv

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−ー-ｰ─━"), "-")
_KATAKANA = re.compile(r"[\u30A1-\u30F6\u30FC\u30FB\u30FD\u30FE\s]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_TWELVE = re.compile(r"(?<![0-9])(?<![0-9][ -])[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}(?![ -]?[0-9])")


def digits(text: str) -> str:
    """Full-width ASCII (digits, letters, punctuation) to half width; everything else untouched."""
    return str(jaconv.z2h(text, kana=False, digit=True, ascii=True))


def dashes(text: str) -> str:
    """Every dash-like character (also the long vowel mark typed for a hyphen) to `-`; for numbers only."""
    return text.translate(_DASHES)


def katakana(text: str) -> str:
    """Half-width kana and hiragana to full-width katakana, spaces to one full-width space."""
    full = jaconv.hira2kata(jaconv.h2z(text, kana=True, digit=False, ascii=False))
    return re.sub(r"\s+", "\u3000", str(full).strip())


def is_katakana(text: str) -> bool:
    """Whether the text is full-width katakana only (with 長音, 中点 and spaces)."""
    return bool(_KATAKANA.fullmatch(text))


def fold(text: str) -> str:
    """The form that searches compare: NFKC, lower case, katakana, no spaces. Never shown, never printed."""
    flat = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", "", str(jaconv.hira2kata(flat)))


def has_control(text: str) -> bool:
    """Whether the text has a control, bidirectional-override or lone surrogate character (line breaks and tabs are fine)."""
    return bool(_CONTROL.search(text))


def without_control(text: str) -> str:
    """The text without the characters of `has_control`."""
    return _CONTROL.sub("", text)


def beyond_jis2(text: str) -> list[str]:
    """The characters that JIS X 0208 (levels 1 and 2) does not have, in order, each once.

    A name may have them (行政事務標準文字); they are kept and marked 字形確認 so that a person checks the shape.
    """
    found: list[str] = []
    for character in text:
        try:
            encoded = character.encode("euc_jp")
        except UnicodeEncodeError:
            encoded = b"\x8f\x00\x00"
        # euc_jp also encodes JIS X 0212 (three bytes, lead 0x8F), which is beyond level 2.
        if encoded[:1] == b"\x8f" and character not in found:
            found.append(character)
    return found


def is_resident_number(text: str) -> bool:
    """Whether a text holds a 個人番号 (12 digits whose last is the check digit of 番号法施行令 §8, 総務省令 §5).

    Such a number is never stored: a person who pasted one is told, and it is forgotten.
    """
    for found in _TWELVE.findall(text):
        figures = [int(c) for c in found if c.isdigit()]
        total = sum(p * (n + 1 if n <= 6 else n - 5) for n, p in enumerate(reversed(figures[:-1]), start=1))
        if (0 if total % 11 <= 1 else 11 - total % 11) == figures[-1]:
            return True
    return False
