"""Forms of bookings at the desk and on the telephone."""

from __future__ import annotations

from datetime import datetime, time

from flask_babel import lazy_gettext
from wtforms import HiddenField
from wtforms.validators import Optional

from portal.kernel import clock
from portal.web.forms import (
    CheckboxesField,
    ClockField,
    EmailAddressField,
    KanaField,
    MaxLength,
    MoneyField,
    PhoneField,
    PortalForm,
    Required,
    SelectionField,
    TextField,
)
from reservations.desk.behalf import Paper, Who
from reservations.models import Booking
from reservations.web.forms import DayField


class BehalfForm(PortalForm):
    """Where, when, for whom."""

    source = SelectionField(lazy_gettext("どこから"), validators=[Required()])
    slot = CheckboxesField(
        lazy_gettext("時間"), description=lazy_gettext("続けて使うときは、いくつも選びます。"), validators=[Required()]
    )
    name = TextField(lazy_gettext("名前"), validators=[Required(), MaxLength(200)])
    kana = KanaField(lazy_gettext("よみ"), validators=[Required(), MaxLength(200)])
    phone = PhoneField(lazy_gettext("電話"), validators=[Required()])
    prefecture = TextField(lazy_gettext("都道府県"), validators=[Required(), MaxLength(20)])
    city = TextField(lazy_gettext("住んでいる市町村"), validators=[Required(), MaxLength(60)])
    email = EmailAddressField(lazy_gettext("メール(なくてもよい)"), validators=[Optional(), MaxLength(200)])
    person = SelectionField(lazy_gettext("この人ですか"), validators=[Optional()], default="")
    space = HiddenField()
    day = HiddenField()

    def who(self) -> Who:
        """The facts that were typed."""
        return Who(
            str(self.name.data or ""),
            str(self.kana.data or ""),
            str(self.phone.data or ""),
            str(self.prefecture.data or ""),
            str(self.city.data or ""),
            self.email.data or None,
        )


class PlaceForm(PortalForm):
    """Which room and day. Sent by GET."""

    class Meta:
        """No token."""

        csrf = False

    space = SelectionField(lazy_gettext("場所"), validators=[Required()])
    day = DayField(lazy_gettext("使う日"), validators=[Required()], render_kw={"type": "date"})


class PaperForm(PortalForm):
    """What the paper says of a use that is over."""

    came = ClockField(lazy_gettext("来た時刻(紙に書いたもの)"), validators=[Required()])
    left = ClockField(
        lazy_gettext("帰った時刻(紙に書いたもの)"),
        description=lazy_gettext("紙にないときは、空のままにします。"),
        validators=[Optional()],
    )
    why = TextField(
        lazy_gettext("紙に書いたわけ"),
        description=lazy_gettext("例: 停電、通信の故障、受付がいなかった。なまえは書かないでください。"),
        validators=[Required(), MaxLength(200)],
    )

    def paper(self, booking: Booking) -> Paper:
        """What was typed: came on the day on which the use begins, left on the one on which it ends."""
        begins, ends = clock.local(booking.starts_at).date(), clock.local(booking.ends_at).date()
        came = datetime.combine(begins, self.came.data or time(), clock.TOKYO)
        left = datetime.combine(ends, self.left.data, clock.TOKYO) if self.left.data is not None else None
        return Paper(came, left, str(self.why.data or "").strip())


class SlipForm(PortalForm):
    """What the card terminal printed."""

    slip = TextField(
        lazy_gettext("伝票番号"), validators=[Required(), MaxLength(40)], render_kw={"autocomplete": "off"}
    )


class CashForm(PortalForm):
    """What the payer put on the counter."""

    received = MoneyField(lazy_gettext("預かった金額"), least=0, most=10_000_000, validators=[Required()])
