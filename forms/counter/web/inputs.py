"""The counter's own forms; the questions of procedures come from their definitions."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice

from forms.counter.models import Authority
from forms.counter.prepared import LONGEST
from forms.counter.services import REASON_LENGTH
from forms.counter.standing import REASON_LENGTH as WITHDRAW_LENGTH
from forms.counter.standing import Came
from forms.counter.web.words import AUTHORITIES
from portal.accounts.proofs import Proof
from portal.accounts.web.words import PROOFS
from portal.kernel.errors import Invalid
from portal.kernel.money import Yen
from portal.web.forms import (
    CheckboxesField,
    ChoiceField,
    ConsentField,
    LongTextField,
    MaxLength,
    MoneyField,
    PortalForm,
    Required,
    SelectionField,
    TextField,
)


class OpenInputs(PortalForm):
    """What the visitor came for, and by what right."""

    slugs = CheckboxesField(lazy_gettext("手続き"), validators=[Required()])
    authority = ChoiceField(
        lazy_gettext("窓口に来た人"),
        choices=[SelectChoice(kind.value, words) for kind, words in AUTHORITIES.items()],
        default=Authority.SELF.value,
        validators=[Required()],
    )
    office = SelectionField(lazy_gettext("庁舎"), validators=[Required()])


_CODE = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "data-code": "number"}


class _SamePerson(PortalForm):
    same_person = ConsentField(lazy_gettext("準備した人と同じ人だと確かめました(字のちがい、書きまちがい)"))


class PreparedInputs(_SamePerson):
    """The number of what was prepared at home, typed, or as a code reader types it."""

    number = TextField(lazy_gettext("準備の番号"), render_kw=_CODE, validators=[Required(), MaxLength(LONGEST)])


class PreparedVisitInputs(PreparedInputs):
    """The same, for a new visit."""

    authority = ChoiceField(
        lazy_gettext("窓口に来た人"),
        choices=[SelectChoice(kind.value, words) for kind, words in AUTHORITIES.items()],
        default=Authority.SELF.value,
        validators=[Required()],
    )
    office = SelectionField(lazy_gettext("庁舎"), validators=[Required()])


class CardInputs(_SamePerson):
    """The card on the simulated reader."""

    card = ChoiceField(lazy_gettext("見本のカード"), validators=[Required()])


class IdentityInputs(PortalForm):
    """What the clerk looked at to see who came."""

    seen = CheckboxesField(
        lazy_gettext("本人確認で見たもの"),
        choices=[SelectChoice(kind.value, words) for kind, words in PROOFS.items()],
        validators=[Required()],
    )


class CaseNumberInputs(PortalForm):
    """The number of a case that is filed already, as its letter or slip says it."""

    number = TextField(lazy_gettext("受付番号"), render_kw=_CODE, validators=[Required(), MaxLength(LONGEST)])


class CameInputs(IdentityInputs):
    """Who came about a case that is filed already, and what was looked at."""

    authority = ChoiceField(
        lazy_gettext("窓口に来た人"),
        choices=[SelectChoice(kind.value, words) for kind, words in AUTHORITIES.items()],
        default=Authority.SELF.value,
        validators=[Required()],
    )
    revision = HiddenField()

    def came(self) -> Came:
        """Who stands there; valid after `validate`."""
        return Came(Authority(self.authority.data), [Proof(code) for code in self.seen.data])

    def seen_revision(self) -> int:
        """The revision of the case that the clerk saw.

        Raises:
            Invalid: it was altered.
        """
        try:
            return int(self.revision.data or "")
        except ValueError as error:
            raise Invalid from error


class WithdrawInputs(CameInputs):
    """The same, and why the applicant takes the case back."""

    reason = LongTextField(lazy_gettext("取り下げる理由"), validators=[Required(), MaxLength(WITHDRAW_LENGTH)])


class ReasonInputs(PortalForm):
    """Why the card's value is not used."""

    reason = TextField(lazy_gettext("直す理由"), validators=[Required(), MaxLength(REASON_LENGTH)])


class CashInputs(PortalForm):
    """What the visitor put on the counter."""

    received = MoneyField(lazy_gettext("預かった金額"), validators=[Required()])

    def amount(self) -> Yen:
        """The amount; valid after `validate`."""
        found: Any = self.received.data
        assert isinstance(found, Yen)
        return found
