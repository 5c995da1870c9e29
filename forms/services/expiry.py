"""Drafts that nobody goes on with: told a week before they go."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from forms import links
from forms.models import Application
from forms.services.common import definition
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
