"""Reference numbers that people read aloud: unguessable, with a check character.

`A-7K3F-92QX-5`: a letter for the kind, eight characters of Crockford's base 32 (40 random bits), one check character
(ISO 7064 MOD 37-2 over the body; it finds every single wrong character and every swap of neighbours).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import ClassVar

from portal.kernel.errors import NotFound
from portal.kernel.text import dashes, digits

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_SHAPE = re.compile(r"([A-Z])([0-9A-Z]{8})([0-9A-Z*])")


@dataclass(eq=False)
class BadReference(NotFound):
    """A text is not a reference number, or a character was mistyped."""

    code: ClassVar[str] = "bad_reference"
    text: str


def _check_character(body: str) -> str:
    rest = 0
    for character in body:
        rest = (rest + _CHECK.index(character)) * 2 % 37
    return _CHECK[(38 - rest) % 37]


def new(prefix: str) -> str:
    """A new reference.

    Args:
        prefix: one capital letter for the kind (A application, B booking, C charge, R receipt, …).
    """
    while True:
        drawn = int.from_bytes(secrets.token_bytes(5))
        body = prefix + "".join([_ALPHABET[drawn >> shift & 31] for shift in range(35, -1, -5)])
        check = _check_character(body)
        # '*' is hard to read aloud and to type into an address: draw again.
        if check not in "*IOLU":
            return f"{body[0]}-{body[1:5]}-{body[5:]}-{check}"


def parse(text: str) -> str:
    """The reference as stored, from what a person typed (small letters, full width, spaces, missing hyphens).

    Raises:
        BadReference: not the shape, or the check character does not fit.
    """
    flat = re.sub(r"[\s-]", "", dashes(digits(text))).upper()
    shape = _SHAPE.fullmatch(flat)
    if shape:
        body = shape[1] + shape[2].replace("O", "0").replace("I", "1").replace("L", "1")
        if set(body[1:]) <= set(_ALPHABET) and _check_character(body) == shape[3]:
            return f"{body[0]}-{body[1:5]}-{body[5:]}-{shape[3]}"
    raise BadReference(text[:40])
