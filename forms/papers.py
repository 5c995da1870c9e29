"""What is printed on a case's papers: contexts of the PDF templates, as plain values."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import links, presenting
from forms.attachments import services as attachments
from forms.definition import IssuedKind, Procedure
from forms.definition.fields.files import line
from forms.models import Application, ApplicationAnswers, IssuedDocument
from forms.services.common import definition
from forms.services.filing import APPLICATION_PAPER, ELECTRONIC_CONSENT
from portal.directory.models import City, Department
from portal.documents import qr, signing
from portal.kernel import dates
from portal.kernel.clock import local
from portal.kernel.money import Yen
from portal.kernel.texts import show_moment

LOCALE = "ja"
"""Papers are in Japanese: they are records of the city office."""


def paper(session: Session, found: IssuedDocument) -> tuple[str, str, dict[str, Any]]:
    """What to make for a paper.

    Returns:
        Template, file name, context.
    """
    application = session.get_one(Application, found.application_id)
    procedure = definition(application.version)
    filing = application.filings[-1]
    common = {
        "title": found.title,
        "number": found.number,
        "city_name": session.scalars(select(City.name)).first() or "",
        "reference": application.reference,
        "authority": procedure.authority.ja,
        "department": session.scalars(select(Department.name).where(Department.code == procedure.section)).one(),
        "name": application.applicant_name or "",
    }
    name = f"{application.reference}-{found.kind}.pdf"
    if found.kind == APPLICATION_PAPER:
        pictures = attachments.previews(session, list(attachments.ids_in(filing.answers)))
        return "forms/pdf/application.html", name, common | _application(application, procedure, filing, pictures)
    kind = next(d for d in procedure.documents if d.id == found.kind)
    return "forms/pdf/issued.html", name, common | _issued(application, procedure, filing, kind)


def _application(
    application: Application, procedure: Procedure, filing: ApplicationAnswers, pictures: Mapping[str, bytes]
) -> dict[str, Any]:
    corrected = {c.field_id for c in application.corrections if c.new_value is not None}
    steps = [
        {
            "title": step.title.ja,
            "rows": [
                {
                    "label": row.label,
                    "value": row.text,
                    "check_shape": row.check_shape,
                    "corrected": row.path in corrected,
                }
                for row in rows
            ],
        }
        for step, rows in presenting.steps(procedure, filing.answers, LOCALE)
    ]
    law = procedure.law
    filed = application.filed_at or application.created_at
    return {
        "issued_on": "",
        "sample": False,
        "law": f"{law.name} {law.article or ''}".strip() if law else "",
        "filed": show_moment(filed),
        "steps": steps,
        "fee": [{**line, "amount": str(Yen(line["amount"]))} for line in filing.fee],
        "handed_in": _handed_in(procedure, filing, pictures),
        "receipt_qr": qr.data_uri(links.address(f"/applications/{application.reference}")),
        "filed_by": "窓口の職員" if application.channel == "counter" else f"{_typist(application)}(オンライン)",
        "typed_by": _typist(application),
        "sha256": filing.sha256,
    }


def _handed_in(procedure: Procedure, filing: ApplicationAnswers, pictures: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Every file with its question, digest and, of a picture, a small one."""
    return [
        {
            "label": spec.label.ja,
            "words": line(each, LOCALE),
            "sha256": each["sha256"],
            "picture": _data_uri(pictures[each["id"]]) if each["id"] in pictures else "",
        }
        for spec in procedure.fields()
        if spec.stored
        for each in filing.answers.get(spec.id) or ()
    ]


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _typist(application: Application) -> str:
    """Who wrote it; somebody who acts for the applicant by name and relation (CASES A11)."""
    if application.typed_by == "staff":
        return "窓口の職員"
    return f"代理 {application.acting_name}({application.on_behalf})" if application.acting_name else "申請する人"


def _issued(
    application: Application, procedure: Procedure, filing: ApplicationAnswers, kind: IssuedKind
) -> dict[str, Any]:
    decision = application.decision
    assert decision is not None
    where = links.address("/documents/verify")
    decided = local(decision.decided_at).date()
    filed = filing.answers
    specs = [spec for field_id in kind.fields if (spec := procedure.field(field_id)) is not None and field_id in filed]
    consent = any(event.action == ELECTRONIC_CONSENT for event in application.events)
    return {
        "issued_on": "",
        "sample": kind.sample,
        "decided_on": dates.wareki(decided),
        "body": kind.body.ja,
        "rows": [{"label": s.label.ja, "value": s.show(filing.answers.get(s.id), LOCALE)} for s in specs],
        "reasons": decision.reasons,
        "filed": dates.wareki(local(application.filed_at or decision.decided_at).date()),
        "remedy": decision.remedy,
        "consent": "申請のときに同意あり" if consent else "同意の記録なし(紙でも交付します)",
        "signer": signing.available() if kind.signed else None,
        "verify_at": where,
        "verify_qr": qr.data_uri(where),
    }
