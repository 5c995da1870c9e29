"""Names of the places at which money is taken, in the visitor's language."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.directory.models import Office
from portal.web import locale


def names(session: Session) -> dict[str, str]:
    """Name of each active office by its code, in their order. One statement."""
    offices = session.scalars(select(Office).where(Office.active).order_by(Office.position))
    english = locale.current() == "en"
    return {office.code: office.name_en if english else office.name for office in offices}
