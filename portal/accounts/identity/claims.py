"""What an identity provider may tell us about a person: the four basic facts (基本4情報), and nothing else. Pure.

The 個人番号 is never taken: every key that is not named here, and every fact in which such a number stands, is dropped while the answer
is being decoded, before any of our code sees it (DESIGN invariant 14). Names and addresses keep every character (invariant 17).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.kernel.text import digits, has_control, is_resident_number

#: Keys of an ID token that say what it is worth (OpenID Connect Core §2).
ABOUT_TOKEN = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash"}
)
_FACTS = frozenset({"name", "address", "birthdate", "gender"})
#: Inside `address` (OpenID Connect Core §5.1.1).
_ADDRESS = ("formatted", "country", "postal_code", "region", "locality", "street_address")
_LONGEST = {"name": 200, "address": 400}
#: OpenID Connect Core §5.1 has words, ISO/IEC 5218 figures.
_SEXES = {"female": "female", "male": "male", "1": "male", "2": "female", "3": "other", "9": "other"}


class NoFactsError(ValueError):
    """The answer does not say who it is: there is no name, or one that nobody can have."""


@dataclass(frozen=True, slots=True)
class BasicFacts:
    """The four basic facts, as the provider wrote them.

    Attributes:
        name: every character kept.
        address: on one line; "" where it was not told.
        birth_date: None where it was not told, or a part of it is not known (不詳).
        sex: female, male, other or None.
    """

    name: str
    address: str = ""
    birth_date: date | None = None
    sex: str | None = None


class OnlyKnown(json.JSONDecoder):
    """Decodes JSON and forgets at once what nobody here may know."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_only_known)


def _only_known(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = {key: value for key, value in pairs if key in ABOUT_TOKEN or key in _FACTS or key in _ADDRESS}
    return {
        key: value for key, value in known.items() if key in ABOUT_TOKEN or not (value == {} or _holds_number(value))
    }


def _holds_number(value: Any) -> bool:
    texts = value.values() if isinstance(value, dict) else [value]
    return any(is_resident_number(digits(str(text))) for text in texts)


def basic_facts(claims: Mapping[str, Any]) -> BasicFacts:
    """The four facts of an answer that `OnlyKnown` decoded.

    Raises:
        NoFactsError: there is no name.
    """
    name = _text(claims.get("name"), _LONGEST["name"])
    if not name.strip(" \u3000"):
        raise NoFactsError
    return BasicFacts(name, _address(claims.get("address")), _day(claims.get("birthdate")), _sex(claims.get("gender")))


def _text(value: Any, longest: int) -> str:
    good = isinstance(value, str) and len(value) <= longest and not has_control(value) and "\n" not in value
    return value if good else ""


def _address(value: Any) -> str:
    """One line: as it is written, or its parts in the order in which an address is read in Japan."""
    if isinstance(value, dict):
        whole = value.get("formatted")
        if isinstance(whole, str) and whole:
            return _text("".join(whole.splitlines()), _LONGEST["address"])
        parts = [_text(value.get(part), _LONGEST["address"]) for part in ("region", "locality", "street_address")]
        return "".join(parts)
    return _text(value, _LONGEST["address"])


def _day(value: Any) -> date | None:
    text = str(value or "")
    if len(text) == 8 and text.isascii() and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _sex(value: Any) -> str | None:
    return _SEXES.get(str(value).lower()) if value is not None else None
