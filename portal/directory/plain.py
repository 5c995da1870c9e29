"""ruamel.yaml's round-trip objects as plain Python, with the line of every key and item."""

from __future__ import annotations

import pickle
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.scalarbool import ScalarBoolean

DEEPEST = 40
MOST = 200_000

Lines = dict[tuple[str | int, ...], int]


class TooDeep(Exception):
    """More nesting or more nodes than a pack file has: an alias that contains itself, or aliases of aliases."""


class _DatesStayText(RoundTripConstructor):
    """Dates are read by the schemas, which know 和暦 and can tell the line of 2025-02-30."""


def _text(constructor: RoundTripConstructor, node: ScalarNode) -> str:
    return str(constructor.construct_scalar(node))


_DatesStayText.add_constructor("tag:yaml.org,2002:timestamp", _text)


def read(text: str) -> tuple[Any, Lines]:
    """A YAML text as plain Python, with its lines; see `plain`. A text that was read before is not parsed again.

    Raises:
        ruamel.yaml.error.YAMLError: it is no YAML.
        TooDeep: see `plain`.
    """
    found: tuple[Any, Lines] = pickle.loads(_packed(text))  # noqa: S301 - ours, from this process
    return found


@lru_cache(maxsize=256)
def _packed(text: str) -> bytes:
    """What `read` gives, as bytes: each caller gets objects of its own."""
    yaml = YAML(typ="rt")
    yaml.Constructor = _DatesStayText
    return pickle.dumps(plain(yaml.load(text)))


def plain(node: object) -> tuple[Any, Lines]:
    """The value, and the line (from 1) of each path inside it; `()` is the value itself.

    Raises:
        TooDeep: nested deeper than `DEEPEST`, or more than `MOST` nodes once aliases are written out.
    """
    lines: Lines = {(): _line(node)}
    return _walk(node, (), lines), lines


def _line(node: object) -> int:
    return int(node.lc.line) + 1 if isinstance(node, (CommentedMap, CommentedSeq)) else 1


def _walk(node: object, path: tuple[str | int, ...], lines: Lines) -> Any:
    if len(path) > DEEPEST:
        raise TooDeep(f"入れ子は{DEEPEST}段までです。")
    if len(lines) > MOST:
        raise TooDeep(f"項目は{MOST}個までです。")
    if isinstance(node, CommentedMap):
        found: dict[Any, Any] = {}
        for key, value in node.items():
            name = str(key)
            lines[(*path, name)] = int(node.lc.key(key)[0]) + 1 if key in node.lc.data else lines[path]
            found[name] = _walk(value, (*path, name), lines)
        return found
    if isinstance(node, CommentedSeq):
        items: list[Any] = []
        for index, value in enumerate(node):
            lines[(*path, index)] = int(node.lc.item(index)[0]) + 1
            items.append(_walk(value, (*path, index), lines))
        return items
    return _scalar(node)


def _scalar(node: object) -> Any:
    if isinstance(node, (bool, ScalarBoolean)):
        return bool(node)
    if isinstance(node, TaggedScalar):
        return str(node.value)
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node
