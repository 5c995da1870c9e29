"""What is different between two versions of a document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_KEYS = ("id", "code")


@dataclass(frozen=True)
class Difference:
    """One place that differs: where, what it said, what it says now; "" where it is new or gone."""

    where: str
    before: str
    after: str


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every difference, in the order of the later version; the date of the version itself left out."""
    old, new = dict(_flat(before)), dict(_flat(after))
    names = [*new, *(name for name in old if name not in new)]
    return [
        Difference(name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name) != new.get(name) and name not in {"valid_from", "source"}
    ]


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, (*path, str(key)))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value, 1):
            name = next((str(item[key]) for key in _KEYS if key in item), str(index))
            yield from _flat(item, (*path, name))
    elif isinstance(value, list):
        yield " › ".join(path), "、".join(str(item) for item in value)
    elif value is not None and value != "":
        yield " › ".join(path), str(value)
