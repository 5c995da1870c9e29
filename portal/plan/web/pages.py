"""Routes: /plan for everybody, /staff/plan for the IT strategy section; CSV and JSON of both."""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.plan import report
from portal.plan.queries import Overview, overview
from portal.plan.web import figures
from portal.web import access

bp = Blueprint("plan", __name__, template_folder="templates")


def _overview() -> Overview:
    with unit_of_work() as session:
        return overview(session, clock.today())


def _page(template: str, csv_endpoint: str, json_endpoint: str) -> ResponseReturnValue:
    plan = _overview()
    cards = figures.cards(plan, str(get_locale()))
    drawings = [(card, figures.years(card, plan.today)) for card in cards]
    return render_template(
        template,
        plan=plan,
        cards=cards,
        bars=figures.bars(cards) if cards else None,
        drawings=[(card, drawing) for card, drawing in drawings if drawing],
        shown=figures.shown,
        year=figures.year,
        csv_endpoint=csv_endpoint,
        json_endpoint=json_endpoint,
    )


def _csv() -> Response:
    excel = request.args.get("for") == "excel"
    response = Response(report.as_csv(_overview(), excel=excel), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="plan-{clock.today():%Y%m%d}.csv"'
    return response


def _json() -> Response:
    # Not jsonify: it would sort the keys, and the four counts have an order.
    body = json.dumps(report.as_json(_overview()), ensure_ascii=False, indent=1)
    return Response(body + "\n", content_type="application/json; charset=utf-8")


def _open(response: Response) -> Response:
    """Open data: pages of others may read it."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@bp.get("/plan")
@access.public
def public() -> ResponseReturnValue:
    """How far the city is, for everybody."""
    return _page("plan/public.html", "plan.public_csv", "plan.public_json")


@bp.get("/plan.csv")
@access.public
def public_csv() -> ResponseReturnValue:
    """Every measure as CSV; `?for=excel` begins with a byte order mark."""
    return _open(_csv())


@bp.get("/plan.json")
@access.public
def public_json() -> ResponseReturnValue:
    """Every measure as JSON (docs/open-data.md)."""
    return _open(_json())


@bp.get("/staff/plan")
@access.staff(Role.IT_STRATEGY)
def staff() -> ResponseReturnValue:
    """The same, with what is still looked into, for the IT strategy section."""
    return _page("plan/staff.html", "plan.staff_csv", "plan.staff_json")


@bp.get("/staff/plan.csv")
@access.staff(Role.IT_STRATEGY)
def staff_csv() -> ResponseReturnValue:
    """Every measure as CSV."""
    return _csv()


@bp.get("/staff/plan.json")
@access.staff(Role.IT_STRATEGY)
def staff_json() -> ResponseReturnValue:
    """Every measure as JSON."""
    return _json()
