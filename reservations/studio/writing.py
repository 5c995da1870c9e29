"""The usual cases of rule documents, from a form's answers to the document's text. Pure.

The text is what is checked, kept and published; the form only writes it, so that everything else can be added by hand.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Any

from ruamel.yaml import YAML

from reservations.rules import DaysToPay


def as_text(content: Mapping[str, Any]) -> str:
    """A document as YAML, in the order in which it is given."""
    writer = YAML()
    writer.default_flow_style = None
    writer.width = 140
    # Nobody who reads the document has to follow an anchor (&id001).
    writer.representer.ignore_aliases = lambda _value: True
    writer.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    writer.dump(dict(content), out)
    return out.getvalue()


def _clock(value: time) -> str:
    return f"{value:%H:%M}"


@dataclass(frozen=True)
class PlainBand:
    """A band as it is typed."""

    name: str
    start: time
    end: time


@dataclass(frozen=True)
class PlainTimetable:
    """The usual timetable.

    Attributes:
        bands: named pieces of the day; empty: a grid.
        start, end, minutes: of the grid.
        lunch: from and until; None: none.
        closed_on: "mon" …, "" for no closed weekday.
        when_holiday: what happens when that day is a holiday (`ClosedWeekly`).
        year_end: from and until, as 12-29; None: open.
    """

    code: str
    valid_from: date
    source: str
    start: time = time(9)
    end: time = time(21)
    minutes: int = 60
    lunch: tuple[time, time] | None = None
    bands: tuple[PlainBand, ...] = ()
    closed_on: str = ""
    when_holiday: str = "next_day"
    year_end: tuple[str, str] | None = ("12-29", "01-03")


_BAND_CODES = ("am", "pm", "night", "late", "b5", "b6", "b7")
_DAYS = {
    "mon": ("月曜日の休み", "Closed on Mondays"),
    "tue": ("火曜日の休み", "Closed on Tuesdays"),
    "wed": ("水曜日の休み", "Closed on Wednesdays"),
    "thu": ("木曜日の休み", "Closed on Thursdays"),
    "fri": ("金曜日の休み", "Closed on Fridays"),
    "sat": ("土曜日の休み", "Closed on Saturdays"),
    "sun": ("日曜日の休み", "Closed on Sundays"),
}


def timetable(plain: PlainTimetable) -> str:
    """The document of a usual timetable."""
    slots: dict[str, Any]
    if plain.bands:
        slots = {
            "kind": "bands",
            "bands": [
                {"code": code, "name": band.name, "start": _clock(band.start), "end": _clock(band.end)}
                for code, band in zip(_BAND_CODES, plain.bands, strict=False)
            ],
        }
    else:
        slots = {"kind": "grid", "start": _clock(plain.start), "end": _clock(plain.end), "minutes": plain.minutes}
        if plain.lunch is not None:
            slots["breaks"] = [[_clock(moment) for moment in plain.lunch]]
    closed: list[dict[str, Any]] = []
    if plain.closed_on:
        label, label_en = _DAYS[plain.closed_on]
        closed.append(
            {
                "kind": "weekly",
                "weekdays": [plain.closed_on],
                "when_holiday": plain.when_holiday,
                "label": label,
                "label_en": label_en,
            },
        )
    if plain.year_end is not None:
        closed.append({"kind": "yearly", "start": plain.year_end[0], "end": plain.year_end[1]})
    return as_text(_head(plain.code, plain.valid_from, plain.source) | {"slots": [slots], "closed": closed})


def _head(code: str, valid_from: date, source: str) -> dict[str, Any]:
    return {"code": code, "valid_from": valid_from, "sample": False, "source": source}


@dataclass(frozen=True)
class PlainPrice:
    """The fee of one kind of space, yen a slot or an hour; `weekend` None: the same."""

    tariff: str
    label: str
    amount: int
    weekend: int | None = None
    label_en: str = ""


@dataclass(frozen=True)
class PlainFees:
    """The usual fee table: amounts by kind of space, people from outside, lights and air conditioning by the hour."""

    code: str
    valid_from: date
    ground: str
    prices: tuple[PlainPrice, ...]
    per: str = "slot"
    outsider_percent: int = 0
    lights: int = 0
    lights_from: time | None = None
    air: int = 0
    rounding: int = 10


def fees(plain: PlainFees) -> str:
    """The document of a usual fee table."""
    rows: list[dict[str, Any]] = []
    for price in plain.prices:
        match: dict[str, Any] = {"tariffs": [price.tariff]}
        if price.weekend is None:
            rows.append(_row(price, match, price.amount, plain.per))
            continue
        rows.append(_row(price, match | {"weekend": False}, price.amount, plain.per, on=(" 平日", ", weekdays")))
        rows.append(
            _row(
                replace(price, tariff=f"{price.tariff}-weekend"),
                match | {"weekend": True},
                price.weekend,
                plain.per,
                on=(" 土日祝", ", weekends and holidays"),
            )
        )
    content = _head(plain.code, plain.valid_from, plain.ground) | {"ground": plain.ground, "rows": rows}
    if plain.outsider_percent:
        content["modifiers"] = [
            {
                "id": "outsider",
                "match": {"categories": ["outsider"]},
                "percent": plain.outsider_percent,
                "label": f"市外の方 {plain.outsider_percent}%増し",
                "label_en": f"Not living in the city, +{plain.outsider_percent}%",
            },
        ]
    options = list(_options(plain))
    if options:
        content["options"] = options
    content["rounding"] = {"unit": plain.rounding, "mode": "down", "each": "line"}
    return as_text(content)


def _row(
    price: PlainPrice, match: dict[str, Any], amount: int, per: str, *, on: tuple[str, str] = ("", "")
) -> dict[str, Any]:
    row: dict[str, Any] = {"id": price.tariff, "match": match, "amount": amount, "label": price.label + on[0]}
    if price.label_en:
        row["label_en"] = price.label_en + on[1]
    return row if per == "slot" else row | {"per": per}


def _options(plain: PlainFees) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if plain.lights:
        lights: dict[str, Any] = {"kind": "fixed", "id": "lights"}
        if plain.lights_from is not None:
            lights["match"] = {"starts_from": _clock(plain.lights_from)}
        words = {"label": f"照明 1時間{plain.lights:,}円", "label_en": f"Lights, {plain.lights:,} yen an hour"}
        found.append(lights | {"amount": plain.lights, "per": "hour"} | words)
    if plain.air:
        words = {"label": f"冷暖房 1時間{plain.air:,}円", "label_en": f"Air conditioning, {plain.air:,} yen an hour"}
        found.append({"kind": "fixed", "id": "air", "amount": plain.air, "per": "hour"} | words)
    return found


@dataclass(frozen=True)
class PlainPolicy:
    """The usual rules of use. `steps`: (days before, percent), far to near."""

    code: str
    valid_from: date
    source: str
    city: str
    city_en: str
    months: int
    outsider_months: int | None
    opens_on: str
    opens_at: time
    closes_days: int
    approval: str
    steps: tuple[tuple[int, int], ...]
    days_to_pay: DaysToPay
    cancel_ground: str
    authority: str
    ground: str
    review_by: str
    defendant: str
    entrance: str = ""
    conditions: tuple[str, ...] = field(default_factory=tuple)


def policy(plain: PlainPolicy) -> str:
    """The document of usual rules of use."""

    def window(categories: Sequence[str], months: int) -> dict[str, Any]:
        return {
            "categories": list(categories),
            "opens": {
                "kind": "months_before",
                "months": months,
                "on": plain.opens_on,
                "at": _clock(plain.opens_at),
            },
            "closes": {"kind": "days_before", "days": plain.closes_days}
            if plain.closes_days
            else {"kind": "before_start", "minutes": 30},
        }

    windows = [window(["resident"], plain.months)]
    if plain.outsider_months is not None:
        windows.append(window(["outsider"], plain.outsider_months))
    content = _head(plain.code, plain.valid_from, plain.source) | {
        "categories": [
            {
                "code": "resident",
                "name": "市内の方",
                "name_en": f"Living in {plain.city_en}",
                "cities": [plain.city],
            },
            {"code": "outsider", "name": "市外の方", "name_en": f"Not living in {plain.city_en}"},
        ],
        "windows": windows,
        "approval": plain.approval,
        "days_to_pay": plain.days_to_pay.model_dump(exclude_defaults=True)
        | {"telephone": plain.days_to_pay.telephone, "overtime": plain.days_to_pay.overtime},
        "cancellation": {
            "ground": plain.cancel_ground,
            "steps": [{"days_before": days, "percent": percent} for days, percent in plain.steps],
        },
        "appeal": {"review_by": plain.review_by, "defendant": plain.defendant},
        "permit": {
            "authority": plain.authority,
            "ground": plain.ground,
            "entrance": plain.entrance,
            "conditions": list(plain.conditions),
        },
    }
    return as_text(content)
