"""A case for a fee table, priced in the browser. Nothing is saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, cast

from flask import request
from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.kernel import clock, dates
from reservations.calendar import is_weekend_or_holiday
from reservations.models import Space
from reservations.pricing import FeeTable, NoFee, PriceCase, Quote
from reservations.rules import Policy
from reservations.studio import queries
from reservations.timetable import TOKYO, Slot
from reservations.web.studio import words
from reservations.web.studio.forms import TryForm, choices


def try_form(session: Session, table: FeeTable, spaces: Sequence[Space]) -> TryForm:
    """The form, filled with a usual case or with what was asked."""
    asked = bool(request.args.get("ask"))
    start = {"date": max(table.valid_from, clock.today()), "start": time(9), "end": time(11), "people": 10}
    form = TryForm(request.args) if asked else TryForm(formdata=None, data=start)
    names = {row for part in table.rows for row in part.match.tariffs or ()} | {s.tariff for s in spaces}
    form.tariff.choices = choices({code: words.tariff(code) for code in sorted(names) or ["whole"]})
    form.category.choices = choices(
        {"resident": gettext("市内の方"), "outsider": gettext("市外の方")} | _categories(session, spaces)
    )
    form.purpose.choices = choices(
        {one.code: one.name for space in spaces for one in space.purposes}, empty=gettext("どれでも")
    )
    form.options.choices = choices({option.id: option.label for option in table.options})
    form.traits.choices = choices({fact.code: fact.label for fact in table.traits})
    return form


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
    case = PriceCase(
        slot,
        form.tariff.data,
        form.category.data or "",
        form.purpose.data or "",
        is_weekend_or_holiday(day, dates.is_holiday),
        form.people.data or 1,
        dict.fromkeys(form.options.data or (), 1),
        form.admission.data.amount if form.admission.data else 0,
        frozenset(form.traits.data or ()),
        {},
        form.overtime.data or 0,
    )
    try:
        return table.quote(case)
    except NoFee:
        return str(gettext("この場合の料金が、表にありません。"))
