"""What differs between two versions of a procedure, field by field. Pure: documents in, differences out.

Steps, fields, choices and issued documents are told apart by their `id` or `code`, never by their place: a question that moved is the
same question. Other lists are compared as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

KEYS = ("id", "code")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        path: where, in words that stay the same when things move: `("steps[dog]", "fields[dog_name]", "max_length")`.
        kind: "added", "removed", "changed", or "moved" (the order of things that have ids).
        old, new: JSON values; None where there is none. Of "moved": the ids in order.
    """

    path: tuple[str, ...]
    kind: Literal["added", "removed", "changed", "moved"]
    old: Any = None
    new: Any = None

    @property
    def where(self) -> str:
        """The path as one text."""
        return ".".join(self.path)


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Every difference between two stored documents (`forms.definition.to_document`), in the order of the new one."""
    return list(_mappings((), old, new))


def _mappings(path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in [*new, *(k for k in old if k not in new)]:
        here = (*path, key)
        if key not in old:
            yield Difference(here, "added", new=new[key])
        elif key not in new:
            yield Difference(here, "removed", old=old[key])
        else:
            yield from _values(here, old[key], new[key])


def _values(path: tuple[str, ...], old: Any, new: Any) -> Iterator[Difference]:
    if type(old) is type(new) and old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _mappings(path, old, new)
        return
    before, after = _by_key(old), _by_key(new)
    if before is None or after is None:
        yield Difference(path, "changed", old, new)
        return
    *parents, name = path
    for key in [*after, *(k for k in before if k not in after)]:
        here = (*parents, f"{name}[{key}]")
        if key not in before:
            yield Difference(here, "added", new=after[key])
        elif key not in after:
            yield Difference(here, "removed", old=before[key])
        else:
            yield from _values(here, before[key], after[key])
    kept_before, kept_after = [k for k in before if k in after], [k for k in after if k in before]
    if kept_before != kept_after:
        yield Difference(path, "moved", kept_before, kept_after)


def _by_key(value: Any) -> dict[str, Mapping[str, Any]] | None:
    """The parts of a list by their id or code; None where the value is no such list."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    for key in KEYS:
        if value and all(isinstance(part, Mapping) and key in part for part in value):
            found = {str(part[key]): part for part in value}
            if len(found) == len(value):
                return found
    return None
