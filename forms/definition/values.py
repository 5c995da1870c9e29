"""Values that rules work with: answers, facts about the applicant and the day, and what is computed from them. Data, not code.

A literal (`3`, `"2026-04-01"`, `true`), or one operation: `{field: copies}`, `{product: [{field: copies}, 300]}`,
`{days: [{field: stay, part: from}, {field: stay, part: until}]}`. Where an operand is missing, so is the result: a sum over nothing is 0,
everything else has no value then. Evaluated only by `forms.rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from forms.definition.words import Strict

Scalar = bool | int | str
ApplicantFact = Literal["age", "residence", "kind"]
DateFact = Literal["today", "fiscal_year", "opened"]


class FieldValue(Strict):
    """An answer; `part` is "from" or "until" of a period."""

    field: str
    part: str | None = None


class ApplicantValue(Strict):
    """A fact about the applicant: `age` (whole years today), `residence` ("city", "outside"), `kind` ("person", "guest")."""

    applicant: ApplicantFact


class DateValue(Strict):
    """`today` (in Japan; the day of filing once it is filed), `fiscal_year` of today, `opened` (the day `open_from` says)."""

    date: DateFact


class Count(Strict):
    """How many entries a repeated group has."""

    count: str


class Sum(Strict):
    """Of several values; or of one field over all entries of its repeated group (entries without it count 0)."""

    sum: str | tuple[Value, ...]


class Product(Strict):
    """Of several numbers."""

    product: tuple[Value, ...] = Field(min_length=2)


class Difference(Strict):
    """The first less the second."""

    difference: tuple[Value, Value]


class Quotient(Strict):
    """The first by the second, rounded down; nothing where the second is 0."""

    quotient: tuple[Value, Value]


class Least(Strict):
    """The smallest of several numbers, or the earliest of several dates."""

    least: tuple[Value, ...] = Field(min_length=2)


class Most(Strict):
    """The largest of several numbers, or the latest of several dates."""

    most: tuple[Value, ...] = Field(min_length=2)


class Days(Strict):
    """Days from one date to another, both counted (April 1 to April 3: 3)."""

    days: tuple[Value, Value]


class Later(Strict):
    """The date so many days after another (before it, where the number is negative)."""

    later: tuple[Value, Value]


class Age(Strict):
    """Whole years from the first date to the second; somebody born on February 29 becomes older on March 1 (of common years)."""

    age: tuple[Value, Value]


class Joined(Strict):
    """Texts one after the other."""

    joined: tuple[Value, ...] = Field(min_length=2)


OPERATIONS = (
    FieldValue,
    ApplicantValue,
    DateValue,
    Count,
    Sum,
    Product,
    Difference,
    Quotient,
    Least,
    Most,
    Days,
    Later,
    Age,
    Joined,
)
_KEYS = {next(iter(model.model_fields)): model for model in OPERATIONS}


def _which(given: Any) -> str:
    """The tag of a value: the operation that it names; unknown ones end in a message that lists what there is."""
    if isinstance(given, OPERATIONS):
        return next(iter(type(given).model_fields))
    if isinstance(given, dict):
        return next((key for key in _KEYS if key in given), str(next(iter(given), "")))
    return "literal"


Value = Annotated[
    Annotated[bool | int | str, Tag("literal")]
    | Annotated[FieldValue, Tag("field")]
    | Annotated[ApplicantValue, Tag("applicant")]
    | Annotated[DateValue, Tag("date")]
    | Annotated[Count, Tag("count")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Product, Tag("product")]
    | Annotated[Difference, Tag("difference")]
    | Annotated[Quotient, Tag("quotient")]
    | Annotated[Least, Tag("least")]
    | Annotated[Most, Tag("most")]
    | Annotated[Days, Tag("days")]
    | Annotated[Later, Tag("later")]
    | Annotated[Age, Tag("age")]
    | Annotated[Joined, Tag("joined")],
    Discriminator(_which),
]

for _model in OPERATIONS:
    _model.model_rebuild()


def operands(value: Any) -> tuple[Any, ...]:
    """The values that an operation works on; none for literals, answers and facts."""
    if isinstance(value, (Product, Difference, Quotient, Least, Most, Days, Later, Age, Joined, Sum)):
        inside = getattr(value, next(iter(type(value).model_fields)))
        return inside if isinstance(inside, tuple) else ()
    return ()


def parts_of(value: Any) -> Iterator[Any]:
    """A value and everything in it, depth first."""
    yield value
    for operand in operands(value):
        yield from parts_of(operand)


def fields_in(value: Any) -> Iterator[str]:
    """Ids of the fields (groups too) that a value is made from."""
    for part in parts_of(value):
        if isinstance(part, FieldValue):
            yield part.field
        elif isinstance(part, Count):
            yield part.count
        elif isinstance(part, Sum) and isinstance(part.sum, str):
            yield part.sum
