"""Rules of use in sentences: what the person who agrees to them has to have read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from reservations.policy.windows import Closes, Opens
from reservations.rules import Policy
from reservations.web.words import gettext, step_words


def policy_lines(rules: Policy) -> list[str]:
    """Who, when, what goes back, what the permit says: one line each."""
    return [*_windows(rules), *_deciding(rules), *_money(rules), *_permit(rules)]


def _windows(rules: Policy) -> Iterator[str]:
    names = {category.code: category.name for category in rules.categories}
    for window in rules.windows:
        who = "・".join(names.get(code, code) for code in window.categories) or gettext("ほかの方")
        yield gettext(
            "%(who)s: %(start)sから予約、%(end)sまで", who=who, start=_opens(window.opens), end=_closes(window.closes)
        )


def _opens(opens: Opens) -> str:
    at = f"{opens.at:%H:%M}"
    if opens.kind == "days_before":
        return gettext("%(n)s日前の%(at)s", n=opens.days, at=at)
    if opens.kind == "yearly":
        return gettext("毎年%(month)s月%(day)s日の%(at)s", month=opens.on[0], day=opens.on[1], at=at)
    if opens.on == "same_day":
        return gettext("%(n)sか月前の同じ日の%(at)s", n=opens.months, at=at)
    day = 1 if opens.on == "first" else opens.on
    return gettext("%(n)sか月前の月の%(day)s日の%(at)s", n=opens.months, day=day, at=at)


def _closes(closes: Closes) -> str:
    if closes.kind == "before_start":
        return gettext("始まる%(n)s分前", n=closes.minutes)
    if closes.at == time.max:
        return gettext("%(n)s日前の終わり", n=closes.days)
    return gettext("%(n)s日前の%(at)s", n=closes.days, at=f"{closes.at:%H:%M}")


def _deciding(rules: Policy) -> Iterator[str]:
    yield gettext("決め方: %(how)s", how=gettext("施設が確認") if rules.approval.by_people else gettext("自動"))
    yield gettext(
        "仮押さえ: %(minutes)s分(のばせます)。支払いは%(pay)s分以内",
        minutes=rules.hold.minutes,
        pay=rules.hold.pay_minutes,
    )
    yield gettext(
        "予約の変更: %(times)s回まで、使う日の%(days)s日前まで",
        times=rules.changes.times,
        days=rules.changes.days_before,
    )
    if not rules.changes.refund_difference:
        yield gettext("予約の変更: 安い時間に変えても、差額は返さない")


def _money(rules: Policy) -> Iterator[str]:
    days = rules.days_to_pay
    named = gettext("根拠: %(ground)s", ground=days.source) if days.source else gettext("見本")
    yield gettext("電話の予約の支払い: %(days)s日以内(%(named)s)", days=days.telephone, named=named)
    yield gettext("延長の料金の支払い: %(days)s日以内(%(named)s)", days=days.overtime, named=named)
    yield gettext("減免などが決まったあとの支払い: %(days)s日以内(%(named)s)", days=days.decision, named=named)
    if rules.cancellation.unpaid_owes:
        yield gettext("取消しの料金の支払い: %(days)s日以内(%(named)s)", days=days.cancelling, named=named)
    undo = rules.cancellation.undo_minutes
    yield gettext("取消し: 決まってから%(minutes)s分以内は全額", minutes=undo)
    for step in rules.cancellation.steps:
        yield gettext("取消し: %(step)s", step=step_words(step))
    yield gettext("取消し: そのあとは返さない(根拠: %(ground)s)", ground=rules.cancellation.ground)


def _permit(rules: Policy) -> Iterator[str]:
    permit, appeal = rules.permit, rules.appeal
    yield gettext("許可する人: %(who)s(根拠: %(ground)s)", who=permit.authority, ground=permit.ground)
    yield gettext(
        "教示: 審査請求は%(who)sへ、取消訴訟の被告は%(against)s", who=appeal.review_by, against=appeal.defendant
    )
    for label, text in (
        (gettext("鍵と入り方"), permit.entrance),
        (gettext("鍵"), permit.key),
        (gettext("駐車場"), permit.parking),
    ):
        if text:
            yield f"{label}: {text}"
    for condition in permit.conditions:
        yield gettext("許可の条件: %(what)s", what=condition)
