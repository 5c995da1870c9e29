"""One line or several lines of text; kana; a person's name; a phone number; a mail address."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import Field

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, length, one
from forms.definition.words import Words
from forms.normalising import normal
from portal.kernel.text import beyond_jis2, is_katakana


class LineField(FieldSpec):
    """What the one-line types share: a text of at most `max_length` characters, kept exactly as typed."""

    max_length: int = Field(default=100, ge=1, le=500)

    how: ClassVar[str] = "as_typed"

    def normal(self, text: str) -> str:
        """The text as it is kept (`forms.normalising`)."""
        return normal(self.how, text)

    def problems(self, text: str) -> tuple[Problem, ...]:
        """What is wrong with a text that is not empty and not too long."""
        del text
        return ()

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        text = self.normal(one(typed))
        if not text:
            return Reading()
        if length(text) > self.max_length:
            return Reading(problems=(Problem("too_long", facts={"max": self.max_length, "now": length(text)}),))
        problems = self.problems(text)
        return Reading(problems=problems) if problems else Reading(text, flags=self.flags(text))

    def flags(self, text: str) -> tuple[str, ...]:
        """Marks for the reviewer."""
        del text
        return ()


class TextField(LineField):
    """One line. `pattern` (full match, after full-width digits and letters were made half-width when `half_width`) may narrow it."""

    type: Literal["text"]
    half_width: bool = False
    pattern: str | None = None
    pattern_help: Words | None = None

    def normal(self, text: str) -> str:
        """See `LineField.normal`."""
        return normal("half_width" if self.half_width else "one_line", text)

    def problems(self, text: str) -> tuple[Problem, ...]:
        """See `LineField.problems`."""
        if self.pattern and not re.fullmatch(self.pattern, text):
            return (Problem("pattern", facts={"help": self.pattern_help} if self.pattern_help else {}),)
        return ()


class LongTextField(LineField):
    """Several lines."""

    type: Literal["long_text"]
    max_length: int = Field(default=1000, ge=1, le=20_000)
    rows: int = Field(default=5, ge=2, le=20)


class NameField(LineField):
    """A name of a person: every character kept (never normalised); those outside JIS level 2 are marked 字形確認."""

    how: ClassVar[str] = "one_line"
    type: Literal["name"]
    max_length: int = Field(default=60, ge=1, le=200)

    def flags(self, text: str) -> tuple[str, ...]:
        """See `LineField.flags`."""
        return ("check_shape",) if beyond_jis2(text) else ()


class KanaField(LineField):
    """A reading in katakana. Half-width kana and hiragana are taken and made full-width katakana."""

    how: ClassVar[str] = "katakana"
    type: Literal["kana"]
    max_length: int = Field(default=60, ge=1, le=200)

    def problems(self, text: str) -> tuple[Problem, ...]:
        """See `LineField.problems`."""
        return () if is_katakana(text) else (Problem("not_kana"),)


class PhoneField(LineField):
    """A telephone number in Japan: ten or eleven digits that begin with 0; hyphens are kept where the person put them."""

    how: ClassVar[str] = "phone"
    type: Literal["phone"]
    max_length: int = Field(default=20, ge=1, le=30)

    def problems(self, text: str) -> tuple[Problem, ...]:
        """See `LineField.problems`."""
        return () if re.fullmatch(r"0\d{9,10}", text.replace("-", "")) else (Problem("not_phone"),)


class MailField(LineField):
    """A mail address (syntax only: whether it arrives shows when a mail is sent)."""

    type: Literal["mail"]
    max_length: int = Field(default=254, ge=6, le=254)

    def problems(self, text: str) -> tuple[Problem, ...]:
        """See `LineField.problems`."""
        try:
            validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return (Problem("not_mail"),)
        return ()


class NoteField(FieldSpec):
    """A text between the questions; nothing is asked."""

    has_value: ClassVar[bool] = False
    type: Literal["note"]
    required: bool = False

    def read(self, typed: Typed, at: Moment) -> Reading:
        """Nothing was asked."""
        del typed, at
        return Reading()

    def offers(self, value: Any) -> bool:
        """A note is never answered."""
        del value
        return False
