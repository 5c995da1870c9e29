"""The list of a meeting of groups (利用調整会議) is entered before the public opening: looked through first, then taken (CASES B11)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.kernel import audit, clock, dates
from portal.kernel.database import transact, unit_of_work
from portal.kernel.dates import DateError, parse_date
from portal.web import access
from reservations.errors import BadPeriod
from reservations.operations import allocating, allocation_lists
from reservations.operations.allocating import Line, Outcome
from reservations.operations.allocation_lists import Unread, Written
from reservations.queries import catalog
from reservations.queries.catalog import SpaceView
from reservations.timetable import TOKYO
from reservations.web import words
from reservations.web.error_texts import TEXTS
from reservations.web.manage import facilities_of
from reservations.web.public import bp

_MANAGER = access.staff(Role.FACILITY_MANAGER)
_UNREAD = {
    "columns": lazy_gettext("場所・日・時間・だれ、の4つがそろっていません。"),
    "day": lazy_gettext("日付が読めません。2027/4/6 や 令和9年4月6日 のように書いてください。"),
    "times": lazy_gettext("時間が読めません。19:00 や 17:00+19:00 のように書いてください。"),
    "too_many_lines": lazy_gettext("1回に入れられるのは1,000行までです。この行から後は読んでいません。"),
    "too_long": lazy_gettext("長すぎます。分けて入れてください。"),
}
_UNKNOWN = lazy_gettext("この団体番号やメールアドレスの人は、登録がありません。")


@dataclass(frozen=True)
class Row:
    """One line of the list on the page: what was written and what stands against it ("" nothing)."""

    number: int
    text: str
    problem: str
    booking: str = ""


def _views(session: Session, own: set[str]) -> list[SpaceView]:
    return [view for code in sorted(own) for view in catalog.spaces(session, on=clock.today(), facility=code)]


def _lines(session: Session, written: list[Written], views: list[SpaceView]) -> list[Line]:
    by_code = {view.code: view for view in views}
    rules = catalog.rules_for(session, views) if views else None
    lines = []
    for one in written:
        view = by_code.get(one.space)
        table = rules.timetable(view.timetable_code, one.day) if rules is not None and view is not None else None
        slots = table.slots_on(one.day, dates.is_holiday) if table is not None else ()
        begins = {slot.code: f"{slot.start.astimezone(TOKYO):%H:%M}" for slot in slots}
        codes = allocation_lists.slot_codes(one.times, slots, begins)
        lines.append(Line(one.space, one.day, codes, one.who, one.purpose))
    return lines


def _problem(outcome: Outcome, numbers: list[int]) -> str:
    if outcome.problem == allocating.OK:
        return ""
    if outcome.problem == "conflict":
        at = outcome.other or 0
        line = numbers[at - 1] if 0 < at <= len(numbers) else at
        return str(gettext("%(line)s行目と、場所と時間が重なっています。先に書いてある行を入れます。", line=line))
    return str(_UNKNOWN if outcome.problem == "unknown_person" else TEXTS.get(outcome.problem, outcome.problem))


def _in_words(space: str, day: str, slots: list[str] | tuple[str, ...], who: str) -> str:
    times = "+".join(re.sub(r"^t(\d\d)(\d\d)$", r"\1:\2", slot) for slot in slots)
    return f"{space} {day} {times} {who}"


def _rows(written: list[Written], unread: list[Unread], outcomes: list[Outcome]) -> list[Row]:
    numbers = [one.number for one in written]
    found = [
        Row(
            one.number,
            _in_words(one.space, one.day.isoformat(), one.times, one.who),
            _problem(outcome, numbers),
            outcome.booking or "",
        )
        for one, outcome in zip(written, outcomes, strict=True)
    ]
    found += [Row(one.number, "", str(_UNREAD[one.reason])) for one in unread]
    return sorted(found, key=lambda row: row.number)


def _typed() -> str:
    sent = request.files.get("file")
    if sent is not None and sent.filename:
        content: bytes = sent.stream.read(allocation_lists.MOST_CHARACTERS * 4 + 1)
        for encoding in ("utf-8-sig", "cp932"):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        return ""
    return request.form.get("list", "")


def _page(
    *, text: str = "", rows: list[Row] | None = None, message: str = "", status: int = 200
) -> ResponseReturnValue:
    own = facilities_of(access.visitor())
    with unit_of_work() as session:
        views = _views(session, own)
        earlier = allocating.listed(session, own)
    html = render_template(
        "reservations/desk/allocation.html",
        views=views,
        text=text,
        rows=rows,
        good=len([row for row in rows or () if not row.problem]),
        message=message,
        earlier=earlier,
        today=clock.today(),
        words=words,
    )
    return html, status


@bp.get("/staff/allocations")
@_MANAGER
def allocations() -> ResponseReturnValue:
    """Write or upload the list; the lists that were entered before."""
    return _page()


@bp.post("/staff/allocations")
@_MANAGER
def enter_allocation() -> ResponseReturnValue:
    """Look the list through, or enter it: every line that nothing stands against is kept for its person, who is told."""
    visitor, text = access.visitor(), _typed()
    own = facilities_of(visitor)
    written, unread = allocation_lists.read(text)
    with unit_of_work() as session:
        views = _views(session, own)
        lines = _lines(session, written, views)
        outcomes = allocating.check(session, lines, facilities=own, now=clock.now_in(session))
    rows = _rows(written, unread, outcomes)
    if not rows:
        return _page(text=text, message=gettext("一覧が空です。1行に1つずつ書いてください。"), status=422)
    if request.form.get("action") != "enter":
        return _page(text=text, rows=rows, status=422 if unread else 200)
    title, until = request.form.get("title", "").strip()[:100], _day(request.form.get("pay_until", ""))
    if unread or not title or until is None or until < clock.today():
        message = gettext("会議の名前と、いつまで取っておくか(今日から後の日)を書いてください。")
        if unread:
            message = gettext("読めない行があります。直してから入れてください。何も予約していません。")
        return _page(text=text, rows=rows, message=message, status=422)
    if all(row.problem for row in rows):
        return _page(
            text=text, rows=rows, message=gettext("入れられる行がありません。何も予約していません。"), status=422
        )

    def work(session: Session) -> str:
        made, _done = allocating.apply(
            session, title, lines, pay_until=until, facilities=own, actor=visitor.actor, now=clock.now_in(session)
        )
        return made.reference

    try:
        reference = transact(work)
    except BadPeriod as error:
        return _page(text=text, rows=rows, message=str(TEXTS[error.code]), status=422)
    return redirect(url_for("reservations.allocation", reference=reference), 303)


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except DateError:
        return None


@bp.get("/staff/allocations/<reference>")
@_MANAGER
def allocation(reference: str) -> ResponseReturnValue:
    """What became of each line of a list."""
    visitor = access.visitor()
    with unit_of_work() as session:
        made = allocating.entered(session, reference, facilities=facilities_of(visitor))
        audit.record(
            session, actor=visitor.actor, action="allocation.seen", subject_kind="allocation", subject_ref=reference
        )
        title, entries = made.title, made.entries
    numbers = list(range(1, len(entries) + 1))
    rows = [
        Row(
            number,
            _in_words(one["space"], one["day"], one["slots"], one["who"]),
            _problem(Outcome(_line_of(one), one["problem"], one["other"]), numbers),
            one["booking"] or "",
        )
        for number, one in zip(numbers, entries, strict=True)
    ]
    return render_template("reservations/desk/allocation_done.html", title=title, rows=rows)


def _line_of(stored: dict[str, object]) -> Line:
    slots = stored["slots"]
    return Line(
        str(stored["space"]),
        date.fromisoformat(str(stored["day"])),
        tuple(slots) if isinstance(slots, list) else (),
        str(stored["who"]),
    )
