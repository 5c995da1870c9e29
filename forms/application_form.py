"""The application as an official form (様式): what the template prints, as plain values.

Title and form number, to whom, the day, who applies and who wrote it, every answer under its heading in ruled tables, a repeated group as
a table, pictures beside their question, the stamp of arrival, and the slip for the applicant.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forms import links, presenting
from forms.definition import FieldSpec, Procedure, Step
from forms.definition.fields import ROW, GroupField
from forms.definition.fields.files import line
from forms.definition.paths import label_at
from forms.masking import BEFORE, MASK
from forms.models import Application
from forms.presenting import Line
from forms.services.common import definition
from forms.services.filing import IDENTITY_CONFIRMED, IDENTITY_SEEN
from portal.documents import qr
from portal.kernel import dates
from portal.kernel.clock import local
from portal.kernel.money import Yen
from portal.kernel.texts import show_moment, show_time

LOCALE = "ja"
MOST_COLUMNS = 6
"""Questions that still fit side by side on A4; more stand below each other, entry by entry."""
LONG_CELL = 60
"""Characters from which an answer needs the whole width."""
_FORMS = ("書", "届", "票", "証")


def title(official_name: str) -> str:
    """The name of the form: 犬の登録の申請 is printed as 犬の登録の申請書."""
    return official_name if official_name.endswith(_FORMS) else official_name + "書"


def context(application: Application, hidden: frozenset[str], pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """What `forms/pdf/application.html` prints, besides what every paper of a case has.

    Args:
        application: filed, with its answers.
        hidden: paths of answers that are not printed (`forms.masking`).
        pictures: small pictures by the id of their file.
    """
    procedure = definition(application.version)
    filing = application.filings[-1]
    corrected = {c.field_id for c in application.corrections if c.new_value is not None}
    filed = local(application.filed_at or application.created_at)
    law = procedure.law
    return {
        "title": title(procedure.official_name.ja),
        "issued_on": "",
        "sample": False,
        "form_number": f"様式 {procedure.slug} 第{application.version.number}版",
        "law": f"{law.name} {law.article or ''}".strip() if law else "",
        "filed_day": dates.wareki(filed.date()),
        "filed": show_moment(filed),
        "stamp_day": dates.wareki(filed.date()),
        "stamp_time": show_time(filed),
        "applicant": _applicant(application, procedure, filing.answers, hidden),
        "sections": [
            {"title": step.title.ja, "blocks": list(_blocks(step, rows, filing.answers, corrected, pictures))}
            for step, rows in presenting.steps(procedure, filing.answers, LOCALE, hidden)
        ],
        "corrections": [show_moment(each.at) for each in application.filings[1:]],
        "fee": [{**each, "amount": str(Yen(each["amount"]))} for each in filing.fee],
        "fee_total": str(Yen(sum(each["amount"] for each in filing.fee))),
        "receipt_qr": qr.data_uri(links.case(str(application.reference), guest=application.secret_sha256 is not None)),
        "filed_by": "窓口の職員" if application.channel == "counter" else f"{typist(application)}(オンライン)",
        "typed_by": typist(application),
        "identity": _identity(application),
        "counter_changes": [
            {
                "label": label_at(procedure, filing.answers, each.field_id, LOCALE),
                "before": _changed(procedure, each.field_id, each.before, hidden, BEFORE),
                "after": _changed(procedure, each.field_id, each.after, hidden, ""),
            }
            for each in application.counter_changes
        ],
        "sha256": filing.sha256,
    }


def typist(application: Application) -> str:
    """Who wrote it; somebody who acts for the applicant by name and relation (CASES A11)."""
    if application.typed_by == "staff":
        return "窓口の職員"
    if application.counter_changes:
        return f"{_at_home(application)}(家で準備)、窓口の職員(直したところ)"
    return _at_home(application)


def _at_home(application: Application) -> str:
    return f"代理 {application.acting_name}({application.on_behalf})" if application.acting_name else "申請する人"


def _identity(application: Application) -> str:
    """How it was made sure who acts, and when: looked at at the counter, or confirmed online; "" where the procedure asks for neither."""
    seen = [event for event in application.events if event.action == IDENTITY_SEEN]
    if seen:
        return f"窓口で確認({seen[-1].reason or ''}) {show_moment(local(seen[-1].at))}"
    # The event's reason is the provider and the moment of confirming; the event's own time is that of filing.
    confirmed = [event for event in application.events if event.action == IDENTITY_CONFIRMED]
    return f"オンラインで確認({confirmed[-1].reason or ''})" if confirmed else ""


def _changed(procedure: Procedure, field_id: str, value: Any, hidden: frozenset[str], mark: str) -> str:
    spec = procedure.field(field_id)
    if spec is None:
        return ""
    return MASK if mark + field_id in hidden else spec.show(value, LOCALE) or "—"


def _applicant(
    application: Application, procedure: Procedure, answers: Mapping[str, Any], hidden: frozenset[str]
) -> list[tuple[str, str]]:
    """住所, フリガナ, 氏名, 生年月日, 電話 and who acts: what stands beside the addressee, where the form asks for it."""
    labels = {
        "person.address": "住所",
        "person.kana": "フリガナ",
        "person.name": "氏名",
        "person": "氏名",
        "person.birth_date": "生年月日",
        "person.phone": "電話",
        "person.mail": "メール",
    }
    said: dict[str, str] = {}
    for spec in procedure.fields():
        if spec.item in labels and answers.get(spec.id) is not None:
            said.setdefault(spec.item, MASK if spec.id in hidden else spec.show(answers[spec.id], LOCALE))
    if "person.name" not in said and "person" not in said and application.applicant_name:
        said["person.name"] = application.applicant_name
    found = [(label, said[item]) for item, label in labels.items() if said.get(item)]
    if application.acting_name:
        found.append(("代理人", f"{application.acting_name}({application.on_behalf})"))
    return found


def _blocks(
    step: Step,
    rows: Sequence[Line],
    answers: Mapping[str, Any],
    corrected: set[str],
    pictures: Mapping[str, bytes],
) -> Iterator[dict[str, Any]]:
    """Tables of one section in the order of the questions: runs of single answers, and one block for each repeated group."""
    by_path = {row.path: row for row in rows}
    run: list[dict[str, Any]] = []
    for spec in step.fields:
        entries = answers.get(spec.id)
        if isinstance(spec, GroupField) and entries:
            if run:
                yield {"kind": "rows", "rows": run}
                run = []
            yield _group(spec, entries, by_path, corrected)
        elif spec.id in by_path:
            run.append(_row(by_path[spec.id], corrected, pictures))
    if run:
        yield {"kind": "rows", "rows": run}


def _row(row: Line, corrected: set[str], pictures: Mapping[str, bytes], label: str = "") -> dict[str, Any]:
    files = row.value if row.spec.stored and row.value else ()
    return {
        "label": label or row.label,
        "value": "" if files else row.text,
        "long": len(row.text) > LONG_CELL * 5,
        "paragraphs": row.text.split("\n"),
        "check_shape": row.check_shape,
        "corrected": row.path in corrected,
        "files": [
            {
                "words": line(each, LOCALE),
                "sha256": each["sha256"],
                "picture": _data_uri(pictures[each["id"]]) if each["id"] in pictures else "",
            }
            for each in files
        ],
    }


def _group(
    group: GroupField, entries: Sequence[Mapping[str, Any]], by_path: Mapping[str, Line], corrected: set[str]
) -> dict[str, Any]:
    """Entries side by side where they fit, else below each other."""

    def line_of(entry: Mapping[str, Any], inner: FieldSpec) -> Line | None:
        return by_path.get(f"{group.id}.{entry[ROW]}.{inner.id}")

    asked = [inner for inner in group.fields if any(line_of(entry, inner) for entry in entries)]
    cells = [
        [_row(found, corrected, {}, inner.label.ja) if (found := line_of(entry, inner)) else None for inner in asked]
        for entry in entries
    ]
    numbered = [f"{n}{group.entry.ja}" for n in range(1, len(entries) + 1)]
    wide = len(asked) > MOST_COLUMNS or any(cell and len(cell["value"]) > LONG_CELL for row in cells for cell in row)
    return {
        "kind": "entries" if wide else "table",
        "label": group.label.ja,
        "heads": [inner.label.ja for inner in asked],
        "entries": [
            (name, [cell for cell in row if cell]) if wide else (name, row)
            for name, row in zip(numbered, cells, strict=True)
        ],
    }


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
