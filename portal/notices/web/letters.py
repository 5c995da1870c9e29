"""`/staff/post`: messages on paper, printed by the rooms that they belong to, and written down when they were posted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.notices import post, printing
from portal.notices.post import Desk
from portal.notices.web import paper
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
    return _page("", 200)


@bp.post("/print")
@access.staff(*ROLES)
def print_letters() -> ResponseReturnValue:
    """One PDF of the chosen letters."""
    who, ids, now = access.visitor(), paper.wanted(), clock.now()
    theirs = desks(who)
    return paper.print_chosen(
        lambda session: printing.gather(session, ids, desks=theirs, actor=who.actor, now=now),
        printing.render,
        lambda session: post.mark_printed(session, ids, desks=theirs, actor=who.actor, now=now),
        page=_page,
        unknown=lambda error: _(
            "住所が分からないので、何も印刷していません: %(about)s。えらばずに印刷してください。",
            about="、".join(error.about),
        ),
    )


@bp.post("/sent")
@access.staff(*ROLES)
def letters_sent() -> ResponseReturnValue:
    """Write down that the chosen letters were posted, and on which day."""
    who, ids = access.visitor(), paper.wanted()

    def sent(session: Session, day: date) -> int:
        return post.mark_sent(session, ids, desks=desks(who), sent_on=day, actor=who.actor, now=clock.now())

    return paper.note_sent(sent, page=_page, back=url_for("post.letters"))


def _page(error: str, status: int) -> ResponseReturnValue:
    who = access.visitor()
    with unit_of_work() as session:
        found = post.of_desks(session, desks(who), sent=paper.shows_sent())
        audit.record(session, actor=who.actor, action="post.list", subject_kind="posted_notice", subject_ref="list")
        rows = [(letter, letter.about, "", (letter.name, printing.words(letter)[0])) for letter in found]
        return paper.show("notices/letters.html", rows, error=error), status
