"""Finance beyond today: search, days compared with the provider, charts, disputes, ways to pay, the export."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from payments import daybook, overview, switches
from payments.bills import paying
from payments.contract import MoneyKind
from payments.methods import RULES, Method
from payments.overview import Share
from payments.web import places, words
from payments.web.forms import ActForm, SearchForm
from portal.accounts.models import Role
from portal.kernel import audit, clock, dates, jobs, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.references import BadReference
from portal.plan import chart
from portal.web import access

bp = Blueprint("payments_finance", __name__, template_folder="templates", url_prefix="/staff/payments")

FINANCE = Role.FINANCE.value
BOTH = (FINANCE, Role.COUNTER.value)
SHOWN = timedelta(days=29)


@bp.get("/search")
@access.staff(*BOTH)
def search() -> ResponseReturnValue:
    """By any reference, the provider's id, the payer's name, or the sum; one hit is shown at once."""
    typed = request.args.get("q", "").strip()[:80]
    if not typed:
        return redirect(url_for("payments_staff.today"), 303)
    try:
        wanted = references.parse(typed)
    except BadReference:
        wanted = typed
    with unit_of_work() as session:
        found = overview.search(session, wanted)
        audit.record(
            session,
            actor=access.visitor().actor,
            action="charge.search",
            subject_kind="charge",
            subject_ref="search",
            detail={"hits": len(found)},
        )
        is_bill = not found and paying.is_known(session, typed)
    if is_bill:
        # Nobody began to pay this slip yet: the page of the bills asks for its money.
        return redirect(url_for("bill_office.home", number=typed), 303)
    if not found:
        flash(gettext("「%(typed)s」は見つかりません。番号を確認してください。", typed=typed[:40]), "warning")
        return redirect(url_for("payments_staff.today"), 303)
    if len(found) == 1:
        return redirect(url_for("payments_staff.charge", charge_ref=found[0].reference), 303)
    return render_template(
        "payments/staff_search.html",
        found=found,
        typed=typed,
        search=SearchForm(request.args),
        state=words.charge_chip,
    )


@bp.get("/days")
@access.staff(FINANCE)
def days() -> ResponseReturnValue:
    """The days that were compared with the provider's books."""
    with unit_of_work() as session:
        found = overview.days(session)
    return render_template("payments/staff_days.html", found=found, form=ActForm(), day=clock.today())


@bp.get("/days/<day>")
@access.staff(FINANCE)
def day(day: str) -> ResponseReturnValue:
    """One day: sums, and every yen that does not explain itself with why."""
    on = _day(day)
    with unit_of_work() as session:
        found = overview.days(session, day=on)
        items = overview.items_of(session, on)
    return render_template(
        "payments/staff_day.html", day=on, found=found, items=items, why=words.why_unexplained, form=ActForm()
    )


@bp.post("/days")
@access.staff(FINANCE)
def compare() -> ResponseReturnValue:
    """Have a day compared now (by a job)."""
    on = _day(request.form.get("day", ""))
    with unit_of_work() as session:
        for merchant in daybook.merchants():
            jobs.defer(session, "payments.reconcile_day", merchant=merchant, day=on.isoformat())
    flash(gettext("照合を始めました。少し待ってから、このページを開き直してください。"), "success")
    return redirect(url_for("payments_finance.day", day=on.isoformat()), 303)


@bp.get("/days/<day>/export.csv")
@access.staff(FINANCE)
def export(day: str) -> ResponseReturnValue:
    """The day's ledger for the accounting system."""
    on = _day(day)
    with unit_of_work() as session:
        content = overview.export(session, on)
        audit.record(
            session,
            actor=access.visitor().actor,
            action="ledger.export",
            subject_kind="ledger",
            subject_ref=on.isoformat(),
        )
    return Response(
        "\ufeff" + content,
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="ledger-{on.isoformat()}.csv"'},
    )


@bp.get("/charts")
@access.staff(*BOTH)
def charts() -> ResponseReturnValue:
    """What came in during the last 30 days by kind, method and place: drawings with the same figures as tables."""
    last = clock.today()
    first = last - SHOWN
    with unit_of_work() as session:
        found = overview.shares(session, first=first, last=last)
        known: dict[str, str] = {
            "online": gettext("オンライン"),
            "transfer": gettext("銀行の口座"),
            **places.names(session),
        }

    def place(word: str) -> str:
        return known.get(word, word)

    named = {
        "kind": (gettext("お金の種類"), words.money_kind),
        "method": (gettext("払い方"), words.method),
        "place": (gettext("場所"), place),
    }
    parts = [
        {
            "title": title,
            "rows": [(word_of(share.word), share) for share in found[key]],
            "drawing": _drawing(key, title, [(word_of(share.word), share) for share in found[key]]),
        }
        for key, (title, word_of) in named.items()
    ]
    return render_template("payments/staff_charts.html", parts=parts, first=first, last=last)


@bp.get("/disputes")
@access.staff(FINANCE)
def disputes() -> ResponseReturnValue:
    """Payments that a payer's bank asks about or has taken back."""
    with unit_of_work() as session:
        found = overview.disputes(session)
    return render_template(
        "payments/staff_disputes.html", found=found, state=words.dispute_state, reason=words.dispute_reason
    )


@bp.get("/methods")
@access.staff(FINANCE)
def methods() -> ResponseReturnValue:
    """Which ways to pay are on for which kind of money."""
    with unit_of_work() as session:
        table = switches.table(session)
    return render_template(
        "payments/staff_methods.html",
        table=table,
        rules=RULES,
        form=ActForm(),
        money_kind=words.money_kind,
        method=words.online_method,
    )


@bp.post("/methods")
@access.staff(FINANCE)
def switch() -> ResponseReturnValue:
    """Turn one on or off."""
    try:
        kind, method = MoneyKind(request.form.get("kind", "")), Method(request.form.get("method", ""))
    except ValueError as error:
        raise NotFound from error
    enabled = request.form.get("enabled") == "yes"
    actor, now = access.visitor().actor, clock.now()
    transact(lambda session: switches.switch(session, kind, method, enabled=enabled, actor=actor, now=now))
    flash(gettext("払い方を切り替えました。もう開いている支払いページは、そのままです。"), "success")
    return redirect(url_for("payments_finance.methods"), 303)


def _day(text: str) -> date:
    try:
        return dates.parse_date(text)
    except dates.DateError as error:
        raise NotFound from error


def _drawing(key: str, title: str, rows: list[tuple[str, Share]]) -> object:
    if not rows:
        return ""
    most = max(Decimal(share.amount.amount) for _word, share in rows)
    bars = [chart.Bar(word, str(share.amount), [("here", Decimal(share.amount.amount))], most) for word, share in rows]
    said = "、".join(f"{word} {share.amount}" for word, share in rows)
    return chart.bars(bars, name=f"shares-{key}", title=title, description=said)
