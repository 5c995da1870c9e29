"""How staff saw who somebody is: what was looked at, never its number."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Proof(StrEnum):
    """What the clerk looked at."""

    MY_NUMBER_CARD = "my-number-card"
    LICENCE = "licence"
    PASSPORT = "passport"
    RESIDENCE_CARD = "residence-card"
    DISABILITY = "disability"
    OTHER_PHOTO = "other-photo"
    INSURANCE = "insurance"
    PENSION = "pension"
    OTHER = "other"


WITH_PHOTOGRAPH = frozenset(
    {Proof.MY_NUMBER_CARD, Proof.LICENCE, Proof.PASSPORT, Proof.RESIDENCE_CARD, Proof.DISABILITY, Proof.OTHER_PHOTO}
)


def proves(seen: Collection[Proof]) -> bool:
    """Whether this is enough to know who came: one paper of an authority with a photograph, or two others (practice of counters)."""
    return bool(WITH_PHOTOGRAPH & set(seen)) or len(set(seen)) > 1
