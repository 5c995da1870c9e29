"""What goes out of a section: files of its cases, figures of its procedures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from forms import export, queue, statistics
from forms.services import hiding
from forms.services.common import definition
from forms.web.blueprint import bp
from forms.web.case_page import ROLES, departments
from portal.kernel import audit, clock
from portal.kernel.database import new_session, unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web import access, locale

DAYS = 365
"""How far back the figures of a procedure reach."""


@bp.get("/staff/figures")
@access.staff(*ROLES)
def figures() -> ResponseReturnValue:
    """The procedures of the visitor's departments."""
    with unit_of_work() as session:
        names = queue.names_of(session, departments(access.visitor()))
    return render_template("forms/figures.html", procedures=sorted(names.values()), figures=None, lang=locale.current())


@bp.get("/staff/figures/<slug>")
@access.staff(*ROLES)
def figures_of(slug: str) -> ResponseReturnValue:
    """One procedure: begun, filed, where people stop, what is corrected most, days to the decision."""
    lang = locale.current()
    with unit_of_work() as session:
        version = export.version_of(session, slug, None)
        procedure = definition(version)
        if version.procedure.department not in departments(access.visitor()):
            raise NotFound
        found = statistics.figures(session, slug, since=clock.today() - timedelta(days=DAYS))
        versions = [(each.number, each.valid_from) for each in export.versions_of(session, slug)]
        chosen = version.number
    steps = {step.id: step.title.in_(lang) for step in procedure.steps}
    labels = {spec.id: spec.label.in_(lang) for spec in procedure.fields()}
    return render_template(
        "forms/figures.html",
        procedure=procedure,
        figures=found,
        stopped=_bars([(steps.get(step, step), count) for step, count in found.stopped]),
        corrected=_bars([(labels.get(field, field), count) for field, count in found.corrected]),
        days=_bars([(str(days), count) for days, count in found.days]),
        versions=versions,
        chosen=chosen,
        lang=lang,
    )


def _bars(rows: Sequence[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Label, count, width of the bar in percent of the longest."""
    most = max((count for _label, count in rows), default=1)
    return [(label, count, max(1, round(100 * count / most))) for label, count in rows]


@bp.get("/staff/figures/<slug>/cases")
@access.staff(*ROLES)
def export_cases(slug: str) -> ResponseReturnValue:
    """Every case of one version as a file; who took it, and how many columns it had, is written down."""
    kind = request.args.get("format", "excel")
    if kind not in export.FORMATS:
        raise Invalid
    with unit_of_work() as session:
        version = export.version_of(session, slug, request.args.get("version", type=int))
        if version.procedure.department not in departments(access.visitor()):
            raise NotFound
        audit.record(
            session,
            actor=access.visitor().actor,
            action="application.export",
            subject_kind="procedure",
            subject_ref=slug,
            detail={"version": version.number, "format": kind},
        )
        hiding.exported(session, version, actor=access.visitor().actor, now=clock.now())
        number, version_id = version.number, version.id

    def stream() -> Iterator[bytes]:
        with new_session() as reading:
            yield from export.lines(reading, reading.get_one(type(version), version_id), kind)

    ending = "jsonl" if kind == "json" else "csv"
    media = (
        "application/jsonl" if kind == "json" else f"text/csv; charset={'Shift_JIS' if kind == 'cp932' else 'utf-8'}"
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{slug}-v{number}.{ending}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(stream(), content_type=media, headers=headers)
