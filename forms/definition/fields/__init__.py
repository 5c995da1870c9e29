"""The field types. One class each; `AnyField` is the list (`simple.Simple`: those that may stand in a repeated group)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from forms.definition.fields.address import AddressField
from forms.definition.fields.appointment import AppointmentField
from forms.definition.fields.bank import BankField
from forms.definition.fields.base import (
    FieldSpec,
    Limit,
    Moment,
    Problem,
    Reading,
    Town,
    Typed,
    length,
    one,
)
from forms.definition.fields.calculated import CalculatedField
from forms.definition.fields.choices import Choice, ChooseField, ConsentField, ManyOfField, OneOfField, YesNoField
from forms.definition.fields.figures import DateField, NumberField
from forms.definition.fields.files import FileField, PhotoField, SignatureField
from forms.definition.fields.group import ROW, GroupField
from forms.definition.fields.moments import PeriodField, TimeField
from forms.definition.fields.money import MoneyField
from forms.definition.fields.person import PersonField
from forms.definition.fields.place import PlaceField
from forms.definition.fields.simple import Simple
from forms.definition.fields.text import (
    KanaField,
    LongTextField,
    MailField,
    NameField,
    NoteField,
    PhoneField,
    TextField,
)
from portal.kernel.text import is_resident_number

AnyField = Annotated[Simple | FileField | PhotoField | SignatureField | GroupField, Field(discriminator="type")]
__all__ = [
    "ROW",
    "AddressField",
    "AnyField",
    "AppointmentField",
    "BankField",
    "CalculatedField",
    "Choice",
    "ChooseField",
    "ConsentField",
    "DateField",
    "FieldSpec",
    "FileField",
    "GroupField",
    "KanaField",
    "Limit",
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
    "PersonField",
    "PhoneField",
    "PhotoField",
    "PlaceField",
    "Problem",
    "Reading",
    "SignatureField",
    "TextField",
    "TimeField",
    "Town",
    "Typed",
    "YesNoField",
    "is_resident_number",
    "length",
    "one",
]
