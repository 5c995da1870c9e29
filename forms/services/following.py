"""Guests follow their case with its number and a secret that only the mail holds; the database keeps a hash of it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.models import Application
from portal.kernel import references, typed_secrets

LONGEST = typed_secrets.LONGEST
"""Characters of a secret that are looked at."""
new_secret, digest = typed_secrets.new, typed_secrets.digest


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
    return reference if typed_secrets.fits(kept, typed) else None
