"""A value that a trusted source had locked, and that its person says is wrong: never a dead end."""

from __future__ import annotations

from sqlalchemy.orm import Session

from forms.services.common import locked
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.text import without_control

DISPUTE_LENGTH = 200
"""Longest reason why such a value is wrong, in characters."""


def dispute(session: Session, *, key: str, field_id: str, reason: str) -> None:
    """Open a value that a source had locked ("this is wrong"); source, original and the reason stay for the reviewer.

    Raises:
        NotFound: no such draft, or nothing is locked there.
        Invalid: no reason, or longer than `DISPUTE_LENGTH`.
    """
    application = locked(session, key=key)
    draft = application.draft
    origin = draft.prefill.get(field_id) if draft is not None else None
    if draft is None or application.channel != "online" or origin is None:
        raise NotFound
    if not (origin.get("locked") or origin.get("parts")):
        raise NotFound
    reason = without_control(reason).strip()
    if not 0 < len(reason) <= DISPUTE_LENGTH:
        raise Invalid
    draft.prefill = {**draft.prefill, field_id: {**origin, "locked": False, "parts": [], "disputed": reason}}
    session.flush()
