"""Files that go with a message: made when it is sent, from what its context says.

A room registers a maker for its template; the message's row keeps only the context, so that a second sending carries the
same file and nothing binary waits in the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file: its name as the reader saves it, its media type (with parameters), its bytes."""

    name: str
    media_type: str
    content: bytes


Maker = Callable[[Mapping[str, Any]], Sequence[Attachment]]
_makers: dict[str, Maker] = {}


def register(template: str, maker: Maker) -> None:
    """Name the maker of a template's files. Registering again replaces it (each app builds its own)."""
    _makers[template] = maker


def of(template: str, context: Mapping[str, Any]) -> Sequence[Attachment]:
    """The files of a message; none where nobody registered a maker."""
    maker = _makers.get(template)
    return () if maker is None else maker(context)
