"""Homes of protected persons inside other people's answers: which answers say one, so that nobody shows them (CASES A10). Pure.

An address is compared by postal code and block; a text and a place by town and block, however they are spelled (1丁目2番3号, 1-2-3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forms.definition import FieldSpec, Procedure
from forms.definition.fields import ROW, GroupField
from portal.kernel.text import dashes, digits, fold

MASK = "(表示しません)"
"""What stands where such an answer would: it does not say why (CASES A10)."""
BEFORE = "before:"
"""Before the path of an answer whose value before a correction says one."""
_WRITTEN = frozenset({"text", "long_text", "place", "note", "calculated"})


def block(text: str) -> str:
    """番地 as it is compared: 1丁目2番3号 and １－２－３ are 1-2-3."""
    plain = re.sub(r"丁目|番地の?|番|号室|号|の", "-", digits(text))
    return re.sub(r"-+", "-", dashes(fold(plain))).strip("-")


@dataclass(frozen=True, slots=True)
class Home:
    """Where a protected person lives.

    Attributes:
        postal_code: seven digits.
        town: as written.
        block: see `block`.
    """

    postal_code: str
    town: str
    block: str

    def at(self, value: Mapping[str, Any]) -> bool:
        """Whether an address is this home, or a room in it."""
        code = re.sub(r"[^0-9]", "", digits(str(value.get("postal_code") or "")))
        other = block(str(value.get("block") or ""))
        return code == self.postal_code and (other == self.block or other.startswith(self.block + "-"))

    def within(self, text: str) -> bool:
        """Whether a text names it."""
        if not self.town:
            return False
        named = f"{re.escape(block(self.town))}-?{re.escape(self.block)}(?![0-9])"
        return re.search(named, block(text)) is not None


def home(*, postal_code: str, town: str, block_: str) -> Home | None:
    """A home to hide; None where postal code or block is missing."""
    code, number = re.sub(r"[^0-9]", "", digits(postal_code)), block(block_)
    return Home(code, town.strip(), number) if code and number else None


def says(spec: FieldSpec, value: Any, homes: Iterable[Home]) -> bool:
    """Whether one answer names one of the homes."""
    if not value:
        return False
    if isinstance(value, Mapping) and spec.kind == "address":
        return any(each.at(value) or each.within(spec.show(value, "ja")) for each in homes)
    return spec.kind in _WRITTEN and any(each.within(spec.show(value, "ja")) for each in homes)


def paths(procedure: Procedure, answers: Mapping[str, Any], homes: Iterable[Home]) -> frozenset[str]:
    """Paths (`forms.definition.paths`) of the answers that name one of the homes, those inside repeated groups too."""
    known = tuple(homes)
    found: set[str] = set()
    for spec in procedure.fields() if known else ():
        value = answers.get(spec.id)
        if isinstance(spec, GroupField):
            found |= {
                f"{spec.id}.{entry[ROW]}.{inner.id}"
                for entry in value or ()
                for inner in spec.fields
                if says(inner, entry.get(inner.id), known)
            }
        elif says(spec, value, known):
            found.add(spec.id)
    return frozenset(found)


def without(answers: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """The answers with None in place of what is hidden (see `paths`)."""
    found = {key: None if key in hidden else value for key, value in answers.items()}
    for group, row, inner in (path.split(".") for path in hidden if path.count(".") == 2 and BEFORE not in path):
        found[group] = [{**entry, inner: None} if str(entry[ROW]) == row else entry for entry in found.get(group) or ()]
    return found
