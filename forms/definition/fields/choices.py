"""Yes or no; one of; many of; consent."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from forms.definition.conditions import Condition
from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, one
from forms.definition.words import Strict, Words
from portal.kernel.text import fold

YES = Words(ja="はい", en="Yes")
NO = Words(ja="いいえ", en="No")


class Choice(Strict):
    """One thing to choose: a code that stays, and its words; `offer_if`: it can be chosen only when this holds."""

    code: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")
    label: Words
    hint: Words | None = None
    offer_if: Condition | None = None


class YesNoField(FieldSpec):
    """Yes or no, with no answer given beforehand."""

    value_kind: ClassVar[str] = "yes_no"
    type: Literal["yes_no"]
    yes: Words = YES
    no: Words = NO

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The two, as choices for the page."""
        return (Choice(code="yes", label=self.yes), Choice(code="no", label=self.no))

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        text = one(typed)
        if text in {"yes", "no"}:
            return Reading(text == "yes")
        return Reading(problems=(Problem("not_offered"),)) if text else Reading()

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        return "" if value is None else (self.yes if value else self.no).in_(locale)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {"": [] if value is None else ["yes" if value else "no"]}

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        return isinstance(value, bool)


class _Choices(FieldSpec):
    choices: tuple[Choice, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _codes_differ(self) -> _Choices:
        codes = [c.code for c in self.choices]
        if len(set(codes)) != len(codes):
            raise ValueError("同じ code の選択肢が2つあります|code を別々にします。")
        return self

    def label_of(self, code: str, locale: str) -> str:
        """The words of a choice; the code itself where the version no longer has it."""
        return next((c.label.in_(locale) for c in self.choices if c.code == code), code)

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        return any(c.code == value for c in self.choices)


class OneOfField(_Choices):
    """Exactly one of the choices."""

    value_kind: ClassVar[str] = "code"
    type: Literal["one_of"]

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        code = one(typed)
        if not code:
            return Reading()
        return Reading(code) if self.offers(code) else Reading(problems=(Problem("not_offered"),))

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        return "" if value is None else self.label_of(str(value), locale)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {"": [] if value is None else [str(value)]}


class ChooseField(_Choices):
    """One of many choices, found by typing: the words (in either language) or the code are taken; the code is kept."""

    value_kind: ClassVar[str] = "code"
    type: Literal["choose"]

    @model_validator(mode="after")
    def _words_differ(self) -> ChooseField:
        words = [fold(w) for c in self.choices for w in {c.label.ja, c.label.en or c.label.ja}]
        if len(set(words)) != len(words):
            raise ValueError("2つの選択肢が同じ言葉です|区別できる言葉にします。")
        return self

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        text = one(typed)
        if not text:
            return Reading()
        found = self._found(text)
        return Reading(problems=(Problem("not_in_list"),)) if found is None else Reading(found.code)

    def _found(self, text: str) -> Choice | None:
        wanted = fold(text)
        for choice in self.choices:
            if text == choice.code or wanted in {fold(choice.label.ja), fold(choice.label.en or choice.label.ja)}:
                return choice
        return None

    def in_words(self, typed: Typed, locale: str) -> Typed:
        """See `FieldSpec.in_words`: the words of the choice; what is none stays as it was typed."""
        found = self._found(one(typed))
        return typed if found is None else {"": [found.label.in_(locale)]}

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        return "" if value is None else self.label_of(str(value), locale)

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {"": ["" if value is None else self.label_of(str(value), "ja")]}


class ManyOfField(_Choices):
    """Any number of the choices, in the order of the definition."""

    value_kind: ClassVar[str] = "codes"
    type: Literal["many_of"]

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        ticked = {t for t in typed.get("") or () if t}
        if not ticked:
            return Reading()
        if not all(self.offers(code) for code in ticked):
            return Reading(problems=(Problem("not_offered"),))
        return Reading([c.code for c in self.choices if c.code in ticked])

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        return "\n".join(self.label_of(code, locale) for code in value or ())

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {"": list(value or ())}


class ConsentField(FieldSpec):
    """A box that must be ticked to go on; what is agreed to is the label."""

    value_kind: ClassVar[str] = "yes_no"
    type: Literal["consent"]

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        return Reading(value=True) if one(typed) == "yes" else Reading()

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        return (YES.in_(locale) if locale == "en" else "同意します") if value else ""

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {"": ["yes"] if value else []}

    def offers(self, value: Any) -> bool:
        """See `FieldSpec.offers`."""
        return value is True
