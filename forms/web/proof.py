"""Who the visitor is, as they confirmed it, and a draft of theirs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from forms import queries
from forms.models import Application
from forms.services import prefilling, protection
from forms.states import State
from portal.accounts.identity.services import Confirmed
from portal.accounts.web import identity
from portal.kernel import clock
from portal.web import access


def take_identity(session: Session, application: Application) -> None:
    """What the visitor confirmed since the draft was begun goes into it."""
    confirmed = identity.confirmed(session) if application.state == State.DRAFT.value else None
    if confirmed is not None:
        prefilling.take_identity(session, application, confirmed, now=clock.now())


def stopped(session: Session, found: queries.Draft, confirmed: Confirmed | None, *, now: datetime) -> bool:
    """Who acts may have been confirmed since it was begun, and with it where they live (CASES A10)."""
    return confirmed is not None and protection.stopped(
        session,
        procedure=found.procedure,
        for_person=found.application.applicant_person_id,
        by_person=access.visitor().person_id,
        actor=access.visitor().actor,
        now=now,
        confirmed_home=prefilling.home_of(session, confirmed),
    )
