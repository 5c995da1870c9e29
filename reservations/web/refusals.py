"""Why a slot could not be had, in one sentence: which rule, until or from when, and what there is instead. Pages and API say the same."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

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
from reservations.policy.refusals import Refused
from reservations.web import words
from reservations.web.words import gettext

SHOWN = 12
"""So many slots of a day are named instead of one that it does not have."""


_GROUP = frozenset(
    {
        Refused.GROUP_EXPIRED,
        Refused.GROUP_ENDED,
        Refused.GROUP_NOT_VERIFIED,
        Refused.GROUPS_ONLY,
        Refused.PERSONS_ONLY,
        Refused.NO_SUCH_GROUP,
    }
)
_OWN = frozenset({Refused.CAP_AHEAD, Refused.CAP_UNPAID})
_PERSON = frozenset({Refused.SUSPENDED, Refused.TOO_YOUNG, Refused.NO_BIRTH_DATE})


@dataclass(frozen=True)
class WayOn:
    """What somebody can do about a refusal: a page of their own, or a call to the facility."""

    url: str
    label: str
    call: bool = False


def about_the_person(error: PortalError) -> bool:
    """Whether the refusal holds for whatever slot they tap now: other slots would only be refused again."""
    if isinstance(error, TooManyHolds):
        return True
    return isinstance(error, NotBookable) and error.reason in (_GROUP | _OWN | _PERSON) - {
        Refused.GROUPS_ONLY,
        Refused.PERSONS_ONLY,
    }


def way_on(error: PortalError) -> WayOn | None:
    """Where the refusal can be mended; None where it lies with the slot."""
    mine = WayOn(url_for("reservations.mine"), gettext("わたしの予約と仮押さえを見る"))
    match error:
        case TooManyHolds():
            return WayOn(mine.url, mine.label, call=error.together or error.lapsed)
        case NotBookable() if error.reason in _OWN:
            return mine
        case NotBookable() if error.reason in _GROUP:
            return WayOn(url_for("reservations.my_groups"), gettext("わたしの団体"))
        case NotBookable(reason=Refused.NO_BIRTH_DATE):
            return WayOn(url_for("accounts.profile"), gettext("生年月日を登録する"))
        case NotBookable(reason=Refused.SUSPENDED):
            return WayOn(mine.url, mine.label, call=True)
        case _:
            return None


def refused_text(error: PortalError) -> str:
    """The sentence for a refused slot."""
    return sentence(error) or error_texts.words(error.code, error.status)


def sentence(error: object) -> str | None:  # noqa: PLR0911 - one sentence a refusal
    """The sentence for an error that says more than its code; None for others."""
    match error:
        case SlotTaken() if error.kept_until is not None:
            return gettext(
                "この時間は、ほかの人が %(at)s まで取っています。予約にならなければ、そのあとに空きます。",
                at=words.short_moment(error.kept_until),
            )
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
        return gettext("この施設は %(day)s に開きます。その前の日は予約できません。", day=words.said_day(error.opens))
    if error.closed is not None:
        day = words.said_day(error.closed)
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
    return gettext("予約を変えられるのは %(day)s までです。", day=words.said_day(error.until))


def _no_such_slot(error: NoSuchSlot) -> str:
    if error.closed is not None:
        why = error.closed_en if words.english() and error.closed_en else error.closed
        if error.opens is None:
            return gettext("この日は休みです。%(why)s", why=why)
        return gettext(
            "この日は休みです(%(why)s)。次に開くのは %(day)s です。", why=why, day=words.said_day(error.opens)
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
            "この24時間に、同じ電話番号か同じ家の方の、支払わないで終わった仮押さえが多いため、いまは取れません。"
            "明日、もう一度試すか、施設に電話してください。"
        )
    if error.together:
        return gettext(
            "同じ電話番号か同じ家の方で、同時に仮押さえできるのは%(limit)sつまでです。どれかの支払いが終わるか、仮押さえの時間が終わると、また取れます。",
            limit=error.limit,
        )
    if error.lapsed:
        return gettext(
            "この24時間に、支払わないで終わった仮押さえが多いため、いまは取れません。明日、もう一度試すか、施設に電話してください。"
        )
    return gettext(
        "同時に仮押さえできるのは%(limit)sつまでです。先に、どれかを支払うか、やめてください。", limit=error.limit
    )
