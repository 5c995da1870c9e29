"""The field types. One class each; the union below is the list."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from forms.definition.fields.address import AddressField
from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Town, Typed, is_resident_number, one
from forms.definition.fields.choices import Choice, ChooseField, ConsentField, ManyOfField, OneOfField, YesNoField
from forms.definition.fields.figures import DateField, NumberField
from forms.definition.fields.moments import PeriodField, TimeField
from forms.definition.fields.money import MoneyField
from forms.definition.fields.place import PlaceField
from forms.definition.fields.text import (
    KanaField,
    LongTextField,
    MailField,
    NameField,
    NoteField,
    PhoneField,
    TextField,
)

AnyField = Annotated[
    TextField
    | LongTextField
    | KanaField
    | NameField
    | NumberField
    | MoneyField
    | DateField
    | TimeField
    | PeriodField
    | YesNoField
    | OneOfField
    | ChooseField
    | ManyOfField
    | AddressField
    | PlaceField
    | PhoneField
    | MailField
    | ConsentField
    | NoteField,
    Field(discriminator="type"),
]

__all__ = [
    "AddressField",
    "AnyField",
    "Choice",
    "ChooseField",
    "ConsentField",
    "DateField",
    "FieldSpec",
    "KanaField",
    "LongTextField",
    "MailField",
    "ManyOfField",
    "Moment",
    "MoneyField",
    "NameField",
    "NoteField",
    "NumberField",
    "OneOfField",
    "PeriodField",
    "PhoneField",
    "PlaceField",
    "Problem",
    "Reading",
    "TextField",
    "TimeField",
    "Town",
    "Typed",
    "YesNoField",
    "is_resident_number",
    "one",
]
