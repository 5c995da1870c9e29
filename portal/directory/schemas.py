"""Shapes of the organisation's files in a city pack (docs/city-pack.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.directory.pack import Entry

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
HyphenedCode = Annotated[str, Field(pattern=r"^[0-9]{3}-[0-9]{4}$")]


class CityEntry(Entry):
    """city.yaml."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    name: Name
    name_en: Name
    kana: Name
    prefecture: Name
    prefecture_en: Name
    corporate_number: Annotated[str, Field(pattern=r"^[0-9]{13}$")] | None = None
    flower: str | None = None
    tree: str | None = None
    districts: list[Name] = Field(default_factory=list)
    districts_en: list[Name] = Field(default_factory=list)
    languages: list[Literal["ja", "en"]]
    source: list[str] = Field(default_factory=list)


class DepartmentEntry(Entry):
    """One entry of departments.yaml."""

    code: Slug
    name: Name
    name_en: Name
    note: str | None = None


class OfficeEntry(Entry):
    """One entry of offices.yaml."""

    code: Slug
    name: Name
    name_en: Name
    postal_code: HyphenedCode | None = None
    address: str | None = None
    district: str | None = None
    source: list[str] = Field(default_factory=list)
    note: str | None = None


class PostalEntry(Entry):
    """One line of postal.csv."""

    postal_code: HyphenedCode
    prefecture: Name
    city: Name
    town: str = ""
    detail: str = ""
    district: str | None = None
    source: str | None = None
