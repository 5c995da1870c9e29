"""Forms of the booking pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.web.forms import (
    ChoiceField,
    LongTextField,
    MaxLength,
    NumberField,
    PortalForm,
    Required,
    SelectionField,
    TextField,
    Unmarked,
    WarekiDateField,
)

FARTHEST = timedelta(days=400)


def offered(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """(value, label) pairs as the form library wants them."""
    return [SelectChoice(value, label) for value, label in pairs]


class DayField(WarekiDateField):
    """A day, with the phone's own calendar; typed dates of every usual kind are read as well."""

    def show(self, value: Any) -> str:
        """2026-12-04, as the browser's calendar wants it."""
        return value.isoformat() if isinstance(value, date) else str(value)


class SearchForm(PortalForm):
    """What for, when, where. Sent by GET: nothing changes, so no token is asked."""

    class Meta:
        """No token."""

        csrf = False

    purpose = SelectionField(lazy_gettext("使いみち"), validators=[Optional(), Unmarked()])
    day = DayField(
        lazy_gettext("使う日"),
        name="date",
        description=lazy_gettext("空けておくと、いちばん早く空いている日をさがします。"),
        validators=[Optional()],
        render_kw={"type": "date"},
    )
    district = SelectionField(lazy_gettext("地区"), validators=[Optional()])
    part = SelectionField(lazy_gettext("時間"), validators=[Optional()])
    near = TextField(
        lazy_gettext("近い順にならべる"),
        description=lazy_gettext("町の名前か郵便番号。例: 下大野、306-0204"),
        validators=[Optional(), MaxLength(40)],
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        """Args: today: the first day that can be asked for."""
        super().__init__(*args, **kwargs)
        self._today = today

    def validate_day(self, field: Any) -> None:
        """Refuse days that are gone or too far away."""
        if field.data is None:
            return
        if field.data < self._today:
            raise ValidationError(gettext("「使う日」は、今日からあとの日にしてください。"))
        if field.data > self._today + FARTHEST:
            raise ValidationError(gettext("「使う日」が先すぎます。1年くらい先までの日にしてください。"))


class CancelForm(PortalForm):
    """The sum that was shown goes with the confirmation."""

    expected = HiddenField(validators=[Required()])
    owed = HiddenField()


class DecisionForm(PortalForm):
    """What the manager decides."""

    decision = ChoiceField(
        lazy_gettext("どうしますか"),
        validators=[Required()],
        choices=[SelectChoice("approve", lazy_gettext("許可する")), SelectChoice("refuse", lazy_gettext("許可しない"))],
    )
    reason = LongTextField(
        lazy_gettext("許可しない理由"),
        # No Optional(): it would end the checks of an empty field before `validate_reason`.
        validators=[MaxLength(1000)],
        description=lazy_gettext("許可しないときだけ書きます。申し込んだ人に、そのまま届きます。"),
    )

    conditions = LongTextField(
        lazy_gettext("許可の条件"),
        validators=[MaxLength(1000)],
        description=lazy_gettext("あるときだけ、1行に1つずつ書きます。使用許可書に印刷します。"),
    )

    def validate_reason(self, field: Any) -> None:
        """A refusal needs its reason."""
        if self.decision.data == "refuse" and not (field.data or "").strip():
            raise ValidationError(gettext("許可しない理由を書いてください。"))


class EmptyForm(PortalForm):
    """Only the token."""


class ReductionForm(PortalForm):
    """What staff decide about a reduction that was asked for."""

    reduction = HiddenField(validators=[Required()])
    decision = ChoiceField(
        lazy_gettext("減免をどうしますか"),
        validators=[Required()],
        choices=[
            SelectChoice("grant", lazy_gettext("認める")),
            SelectChoice("refuse", lazy_gettext("認めない")),
            SelectChoice("revoke", lazy_gettext("認めたものを取り消す")),
        ],
    )
    reason = LongTextField(
        lazy_gettext("認めない・取り消す理由"),
        validators=[MaxLength(1000)],
        description=lazy_gettext("認めるときはいりません。申し込んだ人に、教示といっしょに、そのまま届きます。"),
        render_kw={"rows": 3},
    )

    def validate_reason(self, field: Any) -> None:
        """A refusal or a revocation needs its reason."""
        if self.decision.data in {"refuse", "revoke"} and not (field.data or "").strip():
            raise ValidationError(gettext("減免を認めない理由を書いてください。"))


class AfterUseForm(PortalForm):
    """What staff note about a use, on its day or afterwards."""

    what = ChoiceField(
        lazy_gettext("何がありましたか"),
        validators=[Required()],
        choices=[
            SelectChoice("weather", lazy_gettext("天候のため、使うのを中止した")),
            SelectChoice("facility", lazy_gettext("施設の都合で、使うのを中止した")),
            SelectChoice("city", lazy_gettext("市の都合で、使うのを中止した")),
            SelectChoice("lost", lazy_gettext("時間の一部が使えなかった(分を書く)")),
            SelectChoice("no_show", lazy_gettext("来なかった")),
            SelectChoice("came", lazy_gettext("「来なかった」を取り消す")),
        ],
    )
    minutes = NumberField(lazy_gettext("分"), validators=[Optional()], least=1, most=1440)

    def validate_minutes(self, field: Any) -> None:
        """Minutes are needed where time was lost."""
        if self.what.data == "lost" and not field.data:
            raise ValidationError(gettext("何分かを書いてください。"))
