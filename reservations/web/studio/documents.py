"""Timetables, fee tables and rules of use in the browser: written by form or as text, checked, tried, compared, agreed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, cast

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.kernel import clock, dates
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from reservations.models import Facility
from reservations.pricing import FeeTable
from reservations.rules import Policy
from reservations.studio import comparing, drafts, queries, services, writing
from reservations.studio.checking import check
from reservations.studio.errors import DraftHasMistakes, DraftTooEarly, NotYourDocument, SamePerson
from reservations.studio.models import RuleDraft
from reservations.studio.shifts import Shift, shifts
from reservations.timetable import Slot, Timetable
from reservations.web.public import bp
from reservations.web.studio import words
from reservations.web.studio.facilities import WHO, allowed
from reservations.web.studio.forms import (
    DocumentForm,
    ReasonForm,
)
from reservations.web.studio.plain import SUFFIX, known_kind, save_text
from reservations.web.studio.rule_words import policy_lines
from reservations.web.studio.trying import tried, try_form

DAYS_SHOWN = 14
SHIFTS_OVER = 366
"""Days over which the closed days that a holiday moves are shown."""


@bp.post("/staff/facilities/<code>/documents/<kind>/copy")
@access.staff(*WHO)
def setup_copy(code: str, kind: str) -> ResponseReturnValue:
    """A new version, begun as a copy of the one that is in force last."""
    known_kind(kind)
    with unit_of_work() as session:
        found = queries.before(session, kind, request.form.get("document", ""), None)
    if found is None:
        raise NotFound
    day = max(found.valid_from, clock.today()) + timedelta(days=1)
    text = writing.as_text({**found.content, "valid_from": day})
    try:
        made = save_text(allowed(code), kind, found.code, text, None)
    except NotYourDocument:
        made = save_text(code, kind, *_own_copy(code, kind, found.content, day), None)
    return redirect(url_for("reservations.setup_draft", code=code, draft=made), 303)


def _own_copy(code: str, kind: str, content: dict[str, Any], day: date) -> tuple[str, str]:
    """A document that others use as well stays as it is: the facility gets one of its own to begin with."""
    own = f"{code.lower()}-{SUFFIX[kind]}"
    return own, writing.as_text({**content, "code": own, "valid_from": day})


@dataclass(frozen=True)
class _DraftPage:
    draft: RuleDraft
    facility: Facility
    name: str
    problems: tuple[Any, ...]
    document: Any
    differences: list[comparing.Difference]
    before: Any
    lines: list[str]
    rows: list[tuple[str, str, str, str]]
    days: list[tuple[date, Any, tuple[Slot, ...]]]
    shifts: list[Shift]


def _page(session: Session, code: str, draft_id: int) -> _DraftPage:
    draft = drafts.find(session, draft_id, facility=allowed(code))
    facility = services.facility_of(session, code)
    open_ = draft.state in {"writing", "asked"}
    checked = drafts.check_draft(session, draft) if open_ else check(draft.kind, draft.text, code=draft.code)
    last = checked.document.valid_from - timedelta(days=1) if checked.document is not None else None
    earlier = queries.before(session, draft.kind, draft.code, last)
    differences = comparing.compare(earlier.content, checked.content) if earlier and checked.content else []
    document = checked.document
    return _DraftPage(
        draft,
        facility,
        queries.official(facility, clock.today()),
        checked.problems,
        document,
        differences,
        earlier,
        _lines(document),
        words.fee_rows(document) if isinstance(document, FeeTable) else [],
        _days(document) if isinstance(document, Timetable) else [],
        shifts(document, max(document.valid_from, clock.today()), SHIFTS_OVER, dates.is_holiday)
        if isinstance(document, Timetable)
        else [],
    )


def _lines(document: Any) -> list[str]:
    if isinstance(document, Timetable):
        return words.timetable_lines(document)
    if isinstance(document, FeeTable):
        return words.fee_lines(document)
    return policy_lines(document) if isinstance(document, Policy) else []


def _days(table: Timetable) -> list[tuple[date, Any, tuple[Slot, ...]]]:
    first = max(table.valid_from, clock.today())
    days = [first + timedelta(days=n) for n in range(DAYS_SHOWN)]
    return [(day, table.closure_on(day, dates.is_holiday), table.slots_on(day, dates.is_holiday)) for day in days]


def _show(code: str, draft_id: int, *, message: str = "", status: int = 200, text: str | None = None) -> Any:
    with unit_of_work() as session:
        page = _page(session, code, draft_id)
        form = DocumentForm(formdata=None, text=page.draft.text if text is None else text)
        tries = try_form(session, page.document, page.facility.spaces) if page.rows else None
    me = access.visitor().account_id
    html = render_template(
        "reservations/setup/draft.html",
        page=page,
        draft=page.draft,
        facility=page.facility,
        form=form,
        reason=ReasonForm(formdata=None),
        mine=me in page.draft.writers or me == page.draft.asked_by,
        tries=tries,
        result=tried(page.document, tries) if tries is not None and request.args.get("ask") else None,
        message=message,
        words=words,
        holiday_name=dates.holiday_name,
    )
    return html, status


@bp.get("/staff/facilities/<code>/drafts/<int:draft>")
@access.staff(*WHO)
def setup_draft(code: str, draft: int) -> ResponseReturnValue:
    """A draft: as a table, as text with its mistakes by line, tried, compared with the version before."""
    return cast("ResponseReturnValue", _show(code, draft))


@bp.post("/staff/facilities/<code>/drafts/<int:draft>")
@access.staff(*WHO)
def setupsave_text(code: str, draft: int) -> ResponseReturnValue:
    """Keep the text, typed or from a file."""
    with unit_of_work() as session:
        found = drafts.find(session, draft, facility=allowed(code))
    form = DocumentForm()
    if not form.validate():
        return cast("ResponseReturnValue", _show(code, draft, status=422, text=form.text.data))
    text = form.text.data or ""
    if form.upload.data:
        try:
            text = form.upload.data.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            return cast(
                "ResponseReturnValue",
                _show(code, draft, status=422, message=gettext("ファイルは UTF-8 で保存してください。")),
            )
    save_text(code, found.kind, found.code, text, draft)
    return redirect(url_for("reservations.setup_draft", code=code, draft=draft), 303)


def _step(work: Callable[[Session], Any], code: str, draft: int) -> ResponseReturnValue:
    try:
        transact(work)
    except DraftHasMistakes:
        return cast(
            "ResponseReturnValue", _show(code, draft, status=422, message=gettext("先に、間違いを直してください。"))
        )
    except DraftTooEarly as error:
        message = gettext(
            "いま使っている版があるので、%(day)s からにしてください(valid_from)。", day=error.earliest.isoformat()
        )
        return cast("ResponseReturnValue", _show(code, draft, status=422, message=message))
    except SamePerson:
        message = gettext("自分が書いたもの、自分が確認を頼んだものは、自分では決められません。")
        return cast("ResponseReturnValue", _show(code, draft, status=403, message=message))
    return redirect(url_for("reservations.setup_draft", code=code, draft=draft), 303)


@bp.post("/staff/facilities/<code>/drafts/<int:draft>/ask")
@access.staff(*WHO)
def setup_ask(code: str, draft: int) -> ResponseReturnValue:
    """Hand it to a second person."""
    actor = access.visitor().actor
    work = partial(drafts.ask, draft_id=draft, facility=allowed(code), actor=actor, now=clock.now())
    return _step(work, code, draft)


@bp.post("/staff/facilities/<code>/drafts/<int:draft>/agree")
@access.staff(*WHO)
def setup_agree(code: str, draft: int) -> ResponseReturnValue:
    """The second person agrees: it holds from its date."""
    actor = access.visitor().actor
    work = partial(drafts.agree, draft_id=draft, facility=allowed(code), actor=actor, now=clock.now())
    return _step(work, code, draft)


@bp.post("/staff/facilities/<code>/drafts/<int:draft>/return")
@access.staff(*WHO)
def setup_return(code: str, draft: int) -> ResponseReturnValue:
    """The second person gives it back."""
    form = ReasonForm()
    if not form.validate():
        return cast(
            "ResponseReturnValue", _show(code, draft, status=422, message=gettext("もどす理由を書いてください。"))
        )
    actor = access.visitor().actor
    work = partial(drafts.give_back, draft_id=draft, facility=allowed(code), reason=form.reason.data, actor=actor)
    return _step(work, code, draft)


@bp.post("/staff/facilities/<code>/drafts/<int:draft>/drop")
@access.staff(*WHO)
def setup_drop(code: str, draft: int) -> ResponseReturnValue:
    """Give the draft up."""
    actor = access.visitor().actor
    return _step(partial(drafts.drop, draft_id=draft, facility=allowed(code), actor=actor), code, draft)


@bp.get("/staff/facilities/<code>/versions/<int:version>")
@access.staff(*WHO)
def setup_version(code: str, version: int) -> ResponseReturnValue:
    """A version that is in: as a table, and what is different from the one before it."""
    with unit_of_work() as session:
        facility = services.facility_of(session, allowed(code))
        found = queries.document(session, version)
        used = {getattr(space, f"{kind}_code") for space in facility.spaces for kind in SUFFIX}
        if found is None or found.code not in used:
            raise NotFound
        earlier = queries.before(session, found.kind, found.code, found.valid_from - timedelta(days=1))
        document = queries.parsed(found)
    return render_template(
        "reservations/setup/version.html",
        facility=facility,
        version=found,
        before=earlier,
        rows=words.fee_rows(document) if isinstance(document, FeeTable) else [],
        lines=_lines(document),
        differences=comparing.compare(earlier.content, found.content) if earlier else [],
        text=writing.as_text(found.content),
        words=words,
    )
