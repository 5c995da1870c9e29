"""Forms of the finance pages."""

from __future__ import annotations

from flask_babel import lazy_gettext
from wtforms import SelectField

from portal.web.forms import MoneyField, PortalForm, Required, TextField


class CashForm(PortalForm):
    """Cash over the counter."""

    received = MoneyField(lazy_gettext("受け取った現金"), validators=[Required()], least=0, most=99_999_999)
    place = SelectField(lazy_gettext("場所"), validators=[Required()])


class SearchForm(PortalForm):
    """Search by any reference."""

    class Meta:
        """A search changes nothing."""

        csrf = False

    q = TextField(lazy_gettext("番号でさがす"), validators=[Required()])


class ActForm(PortalForm):
    """Nothing but the token."""
