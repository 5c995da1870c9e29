"""The slip for the counter: number and QR code of what was prepared at home, to show, print or find in the mail. No answers stand on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import links
from forms.definition.procedure import Prepared
from forms.models import Application
from forms.services.common import definition
from portal.directory.models import City
from portal.documents import pdf, qr
from portal.kernel.texts import show_date
from portal.notices.attachments import Attachment

TEMPLATE = "forms/pdf/slip.html"
MAIL = "forms/mail/prepared.txt"


def address(reference: str) -> str:
    """What the QR code holds: the case's page. The counter reads the number out of it; who prepared it finds the page again."""
    return links.address(f"/applications/{reference}")


def context(session: Session, application: Application, locale: str) -> dict[str, Any]:
    """Plain values for the slip and the mail."""
    procedure = definition(application.version)
    channel = procedure.channel
    until = application.prepared_until
    return {
        "reference": application.reference,
        "title": procedure.plain_name.in_(locale),
        "name": application.applicant_name or "",
        "city_name": session.scalars(select(City.name)).first() or "",
        "until": show_date(until, locale) if until else "",
        "bring": [each.in_(locale) for each in channel.bring] if isinstance(channel, Prepared) else [],
        "language": locale,
    }


def render(said: Mapping[str, Any]) -> bytes:
    """The slip as PDF. Call it outside a transaction."""
    return pdf.render(
        TEMPLATE,
        str(said.get("language", "ja")),
        title=said["title"],
        reference=said["reference"],
        number=said["reference"],
        name=said.get("name", ""),
        city_name=said.get("city_name", ""),
        until=said.get("until", ""),
        bring=said.get("bring", ()),
        qr=qr.data_uri(address(str(said["reference"]))),
        issued_on="",
        sample=False,
    )


def files(said: Mapping[str, Any]) -> Sequence[Attachment]:
    """What goes with the mail that says the number; nothing with mails that were written before there was a slip."""
    if not said.get("until"):
        return ()
    return [Attachment(f"{said['reference']}.pdf", "application/pdf", render(said))]
