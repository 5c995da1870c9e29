"""Favourites."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class Favourite(Base):
    """A facility that somebody wants to find again."""

    __tablename__ = "favourite"

    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("person.id"), primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    made_at: Mapped[datetime]
