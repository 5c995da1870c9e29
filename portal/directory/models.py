"""The organisation: the city, its departments and offices, postal codes, and the texts it edits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Identity, Index, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class City(Base):
    """The city itself; one database holds one city (the constraint says so: `single` is always true and unique)."""

    __tablename__ = "city"
    __table_args__ = (CheckConstraint("single", name="single_row"), UniqueConstraint("single"))

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    """全国地方公共団体コード with its check digit, 6 digits: 082040."""
    single: Mapped[bool] = mapped_column(default=True, server_default="true")
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    kana: Mapped[str] = mapped_column(Text)
    prefecture: Mapped[str] = mapped_column(Text)
    prefecture_en: Mapped[str] = mapped_column(Text)
    corporate_number: Mapped[str | None] = mapped_column(Text)
    flower: Mapped[str | None] = mapped_column(Text)
    tree: Mapped[str | None] = mapped_column(Text)
    districts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    districts_en: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """In the order of `districts`; empty where the city gives none."""
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))


class Department(Base):
    """A section of the city office. `code` is a slug used in URLs and in the scope of roles: `it-strategy`.

    A department that leaves the pack stays, no longer `active`: cases and charges still point to it.
    """

    __tablename__ = "department"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class Office(Base):
    """A building with counters. Address and postal code are None where no source gives them."""

    __tablename__ = "office"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    postal_code: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    district: Mapped[str | None] = mapped_column(Text)
    source: Mapped[list[str]] = mapped_column(ARRAY(Text))
    note: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class PostalCode(Base):
    """One town under one postal code (7 digits, no hyphen); a code may hold several towns."""

    __tablename__ = "postal_code"
    __table_args__ = (
        UniqueConstraint("code", "town", "detail"),
        CheckConstraint("code ~ '^[0-9]{7}$'", name="seven_digits"),
        Index("ix_postal_code_code", "code"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    prefecture: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    town: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    district: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)


class CityText(Base):
    """A page that the city edits (privacy, terms, about), in Markdown, per language.

    `pack_hash` is the SHA-256 of the pack's text at the last load: a text edited here is kept until the pack's own changes.
    """

    __tablename__ = "city_text"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    locale: Mapped[str] = mapped_column(Text, primary_key=True)
    markdown: Mapped[str] = mapped_column(Text)
    pack_hash: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
