"""Kana in Latin letters (Hepburn, macrons for long vowels): names for readers of English where the city gives none. Pure."""

from __future__ import annotations

from portal.kernel.text import katakana

_KANA = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヰヱヲン"
    "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポヴァィゥェォ"
)
_LATIN = (
    "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo ya yu yo"
    " ra ri ru re ro wa i e o n ga gi gu ge go za ji zu ze zo da ji zu de do ba bi bu be bo pa pi pu pe po vu a i u e o"
)
_ONE = dict(zip(_KANA, _LATIN.split(), strict=True))
_SMALL = {"ャ": "a", "ュ": "u", "ョ": "o", "ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o"}
_LONG = {"a": "ā", "i": "ī", "u": "ū", "e": "ē", "o": "ō"}


def _syllables(kana: str) -> list[str]:
    found: list[str] = []
    for letter in kana:
        if letter in _SMALL and found and found[-1][-1:] in "iueo":
            stem = found[-1][:-1]
            joined = stem if letter not in "ャュョ" or stem in {"sh", "ch", "j"} else f"{stem}y"
            found[-1] = joined + _SMALL[letter]
        else:
            found.append(_ONE.get(letter, letter))
    return found


def romaji(kana: str) -> str:
    """The reading in Latin letters, with a capital; "" for none. Unknown characters stay as they are.

    おう and おお are ō, うう is ū; a word's parts are not known, so they are not taken apart.
    """
    out = ""
    double = False
    for part in _syllables(katakana(kana)):
        if part == "ッ":
            double = True
            continue
        syllable = part
        if double and syllable[:1].isalpha():
            syllable = ("t" if syllable.startswith("ch") else syllable[0]) + syllable
        double = False
        if syllable == "ー" and out[-1:] in _LONG:
            out = out[:-1] + _LONG[out[-1]]
        elif out[-1:] == "o" and syllable in {"u", "o"}:
            out = out[:-1] + "ō"
        elif out[-1:] == "u" and syllable == "u":
            out = out[:-1] + "ū"
        else:
            out += syllable
    return out[:1].upper() + out[1:]
