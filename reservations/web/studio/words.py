"""Words for codes of the set-up pages."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import gettext

from portal.web import locale
from reservations.calendar import Season, When
from reservations.models import NameKind
from reservations.pricing import FeeTable, FixedOption, Match
from reservations.pricing.parts import ANY, Rounding
from reservations.timetable import Bands, Grid, Timetable
from reservations.web.comforts import barrier_free, barrier_free_words


def categories() -> dict[str, str]:
    """Kinds of facilities."""
    return {
        "sports": gettext("スポーツ"),
        "community": gettext("公民館・集会所"),
        "culture": gettext("文化"),
        "welfare": gettext("福祉"),
        "park": gettext("公園"),
        "school_opening": gettext("学校開放"),
    }


def name_kinds() -> dict[str, str]:
    """Kinds of names."""
    return {
        NameKind.OFFICIAL.value: gettext("正式な名前"),
        NameKind.NICKNAME.value: gettext("通称"),
        NameKind.NAMING_RIGHTS.value: gettext("命名権の名前"),
        NameKind.FORMER.value: gettext("前の名前"),
    }


def layouts() -> dict[str, str]:
    """How a floor is shared."""
    return {
        "one": gettext("分けない(1つの部屋・コート)"),
        "halves": gettext("全面と、半面2つ"),
        "thirds": gettext("全面と、3分の1面3つ"),
        "two-thirds": gettext("全面と、3分の2面2つ、3分の1面3つ"),
        "halves-thirds": gettext("全面と、半面2つ、3分の1面3つ"),
        "halves-courts": gettext("全面と、半面2つ、コート4つ"),
        "tenths": gettext("全面と、10分の1ずつ"),
        "joined": gettext("2つの部屋と、つなげた部屋"),
    }


def tariffs() -> dict[str, str]:
    """Kinds of spaces in a fee table."""
    return {
        "whole": gettext("全面"),
        "half": gettext("半面"),
        "third": gettext("3分の1面"),
        "two-thirds": gettext("3分の2面"),
        "court": gettext("1コート"),
        "tenth": gettext("10分の1"),
        "room": gettext("部屋"),
        "joined": gettext("つなげた部屋"),
    }


ROWS_SHOWN = 3
"""So many rows of a fee table say what a kind of price is."""
TARIFFS_EN = {
    "whole": "Whole floor",
    "half": "Half",
    "third": "Third",
    "two-thirds": "Two thirds",
    "court": "One court",
    "tenth": "One tenth",
    "room": "Room",
    "joined": "Joined rooms",
}
"""The same as a fee table's `label_en` says them, whatever the language of the person who writes the table."""


def tariff(code: str) -> str:
    """One of them; a code of another city's table is its own word."""
    return tariffs().get(code, code)


def tariff_of(table: FeeTable | None, code: str) -> str:
    """A kind of price as its table says it: the words of its rows (「1コート 2時間 400円」); for each use, where the table knows one."""
    rows = [row for row in table.rows if row.match.tariffs and code in row.match.tariffs] if table is not None else []
    named = []
    for row in rows[:ROWS_SHOWN]:
        label = row.label_en if locale.current() == "en" and row.label_en else row.label
        yen = gettext("%(yen)s円", yen=f"{row.amount:,}") if row.amount is not None else ""
        named.append(f"{label} {yen}".strip())
    if len(rows) > ROWS_SHOWN:
        named.append("…")
    known = tariffs().get(code)
    if not named:
        return known or code
    joint = ", " if locale.current() == "en" else "、"
    return f"{known}: {joint.join(named)}" if known else joint.join(named)


def kinds() -> dict[str, str]:
    """Kinds of documents."""
    return {"timetable": gettext("開館表"), "fees": gettext("料金表"), "policy": gettext("利用のきまり")}


def draft_states() -> dict[str, tuple[str, str]]:
    """(kind of chip, words) of a draft's state."""
    return {
        "writing": ("act", gettext("書いているところ")),
        "asked": ("wait", gettext("もう1人の確認を待っています")),
        "published": ("good", gettext("決まりました")),
        "dropped": ("neutral", gettext("やめました")),
    }


def weekdays() -> dict[str, str]:
    """Days of the week."""
    return {
        "mon": gettext("月曜日"),
        "tue": gettext("火曜日"),
        "wed": gettext("水曜日"),
        "thu": gettext("木曜日"),
        "fri": gettext("金曜日"),
        "sat": gettext("土曜日"),
        "sun": gettext("日曜日"),
    }


def when_holiday() -> dict[str, str]:
    """What happens when a closed weekday is a holiday."""
    return {
        "next_day": gettext("開ける。かわりに次の日を休む"),
        "next_weekday": gettext("開ける。かわりに次の平日を休む"),
        "next_not_holiday": gettext("開ける。かわりに次の祝日でない日を休む"),
        "next:wed": gettext("開ける。かわりに次の水曜日を休む"),
        "open": gettext("開ける。かわりの休みはない"),
        "stay": gettext("祝日でも休む"),
    }


def _season(season: Season) -> str:
    (m1, d1), (m2, d2) = season.start, season.end
    return f"{m1}/{d1}〜{m2}/{d2}"


def condition(match: Match | When) -> str:
    """A condition in words; "" where it always holds."""
    return "、".join(_conditions(match))


def _conditions(match: Match | When) -> Iterator[str]:
    if match.weekdays:
        days = weekdays()
        yield "・".join(days[day][:1] for day in match.weekdays)
    if match.season:
        yield _season(match.season)
    weekend = match.weekend_or_holiday if isinstance(match, When) else match.weekend
    if weekend is not None:
        yield gettext("土日祝") if weekend else gettext("平日")
    if isinstance(match, Match):
        yield from _named(match)
        yield from _counted(match)
        if match.unless:
            yield gettext("(%(condition)s を除く)", condition=condition(match.unless))


def _named(match: Match) -> Iterator[str]:
    if match.tariffs:
        yield "・".join(tariff(code) for code in match.tariffs)
    if match.categories:
        known = {"resident": gettext("市内の方"), "outsider": gettext("市外の方")}
        yield "・".join(known.get(code, code) for code in match.categories)
    for names in (match.slots, match.parts, match.purposes, match.traits, match.only):
        if names:
            yield "・".join(names)


def _counted(match: Match) -> Iterator[str]:
    if match.starts_from:
        yield gettext("%(at)s から始まる", at=f"{match.starts_from:%H:%M}")
    for least, most, unit in (
        (match.people_from, match.people_to, gettext("人")),
        (match.minutes_from, match.minutes_to, gettext("分")),
        (match.admission_from, match.admission_to, gettext("円の入場料")),
    ):
        if least is not None or most is not None:
            yield f"{'' if least is None else least}〜{'' if most is None else most}{unit}"
    if match.admission_over is not None:
        yield gettext("入場料が%(yen)s円を超える", yen=match.admission_over)
    if match.share:
        yield gettext("%(who)sが%(percent)s%%以上", who="・".join(match.share.of), percent=match.share.percent)


def per(code: str) -> str:
    """For what an amount is."""
    known: dict[str, str] = {
        "slot": gettext("1コマ"),
        "hour": gettext("1時間"),
        "half_hour": gettext("30分"),
        "person": gettext("1人"),
        "admission": gettext("入場料の倍"),
        "piece": gettext("1つ"),
        "piece_hour": gettext("1つ1時間"),
        "piece_half_hour": gettext("1つ30分"),
        "day": gettext("1日"),
        "piece_day": gettext("1つ1日"),
    }
    return known.get(code, code)


def fee_rows(table: FeeTable) -> list[tuple[str, str, str, str]]:
    """The table for people: (what, label, condition, amount)."""
    found = []
    for row in table.rows:
        if row.amounts is not None:
            amount = "、".join(f"{slot} {value:,}" for slot, value in row.amounts.items())
        elif row.by_user is not None:
            amount = "、".join(f"{kind} {value:,}" for kind, value in row.by_user.items())
        elif row.amount is not None:
            amount = gettext("%(yen)s円", yen=f"{row.amount:,}")
        else:
            amount = gettext("計算(文書を見てください)")
        found.append((gettext("基本"), row.label, condition(row.match), f"{amount} / {per(row.per)}"))
    for part in table.modifiers:
        change = f"{part.percent:+}%" if part.percent is not None else ""
        change = change or (f"×{part.times}" if part.times is not None else "")
        change = change or (gettext("%(yen)s円", yen=f"{part.amount:+,}") if part.amount is not None else "")
        found.append((gettext("増減"), part.label, condition(part.match), change))
    for late in table.overtime:
        change = f"{late.percent}%" if late.percent is not None else gettext("%(yen)s円", yen=f"{late.amount:,}")
        when = condition(late.match)
        if late.hours is not None:
            night = gettext(
                "%(start)s〜%(end)sに始まる時間", start=f"{late.hours.start:%H:%M}", end=f"{late.hours.end:%H:%M}"
            )
            when = night if late.match == ANY else f"{when}、{night}"
        found.append((gettext("延長"), late.label, when, f"{change} / {per('hour')}"))
    for option in table.options:
        if isinstance(option, FixedOption):
            change = f"{gettext('%(yen)s円', yen=f'{option.amount:,}')} / {per(option.per)}"
        else:
            change = gettext("基本の%(percent)s%%", percent=option.percent)
        found.append((gettext("選ぶもの"), option.label, condition(option.match), change))
    found += [(gettext("減免"), one.label, condition(one.match), f"-{one.percent}%") for one in table.reductions]
    found += [
        (gettext("回数券"), book.label, condition(book.match), f"{book.pieces} / {book.amount:,}")
        for book in table.tickets
    ]
    return found


def fee_lines(table: FeeTable) -> list[str]:
    """What holds for every price of the table: tax, rounding, and the ground that receipts and permits state."""
    lines = [gettext("消費税: 書いた金額に %(percent)s%% を足す", percent=table.tax.percent)] if table.tax else []
    lines.append(gettext("端数: %(how)s", how=_rounded(table.rounding)))
    lines.append(gettext("根拠: %(ground)s", ground=table.ground))
    return lines


def _rounded(rounding: Rounding) -> str:
    """10円未満を切り捨てる(明細の1行ごと); a second step after it."""
    unit = rounding.unit
    mode = {
        "down": gettext("%(yen)s円未満を切り捨てる", yen=unit),
        "up": gettext("%(yen)s円未満を切り上げる", yen=unit),
        "half_up": gettext("%(yen)s円未満を四捨五入する", yen=unit),
    }[rounding.mode]
    each = gettext("合計で") if rounding.each == "total" else gettext("明細の1行ごと")
    if rounding.below is not None:
        each = gettext("%(each)s、%(yen)s円より小さい金額だけ", each=each, yen=f"{rounding.below:,}")
    first = str(gettext("%(mode)s(%(each)s)", mode=mode, each=each))
    if rounding.then is None:
        return first
    return str(gettext("%(first)s、そのあと %(then)s", first=first, then=_rounded(rounding.then)))


def timetable_lines(table: Timetable) -> list[str]:
    """Slots and closed days, one line each."""
    lines = []
    for rule in table.slots:
        only = f"({condition(rule.when)})" if condition(rule.when) else ""
        if isinstance(rule, Bands):
            lines += [f"{band.name} {band.start:%H:%M}〜{band.end:%H:%M}{only}" for band in rule.bands]
        elif isinstance(rule, Grid):
            lines.append(
                gettext(
                    "%(start)s〜%(end)s を%(minutes)s分ずつ%(only)s",
                    start=f"{rule.start:%H:%M}",
                    end=f"{rule.end:%H:%M}",
                    minutes=rule.minutes,
                    only=only,
                )
            )
        else:
            lines.append(f"{getattr(rule, 'name', rule.kind)}{only}")
    lines += [gettext("休み: %(label)s", label=rule.label) for rule in table.closed]
    return [*lines, gettext("根拠: %(ground)s", ground=table.source)] if table.source else lines


__all__ = ["barrier_free", "barrier_free_words"]
