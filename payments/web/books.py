"""The city's own books in the browser: what there is to do, and the hand-over when a 指定管理者 changes."""

from __future__ import annotations

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from payments import handover
from portal.accounts.models import Role
from portal.kernel import audit
from portal.kernel.database import unit_of_work
from portal.web import access

bp = Blueprint("payments_books", __name__, template_folder="templates", url_prefix="/staff/books")

BOTH = (Role.FINANCE.value, Role.COUNTER.value)


@bp.get("")
@access.staff(*BOTH)
def home() -> ResponseReturnValue:
    """The ways into bills, drawers, unpaid charges, account transfers and hand-overs."""
    return render_template("payments/books/home.html", finance=access.visitor().may(Role.FINANCE.value))


@bp.get("/handovers")
@access.staff(Role.FINANCE.value)
def handovers() -> ResponseReturnValue:
    """Every change of manager that the city pack names."""
    with unit_of_work() as session:
        return render_template("payments/books/handovers.html", takeovers=handover.takeovers(session))


@bp.get("/handovers/<int:takeover_id>")
@access.staff(Role.FINANCE.value)
def handover_statement(takeover_id: int) -> ResponseReturnValue:
    """What was prepaid for days after the change, and who gives it back."""
    with unit_of_work() as session:
        change = handover.takeover(session, takeover_id)
        lines = handover.statement(session, takeover_id)
        _audit(takeover_id, len(lines))
        return render_template(
            "payments/books/handover.html",
            change=change,
            lines=lines,
            unpaid=handover.open_after(session, takeover_id),
            left=sum((line.left.amount for line in lines), start=0),
            passes_on=sum((line.passes_on.amount for line in lines), start=0),
        )


@bp.get("/handovers/<int:takeover_id>.csv")
@access.staff(Role.FINANCE.value)
def handover_csv(takeover_id: int) -> ResponseReturnValue:
    """The same as CSV (UTF-8 with BOM, as spreadsheets read it)."""
    with unit_of_work() as session:
        lines = handover.statement(session, takeover_id)
        _audit(takeover_id, len(lines))
    return csv_answer(handover.as_csv(lines), f"handover-{takeover_id}.csv")


def csv_answer(text: str, name: str) -> Response:
    """A CSV download, UTF-8 with BOM."""
    return Response(
        "\ufeff" + text,
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _audit(takeover_id: int, count: int) -> None:
    with unit_of_work() as session:
        audit.record(
            session,
            actor=access.visitor().actor,
            action="handover.read",
            subject_kind="payee_succession",
            subject_ref=str(takeover_id),
            detail={"charges": count},
        )
