"""What a person said in earlier applications, to be filled in again where nothing newer is known (DESIGN invariant 7)."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, joinedload

from forms.models import Application, ApplicationAnswers, ProcedureVersion
from forms.services.common import definition
from forms.states import State
from forms.vocabulary import ITEMS, Known

LOOKED_AT = 5
"""How many of the last applications are looked at."""
SOURCE = "application"


def said_before(session: Session, *, person_id: int, account_id: int) -> tuple[Known, ...]:
    """The data items of the person's own last applications, the newest first; one statement.

    Only what they filed for themselves from their own account: what somebody did for another person stays there. Facts of one
    visit to the counter (`visitor.…`), of a child, a household member or an organisation are not carried over: the next
    application may be for another.
    """
    other = aliased(ApplicationAnswers)
    newest = (
        select(func.max(other.number))
        .where(other.application_id == Application.id)
        .correlate(Application)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Application, ApplicationAnswers)
        .join(
            ApplicationAnswers,
            (ApplicationAnswers.application_id == Application.id) & (ApplicationAnswers.number == newest),
        )
        .where(
            Application.applicant_person_id == person_id,
            Application.owner_account_id == account_id,
            Application.on_behalf.is_(None),
            Application.state != State.WITHDRAWN.value,
        )
        .order_by(Application.filed_at.desc().nulls_last(), Application.id.desc())
        .limit(LOOKED_AT)
        .options(joinedload(Application.version).defer(ProcedureVersion.document))
    )
    found: dict[str, Known] = {}
    for application, filed in rows:
        for spec in definition(application.version).fields():
            item, value = spec.item, filed.answers.get(spec.id)
            if item is not None and value is not None and not spec.stored and ITEMS[item].own:
                found.setdefault(item, Known(item, value, SOURCE, filed.at))
    return tuple(found.values())
