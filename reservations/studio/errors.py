"""What can go wrong while a facility or a rule document is set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from portal.kernel.errors import Conflict, Forbidden, Invalid


@dataclass(eq=False)
class SamePerson(Forbidden):
    """Nobody agrees to a document that they wrote or asked for."""

    code: ClassVar[str] = "draft_same_person"


@dataclass(eq=False)
class DraftClosed(Conflict):
    """The draft is not in the state that this step needs (published already, given back, dropped)."""

    code: ClassVar[str] = "draft_closed"
    state: str


@dataclass(eq=False)
class DraftHasMistakes(Invalid):
    """A draft with mistakes cannot be handed to the second person."""

    code: ClassVar[str] = "draft_has_mistakes"
    mistakes: int


@dataclass(eq=False)
class DraftTooEarly(Invalid):
    """A new version of a document that is in force begins tomorrow at the earliest."""

    code: ClassVar[str] = "draft_too_early"
    earliest: date


@dataclass(eq=False)
class NotYourDocument(Forbidden):
    """Spaces of facilities that somebody else manages use this document."""

    code: ClassVar[str] = "not_your_document"
