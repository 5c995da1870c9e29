"""The field types. One class each; the union below is the list."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from forms.definition.fields.address import AddressField
from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Town, Typed, is_resident_number, one
from forms.definition.fields.choices import Choice, ConsentField, ManyOfField, OneOfField, YesNoField
from forms.definition.fields.figures import DateField, NumberField
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
    | DateField
    | YesNoField
    | OneOfField
    | ManyOfField
    | AddressField
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
    "ConsentField",
    "DateField",
    "FieldSpec",
    "KanaField",
    "LongTextField",
    "MailField",
    "ManyOfField",
    "Moment",
    "NameField",
    "NoteField",
    "NumberField",
    "OneOfField",
    "PhoneField",
    "Problem",
    "Reading",
    "TextField",
    "Town",
    "Typed",
    "YesNoField",
    "is_resident_number",
    "one",
]
