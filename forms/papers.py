"""What is printed on a case's papers: contexts of the PDF templates, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import application_form, links, masking
from forms.attachments import services as attachments
from forms.definition import IssuedKind, Procedure
from forms.models import APPLICATION_PAPER, Application, IssuedDocument
from forms.services import hiding
from forms.services.common import definition
from forms.services.filing import ELECTRONIC_CONSENT
from portal.directory.models import City, Department
from portal.documents import qr, signing
from portal.kernel import clock, dates
from portal.kernel.clock import local

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
    hidden = hiding.paths(session, application, filing.answers, now=clock.now())
    if found.kind == APPLICATION_PAPER:
        pictures = attachments.previews(session, list(attachments.ids_in(filing.answers)))
        return "forms/pdf/application.html", name, common | application_form.context(application, hidden, pictures)
    kind = next(d for d in procedure.documents if d.id == found.kind)
    return (
        "forms/pdf/issued.html",
        name,
        common | _issued(application, procedure, masking.without(filing.answers, hidden), kind),
    )


def _issued(
    application: Application, procedure: Procedure, filed: Mapping[str, Any], kind: IssuedKind
) -> dict[str, Any]:
    decision = application.decision
    assert decision is not None
    where = links.address("/documents/verify")
    decided = local(decision.decided_at).date()
    specs = [spec for field_id in kind.fields if (spec := procedure.field(field_id)) is not None and field_id in filed]
    consent = any(event.action == ELECTRONIC_CONSENT for event in application.events)
    return {
        "issued_on": "",
        "sample": kind.sample,
        "decided_on": dates.wareki(decided),
        "body": kind.body.ja,
        "rows": [{"label": s.label.ja, "value": s.show(filed.get(s.id), LOCALE)} for s in specs],
        "reasons": decision.reasons,
        "filed": dates.wareki(local(application.filed_at or decision.decided_at).date()),
        "remedy": decision.remedy,
        "consent": "申請のときに同意あり" if consent else "同意の記録なし(紙でも交付します)",
        "signer": signing.available() if kind.signed else None,
        "verify_at": where,
        "verify_qr": qr.data_uri(where),
    }
