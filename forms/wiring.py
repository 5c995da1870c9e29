"""What `portal.app` joins of forms, pages apart: links in mails, what can be paid, what is counted."""

from __future__ import annotations

from forms import links, measures, slip
from forms.attachments import scanner
from forms.payable import ApplicationFee
from payments.contract import MoneyKind, offers, register
from portal.documents import signing
from portal.notices import attachments
from portal.plan.registry import Registry
from portal.settings import Settings


def configure(settings: Settings) -> None:
    """Hand over the public address, the payable and what asks for office fees. Safe to call again."""
    links.configure(settings.public_url)
    scanner.configure(settings.clamav)
    signing.configure(settings.signing_key, settings.signing_password, production=settings.production)
    register(ApplicationFee())
    attachments.register(slip.MAIL, slip.files)
    offers(MoneyKind.OFFICE_FEE, measures.office_fees)


def provide(registry: Registry) -> None:
    """Hand over the measures."""
    registry.provide("online_procedures", measures.online)
    registry.provide("writeless_procedures", measures.writeless)
