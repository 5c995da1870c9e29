"""The pages of letters in every room: choose, print, write down when they were posted. The rooms say whose letters and which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

from flask import Response, flash, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.dates import DateError, parse_date
from portal.kernel.errors import Invalid
from portal.notices import paper
from portal.notices.paper import NoAddress, NotPrinted

S = TypeVar("S")
Page = Callable[[str, int], ResponseReturnValue]
"""Makes the room's page again, with an error and its status."""

STAGES: dict[str, tuple[str, LazyString]] = {
    "to_print": ("act", lazy_gettext("これから印刷します")),
    "printed": ("wait", lazy_gettext("印刷しました")),
    "sent": ("good", lazy_gettext("送りました")),
}
"""Kind of the chip and words, by `OnPaper.stage`."""


def wanted() -> list[int]:
    """The letters that the visitor has chosen."""
    return [int(text) for text in request.form.getlist("letter") if text.isdigit()]


def shows_sent() -> bool:
    """Whether those are asked for that were sent already."""
    return request.args.get("show") == "sent"


def show(template: str, rows: Sequence[Any], *, error: str, **more: Any) -> str:
    """A room's page, whose template extends `notices/paper.html`."""
    if error:
        g.page_has_errors = True
    return render_template(
        template,
        rows=rows,
        sent=shows_sent(),
        stages=STAGES,
        most=paper.MOST,
        today=clock.today(),
        chosen=set(wanted()) if request.method == "POST" else set(),
        typed=request.form,
        error=error,
        **more,
    )


def print_chosen(
    gather: Callable[[Session], S],
    render: Callable[[S], bytes],
    printed: Callable[[Session], None],
    *,
    page: Page,
    unknown: Callable[[NoAddress], str],
) -> ResponseReturnValue:
    """One PDF of the chosen letters.

    Args:
        gather: everything that is printed.
        render: the PDF of it; called outside a transaction.
        printed: notes that it was printed.
        page: see `Page`.
        unknown: what is said where an address is not known.
    """
    try:
        with unit_of_work() as session:
            sheets = gather(session)
    except NoAddress as error:
        return page(unknown(error), error.status)
    except Invalid as error:
        words = _("印刷する手紙を、1通から%(most)s通までえらんでください。", most=paper.MOST)
        return page(words, error.status)
    content = render(sheets)
    with unit_of_work() as session:
        printed(session)
    headers = {
        "Content-Disposition": f'attachment; filename="letters-{clock.today():%Y%m%d}.pdf"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, mimetype="application/pdf", headers=headers)


def note_sent(sent: Callable[[Session, date], int], *, page: Page, back: str) -> ResponseReturnValue:
    """Write down that the chosen letters were posted, and on which day.

    Args:
        sent: notes it for a day.
        page: see `Page`.
        back: address of the page.
    """
    try:
        sent_on = parse_date(request.form.get("sent_on", ""))
        with unit_of_work() as session:
            sent(session, sent_on)
    except NotPrinted as error:
        return page(_("まだ印刷していない手紙があります。先に印刷してください。"), error.status)
    except (DateError, Invalid):
        words = _("送った手紙と、送った日(手紙ができた日から今日まで)を確かめてください。")
        return page(words, Invalid.status)
    flash(_("送ったことを記録しました。"), "success")
    return redirect(back, 303)
