"""Shapes of facilities.yaml and of reservations/*.yaml in a city pack (docs/city-pack.md, docs/fees.md)."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from portal.directory.pack import Entry, PackDate

Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$", max_length=20)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class NamingRights(BaseModel):
    """A dated name that a sponsor paid for (命名権)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Name
    since: PackDate | None = Field(default=None, alias="from")
    until: PackDate | None = None
    note: str | None = None


class SpaceEntry(Entry):
    """A bookable unit as the sources name it."""

    code: Code
    name: Name
    name_en: str = ""
    detail: str | None = None
    sample: bool
    bookable: bool
    source: list[str] = Field(default_factory=list)
    note: str | None = None
    found: dict[str, Any] = Field(default_factory=dict)


class Operator(BaseModel):
    """Whose money the fees are, from one day to another (指定管理者の利用料金): code of a payee of the pack."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    payee: Slug
    since: PackDate | None = Field(default=None, alias="from")
    until: PackDate | None = None


class Access(BaseModel):
    """How to get in: printed on the permit (CASES B15)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entrance: str = ""
    key: str = ""
    remote: str = ""
    parking: str = ""
    lent: list[str] = Field(default_factory=list)


class FacilityEntry(Entry):
    """One facility of facilities.yaml."""

    code: Code
    official_name: Name
    kana: str = ""
    nickname: str | None = None
    former_names: list[Name] = Field(default_factory=list)
    naming_rights: list[NamingRights] = Field(default_factory=list)
    category: Literal["sports", "community", "culture", "welfare", "park", "school_opening"]
    district: str | None = None
    address: str | None = None
    lon: float | None = None
    lat: float | None = None
    phone: str | None = None
    department: str | None = None
    evidence_class: Literal["A", "B", "C", "D"]
    source: list[str] = Field(default_factory=list)
    note: str | None = None
    open_from: PackDate | None = None
    open_until: PackDate | None = None
    replaced_by: Code | None = None
    operators: list[Operator] = Field(default_factory=list)
    access: Access = Access()
    spaces: list[SpaceEntry] = Field(default_factory=list)


class PurposeEntry(Entry):
    """One entry of reservations/purposes.yaml."""

    code: Slug
    name: Name
    name_en: Name
    group: Literal["sports", "culture", "outdoors"]
    noise: Literal["", "loud", "quiet"] = ""


class RuleEntry(Entry):
    """Which documents hold for which spaces. `codes` may hold `*` for any characters."""

    codes: list[str] = Field(min_length=1)
    timetable: Slug
    fees: Slug
    tariff: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}$")]
    policy: Slug
    capacity: Annotated[int, Field(ge=1, le=100_000)] | None = None
    units: list[Slug] = Field(default_factory=list)
    purposes: list[Slug] = Field(min_length=1)
    outdoor: bool = False

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(code).replace(r"\*", ".*") for code in self.codes))

    def covers(self, code: str) -> bool:
        """Whether the space's code is one of `codes`."""
        return self._pattern.fullmatch(code) is not None


class AddedSpace(Entry):
    """A sample space that no source names, sharing units with others."""

    facility: Code
    code: Code
    name: Name
    name_en: str = ""
    units: list[Slug] = Field(min_length=1)


class SpacesFile(Entry):
    """reservations/spaces.yaml."""

    rules: list[RuleEntry] = Field(min_length=1)
    added: list[AddedSpace] = Field(default_factory=list)
    names_en: dict[str, str] = Field(default_factory=dict)
    neighbours: list[Annotated[list[Code], Field(min_length=2, max_length=2)]] = Field(default_factory=list)
