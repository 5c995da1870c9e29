"""A case for a fee table, priced in the browser. Nothing is saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, cast

from flask import request
from flask_babel import gettext
from sqlalchemy.orm import Session
from wtforms.validators import Optional

from portal.kernel import clock, dates
from portal.web.forms import CheckboxesField
from reservations.calendar import is_weekend_or_holiday
from reservations.models import Space
from reservations.pricing import FeeTable, FixedOption, NoFee, PriceCase, Quote, Words, words_of
from reservations.rules import Policy
from reservations.services.quoting import ADMISSION_MOST, ADMISSION_TOTAL_MOST
from reservations.studio import queries
from reservations.timetable import TOKYO, Slot
from reservations.web.details_form import label_of, money_field, number_field
from reservations.web.studio import words
from reservations.web.studio.forms import TryForm, choices


def try_form(session: Session, table: FeeTable, spaces: Sequence[Space]) -> TryForm:
    """The form with every question of the table, filled with a usual case or with what was asked."""
    asked = bool(request.args.get("ask"))
    start = {"date": max(table.valid_from, clock.today()), "start": time(9), "end": time(11), "people": 10}
    fields = dict(_questions(words_of(table)))
    made = type("TableTryForm", (TryForm,), {**fields, "asked": tuple(fields)})
    form: TryForm = made(request.args) if asked else made(formdata=None, data=start)
    names = {row for part in table.rows for row in part.match.tariffs or ()} | {s.tariff for s in spaces}
    form.tariff.choices = choices(
        {code: words.tariffs().get(code) or words.tariff_of(table, code) for code in sorted(names) or ["whole"]}
    )
    form.category.choices = choices(
        {"resident": gettext("市内の方"), "outsider": gettext("市外の方")} | _categories(session, spaces)
    )
    form.purpose.choices = choices(
        {one.code: one.name for space in spaces for one in space.purposes}, empty=gettext("どれでも")
    )
    return form


def _questions(known: Words) -> Iterator[tuple[str, Any]]:
    people = gettext("人")
    if known.users:
        for fact in known.users:
            label = gettext("使う人数(%(who)s)", who=label_of(fact))
            yield f"users_{fact.code}", number_field(label, most=100_000, unit=people)
    else:
        yield "people", number_field(gettext("人数"), most=100_000, unit=people)
    if known.length:
        yield "length", number_field(gettext("使う長さ(分)。空なら全部"), most=1440, unit=gettext("分"))
    yield from _admission_questions(known)
    if known.traits:
        yield "traits", _checkboxes(gettext("あてはまること"), {fact.code: label_of(fact) for fact in known.traits})
    yield from _option_questions(known)
    if known.reductions:
        yield "granted", _checkboxes(gettext("認めた減免"), {part.id: label_of(part) for part in known.reductions})
    for book in known.tickets:
        label = gettext("%(book)sを使う枚数", book=label_of(book))
        yield f"tickets_{book.id}", number_field(label, most=1000, unit=gettext("枚"))


def _admission_questions(known: Words) -> Iterator[tuple[str, Any]]:
    yield "admission", money_field(gettext("入場料(いちばん高いもの)"), ADMISSION_MOST)
    if known.admission_total:
        yield "admission_total", money_field(gettext("入場料の総額(見こみ)"), ADMISSION_TOTAL_MOST)
    if known.capacity:
        yield "capacity", number_field(gettext("席の数"), most=100_000, unit="")


def _option_questions(known: Words) -> Iterator[tuple[str, Any]]:
    plain = {option.id: label_of(option) for option in known.options if option.at_most == 1}
    if plain:
        yield "options", _checkboxes(gettext("選ぶもの"), plain)
    for option in known.options:
        if option.at_most > 1:
            label = gettext("%(what)sの数", what=label_of(option))
            yield f"count_{option.id}", number_field(label, most=option.at_most, unit="")
        if isinstance(option, FixedOption) and option.per.endswith("hour"):
            label = gettext("%(what)sの長さ(分)。空なら全部", what=label_of(option))
            yield f"take_{option.id}", number_field(label, most=1440, unit=gettext("分"))


def _checkboxes(label: str, named: dict[str, str]) -> CheckboxesField:
    return CheckboxesField(label, choices=choices(named), validators=[Optional()])


def _categories(session: Session, spaces: Sequence[Space]) -> dict[str, str]:
    code = next((space.policy_code for space in spaces if space.policy_code), None)
    row = queries.before(session, "policy", code, None) if code else None
    if row is None:
        return {}
    return {one.code: one.name for one in cast("Policy", queries.parsed(row)).categories}


def tried(table: FeeTable, form: Any) -> Quote | str | None:
    """The price of the case, or why there is none. Nothing is saved."""
    if not form.validate():
        return None
    day = form.date.data
    start, end = (datetime.combine(day, at, TOKYO) for at in (form.start.data, form.end.data))
    if end <= start:
        return str(gettext("終わりは、始まりより後にしてください。"))
    band = next((one for one in table.bands if (one.start, one.end) == (form.start.data, form.end.data)), None)
    slot = Slot(start, end, band.code if band else f"t{start:%H%M}", band.name if band else "")
    users, minutes = _counts(form, "users_"), _counts(form, "take_")
    length = _value(form, "length") or 0
    if 0 < length < slot.minutes:
        slot = replace(slot, end=slot.start + timedelta(minutes=length))
    case = PriceCase(
        slot,
        form.tariff.data,
        form.category.data or "",
        form.purpose.data or "",
        is_weekend_or_holiday(day, dates.is_holiday),
        sum(users.values()) or _value(form, "people") or 1,
        dict.fromkeys([*(_value(form, "options") or ()), *minutes], 1) | _counts(form, "count_"),
        _yen(form, "admission"),
        frozenset(_value(form, "traits") or ()),
        minutes,
        form.overtime.data or 0,
        users,
        _yen(form, "admission_total"),
        _value(form, "capacity") or 0,
        frozenset(_value(form, "granted") or ()),
        _counts(form, "tickets_"),
    )
    try:
        return table.quote(case)
    except NoFee:
        return str(gettext("この場合の料金が、表にありません。"))


def _value(form: Any, name: str) -> Any:
    return form[name].data if name in form else None


def _yen(form: Any, name: str) -> int:
    value = _value(form, name)
    return value.amount if value else 0


def _counts(form: Any, prefix: str) -> dict[str, int]:
    """What was typed into the fields of this name, without those left empty."""
    found = {name.removeprefix(prefix): form[name].data for name in form.asked if name.startswith(prefix)}
    return {name: count for name, count in found.items() if count}
