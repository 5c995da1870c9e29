"""Whether a document is one that the city gave out: by the file itself, or by its number. Nothing is stored; no name is told."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from forms.models import APPLICATION_PAPER, IssuedDocument
from portal.documents import signing

LONGEST = 80
"""Characters of a document number that is looked up."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the city's register says about a document: never whose it is."""

    title: str
    number: str
    made_at: datetime
    signer: str | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of looking at a file.

    Attributes:
        found: the register's entry of exactly this file; None: the city did not give out this file.
        signature: what the signature in it says.
    """

    found: Found | None
    signature: signing.Verdict


def file(session: Session, content: bytes) -> Verified:
    """Look at a file that somebody was given."""
    digest = hashlib.sha256(content).hexdigest()
    row = session.scalars(
        select(IssuedDocument).where(IssuedDocument.sha256 == digest, IssuedDocument.kind != APPLICATION_PAPER)
    ).first()
    return Verified(_found(row), signing.verify(content))


def number(session: Session, typed: str) -> Found | None:
    """Look up a document number (文書番号), blanks and widths apart."""
    wanted = re.sub(r"\s+", "", unicodedata.normalize("NFKC", typed))
    if not wanted or len(wanted) > LONGEST:
        return None
    kept = func.regexp_replace(func.normalize(IssuedDocument.number, literal_column("NFKC")), r"\s+", "", "g")
    return _found(
        session.scalars(
            select(IssuedDocument)
            .where(
                IssuedDocument.kind != APPLICATION_PAPER,
                IssuedDocument.ready_at.is_not(None),
                func.lower(kept) == wanted.lower(),
            )
            .limit(1)
        ).first()
    )


def _found(row: IssuedDocument | None) -> Found | None:
    if row is None or row.ready_at is None:
        return None
    return Found(row.title, row.number, row.ready_at, row.signer)
