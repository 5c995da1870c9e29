"""Between which numbers a value always lies: what shows that a fee can never be negative. Pure."""

from __future__ import annotations

from math import prod
from typing import Any

from forms.definition.fields import CalculatedField, MoneyField, NumberField
from forms.definition.procedure import Procedure
from forms.definition.values import (
    Age,
    ApplicantValue,
    Count,
    Difference,
    FieldValue,
    Least,
    Most,
    Product,
    Quotient,
    Sum,
    operands,
)

Interval = tuple[int | None, int | None]
"""Lowest and highest; None: without bound."""
ALL: Interval = (None, None)
_DEPTH = 40


def bounds(procedure: Procedure, value: Any, depth: int = 0) -> Interval:
    """Where a number always lies; without bound where nothing can be said."""
    if isinstance(value, int):
        return value, value
    if depth > _DEPTH or isinstance(value, (Age, str)):
        return ALL
    if isinstance(value, (FieldValue, Count, ApplicantValue)) or (
        isinstance(value, Sum) and isinstance(value.sum, str)
    ):
        return _asked(procedure, value, depth)
    return _combined(value, [bounds(procedure, operand, depth + 1) for operand in operands(value)])


def _asked(procedure: Procedure, value: Any, depth: int) -> Interval:
    """Of an answer, of the number of entries, of a sum over entries, of an age."""
    if isinstance(value, FieldValue):
        return _field(procedure, value.field, depth)
    if isinstance(value, Count):
        place = procedure.places.get(value.count)
        return 0, getattr(place.field, "maximum", None) if place else None
    if isinstance(value, Sum):
        place = procedure.places.get(str(value.sum))
        low, high = _field(procedure, str(value.sum), depth)
        most = place.group.maximum if place is not None and place.group is not None else 0
        return None if low is None else min(0, low * most), None if high is None else max(0, high * most)
    return 0, None


def _field(procedure: Procedure, field_id: str, depth: int) -> Interval:
    place = procedure.places.get(field_id)
    field = place.field if place is not None else None
    if isinstance(field, (NumberField, MoneyField)):
        return field.minimum, field.maximum
    if isinstance(field, CalculatedField):
        ways = [bounds(procedure, value, depth + 1) for value in field.values]
        return _least([w[0] for w in ways]), _most([w[1] for w in ways])
    return ALL


def _combined(value: Any, of: list[Interval]) -> Interval:
    lows, highs = [low for low, _high in of], [high for _low, high in of]
    known_lows, known_highs = [v for v in lows if v is not None], [v for v in highs if v is not None]
    found = ALL
    if isinstance(value, Sum):
        found = _sum(lows), _sum(highs)
    elif isinstance(value, Difference):
        found = _less(lows[0], highs[1]), _less(highs[0], lows[1])
    elif isinstance(value, Least):
        found = _least(lows), min(known_highs, default=None)
    elif isinstance(value, Most):
        found = max(known_lows, default=None), _most(highs)
    elif len(known_lows) == len(lows) and all(low >= 0 for low in known_lows):
        if isinstance(value, Product):
            found = prod(known_lows), prod(known_highs) if len(known_highs) == len(highs) else None
        elif isinstance(value, Quotient):
            found = 0, highs[0]
    return found


def _least(of: list[int | None]) -> int | None:
    return None if None in of or not of else min(v for v in of if v is not None)


def _most(of: list[int | None]) -> int | None:
    return None if None in of or not of else max(v for v in of if v is not None)


def _sum(of: list[int | None]) -> int | None:
    return None if None in of else sum(v or 0 for v in of)


def _less(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first - second
