"""`/staff/post`: messages on paper, printed by the rooms that they belong to, and written down when they were posted."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.models import Role
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.kernel.dates import DateError, parse_date
from portal.kernel.errors import Invalid
from portal.notices import post, printing
from portal.notices.post import Desk, PostNotPrinted, PostWithoutAddress
from portal.web import access
from portal.web.access import Visitor

bp = Blueprint("post", __name__, url_prefix="/staff/post", template_folder="templates")

ROLES = (Role.FINANCE.value, Role.FACILITY_MANAGER.value, Role.FACILITY_ADMIN.value)
DeskOf = Callable[[Visitor], Desk | None]
_desks: dict[str, DeskOf] = {}


def register(room: str, desk_of: DeskOf) -> None:
    """A room says whose letters of it a visitor may print. Registering again replaces it."""
    _desks[room] = desk_of


def desks(who: Visitor) -> list[Desk]:
    """Whose letters the visitor may see."""
    return [desk for desk_of in _desks.values() if (desk := desk_of(who)) is not None]


def waiting(who: Visitor) -> int:
    """How many are still to be sent: the number on the tile."""
    with unit_of_work() as session:
        return post.waiting(session, desks(who))


@bp.get("")
@access.staff(*ROLES)
def letters() -> ResponseReturnValue:
    """The letters to send, or those sent."""
    return _page()


@bp.post("/print")
@access.staff(*ROLES)
def print_letters() -> ResponseReturnValue:
    """One PDF of the chosen letters."""
    who, ids, now = access.visitor(), _ids(), clock.now()
    try:
        with unit_of_work() as session:
            sheets = printing.gather(session, ids, desks=desks(who), actor=who.actor, now=now)
    except PostWithoutAddress as error:
        words = _(
            "住所が分からないので、何も印刷していません: %(about)s。えらばずに印刷してください。",
            about="、".join(error.about),
        )
        return _page(error=words, status=error.status)
    except Invalid as error:
        return _page(
            error=_("印刷する手紙を、1通から%(most)s通までえらんでください。", most=printing.MOST), status=error.status
        )
    content = printing.render(sheets)
    with unit_of_work() as session:
        post.mark_printed(session, ids, desks=desks(who), actor=who.actor, now=now)
    headers = {
        "Content-Disposition": f'attachment; filename="letters-{clock.today():%Y%m%d}.pdf"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, mimetype="application/pdf", headers=headers)


@bp.post("/sent")
@access.staff(*ROLES)
def letters_sent() -> ResponseReturnValue:
    """Write down that the chosen letters were posted, and on which day."""
    who = access.visitor()
    try:
        sent_on = parse_date(request.form.get("sent_on", ""))
        with unit_of_work() as session:
            post.mark_sent(session, _ids(), desks=desks(who), sent_on=sent_on, actor=who.actor, now=clock.now())
    except PostNotPrinted as error:
        return _page(error=_("まだ印刷していない手紙があります。先に印刷してください。"), status=error.status)
    except (DateError, Invalid):
        words = _("送った手紙と、送った日(手紙ができた日から今日まで)を確かめてください。")
        return _page(error=words, status=Invalid.status)
    flash(_("送ったことを記録しました。"), "success")
    return redirect(url_for("post.letters"), 303)


def _ids() -> list[int]:
    return [int(text) for text in request.form.getlist("letter") if text.isdigit()]


def _page(*, error: str = "", status: int = 200) -> ResponseReturnValue:
    who, sent = access.visitor(), request.args.get("show") == "sent"
    if error:
        g.page_has_errors = True
    with unit_of_work() as session:
        rows = [(letter, printing.words(letter)[0]) for letter in post.of_desks(session, desks(who), sent=sent)]
        audit.record(session, actor=who.actor, action="post.list", subject_kind="posted_notice", subject_ref="list")
        html = render_template(
            "notices/letters.html",
            rows=rows,
            sent=sent,
            stages={
                "to_print": ("act", _("これから印刷します")),
                "printed": ("wait", _("印刷しました")),
                "sent": ("good", _("送りました")),
            },
            most=printing.MOST,
            today=clock.today(),
            chosen=set(_ids()) if request.method == "POST" else set(),
            typed=request.form,
            error=error,
        )
    return html, status
