"""The desk's figures as CSV: in words for Excel, or with identifiers that stay for another program (`for=machine`)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

from portal.plan.report import cell
from reservations.desk.ages import AGES
from reservations.desk.queries import SpaceUsers
from reservations.desk.statistics import Statistics
from reservations.web import words
from reservations.web.desk_forms import AGE_LABELS
from reservations.web.words import gettext

_PARTS = {"rate_by_part", "income_by_part"}


def users(lines: Sequence[SpaceUsers], name: str, *, ids: bool) -> Response:
    """The month's report of users.

    Args:
        lines: one a space.
        name: of the file.
        ids: identifiers as heads, for a program.
    """
    if ids:
        header = ["facility", "space", "bookings", "came", *AGES, "users"]
    else:
        people = [str(AGE_LABELS[age]) for age in AGES]
        header = [gettext("施設"), gettext("部屋・コート"), gettext("予約"), gettext("来た予約"), *people]
        header.append(gettext("使った人の合計"))
    rows = [[x.facility, x.space, x.bookings, x.came, *(x.users[age] for age in AGES), x.total] for x in lines]
    return _csv(header, rows, name)


def use_rates(found: Statistics, *, ids: bool) -> Response:
    """Use rates and income of a period.

    Args:
        found: the figures.
        ids: identifiers as heads and kinds, for a program; else words, and a column for each kind of number.
    """
    rates = {"rate_by_facility": found.by_facility, "rate_by_space": found.by_space, "rate_by_part": found.by_part}
    rates |= {"rate_by_band": found.by_band, "rate_by_category": found.by_category}
    incomes = {
        "income_by_space": found.income_by_space,
        "income_by_part": found.income_by_part,
        "income_by_band": found.income_by_band,
        "income_by_category": found.income_by_category,
    }
    name = f"use-{found.first}-{found.last}.csv"
    rows: list[Sequence[Any]]
    if ids:
        rows = [[kind, x.label, x.offered, x.booked, x.percent] for kind, lines in rates.items() for x in lines]
        rows += [[kind, x.label, x.bookings, x.yen, ""] for kind, incoming in incomes.items() for x in incoming]
        return _csv(["figure", "label", "offered_minutes_or_bookings", "booked_minutes_or_yen", "percent"], rows, name)
    parts, figures = dict(words.parts()), figure_words()
    rows = [
        [figures[kind], parts.get(x.label, x.label) if kind in _PARTS else x.label, x.offered, x.booked, x.percent]
        for kind, lines in rates.items()
        for x in lines
    ]
    rows += [
        [figures[kind], parts.get(x.label, x.label) if kind in _PARTS else x.label, "", "", "", x.bookings, x.yen]
        for kind, incoming in incomes.items()
        for x in incoming
    ]
    header = [
        gettext("集計"),
        gettext("場所・時間・区分"),
        gettext("使える時間(分)"),
        gettext("予約された時間(分)"),
        gettext("割合(パーセント)"),
        gettext("予約"),
        gettext("収入(円)"),
    ]
    return _csv(header, rows, name)


def figure_words() -> dict[str, str]:
    """What each figure is called, by its identifier."""
    return {
        "rate_by_facility": gettext("施設ごとの使われた割合"),
        "rate_by_space": gettext("場所ごとの使われた割合"),
        "rate_by_part": gettext("時間ごとの使われた割合"),
        "rate_by_band": gettext("時間の区切りごとの使われた割合"),
        "rate_by_category": gettext("利用者区分ごとの使われた割合"),
        "income_by_space": gettext("場所ごとの収入"),
        "income_by_part": gettext("時間ごとの収入"),
        "income_by_band": gettext("時間の区切りごとの収入"),
        "income_by_category": gettext("利用者区分ごとの収入"),
    }


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> Response:
    """UTF-8 with BOM; text never as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )
