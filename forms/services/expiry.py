"""Drafts that nobody goes on with: told a week before they go."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from forms import links
from forms.counter.models import VisitItem
from forms.models import Application
from forms.services.common import definition, locked, move
from forms.states import Action, Party, State
from portal.kernel.audit import SYSTEM
from portal.kernel.clock import local
from portal.kernel.texts import show_date
from portal.notices import services as notices


def warn(session: Session, application: Application, *, goes_on: date, now: datetime) -> None:
    """Tell who began a draft when it will be deleted; once for a draft that is left alone. `changed_at` stays."""
    email = application.contact.get("email")
    session.execute(
        update(Application)
        .where(Application.id == application.id)
        .values(warned_at=now)
        .execution_options(synchronize_session=False)
    )
    if not email:
        return
    lang = application.contact.get("locale", "ja")
    procedure = definition(application.version)
    notices.send(
        session,
        recipient=notices.Recipient(email, "", lang, application.owner_account_id),
        template="forms/mail/draft_ends.txt",
        context={
            "title": procedure.plain_name.in_(lang),
            "day": show_date(goes_on, lang),
            "url": links.address(f"/apply/{procedure.slug}"),
        },
        key=f"forms.draft_ends:{application.id}:{goes_on.isoformat()}",
        now=now,
    )


def end_preparation(session: Session, *, reference: str, now: datetime) -> bool:
    """What was prepared at home and not brought to the counter in time ends; what was written goes at once (nothing was filed).

    Returns:
        False: it was brought meanwhile, or ended already.
    """
    application = locked(session, reference=reference)
    at_the_counter = session.scalar(select(exists().where(VisitItem.application_id == application.id)))
    until = application.prepared_until
    if application.state != State.PREPARED.value or at_the_counter or until is None or until >= local(now).date():
        return False
    move(session, application, Action.EXPIRE, by=Party.SYSTEM, actor=SYSTEM, now=now)
    application.draft, application.ended_at, application.prepared_until = None, now, None
    application.applicant_name, application.search = None, ""
    return True
