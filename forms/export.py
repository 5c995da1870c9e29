"""Cases of one procedure version as CSV or JSON lines, streamed: memory does not grow with the number of cases.

The columns of a version never change (its document never does): number, state, days; those of each field by its id; who is who.
Excel's files hold words as people read them, one column a field. The file for machines ("csv") holds what is kept: codes of choices, ISO
dates, true and false, a column for each part of an address or a person and for each question of a repeated group's entries.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, literal, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from forms import masking
from forms.case_models import CounterChange
from forms.definition import FieldSpec, Procedure
from forms.models import Application, ApplicationAnswers, Decision, ProcedureRow, ProcedureVersion
from forms.services import hiding
from forms.services.common import definition
from portal.kernel import clock
from portal.kernel.clock import local
from portal.kernel.errors import NotFound

FORMATS = {"excel": "utf-8-sig", "cp932": "cp932", "csv": "utf-8", "json": "utf-8"}
"""Name → encoding. "excel" begins with a BOM; "cp932" writes what that code does not have as `&#…;`."""
MACHINE = "csv"
HIDDEN = "hidden"
"""Machines' last column: which answers are left empty because they say the home of a protected person, by their paths."""
FACTS = ("reference", "state", "filed_at", "due_on", "ended_at", "outcome", "decided_at")
WHO = ("applicant_name", "acting_name", "on_behalf", "typed_by", "channel", "counter_changed")
"""Whose application it is, who acts by what authority, who typed it, where, and which answers the counter changed (invariant 9).
Behind the answers, so that the columns before them stay where they were."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 500


def version_of(session: Session, slug: str, number: int | None) -> ProcedureVersion:
    """A version of a procedure; without a number the newest that has begun (one that begins later has no cases yet), else the newest.

    Raises:
        NotFound: there is none.
    """
    found = versions_of(session, slug)
    if number is not None:
        found = [each for each in found if each.number == number]
    if not found:
        raise NotFound
    now = clock.now()
    return next((each for each in found if each.valid_from is not None and each.valid_from <= now), found[0])


def versions_of(session: Session, slug: str) -> Sequence[ProcedureVersion]:
    """The published versions of a procedure, the newest first. One statement."""
    return session.scalars(
        select(ProcedureVersion)
        .join(ProcedureRow)
        .where(ProcedureRow.slug == slug, ProcedureVersion.published_at.is_not(None))
        .order_by(ProcedureVersion.number.desc())
    ).all()


def columns(procedure: Procedure, kind: str) -> list[str]:
    """The header: facts of the case, fields in the order of the document, who is who."""
    asked = [spec for spec in procedure.fields() if spec.has_value]
    own = [key for spec in asked for key in spec.columns()] if kind == MACHINE else [spec.id for spec in asked]
    return [*FACTS, *own, *WHO, *((HIDDEN,) if kind == MACHINE else ())]


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cases(version_id: int) -> Select[Any]:
    newest = (
        select(ApplicationAnswers.answers)
        .where(ApplicationAnswers.application_id == Application.id)
        .order_by(ApplicationAnswers.number.desc())
        .limit(1)
        .lateral("newest")
    )
    changed = (
        select(func.string_agg(CounterChange.field_id, aggregate_order_by(literal(" "), CounterChange.field_id)))
        .where(CounterChange.application_id == Application.id)
        .scalar_subquery()
    )
    return (
        select(
            Application.reference,
            Application.state,
            Application.filed_at,
            Application.due_on,
            Application.ended_at,
            Decision.outcome,
            Decision.decided_at,
            newest.c.answers,
            Application.applicant_name,
            Application.acting_name,
            Application.on_behalf,
            Application.typed_by,
            Application.channel,
            changed.label("counter_changed"),
        )
        .select_from(Application)
        .join(newest, true())
        .outerjoin(Decision, Decision.application_id == Application.id)
        .where(
            Application.version_id == version_id, Application.filed_at.is_not(None), Application.disposed_at.is_(None)
        )
        .order_by(Application.filed_at, Application.id)
    )


def _moment(at: datetime | None) -> str | None:
    return local(at).isoformat() if at else None


def _facts(row: Row[Any]) -> dict[str, str | None]:
    times = {name: _moment(getattr(row, name)) for name in ("filed_at", "ended_at", "decided_at")}
    due = row.due_on.isoformat() if row.due_on else None
    return {"reference": row.reference, "state": row.state, "outcome": row.outcome, "due_on": due, **times}


def _who(row: Row[Any]) -> dict[str, str | None]:
    return {name: getattr(row, name) for name in WHO}


def _cells(spec: FieldSpec, answers: Mapping[str, Any], hidden: frozenset[str], kind: str) -> list[str]:
    """What stands in the columns of one field."""
    there = spec.id in answers
    if kind != MACHINE:
        return [masking.MASK if spec.id in hidden else spec.show(answers[spec.id], "ja") if there else ""]
    known = spec.cells(answers[spec.id]) if there and spec.id not in hidden else {}
    return [known.get(key, "") for key in spec.columns()]


def lines(session: Session, version: ProcedureVersion, kind: str) -> Iterator[bytes]:
    """The file, piece by piece; the session stays open until the last one.

    Homes of protected persons are left out, in their own cases too: a file goes from hand to hand (CASES A10).

    Args:
        session: read with a cursor on the server.
        version: whose cases.
        kind: one of `FORMATS`.
    """
    procedure, encoding = definition(version), FORMATS[kind]
    homes = [each.home for each in hiding.homes(session, besides=None, now=clock.now())]
    rows = session.execute(_cases(version.id).execution_options(yield_per=_BATCH))
    if kind == "json":
        for row in rows:
            hidden = masking.paths(procedure, row.answers, homes)
            record: dict[str, Any] = {
                **_facts(row),
                "version": version.number,
                "answers": masking.without(row.answers, hidden),
                "who": _who(row),
            }
            if hidden:
                record["hidden"] = sorted(hidden)
            yield (json.dumps(record, ensure_ascii=False) + "\n").encode()
        return
    specs = [spec for spec in procedure.fields() if spec.has_value]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns(procedure, kind))
    first = b"\xef\xbb\xbf" if kind == "excel" else b""
    plain = "utf-8" if kind == "excel" else encoding
    for count, row in enumerate(rows, start=1):
        facts = _facts(row)
        hidden = masking.paths(procedure, row.answers, homes)
        answers = masking.without(row.answers, hidden) if hidden else row.answers
        shown = [text for spec in specs for text in _cells(spec, answers, hidden, kind)]
        who = _who(row)
        left_out = (" ".join(sorted(hidden)),) if kind == MACHINE else ()
        cells = (*(facts[name] for name in FACTS), *shown, *(who[name] for name in WHO), *left_out)
        writer.writerow([guarded(text or "") for text in cells])
        if count % _BATCH == 0:
            yield first + buffer.getvalue().encode(plain, errors="xmlcharrefreplace")
            first = b""
            buffer.seek(0)
            buffer.truncate()
    yield first + buffer.getvalue().encode(plain, errors="xmlcharrefreplace")
