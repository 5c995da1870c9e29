"""How what people type is made equal before it is kept, in one place: field types read with it, data items name it. Pure.

Names keep every character (no NFC, no NFKC: invariant 17); what has one right spelling (a phone number, a code) is brought to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from portal.kernel.dates import parse_date
from portal.kernel.text import dashes, digits, katakana


@dataclass(frozen=True, slots=True)
class Normal:
    """One way to make texts equal.

    Attributes:
        ja, en: what it does, for the people who edit procedures.
        apply: text as typed (outer blanks gone) → text as kept.
    """

    ja: str
    en: str
    apply: Callable[[str], str]


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _half_width(text: str) -> str:
    return digits(_one_line(text)).replace(" ", "").replace("-", "")


def _phone(text: str) -> str:
    flat = dashes(digits(text)).replace("(", "-").replace(")", "-")
    return re.sub(r"-{2,}", "-", re.sub(r"[\s　]", "", flat)).strip("-")


def _postal_code(text: str) -> str:
    return re.sub(r"[^0-9]", "", digits(text).removeprefix("〒"))


def _account_number(text: str) -> str:
    return re.sub(r"[-\s]", "", digits(text))


def _day(text: str) -> str:
    return parse_date(text).isoformat()


NORMAL: dict[str, Normal] = {
    "as_typed": Normal("そのまま", "as typed", lambda text: text),
    "one_line": Normal("1行にする。字は変えない", "one line; no character is changed", _one_line),
    "katakana": Normal("全角カタカナにする", "full-width katakana", lambda text: katakana(_one_line(text))),
    "half_width": Normal("半角にして、空白とハイフンをとる", "half-width, without blanks and hyphens", _half_width),
    "phone": Normal("半角の数字とハイフンにする", "half-width digits and hyphens", _phone),
    "postal_code": Normal("数字だけにする", "digits alone", _postal_code),
    "account_number": Normal("半角の数字だけにする", "half-width digits alone", _account_number),
    "account_holder": Normal(
        "全角カタカナと大文字にする", "katakana and capital letters", lambda text: katakana(digits(text)).upper()
    ),
    "day": Normal("西暦の日付(ISO 8601)にする", "an ISO 8601 day", _day),
}


def normal(how: str, text: str) -> str:
    """A text as it is kept.

    Args:
        how: a key of `NORMAL`.
        text: as typed, without outer blanks.

    Raises:
        portal.kernel.dates.DateError: `day`, and it is none.
    """
    return NORMAL[how].apply(text)
