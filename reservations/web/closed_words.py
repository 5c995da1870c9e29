"""What is closed on a day, in words: which space, for which hours, why, and what cannot be used because it shares the floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from portal.web import locale
from reservations.availability import State
from reservations.desk.closures import Announced
from reservations.operations.models import ClosureKind
from reservations.queries.calendar import SpaceDay
from reservations.queries.catalog import SpaceView
from reservations.timetable import Slot
from reservations.web.words import day_span, gettext, shut_words


def _joined(names: Iterable[str]) -> str:
    return (", " if locale.current() == "en" else "、").join(names)


def _reason(one: Announced) -> str:
    return one.reason_en if locale.current() == "en" and one.reason_en else one.reason


def _kind(one: Announced) -> str:
    return gettext("使えません") if one.kind == ClosureKind.REVOCATION else shut_words(one.kind)


def title(one: Announced) -> str:
    """What is closed, with what cannot be used because of it, and for which hours."""
    english = locale.current() == "en"
    closed, also = (one.spaces_en, one.also_en) if english else (one.spaces, one.also)
    hours = day_span(one.start, one.end)
    if also:
        return gettext(
            "使えません: %(spaces)s %(times)s(同じ場所を使う %(also)s も)",
            spaces=_joined(closed),
            times=hours,
            also=_joined(also),
        )
    return gettext("使えません: %(spaces)s %(times)s", spaces=_joined(closed), times=hours)


def body(one: Announced) -> str:
    """Why."""
    return _reason(one)


def of_slot(shut: Sequence[Announced], space: SpaceView, slot: Slot) -> str:
    """Why a slot that nobody can have is closed; "" where somebody has booked it."""
    found = next((one for one in shut if one.takes(space.units, slot)), None)
    if found is None:
        return ""
    return gettext("%(kind)s: %(reason)s", kind=_kind(found), reason=_reason(found))


def because(shut: Sequence[Announced], row: SpaceDay) -> list[str]:
    """For a space that is not closed itself: because of which space some of its slots cannot be used."""
    english = locale.current() == "en"
    return [
        gettext(
            "%(spaces)s と同じ場所なので、閉めている間は使えません。",
            spaces=_joined(one.spaces_en if english else one.spaces),
        )
        for one in shut
        if row.space.id not in one.closed
        and any(state.state is State.TAKEN and one.takes(row.space.units, state.slot) for state in row.slots)
    ]
