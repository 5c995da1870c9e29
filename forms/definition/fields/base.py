"""What every field type is: its part of the document, how it reads what was typed, how it says a value to people.

A field type is one module with one class: a frozen pydantic model (its keys in the document) with four methods. It knows nothing of
Flask, databases or other fields. To add one, write the module and name it in `forms.definition.fields`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

from pydantic import Field

from forms.definition.conditions import Condition
from forms.definition.words import Strict, Words
from portal.kernel.text import digits, has_control, is_resident_number

Typed = Mapping[str, Sequence[str]]
"""What a person typed into one field: part name ("" for a field of one part) → texts as they came."""

FIELD_ID = r"^[a-z][a-z0-9_]{0,47}$"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something typed cannot be taken: a code that the catalogue has words for, and its facts.

    Attributes:
        code: such as "too_long".
        part: the part of the field it belongs to ("" for the whole).
        facts: figures for the words, such as {"max": 60}.
    """

    code: str
    part: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def plain(value: Any) -> str:
    """A kept value for a machine: codes of choices, ISO dates, true or false, whole numbers; several codes with a blank between them.

    What has an inside of its own (files) is JSON; nothing is "".
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, tuple, Mapping)) else str(value)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading: a JSON value (None = left empty) or problems; flags for the reviewer."""

    value: Any = None
    problems: tuple[Problem, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Town:
    """A postal code's place."""

    prefecture: str
    city: str
    town: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What reading may depend on besides the field: the day (Tokyo) and the postal codes."""

    today: date
    postal: Callable[[str], Town | None] = lambda _code: None


def one(typed: Typed, part: str = "") -> str:
    """The one text of a part, without outer blanks (also full-width ones), line ends made equal; "" where there is none."""
    texts = typed.get(part) or ("",)
    return texts[0].replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n　")


_SELECTORS = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef\u3099\u309a]")


def length(text: str) -> int:
    """How many characters a person sees: what only chooses a shape (IVS) or adds a mark to the one before does not count."""
    return len(_SELECTORS.sub("", text))


class Limit(Strict):
    """What an answer must fulfil, besides being readable: checked once every answer that it asks about is given.

    Attributes:
        must: the condition.
        message: what to tell, in plain words, at this field.
    """

    must: Condition
    message: Words


class FieldSpec(Strict):
    """Keys that every field has.

    Attributes:
        id: stable for ever: answers, corrections and exports hang on it.
        label: the question in plain words.
        hint: help below the question.
        item: data item of the shared vocabulary that this field is bound to (prefill, write-less counter).
        required: must be answered when shown.
        show_if: shown only when this holds.
        require_if: must be answered when this holds (and it is shown).
        autocomplete: HTML autofill token, so that the phone can help (WCAG 1.3.5).
        limits: conditions that a given answer must fulfil, each with the words for where it does not.

    A type that keeps its content elsewhere (a file) reads and keeps references; `inside_groups` says whether it may stand in a repeated
    group, `stored` that only the server writes its references. `has_value` is false for what asks nothing, `computed` true for what the
    rules fill in.
    """

    has_value: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("",)
    value_kind: ClassVar[str] = "text"
    computed: ClassVar[bool] = False
    inside_groups: ClassVar[bool] = True
    stored: ClassVar[bool] = False

    id: str = Field(pattern=FIELD_ID)
    label: Words
    hint: Words | None = None
    item: str | None = None
    required: bool = True
    show_if: Condition | None = None
    require_if: Condition | None = None
    autocomplete: str | None = None
    limits: tuple[Limit, ...] = ()

    @property
    def kind(self) -> str:
        """The `type` in the document."""
        return str(getattr(self, "type"))  # noqa: B009 - each type declares its own literal

    def read(self, typed: Typed, at: Moment) -> Reading:
        """Read what was typed: a value to keep, None for left empty, or problems."""
        raise NotImplementedError  # each type has its own; this class is never a field itself

    def show(self, value: Any, locale: str) -> str:
        """Say a value to people, in one text (lines where it has lines)."""
        del locale
        return "" if value is None else str(value)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """What to put into the inputs so that reading gives this value again."""
        return {"": ["" if value is None else str(value)]}

    def in_words(self, typed: Typed, locale: str) -> Typed:
        """What was typed as the page puts it into the inputs: where it can be typed in two languages, in the page's."""
        del locale
        return typed

    def offers(self, value: Any) -> bool:
        """Whether an answer could ever equal `value` (rules are checked with it)."""
        return isinstance(value, str)

    def keeps(self, part: str) -> bool:
        """Whether what was typed into this part belongs to the field (whatever else is sent is dropped)."""
        return part in self.parts

    def merged(self, before: Typed, now: Typed) -> dict[str, list[str]]:
        """What was typed before and now, together, as the draft keeps it. Most types: what was typed now."""
        del before
        return {part: list(texts) for part, texts in now.items()}

    def columns(self) -> tuple[str, ...]:
        """Columns of this field in a table for machines: its id, or one for each part. They depend on the version alone."""
        return (self.id,) if self.parts == ("",) else tuple(f"{self.id}.{part}" for part in self.parts)

    def cells(self, value: Any) -> dict[str, str]:
        """What stands in these columns for a value, as it is kept (`plain`): by column; one that is left out is empty."""
        if self.parts == ("",):
            return {self.id: plain(value)}
        return {f"{self.id}.{part}": plain((value or {}).get(part)) for part in self.parts}

    def guard(self, typed: Typed) -> tuple[Problem, ...]:
        """Problems of what may be stored at all: control characters, and a 個人番号."""
        found: list[Problem] = []
        for part, texts in typed.items():
            if any(has_control(t) for t in texts):
                found.append(Problem("control_character", part))
            if any(is_resident_number(digits(t)) for t in texts):
                found.append(Problem("resident_number", part))
        return tuple(found)
