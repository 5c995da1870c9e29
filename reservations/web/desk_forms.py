"""Forms of the desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf.file import FileField
from wtforms.validators import Optional

from portal.kernel import clock
from portal.web.forms import ClockField, MaxLength, NumberField, PortalForm, Required, TextField
from reservations.desk.ages import AGES, MOST
from reservations.web.forms import DayField

AGE_LABELS = {
    "infant": lazy_gettext("小学校に入る前"),
    "primary": lazy_gettext("小学生"),
    "junior_high": lazy_gettext("中学生"),
    "high": lazy_gettext("高校生"),
    "adult": lazy_gettext("大人(64歳まで)"),
    "senior": lazy_gettext("65歳から"),
}


def _moment(day: Any, at: Any) -> datetime:
    return datetime.combine(day, at, clock.TOKYO)


class CameForm(PortalForm):
    """Came now; or on paper, with the true time."""

    at = ClockField(
        lazy_gettext("来た時刻(紙に書いたものを入れるとき)"),
        description=lazy_gettext("空のときは、いまの時刻になります。例: 9:05"),
        validators=[Optional()],
    )


class UseForm(PortalForm):
    """How it really was."""

    left = ClockField(
        lazy_gettext("帰った時刻"),
        description=lazy_gettext("まだ使っているときは空のままにします。"),
        validators=[Optional()],
    )
    remark = TextField(
        lazy_gettext("引きつぎ"),
        description=lazy_gettext("なまえは書かないでください。"),
        validators=[Optional(), MaxLength(300)],
    )

    def users(self) -> dict[str, int]:
        """The numbers typed, by age."""
        return {age: self[age].data for age in AGES if self[age].data}

    def left_at(self, ends_at: datetime) -> datetime | None:
        """The time of leaving on the day on which the use ends; aware."""
        return None if self.left.data is None else _moment(clock.local(ends_at).date(), self.left.data)


for _age, _label in AGE_LABELS.items():
    setattr(
        UseForm,
        _age,
        NumberField(_label, least=0, most=MOST, validators=[Optional()], render_kw={"inputmode": "numeric"}),
    )


class LendForm(PortalForm):
    """What is handed out."""

    what = TextField(
        lazy_gettext("貸すもの"),
        description=lazy_gettext("例: 鍵 3番、リモコン、ネット"),
        validators=[Required(), MaxLength(60)],
    )


class TakeBackForm(PortalForm):
    """Why a charge is taken back."""

    reason = TextField(
        lazy_gettext("取り下げる理由"),
        description=lazy_gettext("本人に、そのまま伝わります。例: 帰った時刻を打ちまちがえました"),
        validators=[Required(), MaxLength(300)],
    )


class FindForm(PortalForm):
    """A booking by number, permit, name, telephone, or the picture of its QR code."""

    words = TextField(lazy_gettext("予約番号・許可書番号・名前・電話"), validators=[Optional(), MaxLength(100)])
    picture = FileField(
        lazy_gettext("QRコードの写真"),
        render_kw={"accept": "image/*", "capture": "environment"},
        validators=[Optional()],
    )


class PeriodForm(PortalForm):
    """From when until when; sent by GET."""

    class Meta:
        """No token."""

        csrf = False

    first = DayField(lazy_gettext("はじめの日"), validators=[Required()], render_kw={"type": "date"})
    last = DayField(lazy_gettext("おわりの日"), validators=[Required()], render_kw={"type": "date"})
