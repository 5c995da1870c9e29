"""Conditions: what a rule asks about answers. Data, so that a program can write them and a person can read them.

`{field: receive_by, is: mail}`, `{all: [...]}`, `{any: [...]}`, `{not: {...}}`. One test per condition, about an answer, the applicant
or the day; it may compare with a constant or with another value (`at_least: {field: from}`). Evaluated only by `forms.rules`. A test
about an answer that is hidden, absent or empty is false (`answered: false` and `not` are true). Outside a repeated group a test about a
field in it is true where it is true in one of its entries; about the group itself it asks for the number of entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from forms.definition.values import (
    ApplicantFact,
    ApplicantValue,
    DateFact,
    DateValue,
    FieldValue,
    Scalar,
    Value,
    fields_in,
    parts_of,
)
from forms.definition.words import Strict

TESTS = ("is", "in", "contains", "answered", "at_least", "at_most")


class Test(Strict):
    """One question about one answer, or about one fact.

    Attributes:
        field: id of the field asked about; `part`: "from" or "until" of a period.
        applicant: a fact about the applicant instead of a field.
        date: a fact about the day instead of a field.
        is_: equal to this value (`is`).
        in_: equal to one of these (`in`).
        contains: a many-of answer holds this choice.
        answered: true: there is an answer that is not empty; false: there is none.
        at_least: number ≥, or date (ISO 8601) not before.
        at_most: number ≤, or date (ISO 8601) not after.
    """

    __test__ = False  # not a test class of pytest

    field: str | None = None
    part: str | None = None
    applicant: ApplicantFact | None = None
    date: DateFact | None = None
    is_: Value | None = Field(default=None, alias="is")
    in_: tuple[Scalar, ...] | None = Field(default=None, alias="in")
    contains: str | None = None
    answered: bool | None = None
    at_least: Value | None = None
    at_most: Value | None = None

    @model_validator(mode="after")
    def _one_question(self) -> Test:
        asked = [
            t for t in (self.is_, self.in_, self.contains, self.answered, self.at_least, self.at_most) if t is not None
        ]
        if len(asked) != 1:
            raise ValueError(f"条件は {'、'.join(TESTS)} のどれか1つを聞きます|1つだけ書きます。")
        if sum(s is not None for s in (self.field, self.applicant, self.date)) != 1:
            raise ValueError("条件は field、applicant、date のどれか1つについて聞きます|1つだけ書きます。")
        return self

    @property
    def subject(self) -> FieldValue | ApplicantValue | DateValue:
        """What the test is about."""
        if self.field is not None:
            return FieldValue(field=self.field, part=self.part)
        if self.applicant is not None:
            return ApplicantValue(applicant=self.applicant)
        assert self.date is not None
        return DateValue(date=self.date)

    def compared(self) -> tuple[Any, ...]:
        """Every value that the subject is compared with, constants and others."""
        several = self.in_ or ()
        return (*(v for v in (self.is_, self.at_least, self.at_most) if v is not None), *several)

    def fields(self) -> tuple[str, ...]:
        """Ids of every field that has a say."""
        own = (self.field,) if self.field is not None else ()
        return (*own, *(f for value in self.compared() for f in fields_in(value)))

    def values(self) -> tuple[Scalar, ...]:
        """The choices or values that this test compares with by equality; constants only."""
        if self.is_ is not None:
            return (self.is_,) if isinstance(self.is_, (bool, int, str)) else ()
        if self.contains is not None:
            return (self.contains,)
        return self.in_ or ()


class All(Strict):
    """True when every part is."""

    all: tuple[Condition, ...] = Field(min_length=1)


class Any_(Strict):  # noqa: N801 - `Any` is taken by typing
    """True when one part is."""

    any: tuple[Condition, ...] = Field(min_length=1)


class Not(Strict):
    """True when the part is not."""

    not_: Condition = Field(alias="not")


def _kind(given: Any) -> Literal["all", "any", "not", "test"]:
    if isinstance(given, All) or (isinstance(given, dict) and "all" in given):
        return "all"
    if isinstance(given, Any_) or (isinstance(given, dict) and "any" in given):
        return "any"
    if isinstance(given, Not) or (isinstance(given, dict) and "not" in given):
        return "not"
    return "test"


Condition = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Test, Tag("test")],
    Discriminator(_kind),
]

for _model in (All, Any_, Not):
    _model.model_rebuild()


def tests_of(condition: Condition | None) -> Iterator[Test]:
    """Every test in a condition, depth first."""
    if condition is None:
        return
    if isinstance(condition, Test):
        yield condition
    elif isinstance(condition, Not):
        yield from tests_of(condition.not_)
    else:
        for part in condition.all if isinstance(condition, All) else condition.any:
            yield from tests_of(part)


def fields_of(condition: Condition | None) -> Iterator[str]:
    """Ids of every field that a condition depends on."""
    for test in tests_of(condition):
        yield from test.fields()


def asks_applicant(condition: Condition | None) -> bool:
    """Whether a condition asks for a fact about the applicant."""
    return any(
        isinstance(part, ApplicantValue)
        for test in tests_of(condition)
        for value in (test.subject, *test.compared())
        for part in parts_of(value)
    )
