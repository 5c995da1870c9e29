"""Secrets that a person types from a mail or a letter: long enough that nobody guesses them, kept as a hash only."""

from __future__ import annotations

import hashlib
import re
import secrets

from portal.kernel.text import dashes, digits

LENGTH = 16
"""Characters of a secret: 80 random bits in Crockford's base 32, which nobody guesses and a person can type."""
LONGEST = 60
"""Characters that are looked at."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011")


def new() -> str:
    """A secret, in fours: `7K3F-92QX-0ABC-DEFG`."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
    return "-".join(drawn[at : at + 4] for at in range(0, LENGTH, 4))


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def folded(typed: str) -> str:
    """As it was drawn, from what was typed: small letters, full width, spaces and missing hyphens do not matter."""
    flat = re.sub(r"[\s-]", "", dashes(digits(typed[:LONGEST]))).upper().translate(_ALIKE)
    return "-".join(flat[at : at + 4] for at in range(0, len(flat), 4))


def fits(kept: str, typed: str) -> bool:
    """Whether this was typed for the secret with that hash; takes the same time whatever was typed."""
    tries = [secrets.compare_digest(kept, digest(each)) for each in (folded(typed), typed.strip()[:LONGEST])]
    return any(tries)
