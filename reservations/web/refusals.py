"""Why a slot could not be had, in one sentence: which rule, until or from when, and what there is instead. Pages and API say the same."""

from __future__ import annotations

from portal.kernel.errors import PortalError
from portal.web import error_texts
from reservations.errors import (
    NoMoreChanges,
    NoSuchDay,
    NoSuchSlot,
    NotBookable,
    NotOffered,
    SlotsUnfit,
    SlotTaken,
    TooManyHolds,
)
from reservations.web import words
from reservations.web.words import gettext

SHOWN = 12
"""So many slots of a day are named instead of one that it does not have."""


def refused_text(error: PortalError) -> str:
    """The sentence for a refused slot."""
    return sentence(error) or error_texts.words(error.code, error.status)


def sentence(error: object) -> str | None:  # noqa: PLR0911 - one sentence a refusal
    """The sentence for an error that says more than its code; None for others."""
    match error:
        case SlotTaken():
            return gettext("この時間は、ほかの人が先に予約しました。")
        case NotBookable():
            return words.refused_words(error.reason, error.at, error.limit)
        case NoSuchSlot():
            return _no_such_slot(error)
        case SlotsUnfit():
            return words.unfit_words(error.reason)
        case NotOffered():
            return _not_offered(error)
        case NoSuchDay():
            return _no_such_day(error)
        case NoMoreChanges():
            return _no_more_changes(error)
        case TooManyHolds():
            return _too_many(error)
        case _:
            return None


def _not_offered(error: NotOffered) -> str:
    if error.opens is not None:
        return gettext("この施設は %(day)s に開きます。その前の日は予約できません。", day=words.short_day(error.opens))
    if error.closed is not None:
        day = words.short_day(error.closed)
        if error.into is not None:
            return gettext("この施設を使えるのは %(day)s までです。そのあとは、ほかの施設に移ります。", day=day)
        return gettext("この施設は %(day)s で終わります。そのあとの日は予約できません。", day=day)
    return gettext("この場所は、オンラインでは予約できません。")


def _no_such_day(error: NoSuchDay) -> str:
    if error.last is None:
        return gettext("その日付はありません。")
    year, month, day = error.last.year, error.last.month, error.last.day
    return gettext("その日付はありません。%(year)s年%(month)s月は%(day)s日までです。", year=year, month=month, day=day)


def _no_more_changes(error: NoMoreChanges) -> str:
    if error.until is None:
        return gettext("予約を変えられるのは%(limit)s回までです。", limit=error.limit)
    return gettext("予約を変えられるのは %(day)s までです。", day=words.short_day(error.until))


def _no_such_slot(error: NoSuchSlot) -> str:
    if error.closed is not None:
        why = error.closed_en if words.english() and error.closed_en else error.closed
        if error.opens is None:
            return gettext("この日は休みです。%(why)s", why=why)
        return gettext(
            "この日は休みです(%(why)s)。次に開くのは %(day)s です。", why=why, day=words.short_day(error.opens)
        )
    if not error.offered:
        return gettext("その日に、その時間はありません。")
    joint = ", " if words.english() else "、"
    slots = joint.join(words.slot_words(slot) for slot in error.offered[:SHOWN])
    if len(error.offered) > SHOWN:
        return gettext("その日に、その時間はありません。予約できる時間の区切り: %(slots)s ほか", slots=slots)
    return gettext("その日に、その時間はありません。予約できる時間の区切り: %(slots)s", slots=slots)


def _too_many(error: TooManyHolds) -> str:
    if error.lapsed and error.together:
        return gettext(
            "同じ電話番号か同じ家の方が、今日は仮押さえを何度もやめています。明日、もう一度試すか、施設に電話してください。"
        )
    if error.together:
        return gettext("同じ電話番号か同じ家の方で、同時に仮押さえできるのは%(limit)sつまでです。", limit=error.limit)
    if error.lapsed:
        return gettext("今日は、仮押さえを何度もやめています。明日、もう一度試してください。")
    return gettext(
        "同時に仮押さえできるのは%(limit)sつまでです。先に、どれかを支払うか、やめてください。", limit=error.limit
    )
