"""Forms of the finance pages."""

from __future__ import annotations

from flask_babel import gettext, lazy_gettext
from wtforms import HiddenField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.kernel import text
from portal.web.forms import (
    ChoiceField,
    KanaField,
    LongTextField,
    MaxLength,
    MoneyField,
    PortalForm,
    Required,
    TextField,
    Unmarked,
)


class CashForm(PortalForm):
    """Cash over the counter."""

    received = MoneyField(lazy_gettext("受け取った現金"), validators=[Required()], least=0, most=99_999_999)
    place = SelectField(lazy_gettext("場所"), validators=[Required()])


class SearchForm(PortalForm):
    """Search by any reference; left empty it leads back to all of the day."""

    class Meta:
        """A search changes nothing."""

        csrf = False

    q = TextField(lazy_gettext("番号でさがす"), validators=[Unmarked()])


class AccountForm(PortalForm):
    """The account that a refund is transferred to; bank and branch are chosen before."""

    kind = ChoiceField(
        lazy_gettext("口座の種類"),
        validators=[Required()],
        choices=[
            SelectChoice("ordinary", lazy_gettext("普通")),
            SelectChoice("current", lazy_gettext("当座")),
            SelectChoice("savings", lazy_gettext("貯蓄")),
        ],
        default="ordinary",
    )
    number = TextField(lazy_gettext("口座番号(7けた)"), validators=[Required()])
    holder = KanaField(lazy_gettext("口座の名義(カタカナ)"), validators=[Required(), MaxLength(48)])
    evidence = TextField(lazy_gettext("確かめた書類(名前は書かない)"), validators=[Optional(), MaxLength(200)])

    def validate_number(self, field: TextField) -> None:
        """Seven digits in any width; shorter numbers get their zeros."""
        number = text.digits(field.data or "").replace("-", "").strip()
        if not (number.isascii() and number.isdigit() and 1 <= len(number) <= 7):
            raise ValidationError(gettext("口座番号は、7けたまでの数字で入力してください。"))
        field.data = number.zfill(7)


class HeirForm(PortalForm):
    """Which papers an heir has shown."""

    evidence = TextField(lazy_gettext("確かめた書類(名前は書かない)"), validators=[Required(), MaxLength(200)])


class ExplainForm(PortalForm):
    """Why something odd is as it is, and which paper shows it."""

    amount = HiddenField()
    reason = LongTextField(lazy_gettext("理由"), validators=[Required(), MaxLength(400)], render_kw={"rows": 3})
    evidence = TextField(lazy_gettext("確かめた書類"), validators=[Required(), MaxLength(200)])


class ActForm(PortalForm):
    """Nothing but the token."""
