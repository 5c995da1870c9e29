"""Reductions that were asked for, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from portal.web import locale
from reservations.money_models import ReductionState
from reservations.queries.bookings import BookingView
from reservations.services.common import fees_of
from reservations.services.reducing import requests_of
from reservations.web.words import gettext


@dataclass(frozen=True)
class ReductionLine:
    """A reduction that was asked for."""

    code: str
    label: str
    reason: str
    state: str
    words: str
    decided_at: datetime | None
    decision_reason: str

    @property
    def choices(self) -> tuple[str, ...]:
        """What staff can decide now."""
        return {"asked": ("grant", "refuse"), "granted": ("revoke",)}.get(self.state, ())


def lines(session: Session, view: BookingView) -> list[ReductionLine]:
    """The reductions that were asked for with a booking. One statement."""
    english = locale.current() == "en"
    named = {
        one.id: one.label_en if english and one.label_en else one.label for one in fees_of(view.booking).reductions
    }
    return [
        ReductionLine(
            one.reduction,
            named.get(one.reduction, one.reduction),
            one.reason,
            one.state,
            state_words(one.state),
            one.decided_at,
            one.decision_reason or "",
        )
        for one in requests_of(session, view.booking.id)
    ]


def state_words(state: str) -> str:
    """Where a reduction stands."""
    return {
        ReductionState.ASKED.value: gettext("施設の担当者が確かめています"),
        ReductionState.GRANTED.value: gettext("認めました"),
        ReductionState.REFUSED.value: gettext("認められませんでした"),
        ReductionState.REVOKED.value: gettext("取り消しました"),
        ReductionState.WITHDRAWN.value: gettext("取り下げました"),
    }[state]


def adjustment_words(kind: str) -> str:
    """Why a price changed afterwards."""
    return {
        "reduction": gettext("減免を認めた"),
        "revoked": gettext("減免を取り消した"),
        "correction": gettext("料金表の間違いを直した"),
        "overtime": gettext("延長して使った"),
        "overtime_back": gettext("延長の料金を取り下げた"),
        "category": gettext("利用者区分が変わった"),
        "moved": gettext("予約を動かした"),
    }.get(kind, kind)
