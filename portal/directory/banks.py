"""Real banks and branches (全国銀行協会 codes, from the package zengin-code). Pure: no database, no web.

Codes are texts: 4 digits for a bank, 3 for a branch; leading zeros belong to them. ゆうちょ銀行 is 9900.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from portal.kernel.text import fold

LIMIT = 20
"""How many hits a search gives."""


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank: 4 digits, name, kana (full-width katakana)."""

    code: str
    name: str
    kana: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a bank: 3 digits, name, kana (full-width katakana)."""

    bank: Bank
    code: str
    name: str
    kana: str


def bank(code: str) -> Bank | None:
    """The bank with this code, or None."""
    found = _banks().get(code)
    return None if found is None else _bank(found)


def branch(bank_code: str, branch_code: str) -> Branch | None:
    """The branch with this code, or None where bank or branch do not exist."""
    found = _banks().get(bank_code)
    hit = None if found is None else found.branches.get(branch_code)
    return None if found is None or hit is None else Branch(_bank(found), hit.code, hit.name, hit.kana)


def search_banks(text: str) -> list[Bank]:
    """Banks whose code, name or reading begins with the text (hiragana, katakana, any width), then those that contain it; at most 20."""
    return [_bank(entry) for entry in _search(_banks().values(), text)]


def search_branches(bank_code: str, text: str) -> list[Branch]:
    """The same among the branches of one bank; empty where there is no such bank."""
    found = _banks().get(bank_code)
    if found is None:
        return []
    return [Branch(_bank(found), hit.code, hit.name, hit.kana) for hit in _search(found.branches.values(), text)]


@cache
def _banks() -> Any:
    # 70 ms and 10 MB: loaded when the first account is asked for, not when the program starts.
    from zengin_code import Bank as Zengin

    return Zengin.all


def _bank(entry: Any) -> Bank:
    return Bank(entry.code, entry.name, entry.kana)


# The readings of the list have no small kana (ジヨウヨウ); people type them (じょうよう).
_LARGE = str.maketrans("ぁぃぅぇぉっゃゅょァィゥェォッャュョ", "あいうえおつやゆよアイウエオツヤユヨ")


def _search(entries: Any, text: str) -> list[Any]:
    wanted = fold(text).translate(_LARGE)
    if not wanted:
        return []
    begins, contains = [], []
    for entry in entries:
        names = (entry.code, fold(entry.name).translate(_LARGE), fold(entry.kana).translate(_LARGE))
        if any(name.startswith(wanted) for name in names):
            begins.append(entry)
        elif any(wanted in name for name in names[1:]):
            contains.append(entry)
    return [*begins, *contains][:LIMIT]
