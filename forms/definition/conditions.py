"""Conditions: what a rule asks about answers. Data, so that a program can write them and a person can read them.

`{field: receive_by, is: mail}`, `{all: [...]}`, `{any: [...]}`, `{not: {...}}`. One test per condition. Evaluated only by
`forms.rules`. A test about an answer that is hidden, absent or empty is false (`answered: false` and `not` are true).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from forms.definition.words import Strict

Scalar = bool | int | str
TESTS = ("is", "in", "contains", "answered", "at_least", "at_most")


class Test(Strict):
    """One question about one answer.

    Attributes:
        field: id of the field asked about.
        is_: equal to this value (`is`).
        in_: equal to one of these (`in`).
        contains: a many-of answer holds this choice.
        answered: true: there is an answer that is not empty; false: there is none.
        at_least: number ≥, or date (ISO 8601) not before.
        at_most: number ≤, or date (ISO 8601) not after.
    """

    __test__ = False  # not a test class of pytest

    field: str
    is_: Scalar | None = Field(default=None, alias="is")
    in_: tuple[Scalar, ...] | None = Field(default=None, alias="in")
    contains: str | None = None
    answered: bool | None = None
    at_least: int | str | None = None
    at_most: int | str | None = None

    @model_validator(mode="after")
    def _one_question(self) -> Test:
        asked = [
            t for t in (self.is_, self.in_, self.contains, self.answered, self.at_least, self.at_most) if t is not None
        ]
        if len(asked) != 1:
            raise ValueError(f"a test asks exactly one of: {', '.join(TESTS)}")
        return self

    def values(self) -> tuple[Scalar, ...]:
        """The choices or values that this test compares with by equality."""
        if self.is_ is not None:
            return (self.is_,)
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
