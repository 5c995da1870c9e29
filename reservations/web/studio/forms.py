"""Forms of the set-up pages."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.web.forms import (
    CheckboxesField,
    ChoiceField,
    ClockField,
    LongTextField,
    MaxLength,
    MoneyField,
    NumberField,
    PhoneField,
    PortalForm,
    Required,
    SelectionField,
    TextField,
    WarekiDateField,
)
from reservations.studio.layouts import LAYOUTS
from reservations.web.studio import words
from reservations.web.words import district_choices


def choices(pairs: dict[str, str], *, empty: str | None = None) -> list[SelectChoice]:
    """Pairs as the form library wants them, with an empty first one where `empty` says what it means."""
    first = [SelectChoice("", empty)] if empty is not None else []
    return [*first, *(SelectChoice(value, label) for value, label in pairs.items())]


class CoordinateField(TextField):
    """A latitude or longitude in degrees."""

    def post_validate(self, form: Any, validation_stopped: bool) -> None:  # noqa: ARG002, FBT001 - WTForms' signature
        """Make it a number."""
        if not self.data:
            self.data = None
            return
        try:
            self.data = float(self.data)
        except (TypeError, ValueError):
            self.data = None
            raise ValidationError(gettext("緯度と経度は、36.18 のような数で書いてください。")) from None
        if not -180 <= self.data <= 180:
            raise ValidationError(gettext("緯度と経度は、36.18 のような数で書いてください。"))


class FacilityForm(PortalForm):
    """Who and where a facility is."""

    name = TextField(lazy_gettext("正式な名前"), validators=[Required(), MaxLength(200)])
    kana = TextField(lazy_gettext("よみ(ひらがな)"), validators=[MaxLength(200)])
    name_en = TextField(lazy_gettext("英語の名前"), validators=[MaxLength(200)])
    category = SelectionField(lazy_gettext("種類"), validators=[Required()])
    district = SelectionField(
        lazy_gettext("地区"), validators=[Optional()], description=lazy_gettext("利用者が地区でさがすときに使います。")
    )
    address = TextField(lazy_gettext("住所(市の名前のあと)"), validators=[MaxLength(200)])
    latitude = CoordinateField(lazy_gettext("緯度"), description=lazy_gettext("「近くの施設」に使います。例: 36.1812"))
    longitude = CoordinateField(lazy_gettext("経度"), description=lazy_gettext("例: 139.7529"))
    phone = PhoneField(lazy_gettext("電話"), validators=[Optional()])
    opened_on = WarekiDateField(lazy_gettext("開く日"), validators=[Optional()])
    closed_on = WarekiDateField(lazy_gettext("閉じる日(最後の日)"), validators=[Optional()])
    replaced_by = SelectionField(
        lazy_gettext("閉じたあとに使う施設(統合先)"),
        validators=[Optional()],
        description=lazy_gettext(
            "ほかの施設といっしょになるときに選びます。閉じる日のあとを予約しようとした人に、この施設を案内します。"
        ),
    )
    department = SelectionField(lazy_gettext("所管課"), validators=[Optional()])
    payee = SelectionField(
        lazy_gettext("使用料の受取先"),
        validators=[Optional()],
        description=lazy_gettext("指定管理者の収入になる施設では、指定管理者を選びます。"),
    )
    barrier_free = CheckboxesField(lazy_gettext("バリアフリー"), validators=[Optional()])
    wifi = SelectionField(lazy_gettext("Wi-Fi"), validators=[Optional()])
    note = LongTextField(lazy_gettext("職員のメモ"), validators=[MaxLength(1000)])

    def __init__(
        self,
        *args: Any,
        districts: list[str],
        departments: dict[str, str],
        payees: dict[str, str],
        successors: dict[str, str],
        locale: str = "ja",
        **kwargs: Any,
    ) -> None:
        """Args: districts; departments, payees, successors: what can be chosen, by code."""
        super().__init__(*args, **kwargs)
        del locale
        self.category.choices = choices(words.categories())
        self.district.choices = choices(dict(district_choices(districts)), empty=gettext("選ばない"))
        self.department.choices = choices(departments, empty=gettext("選ばない"))
        self.replaced_by.choices = choices(successors, empty=gettext("ない"))
        self.payee.choices = choices(payees, empty=gettext("市"))
        self.barrier_free.choices = choices(words.barrier_free())
        known = {"yes": gettext("使えます"), "no": gettext("ありません")}
        self.wifi.choices = choices(known, empty=gettext("分かりません"))

    def validate_closed_on(self, field: Any) -> None:
        """The last day is not before the first."""
        if field.data and self.opened_on.data and field.data < self.opened_on.data:
            raise ValidationError(gettext("「閉じる日」は「開く日」より後にしてください。"))

    def validate_replaced_by(self, field: Any) -> None:
        """Another facility takes the place of one that closes, from a day on."""
        if field.data and not self.closed_on.data:
            raise ValidationError(gettext("統合先を選ぶときは、「閉じる日(最後の日)」も入力してください。"))


class NameForm(PortalForm):
    """A further name with its dates."""

    kind = SelectionField(lazy_gettext("名前の種類"), validators=[Required()])
    name = TextField(lazy_gettext("名前"), validators=[Required(), MaxLength(200)])
    name_en = TextField(lazy_gettext("英語の名前"), validators=[MaxLength(200)])
    valid_from = WarekiDateField(lazy_gettext("使い始める日"), validators=[Optional()])
    valid_until = WarekiDateField(lazy_gettext("最後の日"), validators=[Optional()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The kinds in the reader's language."""
        super().__init__(*args, **kwargs)
        self.kind.choices = choices(words.name_kinds())

    def validate_valid_until(self, field: Any) -> None:
        """Forward in time."""
        if field.data and self.valid_from.data and field.data < self.valid_from.data:
            raise ValidationError(gettext("「最後の日」は「使い始める日」より後にしてください。"))


class NameEndForm(PortalForm):
    """The last day of a further name."""

    last_day = WarekiDateField(lazy_gettext("最後の日"), validators=[Required()])


class PictureForm(PortalForm):
    """A picture and its words."""

    picture = FileField(lazy_gettext("写真"), validators=[Required()])
    alt = TextField(
        lazy_gettext("写真の説明"),
        validators=[Required(), MaxLength(200)],
        description=lazy_gettext("見えない人に読み上げられます。例: 入口の前にスロープがある"),
    )


class FloorForm(PortalForm):
    """A floor and how it is shared."""

    name = TextField(lazy_gettext("部屋・コートの名前"), validators=[Required(), MaxLength(80)])
    name_en = TextField(lazy_gettext("英語の名前"), validators=[MaxLength(80)])
    layout = ChoiceField(lazy_gettext("分け方"), validators=[Required()])
    capacity = NumberField(lazy_gettext("全体の定員(人)"), least=1, most=100_000, validators=[Optional()])
    purposes = CheckboxesField(lazy_gettext("使いみち"), validators=[Required()])

    def __init__(self, *args: Any, uses: dict[str, str], **kwargs: Any) -> None:
        """Args: uses: purposes by code."""
        super().__init__(*args, **kwargs)
        names = words.layouts()
        self.layout.choices = choices({code: names[code] for code in LAYOUTS})
        self.purposes.choices = choices(uses)


class SpaceForm(PortalForm):
    """One space and the documents by which it is booked."""

    name = TextField(lazy_gettext("名前"), validators=[Required(), MaxLength(120)])
    name_en = TextField(lazy_gettext("英語の名前"), validators=[MaxLength(120)])
    detail = TextField(lazy_gettext("説明"), validators=[MaxLength(400)])
    capacity = NumberField(lazy_gettext("定員(人)"), least=1, most=100_000, validators=[Optional()])
    tariff = TextField(
        lazy_gettext("料金表での種類"),
        validators=[Required(), MaxLength(20)],
        description=lazy_gettext("料金表の tariffs に書く言葉です。例: whole、half"),
    )
    purposes = CheckboxesField(lazy_gettext("使いみち"), validators=[Required()])
    timetable = SelectionField(lazy_gettext("開館表"), validators=[Optional()])
    fees = SelectionField(lazy_gettext("料金表"), validators=[Optional()])
    policy = SelectionField(lazy_gettext("利用のきまり"), validators=[Optional()])
    bookable = SelectionField(lazy_gettext("オンラインの予約"), validators=[Required()])
    outdoor = SelectionField(lazy_gettext("屋外ですか(雨で中止にできます)"), validators=[Required()])

    def __init__(self, *args: Any, uses: dict[str, str], codes: dict[str, list[str]], **kwargs: Any) -> None:
        """Args: uses: purposes by code. codes: documents by kind."""
        super().__init__(*args, **kwargs)
        self.purposes.choices = choices(uses)
        for kind in ("timetable", "fees", "policy"):
            self[kind].choices = choices({code: code for code in codes[kind]}, empty=gettext("まだありません"))
        self.bookable.choices = choices({"yes": gettext("受け付ける"), "no": gettext("受け付けない")})
        self.outdoor.choices = choices({"no": gettext("屋内"), "yes": gettext("屋外")})

    def validate_tariff(self, field: Any) -> None:
        """A word of the fee table."""
        if not all(c.isascii() and (c.isalnum() or c == "-") for c in field.data or ""):
            raise ValidationError(gettext("「料金表での種類」は、小さい英字・数字・「-」で書いてください。"))


class DocumentForm(PortalForm):
    """The document's text, typed or from a file."""

    text = LongTextField(lazy_gettext("文書(YAML)"), render_kw={"rows": 24, "spellcheck": "false"})
    upload = FileField(lazy_gettext("文書のファイル"), description=lazy_gettext("選ぶと、下の文書の代わりに使います。"))


class ReasonForm(PortalForm):
    """Why a draft goes back."""

    reason = TextField(lazy_gettext("もどす理由"), validators=[Required(), MaxLength(500)])


class TimetableForm(PortalForm):
    """The usual timetable."""

    valid_from = WarekiDateField(lazy_gettext("いつから"), validators=[Required()])
    source = TextField(lazy_gettext("根拠(規則の名前など)"), validators=[Required(), MaxLength(300)])
    way = ChoiceField(lazy_gettext("1日の分け方"), validators=[Required()])
    start = ClockField(lazy_gettext("開く時刻"), validators=[Optional()])
    end = ClockField(lazy_gettext("閉じる時刻"), validators=[Optional()])
    minutes = SelectionField(lazy_gettext("1コマの長さ"), validators=[Optional()])
    lunch_start = ClockField(lazy_gettext("昼休みの始まり"), validators=[Optional()])
    lunch_end = ClockField(lazy_gettext("昼休みの終わり"), validators=[Optional()])
    bands = LongTextField(
        lazy_gettext("時間帯"),
        description=lazy_gettext("1行に1つ。例: 午前 9:00 12:00"),
        validators=[MaxLength(500)],
        render_kw={"rows": 4},
    )
    closed_on = SelectionField(lazy_gettext("毎週の休み"), validators=[Optional()])
    when_holiday = SelectionField(lazy_gettext("その日が祝日のとき"), validators=[Optional()])
    year_end_from = TextField(
        lazy_gettext("年末の休みの始まり"), description=lazy_gettext("例: 12-29。休まないときは空")
    )
    year_end_until = TextField(lazy_gettext("年始の休みの終わり"), description=lazy_gettext("例: 01-03"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.way.choices = choices(
            {"grid": gettext("同じ長さのコマ"), "bands": gettext("午前・午後・夜間などの時間帯")}
        )
        self.minutes.choices = choices({str(n): gettext("%(n)s分", n=n) for n in (30, 60, 90, 120, 180, 240)})
        self.closed_on.choices = choices(words.weekdays(), empty=gettext("ない"))
        self.when_holiday.choices = choices(words.when_holiday())

    def validate_end(self, field: Any) -> None:
        """A grid has both ends, forward."""
        if self.way.data == "grid" and not (self.start.data and field.data and self.start.data < field.data):
            raise ValidationError(gettext("「開く時刻」と、それより後の「閉じる時刻」を書いてください。"))

    def validate_bands(self, field: Any) -> None:
        """Bands can be read."""
        if self.way.data == "bands" and not 1 <= len(read_bands(field.data or "")) <= 7:
            raise ValidationError(gettext("時間帯を「午前 9:00 12:00」のように、1行に1つ、7つまで書いてください。"))


def read_bands(text: str) -> list[tuple[str, Any, Any]]:
    """(name, start, end) of each line; empty where a line cannot be read."""
    from datetime import time

    from portal.kernel.text import digits

    found = []
    for line in filter(None, (digits(line).replace("〜", " ").split() for line in text.splitlines())):
        try:
            name, *times = line
            start, end = (time.fromisoformat(one.zfill(5)) for one in times)
        except (ValueError, TypeError):
            return []
        if end <= start:
            return []
        found.append((name, start, end))
    return found


class FeesForm(PortalForm):
    """The usual fee table; the amounts by kind of space are added by `fees_form`."""

    valid_from = WarekiDateField(lazy_gettext("いつから"), validators=[Required()])
    ground = TextField(
        lazy_gettext("根拠(条例の名前と別表)"),
        validators=[Required(), MaxLength(300)],
        description=lazy_gettext("領収書と許可書に出ます。"),
    )
    per = ChoiceField(lazy_gettext("金額は何ごとですか"), validators=[Required()])
    outsider = NumberField(
        lazy_gettext("市外の方の割増し(%)"),
        least=0,
        most=900,
        validators=[Optional()],
        description=lazy_gettext("同じ金額なら0。2倍なら100"),
    )
    lights = MoneyField(lazy_gettext("照明 1時間"), least=0, most=999_999, validators=[Optional()])
    lights_from = ClockField(lazy_gettext("照明を選べるコマの始まり(この時刻から)"), validators=[Optional()])
    air = MoneyField(lazy_gettext("冷暖房 1時間"), least=0, most=999_999, validators=[Optional()])
    rounding = SelectionField(lazy_gettext("端数"), validators=[Required()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.per.choices = choices({"slot": gettext("1コマごと"), "hour": gettext("1時間ごと")})
        self.rounding.choices = choices(
            {
                "10": gettext("10円未満を切り捨てる"),
                "1": gettext("1円未満を切り捨てる"),
                "100": gettext("100円未満を切り捨てる"),
            }
        )


def fees_form(tariffs: list[str], *args: Any, **kwargs: Any) -> FeesForm:
    """The form with a weekday and a weekend amount for each kind of space."""
    fields: dict[str, Any] = {}
    for code in tariffs:
        label = words.tariff(code)
        fields[f"amount_{code}"] = MoneyField(
            gettext("%(what)s", what=label), least=0, most=9_999_999, validators=[Required()]
        )
        fields[f"weekend_{code}"] = MoneyField(
            gettext("%(what)s(土日祝。同じなら空)", what=label), least=0, most=9_999_999, validators=[Optional()]
        )
    made: FeesForm = type("FeesFormOf", (FeesForm,), fields)(*args, **kwargs)
    return made


class PolicyForm(PortalForm):
    """The usual rules of use."""

    valid_from = WarekiDateField(lazy_gettext("いつから"), validators=[Required()])
    source = TextField(lazy_gettext("根拠(規則の名前など)"), validators=[Required(), MaxLength(300)])
    months = NumberField(lazy_gettext("市内の方: 何か月前から"), least=0, most=24, validators=[Required()])
    outsider_months = NumberField(
        lazy_gettext("市外の方: 何か月前から(空なら予約できません)"), least=0, most=24, validators=[Optional()]
    )
    opens_on = ChoiceField(lazy_gettext("何日から"), validators=[Required()])
    opens_at = ClockField(lazy_gettext("何時から"), validators=[Required()])
    closes_days = NumberField(
        lazy_gettext("何日前まで(0なら始まる30分前まで)"), least=0, most=365, validators=[Required()]
    )
    approval = ChoiceField(lazy_gettext("決め方"), validators=[Required()])
    full_days = NumberField(lazy_gettext("全額を返す取消し(何日前まで)"), least=0, most=365, validators=[Required()])
    half_days = NumberField(lazy_gettext("半額を返す取消し(何日前まで)"), least=0, most=365, validators=[Optional()])
    telephone_days = NumberField(
        lazy_gettext("電話の予約の支払い(何日以内)"),
        least=1,
        most=60,
        validators=[Required()],
        description=lazy_gettext(
            "その場で支払うきまりの施設で、電話で予約した方の期限です。使う時間が始まるまでには支払います。"
        ),
    )
    overtime_days = NumberField(lazy_gettext("延長の料金の支払い(何日以内)"), least=1, most=90, validators=[Required()])
    days_source = TextField(
        lazy_gettext("支払いの日数の根拠"),
        validators=[MaxLength(300)],
        description=lazy_gettext("規則の名前と条です。書かないと、見本と出ます。"),
    )
    cancel_ground = TextField(lazy_gettext("還付の根拠"), validators=[Required(), MaxLength(300)])
    authority = TextField(lazy_gettext("許可する人(処分庁)"), validators=[Required(), MaxLength(100)])
    ground = TextField(lazy_gettext("許可の根拠(条例の名前と条)"), validators=[Required(), MaxLength(300)])
    review_by = TextField(lazy_gettext("審査請求の相手"), validators=[Required(), MaxLength(100)])
    defendant = TextField(lazy_gettext("取消訴訟の被告"), validators=[Required(), MaxLength(100)])
    entrance = TextField(lazy_gettext("鍵と入り方"), validators=[MaxLength(300)])
    conditions = LongTextField(
        lazy_gettext("許可の条件"), description=lazy_gettext("1行に1つ"), validators=[MaxLength(2000)]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The choices in the reader's language."""
        super().__init__(*args, **kwargs)
        self.opens_on.choices = choices({"same_day": gettext("使う日と同じ日"), "first": gettext("その月の1日")})
        self.approval.choices = choices({"automatic": gettext("自動で決まる"), "manager": gettext("施設が確認する")})


class TryForm(PortalForm):
    """A case for a fee table. Sent by GET: nothing is saved. `asked` names what the table asks for besides, in order."""

    asked: tuple[str, ...] = ()

    class Meta:
        """No token."""

        csrf = False

    tariff = SelectionField(lazy_gettext("何を"), validators=[Required()])
    date = WarekiDateField(lazy_gettext("使う日"), validators=[Required()])
    start = ClockField(lazy_gettext("始まり"), validators=[Required()])
    end = ClockField(lazy_gettext("終わり"), validators=[Required()])
    category = SelectionField(lazy_gettext("だれが"), validators=[Optional()])
    purpose = SelectionField(lazy_gettext("使いみち"), validators=[Optional()])
    overtime = NumberField(lazy_gettext("延長(分)"), least=0, most=600, validators=[Optional()])
    ask = HiddenField(default="1")
