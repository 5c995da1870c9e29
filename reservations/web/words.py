"""Words for states, marks and times; the one place where codes become text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import flask_babel

from portal.kernel import clock
from portal.kernel.texts import show_date, show_time, show_until
from portal.web import city, locale
from reservations import combining
from reservations.availability import Mark, SlotState, State
from reservations.combining import Unfit
from reservations.groups.models import BookingGroup, GroupState
from reservations.models import BookingState, Source
from reservations.operations.models import ClosureKind
from reservations.queries.bookings import BookingLine
from reservations.rules import CancelStep, Refused
from reservations.timetable import Slot

HALF_A_YEAR = 183
"""Days. A month and a day further away than this are said with their year."""


def gettext(text: str, **values: Any) -> str:
    """A text in the reader's language."""
    return str(flask_babel.gettext(text, **values))


def english() -> bool:
    """Whether the reader reads English."""
    return locale.current() == "en"


def times(starts: datetime, ends: datetime) -> str:
    """9:00〜11:00; 15:00〜翌日 10:00 for a night."""
    start, end = clock.local(starts), clock.local(ends)
    if start.date() == end.date():
        return f"{show_time(start)}〜{show_time(end)}"
    return gettext("%(start)s〜次の日 %(end)s", start=show_time(start), end=show_time(end))


def slot_words(slot: Slot) -> str:
    """午前 9:00〜12:00; a slot of a grid has no name of its own."""
    name = slot.name_en if locale.current() == "en" and slot.name_en else slot.name
    shown = times(slot.start, slot.end)
    return shown if slot.code == f"t{slot.start:%H%M}" else f"{name} {shown}"


def when(starts: datetime, ends: datetime) -> str:
    """2026年12月4日(金) 9:00〜11:00."""
    return f"{show_date(starts, locale.current())} {times(starts, ends)}"


def whens(slots: Iterable[Slot]) -> str:
    """2026年12月4日(金) 9:00〜12:00、18:00〜21:00: slots that touch are one stretch; a stay is from the first day to the last."""
    slots = list(slots)
    found = combining.stretches(slots)
    start, end = found[0].start, found[0].end
    if (clock.local(end).date() - clock.local(start).date()).days > 1:
        first, last = show_date(start, locale.current()), show_date(end, locale.current())
        return f"{first} {show_time(start)}〜{last} {show_time(end)}"
    return f"{show_date(start, locale.current())} {spans(slots)}"


def spans(slots: Iterable[Slot]) -> str:
    """9:00〜12:00、18:00〜21:00: the stretches of one day, without the day."""
    joint = ", " if locale.current() == "en" else "、"
    return joint.join(times(one.start, one.end) for one in combining.stretches(slots))


def district_choices(districts: Iterable[str]) -> list[tuple[str, str]]:
    """Districts to choose from: the pack's name, and how it is called in the visitor's language."""
    called = city.name()
    return [(name, called.district_in(locale.current(), name)) for name in districts]


def mark_symbol(mark: Mark) -> str:
    """○ △ × −: beside words, never alone."""
    return {Mark.PLENTY: "○", Mark.FEW: "△", Mark.FULL: "×", Mark.NONE: "−"}[mark]


def mark_words(mark: Mark) -> str:
    """What a mark means."""
    return {
        Mark.PLENTY: gettext("空きがあります"),
        Mark.FEW: gettext("空きが少しあります"),
        Mark.FULL: gettext("空きがありません"),
        Mark.NONE: gettext("予約できません"),
    }[mark]


def state_words(state: SlotState) -> str:
    """What a slot is to the person who looks, with the moment that matters."""
    at = state.refusal.at if state.refusal else None
    if state.state is State.NOT_YET and at is not None:
        return gettext("%(at)s から受付", at=short_moment(at))
    if state.state is State.TOO_LATE and at is not None:
        return gettext("受付は %(at)s に終わりました", at=short_until(at))
    return {
        State.FREE: gettext("空き"),
        State.TAKEN: gettext("予約ずみ"),
        State.PAST: gettext("終わりました"),
        State.NOT_YET: gettext("受付前"),
        State.TOO_LATE: gettext("受付終了"),
        State.NOT_FOR_YOU: gettext("市内の方だけ"),
    }[state.state]


def state_symbol(state: SlotState) -> str:
    """○ × −."""
    return {State.FREE: "○", State.TAKEN: "×"}.get(state.state, "−")


def short_moment(at: datetime) -> str:
    """12月4日 9:00 (4 December 9:00); with its year where a person could take it for another one."""
    local = clock.local(at)
    if locale.current() == "en":
        year = f" {local.year}" if _far(local.date()) else ""
        return f"{local.day} {local:%B}{year} {show_time(at)}"
    year = f"{local.year}年" if _far(local.date()) else ""
    return f"{year}{local.month}月{local.day}日 {show_time(at)}"


def _far(day: date) -> bool:
    """Whether the day without its year would rather be taken for one of another year."""
    return abs((day - clock.today()).days) > HALF_A_YEAR


def short_until(at: datetime) -> str:
    """12月4日 24:00 for the end of that day, like `show_until`."""
    if clock.local(at).time() != time():
        return short_moment(at)
    return short_moment(at - timedelta(days=1)).replace("0:00", "24:00")


def short_day(day: date) -> str:
    """12/4(金) (4 Dec Fri)."""
    if locale.current() == "en":
        return f"{day.day} {day:%b} {day:%a}"
    return f"{day.month}/{day.day}({'月火水木金土日'[day.weekday()]})"


def said_day(day: date) -> str:
    """12/4(金) within a sentence; the whole date where a person could take it for one of another year."""
    return show_date(day, locale.current()) if _far(day) else short_day(day)


def refused_words(reason: Refused, at: datetime | None, limit: int | None) -> str:
    """Which rule stands against it, and until or from when."""
    moment = short_moment(at) if at else ""
    day = said_day(clock.local(at).date()) if at else ""
    number = limit or ""
    return {
        Refused.PAST: gettext("この時間は %(at)s に始まりました。始まった時間は予約できません。", at=moment),
        Refused.DAY_OVER: gettext("この日は、もう終わりました。今日からあとの日をえらんでください。"),
        Refused.TOO_LONG_AGO: gettext(
            "紙に書いた利用をあとから入れられるのは、使った日の%(limit)s日あとまでです。", limit=limit or 0
        ),
        Refused.NOT_YET_OPEN: gettext("まだ予約できません。%(at)s から予約できます。", at=moment),
        Refused.TOO_LATE: gettext("予約の受付は %(at)s に終わりました。", at=short_until(at) if at else ""),
        Refused.NEIGHBOUR_QUIET: gettext(
            "となりの部屋で、静かさがいる使い方の予約があります。この時間は、音の出る使い方ができません。"
        ),
        Refused.NEIGHBOUR_LOUD: gettext(
            "となりの部屋で、音の出る使い方の予約があります。この時間は、静かさがいる使い方ができません。"
        ),
        Refused.TOO_MANY_PEOPLE: gettext("人数は%(limit)s人までです。", limit=number),
        Refused.TOO_FEW_PEOPLE: gettext("この使いみちは%(limit)s人から予約できます。", limit=number),
        Refused.NO_USERS: gettext("使う人数を、1人以上で入力してください。"),
        Refused.NO_FEE: gettext(
            "この使い方の料金が、料金表にありません。施設に電話してください。お金はかかっていません。"
        ),
        Refused.NOT_FOR_CATEGORY: gettext("ここは、市内に住んでいる方だけが予約できます。"),
        Refused.NOT_FOR_PURPOSE: gettext("ここでは、その使いみちはできません。"),
        Refused.CAP_DAY: gettext(
            "1日に予約できるのは%(limit)sまでです。%(day)sからの分は予約できます。", limit=number, day=day
        ),
        Refused.CAP_WEEK: gettext(
            "1週間に予約できるのは%(limit)sまでです。%(day)sからの分は予約できます。", limit=number, day=day
        ),
        Refused.CAP_MONTH: gettext(
            "1か月に予約できるのは%(limit)sまでです。%(day)sからの分は予約できます。", limit=number, day=day
        ),
        Refused.CAP_CONSECUTIVE: gettext("続けて予約できるのは%(limit)s日までです。", limit=number),
        Refused.CAP_AHEAD: gettext(
            "これから使う予約は%(limit)sまでです。使い終わると、また予約できます。", limit=number
        ),
        Refused.CAP_UNPAID: gettext("まだ支払っていない予約は%(limit)sまでです。先に支払ってください。", limit=number),
        Refused.TOO_YOUNG: gettext(
            "%(limit)s歳になってから予約できます。大人の方の名前で予約してください。", limit=number
        ),
        Refused.NO_BIRTH_DATE: gettext(
            "%(limit)s歳から予約できます。先に、マイページで生年月日を登録してください。", limit=number
        ),
        Refused.SUSPENDED: gettext(
            "使わなかった予約や直前の取消しが続いたため、%(at)s まで予約できません。わけがあるときは、施設に電話してください。",
            at=moment,
        ),
        Refused.SAME_SLOT_AGAIN: gettext(
            "この時間は、期限までに支払いがなかったので取り消しました。同じ人は、同じ時間をもう一度予約できません。"
        ),
        Refused.GROUP_EXPIRED: gettext(
            "団体の登録は %(day)s までです。この日の予約には、登録の更新が必要です。「わたしの団体」で更新できます。",
            day=day,
        ),
        Refused.GROUP_ENDED: gettext(
            "この団体の登録は、終わったか、認められませんでした。「わたしの団体」で、もう一度登録できます。"
        ),
        Refused.GROUP_NOT_VERIFIED: gettext("団体の登録を、施設の担当者が確かめています。確かめ終わると予約できます。"),
        Refused.GROUPS_ONLY: gettext("ここは、登録した団体だけが予約できます。「わたしの団体」で登録できます。"),
        Refused.PERSONS_ONLY: gettext("ここは、個人の名前で予約してください。団体では予約できません。"),
        Refused.NO_SUCH_GROUP: gettext("この団体の名前では予約できません。代表者か、予約を任された人だけができます。"),
        Refused.OTHER_FACILITY: gettext(
            "そこは別の施設です。予約を動かせるのは同じ施設の中だけです。別の施設は、新しく予約してください。"
        ),
    }[reason]


def step_words(step: CancelStep, use: date | None = None) -> str:
    """A step of a refund rule: until when, how much; with the day of use as a date of the calendar."""
    percent = step.percent
    if step.months_before is not None:
        until = gettext("使う日の%(months)sか月前", months=step.months_before)
    elif step.weeks_before == 1:
        until = gettext("使う日の前の週の同じ曜日")
    elif step.weeks_before is not None:
        until = gettext("使う日の%(weeks)s週前の同じ曜日", weeks=step.weeks_before)
    else:
        until = gettext("使う日の%(days)s日前", days=step.days_before)
    if step.at != time.max:
        until = f"{until} {step.at.hour}:{step.at.minute:02}"
    if use is not None:
        last = step.until(use) - timedelta(microseconds=1) if step.at == time.max else step.until(use)
        day = short_day(clock.local(last).date())
        return gettext("%(day)s まで(%(until)s): %(percent)s%%", day=day, until=until, percent=percent)
    return gettext("%(until)sまで: %(percent)s%%", until=until, percent=percent)


def booking_words(state: str, *, accepted: bool = False) -> tuple[str, str]:
    """(kind of chip, words) of a booking's state."""
    if state == BookingState.HELD:
        return ("act", gettext("支払いを待っています")) if accepted else ("act", gettext("仮押さえ中"))
    return {
        BookingState.REQUESTED.value: ("wait", gettext("施設が確認しています")),
        BookingState.CONFIRMED.value: ("good", gettext("予約が決まりました")),
        BookingState.LAPSED.value: ("neutral", gettext("時間切れ")),
        BookingState.RELEASED.value: ("neutral", gettext("やめました")),
        BookingState.REFUSED.value: ("bad", gettext("許可できませんでした")),
        BookingState.CANCELLED.value: ("neutral", gettext("取り消しました")),
    }[state]


def next_step(line: BookingLine, *, unpaid: bool, now: datetime) -> str:
    """What its owner does next about a booking, and until when; "" where there is nothing."""
    if line.state == BookingState.HELD:
        until = show_until(line.held_until, locale.current())
        if line.accepted:
            return gettext("%(at)s までに支払ってください。", at=until)
        return gettext("%(at)s までに、人数などを書いて予約を決めてください。", at=until)
    if line.state == BookingState.REQUESTED:
        return gettext("施設の返事を待ってください。決まったら、メールでお知らせします。")
    if line.state not in {BookingState.CONFIRMED, BookingState.CANCELLED}:
        return ""
    if unpaid:
        return gettext("まだ支払っていない料金があります。開いて、期限を見てください。")
    over = line.ends_at <= now or line.state == BookingState.CANCELLED
    return "" if over else gettext("使う日に、受付で使用許可書を見せてください。")


def unfit_words(reason: Unfit) -> str:
    """Why slots cannot be one booking."""
    return {
        Unfit.OVERLAP: gettext("えらんだ時間が重なっています。重ならない時間をえらんでください。"),
        Unfit.DAYS: gettext("1つの予約にまとめられるのは、同じ日の時間だけです。ちがう日は、べつに予約してください。"),
        Unfit.MANY: gettext("えらんだ時間が多すぎます。%(most)sつまでにしてください。", most=combining.MOST),
    }[reason]


def event_words(kind: str) -> str:
    """What happened to a booking."""
    return {
        "held": gettext("仮押さえ"),
        "extended": gettext("時間をのばした"),
        "released": gettext("やめた"),
        "lapsed": gettext("時間切れ"),
        "accepted": gettext("料金を承知した"),
        "requested": gettext("申込みを受け付けた"),
        "confirmed": gettext("許可した"),
        "entered": gettext("使ったあとに、紙から入れた"),
        "struck": gettext("入れまちがいを消した"),
        "refused": gettext("許可しなかった"),
        "cancelled": gettext("取り消した"),
        "reviewed": gettext("確認した(1人目)"),
        "adjusted": gettext("料金が変わった"),
        "reduction_granted": gettext("減免を認めた"),
        "reduction_refused": gettext("減免を認めなかった"),
        "reduction_revoked": gettext("減免を取り消した"),
        "no_show": gettext("来なかった"),
        "came_after_all": gettext("「来なかった」を取り消した"),
        "lost_time": gettext("時間の一部が使えなかった"),
        "refunded": gettext("お金を返した"),
        "called_off": gettext("施設が中止した"),
        "revoked": gettext("許可を取り消した"),
        "move_held": gettext("変更先の時間を取っておいた"),
        "moved": gettext("時間や場所を変えた"),
        "paid_too_late": gettext("支払いが間に合わなかった"),
        "voucher_out": gettext("コンビニの払込番号が出た(その期限まで場所を取っておく)"),
        "came": gettext("来た"),
        "used": gettext("使った人数を書いた"),
        "lent": gettext("物を貸した"),
        "returned": gettext("物が返ってきた"),
    }.get(kind, kind)


def source_words(source: str) -> str:
    """How a booking came in that was entered when the use had begun; "" for all others."""
    return {
        Source.WALK_IN.value: gettext("予約なしで来た"),
        Source.PAPER.value: gettext("あとから入れた(紙)"),
    }.get(source, "")


def came_words(by: str) -> str:
    """How staff found who came."""
    return {
        "qr": gettext("QRコード"),
        "code": gettext("許可書の番号"),
        "paper": gettext("紙から"),
    }.get(by, gettext("一覧から"))


def told_words(told: str) -> str:
    """How somebody said it to staff."""
    return {Source.TELEPHONE.value: gettext("電話で"), Source.COUNTER.value: gettext("窓口で")}.get(told, "")


def actor_words(kind: str) -> str:
    """Who did it."""
    return {"resident": gettext("利用者"), "staff": gettext("職員"), "system": gettext("自動")}.get(kind, kind)


def group_state(group: BookingGroup, today: date) -> tuple[str, str]:
    """(kind of chip, words) of a group's registration on a day."""
    if group.state == GroupState.APPLIED:
        return ("wait", gettext("施設が確認しています"))
    if group.state == GroupState.ENDED:
        return ("neutral", gettext("終わりました"))
    if group.state == GroupState.REFUSED:
        return ("bad", gettext("認められませんでした"))
    if group.valid_until is not None and group.valid_until < today:
        return ("bad", gettext("期限が切れています"))
    return ("good", gettext("予約できます"))


def basis_words(basis: str) -> str:
    """What ties somebody to a municipality."""
    return {"lives": gettext("在住"), "works": gettext("在勤"), "studies": gettext("在学")}.get(basis, "")


def part_choices() -> list[tuple[str, str]]:
    """Parts of the day."""
    return [
        ("", gettext("どの時間でもよい")),
        ("morning", gettext("午前")),
        ("afternoon", gettext("午後")),
        ("evening", gettext("夜(17時から)")),
    ]


def parts() -> list[tuple[str, str]]:
    """Parts of the day as columns."""
    return part_choices()[1:]


def distance(km: float) -> str:
    """約300m or 約1.2km; the way of a bird."""
    if km < 1:
        return gettext("約%(metres)sm", metres=max(100, round(km * 10) * 100))
    return gettext("約%(km)skm", km=f"{km:.1f}")


def group_words(group: str) -> str:
    """Headings of the purposes."""
    return {"sports": gettext("スポーツ"), "culture": gettext("集まり・文化"), "outdoors": gettext("公園・宿泊")}[group]


def closure_words() -> dict[str, str]:
    """Why a place is closed."""
    return {
        ClosureKind.CLOSED.value: gettext("工事・点検・臨時の休み"),
        ClosureKind.WEATHER.value: gettext("天候(雨・暑さ・警報)"),
        ClosureKind.SHELTER.value: gettext("避難所になる(終わりは未定)"),
        ClosureKind.REVOCATION.value: gettext("許可の取消し(条例の根拠が必要)"),
        ClosureKind.CITY.value: gettext("市が使う(予約のない時間だけ)"),
    }


def shut_words(kind: str) -> str:
    """What a closed cell of the week board says it is."""
    return {
        ClosureKind.CLOSED.value: gettext("休み"),
        ClosureKind.WEATHER.value: gettext("天候で中止"),
        ClosureKind.SHELTER.value: gettext("避難所"),
        ClosureKind.REVOCATION.value: gettext("許可の取消し"),
        ClosureKind.CITY.value: gettext("市が使う"),
    }[kind]


def day_span(start: datetime, end: datetime) -> str:
    """The hours of a day from one moment to another; "" for the whole day."""
    if clock.local(start).time() == time() and clock.local(end).time() == time():
        return ""
    last = "24:00" if clock.local(end).time() == time() else show_time(end)
    return f"{show_time(start)}〜{last}"


def access_words(access: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """How to get in: (what, how) of everything that is said."""
    labels = {
        "entrance": gettext("入口"),
        "key": gettext("鍵"),
        "remote": gettext("リモコン・スイッチ"),
        "parking": gettext("駐車場"),
        "lent": gettext("貸し出すもの(返してください)"),
    }
    return [(labels[kind], text) for kind, text in access if text]
