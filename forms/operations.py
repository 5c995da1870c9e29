"""What the operations of `forms.definition.values` come to. Pure; never fails: where there is no result, there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from math import prod
from typing import Any

from forms.definition.values import (
    Age,
    Days,
    Difference,
    Joined,
    Later,
    Least,
    Most,
    Product,
    Quotient,
    Sum,
)

HIGHEST = 10**15
"""Numbers beyond this are no result (JSON in browsers counts exactly up to 2**53)."""


def compute(value: Any, of: Sequence[Any]) -> Any:
    """The result of one operation over its operands.

    Args:
        value: the operation.
        of: what its operands came to; None: missing.
    """
    if any(v is None for v in of):
        return None
    try:
        found = _compute(value, of)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if isinstance(found, int) and abs(found) > HIGHEST else found


def _compute(value: Any, of: Sequence[Any]) -> Any:
    if isinstance(value, Joined):
        return "".join(str(v) for v in of)
    if isinstance(value, (Least, Most)):
        if len({type(v) for v in of}) != 1:
            return None
        return min(of) if isinstance(value, Least) else max(of)
    if isinstance(value, (Days, Age, Later)):
        return _of_dates(value, of)
    return _ARITHMETIC[type(value)]([_number(v) for v in of])


def _of_dates(value: Any, of: Sequence[Any]) -> Any:
    first = date.fromisoformat(of[0])
    if isinstance(value, Later):
        return (first + timedelta(days=_number(of[1]))).isoformat()
    last = date.fromisoformat(of[1])
    if isinstance(value, Days):
        return (last - first).days + 1
    return last.year - first.year - ((last.month, last.day) < (first.month, first.day))


_ARITHMETIC: dict[type, Callable[[list[int]], int | None]] = {
    Sum: sum,
    Product: prod,
    Difference: lambda n: n[0] - n[1],
    Quotient: lambda n: n[0] // n[1] if n[1] else None,
}


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(value)
