"""The form of a held slot: its questions come from what the fee table in force asks for (`reservations.pricing.asks`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, ValidationError

from portal.kernel.money import Yen
from portal.web import locale
from portal.web.forms import (
    CheckboxesField,
    LongTextField,
    MaxLength,
    MoneyField,
    NumberField,
    PortalForm,
    Required,
    SelectionField,
)
from reservations.errors import NotBookable
from reservations.models import Booking
from reservations.policy.refusals import Refused
from reservations.pricing import Asks, OptionAsk
from reservations.services.quoting import ADMISSION_MOST, ADMISSION_TOTAL_MOST, Details


class DetailsForm(PortalForm):
    """What a held slot is used for. `accepted` is the digest of the price lines that the person sees.

    `details_form` adds the questions of the table; `asked` lists their names in the order in which the page shows them.
    """

    purpose = SelectionField(lazy_gettext("使いみち"), validators=[Required()])
    accepted = HiddenField()
    asked: tuple[str, ...] = ()
    asks: Asks

    def validate_reason(self, field: Any) -> None:
        """A reduction that is asked for needs its reason."""
        if self["reductions"].data and not (field.data or "").strip():
            raise ValidationError(gettext("減免を申請する理由を書いてください。"))

    def details(self) -> Details:
        """What was typed; the form is valid."""
        asks = self.asks
        options = dict.fromkeys(self._data("options") or [], 1)
        minutes: dict[str, int] = {}
        for ask in asks.options:
            name = ask.option.id
            taken = int(self._data(f"take_{name}") or 0)
            count = int(self._data(f"count_{name}") or 0)
            if ask.minutes and taken:
                options[name] = count if ask.pieces > 1 and count else 1
                minutes[name] = taken
            elif ask.pieces > 1 and not ask.minutes and count:
                options[name] = count
        reason = self._data("reason") or ""
        users = {fact.code: int(self._data(f"users_{fact.code}") or 0) for fact in asks.users}
        return Details(
            people=sum(users.values()) if users else int(self._data("people") or 0),
            purpose_id=int(self.purpose.data),
            options=options,
            minutes=minutes,
            admission=_yen(self._data("admission")),
            admission_total=_yen(self._data("admission_total")),
            traits=frozenset(self._data("traits") or []),
            users=users,
            length=int(self._data("length") or 0),
            reductions=dict.fromkeys(self._data("reductions") or [], reason.strip()),
            tickets={book.id: int(self._data(f"tickets_{book.id}") or 0) for book in asks.tickets},
        )

    def _data(self, name: str) -> Any:
        return self[name].data if name in self else None


def details_form(booking: Booking, asks: Asks, purposes: Sequence[tuple[int, str]], *, fill: bool) -> DetailsForm:
    """The form for a booking.

    Args:
        booking: the hold.
        asks: what its fee table asks for.
        purposes: (id, label) of what the space is for.
        fill: with what is kept so far (a page that is opened), not with what was sent.
    """
    fields = dict(_fields(booking, asks))
    made = type("BookingDetailsForm", (DetailsForm,), {**fields, "asked": tuple(fields), "asks": asks})
    form: DetailsForm = made(data=_kept(booking, asks) if fill else None)
    form.purpose.choices = [SelectChoice(str(value), label) for value, label in purposes]
    if fill:
        form.purpose.data = str(booking.purpose_id or (purposes[0][0] if purposes else ""))
    return form


def refused_field(form: DetailsForm, error: NotBookable) -> Any:
    """The field beside which a rule's refusal stands."""
    return form.purpose if error.reason is Refused.NOT_FOR_PURPOSE else form[form.asked[0]]


def _fields(booking: Booking, asks: Asks) -> Iterator[tuple[str, Any]]:
    people = gettext("人")
    if asks.users:
        for fact in asks.users:
            label = gettext("使う人数(%(who)s)", who=label_of(fact))
            yield f"users_{fact.code}", number_field(label, most=booking.most_people or 100_000, unit=people)
    else:
        yield (
            "people",
            NumberField(
                gettext("使う人数"),
                validators=[Required()],
                least=1,
                most=100_000,
                render_kw={"inputmode": "numeric", "data-unit": people},
                description=gettext("%(count)s人まで", count=booking.most_people) if booking.most_people else "",
            ),
        )
    if asks.lengths:
        whole = int((booking.ends_at - booking.starts_at).total_seconds()) // 60
        choices = [
            SelectChoice("0", gettext("この時間の全部")),
            *(_time(length) for length in asks.lengths if length < whole),
        ]
        yield "length", SelectionField(gettext("使う長さ"), choices=choices, validators=[Optional()])
    if asks.admission:
        yield "admission", money_field(gettext("入場料(いちばん高いもの)"), ADMISSION_MOST)
    if asks.admission_total:
        yield "admission_total", money_field(gettext("入場料の総額(見こみ)"), ADMISSION_TOTAL_MOST)
    if asks.traits:
        choices = [SelectChoice(fact.code, label_of(fact, hint=True)) for fact in asks.traits]
        yield "traits", CheckboxesField(gettext("当てはまるもの"), choices=choices, validators=[Optional()])
    yield from _options(asks)
    for book in asks.tickets:
        label = book.label_en if locale.current() == "en" and book.label_en else book.label
        yield (
            f"tickets_{book.id}",
            number_field(gettext("%(book)sを使う枚数", book=label), most=1000, unit=gettext("枚")),
        )
    if asks.reductions:
        choices = [SelectChoice(part.id, _asked_label(part)) for part in asks.reductions]
        yield (
            "reductions",
            CheckboxesField(
                gettext("減免の申請"),
                choices=choices,
                validators=[Optional()],
                description=gettext("施設の担当者が確かめて決めます。決まるまで、予約は取り消されません。"),
            ),
        )
        yield "reason", LongTextField(gettext("減免を申請する理由"), validators=[MaxLength(500)], render_kw={"rows": 3})


def _options(asks: Asks) -> Iterator[tuple[str, Any]]:
    plain = [ask for ask in asks.options if not ask.minutes and ask.pieces == 1]
    if plain:
        choices = [SelectChoice(ask.option.id, label_of(ask.option)) for ask in plain]
        yield "options", CheckboxesField(gettext("いっしょに使うもの"), choices=choices, validators=[Optional()])
    for ask in asks.options:
        name = ask.option.id
        if ask.minutes:
            choices = [SelectChoice("", gettext("使わない")), *(_time(minutes) for minutes in ask.minutes)]
            yield f"take_{name}", SelectionField(label_of(ask.option), choices=choices, validators=[Optional()])
        if ask.pieces > 1:
            label = gettext("%(what)sの数", what=label_of(ask.option))
            yield f"count_{name}", number_field(label, most=ask.pieces, unit="")


def _kept(booking: Booking, asks: Asks) -> dict[str, Any]:
    facts = booking.facts
    minutes, kept = facts.get("minutes", {}), booking.options
    found: dict[str, Any] = {
        "people": booking.people,
        "length": str(facts.get("length", 0)),
        "admission": Yen(facts.get("admission", 0)),
        "admission_total": Yen(facts.get("admission_total", 0)),
        "traits": facts.get("traits", []),
        "reductions": list(facts.get("asked", {})),
        "reason": next(iter(facts.get("asked", {}).values()), ""),
        "options": list(kept),
    }
    found |= {f"users_{kind}": count for kind, count in facts.get("users", {}).items()}
    found |= {f"tickets_{name}": count for name, count in facts.get("tickets", {}).items()}
    for ask in asks.options:
        if ask.option.id in kept:
            found |= _kept_option(ask, kept[ask.option.id], minutes)
    return found


def _kept_option(ask: OptionAsk, count: int, minutes: dict[str, int]) -> dict[str, Any]:
    taken = minutes.get(ask.option.id, ask.minutes[-1] if ask.minutes else 0)
    return {f"take_{ask.option.id}": str(taken), f"count_{ask.option.id}": count}


def label_of(part: Any, *, hint: bool = False) -> str:
    """What a part of a fee table is called, in the reader's language; with its hint."""
    english = locale.current() == "en"
    label = part.label_en if english and part.label_en else part.label
    more = (part.hint_en or part.hint if english else part.hint) if hint else ""
    return f"{label}({more})" if more else str(label)


def _asked_label(part: Any) -> str:
    english = locale.current() == "en"
    label = part.label_en if english and part.label_en else part.label
    more = part.ask_for_en or part.ask_for if english else part.ask_for
    return f"{label}({more})" if more else str(label)


def _time(minutes: int) -> SelectChoice:
    hours, rest = divmod(minutes, 60)
    if not rest:
        return SelectChoice(str(minutes), gettext("%(hours)s時間", hours=hours))
    if not hours:
        return SelectChoice(str(minutes), gettext("%(minutes)s分", minutes=rest))
    return SelectChoice(str(minutes), gettext("%(hours)s時間%(minutes)s分", hours=hours, minutes=rest))


def number_field(label: str, *, most: int, unit: str) -> NumberField:
    """A count that may be left empty; `unit` stands behind it."""
    shown = {"inputmode": "numeric"} | ({"data-unit": unit} if unit else {})
    return NumberField(label, validators=[Optional()], least=0, most=most, render_kw=shown)


def money_field(label: str, most: int) -> MoneyField:
    """Yen that may be left empty."""
    return MoneyField(
        label,
        validators=[Optional()],
        least=0,
        most=most,
        render_kw={"inputmode": "numeric"},
        description=gettext("取らないときは 0 円です。"),
    )


def _yen(value: Any) -> int:
    return value.amount if isinstance(value, Yen) else 0
