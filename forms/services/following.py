"""Guests follow their case with its number and a secret that only the mail holds; the database keeps a hash of it."""

from __future__ import annotations

import hashlib
import re
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.models import Application
from portal.kernel import references
from portal.kernel.text import dashes, digits

LENGTH = 16
"""Characters of a secret: 80 random bits in Crockford's base 32, which nobody guesses and a person can type."""
LONGEST = 60
"""Characters that are looked at."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011")


def new_secret() -> str:
    """A secret for one case, in fours: `7K3F-92QX-0ABC-DEFG`."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
    return "-".join(drawn[at : at + 4] for at in range(0, LENGTH, 4))


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def read(number: str) -> str:
    """The number in its one spelling, so that every way of typing it is the same guess; "" where it is none."""
    try:
        return references.parse(number)
    except references.BadReference:
        return ""


def opens(session: Session, *, number: str, typed: str) -> str | None:
    """The number as stored, where number and secret belong together. One statement, whatever was typed.

    Args:
        session: the transaction.
        number: as typed.
        typed: the secret as typed: small letters, full width, spaces and missing hyphens do not matter.

    Returns:
        None: no such number, another's secret, a case that has an owner; which of these is told to nobody.
    """
    reference = read(number)
    kept = session.scalar(select(Application.secret_sha256).where(Application.reference == reference)) or ""
    fits = [secrets.compare_digest(kept, digest(each)) for each in (_folded(typed), typed.strip()[:LONGEST])]
    return reference if any(fits) else None


def _folded(typed: str) -> str:
    flat = re.sub(r"[\s-]", "", dashes(digits(typed[:LONGEST]))).upper().translate(_ALIKE)
    return "-".join(flat[at : at + 4] for at in range(0, len(flat), 4))
