"""What a bill's state means, and what a scanned code of a slip says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from portal.kernel.text import dashes, digits

ELTAX = "https://www.payment.eltax.lta.go.jp/pbuser"
"""地方税お支払サイト of 地方税共同機構, where slips with an eL-QR code or an eL number are paid."""

NUMBER = re.compile(r"[0-9]{6,20}")
CHECK = re.compile(r"[0-9]{6}")
_GAPS = re.compile(r"[\s　-]+")


class BillState(StrEnum):
    """What a bill is to the person who holds its slip."""

    OPEN = "open"
    OVERDUE = "overdue"
    """Past its due date, still taken here."""
    TERM_OVER = "term_over"
    """The slip cannot be used any more."""
    PAID = "paid"
    PAID_ELSEWHERE = "paid_elsewhere"
    WITHDRAWN = "withdrawn"
    ELTAX = "eltax"
    """Taken by 地方税お支払サイト, not here."""
    CLOSED = "closed"
    """Given up or given back: nothing is asked for any more."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides the state.

    Attributes:
        due_on: 納期限.
        usable_until: the last day on which the slip is taken.
        taken_here: whether the city takes it here by its own contract.
        withdrawn: the section took it back.
        charge: state of its charge here, None where nobody began to pay here.
        elsewhere: the tax system reported a payment at another place.
    """

    due_on: date
    usable_until: date
    taken_here: bool
    withdrawn: bool
    charge: str | None
    elsewhere: bool


def state(facts: Facts, today: date) -> BillState:
    """The state on a day; what is paid stays paid, whatever else happened."""
    settled = _settled(facts)
    if settled is not None:
        return settled
    if not facts.taken_here:
        return BillState.ELTAX
    if today > facts.usable_until:
        return BillState.TERM_OVER
    return BillState.OVERDUE if today > facts.due_on else BillState.OPEN


def _settled(facts: Facts) -> BillState | None:
    if facts.charge in {"paid", "partly_refunded"}:
        return BillState.PAID
    if facts.elsewhere:
        return BillState.PAID_ELSEWHERE
    if facts.withdrawn:
        return BillState.WITHDRAWN
    return BillState.CLOSED if facts.charge in {"refunded", "written_off"} else None


PAYABLE = frozenset({BillState.OPEN, BillState.OVERDUE})
"""States in which money is taken."""


def plain(typed: str) -> str:
    """The digits of what was typed: any width, spaces and hyphens left out."""
    return _GAPS.sub("", dashes(digits(typed)).strip())


@dataclass(frozen=True, slots=True)
class Code:
    """What a scanned code says.

    Attributes:
        number: the bill's number, "" where the code does not say it.
        check: the check digits, "" where the code does not say them.
        raw: digits of the code, to look for among the bar codes and eL numbers that the section handed over.
        eltax: it looks like a code of 地方税お支払サイト.
    """

    number: str = ""
    check: str = ""
    raw: str = ""
    eltax: bool = False


def read_code(text: str) -> Code | None:
    """What a QR or bar code of a slip says; None where it says nothing that a bill could.

    A code of ours is the address of the bill page (`…/bills?n=NUMBER&c=CHECK`). A konbini bar code is 44 digits that begin
    with 91 (GS1-128). A QR code of 31 digits or more that is no such bar code is taken for an eL-QR; that is a guess, and the
    page says so.
    """
    cleaned = text.strip()
    if cleaned.casefold().startswith(("http://", "https://")):
        return _address(cleaned)
    raw = re.sub(r"[^0-9]", "", digits(cleaned))
    if len(raw) >= 31:
        return Code(raw=raw, eltax=not (len(raw) == 44 and raw.startswith("91")))
    return Code(number=raw, raw=raw) if NUMBER.fullmatch(raw) else None


def _address(address: str) -> Code | None:
    parts = urlsplit(address)
    if (parts.hostname or "").casefold().endswith("eltax.lta.go.jp"):
        return Code(eltax=True)
    asked = parse_qs(parts.query)
    number, check = plain(asked.get("n", [""])[0]), plain(asked.get("c", [""])[0])
    if parts.path.rstrip("/").endswith("/bills") and NUMBER.fullmatch(number):
        return Code(number, check if CHECK.fullmatch(check) else "")
    return None
