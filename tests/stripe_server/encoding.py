"""Stripe's form encoding: `line_items[0][price_data][unit_amount]=3000` to nested dictionaries and lists, and back checks."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")


def decode(body: str) -> dict[str, Any]:
    """The parameters of a request."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(body, keep_blank_values=True):
        name, rest = re.match(r"([^\[]+)(.*)", key).groups()  # type: ignore[union-attr]  # every key has a name
        path = [name, *_PART.findall(rest)]
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        last = path[-1]
        node[last or str(len(node))] = value
    found = _lists(tree)
    assert isinstance(found, dict)
    return found


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    inner = {key: _lists(value) for key, value in node.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
