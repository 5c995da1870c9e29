"""Forms and fields for people: what they type is accepted in every usual way, normalised once, and kept on the page.

The template macro `fields.field` knows each of these kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, time
from typing import Any, ClassVar

from flask import g
from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from portal.directory import postal
from portal.kernel import clock, dates, text
from portal.kernel.money import Yen


class PortalForm(FlaskForm):  # type: ignore[misc]  # the library has no types
    """A form whose failure the page's title tells."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field; remember a failure for the title."""
        valid = bool(super().validate(extra_validators=extra_validators))
        if not valid:
            g.page_has_errors = True
        return valid

    def refuse(self, field: Field, message: str) -> None:
        """Add a mistake that only the database or a rule could find; answer the page with 422."""
        field.errors = [*field.errors, message]
        g.page_has_errors = True


class Unmarked:
    """Neither 必須 nor 任意 stands beside the field: a search box, which shows all when it is empty."""

    field_flags: ClassVar = {"unmarked": True}

    def __call__(self, _form: Any, _field: Any) -> None:
        """Take anything."""


class Required(InputRequired):  # type: ignore[misc]  # the library has no types
    """Something must be typed or chosen; the message names the field."""

    def __init__(self, message: Any = None) -> None:
        """Args: message: the words; made from the label where None."""
        super().__init__(message)

    def __call__(self, _form: Any, field: Any) -> None:
        """Refuse nothing, and nothing but spaces."""
        given = field.raw_data[0] if field.raw_data else None
        if given is None or (isinstance(given, str) and not given.strip()):
            field.errors = []
            raise StopValidation(str(self.message) if self.message else missing_text(field))
        if isinstance(field, BooleanField) and not field.data:
            raise StopValidation(str(self.message) if self.message else missing_text(field))


def missing_text(field: Field) -> str:
    """What to say where a field is empty."""
    label = str(field.label.text)
    if isinstance(field, BooleanField):
        return str(gettext("「%(label)s」にチェックを入れてください。", label=label))
    if hasattr(field, "iter_choices"):
        return str(gettext("「%(label)s」を選んでください。", label=label))
    return str(gettext("「%(label)s」を入力してください。", label=label))


class MaxLength:
    """At most so many characters, as people count them."""

    def __init__(self, most: int) -> None:
        """Args: most: the largest number of characters (code points)."""
        self.most = most

    def __call__(self, _form: Any, field: Any) -> None:
        """Refuse a longer text."""
        if isinstance(field.data, str) and len(field.data) > self.most:
            raise ValidationError(
                gettext(
                    "「%(label)s」は%(most)s文字までです(いま%(now)s文字)。",
                    label=str(field.label.text),
                    most=self.most,
                    now=len(field.data),
                ),
            )


def _no_control(field: Any, value: str) -> None:
    if text.has_control(value):
        raise ValidationError(gettext("「%(label)s」に使えない文字(制御文字)があります。", label=str(field.label.text)))


class TextField(StringField):  # type: ignore[misc]  # the library has no types
    """One line. Characters are kept exactly (never NFC or NFKC); only the spaces around are taken off."""

    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Take the text without the spaces around it."""
        super().process_formdata(valuelist)
        self.data = (self.data or "").strip()

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - WTForms' signature
        """Refuse control characters and line breaks."""
        _no_control(self, self.data or "")
        if "\n" in (self.data or "") or "\r" in (self.data or ""):
            raise ValidationError(gettext("「%(label)s」は1行で入力してください。", label=str(self.label.text)))


class LongTextField(TextAreaField):  # type: ignore[misc]  # the library has no types
    """Several lines, with plain line feeds between them."""

    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Take the text with plain line breaks."""
        super().process_formdata(valuelist)
        self.data = (self.data or "").replace("\r\n", "\n").strip()

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - WTForms' signature
        """Refuse control characters."""
        _no_control(self, self.data or "")


class KanaField(TextField):
    """A reading in katakana; half-width kana and hiragana are accepted and made full-width katakana."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Make it full-width katakana."""
        super().process_formdata(valuelist)
        self.data = text.katakana(self.data or "")

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not kana."""
        super().pre_validate(form)
        if self.data and not text.is_katakana(self.data):
            raise ValidationError(gettext("「%(label)s」はカタカナで入力してください。", label=str(self.label.text)))


class _ParsedField(StringField):  # type: ignore[misc]  # the library has no types
    """A text that means a value: what was typed is shown again until it can be read."""

    def parse(self, typed: str) -> Any:
        """The value; raises ValueError with words for the person."""
        raise NotImplementedError  # each field below has its own; this class is never a field itself

    def show(self, value: Any) -> str:
        """The value as people read it."""
        return str(value)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.show(self.data)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the value; the message of `parse` is shown at the field."""
        self.data = None
        typed = str(valuelist[0]).strip() if valuelist else ""
        if not typed:
            return
        if text.has_control(typed):
            raise ValueError(gettext("「%(label)s」に使えない文字(制御文字)があります。", label=str(self.label.text)))
        self.data = self.parse(typed)


class WarekiDateField(_ParsedField):
    """A date in 和暦 or 西暦, full or half width.

    `not_future` and `not_before` limit it; `data` is a date.
    """

    def __init__(
        self, *args: Any, not_future: bool = False, not_before: date = date(1868, 1, 25), **kwargs: Any
    ) -> None:
        """Args: not_future: refuse days after today. not_before: the first day that is accepted."""
        super().__init__(*args, **kwargs)
        self.not_future = not_future
        self.not_before = not_before

    @property
    def example(self) -> dict[str, str]:
        """A day in each way that it can be written: one of a life where it must be past, else today."""
        day = date(1980, 4, 1) if self.not_future else clock.today()
        return {
            "western": f"{day.year}年{day.month}月{day.day}日",
            "era": dates.wareki(day),
            "slashes": f"{day.year}/{day.month}/{day.day}",
        }

    def parse(self, typed: str) -> date:
        """Read the date."""
        label = str(self.label.text)
        try:
            found = dates.parse_date(typed)
        except dates.DateError as error:
            if error.code == "unreadable":
                raise ValueError(
                    gettext(
                        "「%(label)s」を日付として読めません。例: %(western)s、%(era)s",
                        label=label,
                        western=self.example["western"],
                        era=self.example["era"],
                    ),
                ) from error
            raise ValueError(
                gettext("「%(label)s」の日付はありません。年・月・日を確認してください。", label=label)
            ) from error
        if self.not_future and found > clock.today():
            raise ValueError(gettext("「%(label)s」に、今日より後の日付は入力できません。", label=label))
        if found < self.not_before:
            raise ValueError(gettext("「%(label)s」の日付が古すぎます。年・月・日を確認してください。", label=label))
        return found

    def show(self, value: Any) -> str:
        """2025年4月1日."""
        return f"{value.year}年{value.month}月{value.day}日" if isinstance(value, date) else str(value)


class PostalCodeField(_ParsedField):
    """Seven digits, with or without hyphen, full or half width; `data` is 7 half-width digits."""

    def parse(self, typed: str) -> str:
        """Read the digits."""
        found = postal.normalise(typed)
        if found is None:
            raise ValueError(
                gettext("「%(label)s」は7けたの数字で入力してください。例: 306-8601", label=str(self.label.text))
            )
        return found

    def show(self, value: Any) -> str:
        """306-8601."""
        digits = str(value)
        return f"{digits[:3]}-{digits[3:]}" if len(digits) == 7 else digits


class PhoneField(_ParsedField):
    """A Japanese telephone number (10 or 11 digits from 0) or one with country code; `data` keeps the hyphens typed."""

    def parse(self, typed: str) -> str:
        """Read the number."""
        cleaned = text.dashes(text.digits(typed)).replace(" ", "-").replace("(", "-").replace(")", "-").strip("-")
        while "--" in cleaned:
            cleaned = cleaned.replace("--", "-")
        digits = cleaned.replace("-", "")
        national = digits.isascii() and digits.isdigit() and digits.startswith("0") and len(digits) in {10, 11}
        abroad = digits.startswith("+") and digits[1:].isascii() and digits[1:].isdigit() and 9 <= len(digits) <= 16
        if not (national or abroad):
            raise ValueError(
                gettext("「%(label)s」は市外局番から入力してください。例: 0280-22-5111", label=str(self.label.text))
            )
        return cleaned


class NumberField(_ParsedField):
    """A whole number, full or half width, with or without thousands separators; `data` is an int."""

    def __init__(self, *args: Any, least: int | None = None, most: int | None = None, **kwargs: Any) -> None:
        """Args: least: the smallest number that is accepted. most: the largest."""
        super().__init__(*args, **kwargs)
        self.least = least
        self.most = most

    def number(self, typed: str) -> int:
        """Read the number."""
        label = str(self.label.text)
        cleaned = text.digits(typed).replace(",", "").replace("円", "").replace("¥", "").replace("\\", "").strip()
        sign, digits = ("-", cleaned[1:]) if cleaned[:1] in {"-", "−", "▲"} else ("", cleaned)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
            raise ValueError(gettext("「%(label)s」は数字で入力してください。", label=label))
        found = int(sign + digits)
        if self.least is not None and found < self.least:
            raise ValueError(gettext("「%(label)s」は%(least)s以上で入力してください。", label=label, least=self.least))
        if self.most is not None and found > self.most:
            raise ValueError(gettext("「%(label)s」は%(most)s以下で入力してください。", label=label, most=self.most))
        return found

    def parse(self, typed: str) -> Any:
        """Read the number."""
        return self.number(typed)


class MoneyField(NumberField):
    """An amount in whole yen; `data` is Yen."""

    def parse(self, typed: str) -> Yen:
        """Read the amount."""
        return Yen(self.number(typed))

    def show(self, value: Any) -> str:
        """1,000 (the macro writes 円 beside it)."""
        return f"{value.amount:,}" if isinstance(value, Yen) else str(value)


class ClockField(_ParsedField):
    """A time of day: 9:30, 18時, 0930; `data` is a naive time on the clock in Japan."""

    def parse(self, typed: str) -> time:
        """Read the time."""
        cleaned = text.digits(typed).replace("時", ":").replace("分", "").strip().rstrip(":")
        if ":" not in cleaned:
            cleaned = f"{cleaned[:-2]}:{cleaned[-2:]}" if len(cleaned) > 2 else f"{cleaned}:00"
        hour, _, minute = cleaned.partition(":")
        try:
            return time(int(hour), int(minute))
        except ValueError as error:
            raise ValueError(
                gettext("「%(label)s」を時刻として読めません。例: 9:30", label=str(self.label.text)),
            ) from error

    def show(self, value: Any) -> str:
        """9:30."""
        return f"{value.hour}:{value.minute:02}"


class EmailAddressField(TextField):
    """A mail address; full-width characters typed by mistake become half width."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Make it half width."""
        super().process_formdata(valuelist)
        self.data = text.digits(self.data or "")


class ChoiceField(RadioField):  # type: ignore[misc]  # the library has no types
    """One of a few (`choices`: a list of WTForms' SelectChoice; tuples are deprecated there)."""

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not offered, in our words."""
        self.invalid_choice_message = missing_text(self)
        super().pre_validate(form)


class SelectionField(SelectField):  # type: ignore[misc]  # the library has no types
    """One of a list in a drop-down (`choices` as in ChoiceField)."""

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not offered, in our words."""
        self.invalid_choice_message = missing_text(self)
        super().pre_validate(form)


class CheckboxesField(SelectMultipleField):  # type: ignore[misc]  # the library has no types
    """Several of a list; `data` is the list of values chosen."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class SearchSelectField(TextField):
    """One of many, typed with suggestions. `data` is the value of the label that was typed."""

    def __init__(
        self,
        *args: Any,
        choices: Iterable[tuple[str, str]] | Callable[[], Iterable[tuple[str, str]]] = (),
        **kwargs: Any,
    ) -> None:
        """Args: choices: (value, label) pairs, or a callable that gives them."""
        super().__init__(*args, **kwargs)
        self.choices = list(choices() if callable(choices) else choices)

    def suggestions(self) -> list[str]:
        """The labels."""
        return [label for _value, label in self.choices]

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return dict(self.choices).get(str(self.data), "")

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Find the value of the label; a text that is none is refused."""
        super().process_formdata(valuelist)
        typed = self.data
        wanted = {text.fold(label): value for value, label in self.choices}
        self.data = wanted.get(text.fold(typed)) if typed else None
        if typed and self.data is None:
            raise ValueError(gettext("「%(label)s」は、候補の中から選んでください。", label=str(self.label.text)))

    def pre_validate(self, form: Any) -> None:
        """Nothing more: the value is one of ours."""


class ConsentField(BooleanField):  # type: ignore[misc]  # the library has no types
    """A box that must be ticked (with `Required`)."""


class SecretField(PasswordField):  # type: ignore[misc]  # the library has no types
    """A password: kept as typed, never shown again."""


class NoteField(Field):  # type: ignore[misc]  # the library has no types
    """Words between fields; no input."""

    def __call__(self, **_kwargs: Any) -> str:
        """Nothing to type."""
        return ""


def flat_errors(field: Any) -> list[tuple[str, str]]:
    """(id of the field, message) of a field and of the fields inside it, in order."""
    inner = list(field.form) if field.type == "FormField" else list(getattr(field, "entries", []))
    if inner:
        return [found for part in inner for found in flat_errors(part)]
    return [(str(field.id), str(message)) for message in field.errors or []]
