"""Stand-ins for the parts of a procedure file that are not well formed, so that the rest can be looked at in the same run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from forms.definition.complaints import Complaint, Path

_WORDS = {"ja": "(仮)", "en": "(stand-in)"}
_ID = re.compile(r"[a-z][a-z0-9_-]{0,47}")
#: What a document cannot do without.
_TOP: dict[str, Any] = {
    "schema": 1,
    "slug": "stand-in",
    "plain_name": _WORDS,
    "official_name": _WORDS,
    "section": "stand-in",
    "authority": _WORDS,
    "who": _WORDS,
    "channel": {"kind": "here"},
    "identity": "confirmed_mail",
    "texts": {"guide": _WORDS, "before_you_start": [_WORDS]},
    "retention_years": 1,
}
#: Keys that say something about each other: where one is a stand-in, what is wrong between it and the others is not known.
_TOGETHER = frozenset({"channel", "identity", "guests", "fee", "disposition", "remedy", "steps"})


class StandIns:
    """What was put aside in one document.

    Attributes:
        ids: of fields that are not what the file says any more.
        keys: of the document that are not.
    """

    def __init__(self, document: Any) -> None:
        self.document = document
        self.ids: set[str] = set()
        self.keys: set[str] = set()
        self._put: list[Path] = []

    def put(self, loc: Path) -> bool:
        """Put the smallest part around a place aside; False where that was done before, or nothing can be.

        Args:
            loc: as pydantic tells it, with the kind of a field in between.
        """
        if not isinstance(self.document, dict) or not loc:
            return False
        way = list(_way(self.document, loc))
        parts = [each for each in way if each[0] == "steps" and each[-2:-1] in {("fields",), ("steps",)}]
        path = parts[-1] if parts else way[0]
        if path in self._put:
            return False
        self._put.append(path)
        self._replace(path)
        return True

    def _replace(self, path: Path) -> None:
        *parents, last = path
        inside: Any = self.document
        for part in parents:
            inside = inside[part]
        if len(path) == 1:
            self.keys.add(str(last))
            inside.pop(last, None)
            if last in _TOP:
                inside[last] = _TOP[str(last)]
            if last == "steps":
                inside[last] = [self._step({}, 0)]
        elif path[-2] == "fields":
            inside[last] = self._field(inside[last], int(last))
        else:
            inside[last] = self._step(inside[last], int(last))

    def _field(self, old: Any, number: int) -> dict[str, Any]:
        self.ids |= set(_ids(old))
        return {"id": _id(old, f"stand_in_{number}"), "type": "text", "label": _WORDS}

    def _step(self, old: Any, number: int) -> dict[str, Any]:
        fields = old.get("fields") if isinstance(old, dict) else None
        if not isinstance(fields, list) or not fields:
            fields = [{"id": f"stand_in_{number}", "type": "text", "label": _WORDS}]
            self.ids.add(f"stand_in_{number}")
        return {"id": _id(old, f"stand-in-{number}").replace("_", "-"), "title": _WORDS, "fields": fields}

    def explains(self, complaint: Complaint) -> bool:
        """Whether a complaint is about a stand-in, not about what the file says."""
        if self.keys & _TOGETHER and complaint.path[0] in _TOGETHER and len(complaint.path) == 1:
            return True
        if "steps" in self.keys and complaint.path[0] in {"fee", "documents", "attachments"}:
            return True
        at = [each for each in self._put if complaint.path[: len(each)] == each and each[-2:-1] == ("fields",)]
        return bool(at) or any(f"「{each}」" in complaint.message for each in self.ids)


def _way(document: dict[str, Any], loc: Path) -> Iterator[Path]:
    """Each place on the way to a fault, outermost first, without what only pydantic puts in between."""
    node: Any = document
    path: Path = ()
    for part in loc:
        if isinstance(node, dict) and (part in node or not path):
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            continue
        path = (*path, part)
        yield path


def _id(part: Any, otherwise: str) -> str:
    found = part.get("id") if isinstance(part, dict) else None
    return found if isinstance(found, str) and _ID.fullmatch(found) else otherwise


def _ids(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("id"), str):
            yield part["id"]
        inner = part.get("fields")
        for each in inner if isinstance(inner, list) else ():
            yield from _ids(each)
