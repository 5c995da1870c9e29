"""The types that may also stand inside a repeated group."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from forms.definition.fields.address import AddressField
from forms.definition.fields.appointment import AppointmentField
from forms.definition.fields.bank import BankField
from forms.definition.fields.calculated import CalculatedField
from forms.definition.fields.choices import ChooseField, ConsentField, ManyOfField, OneOfField, YesNoField
from forms.definition.fields.figures import DateField, NumberField
from forms.definition.fields.moments import PeriodField, TimeField
from forms.definition.fields.money import MoneyField
from forms.definition.fields.person import PersonField
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

Simple = (
    TextField
    | LongTextField
    | KanaField
    | NameField
    | PersonField
    | NumberField
    | MoneyField
    | DateField
    | TimeField
    | PeriodField
    | AppointmentField
    | YesNoField
    | OneOfField
    | ChooseField
    | ManyOfField
    | AddressField
    | PlaceField
    | PhoneField
    | MailField
    | BankField
    | ConsentField
    | CalculatedField
    | NoteField
)
SimpleField = Annotated[Simple, Field(discriminator="type")]
