"""Entries of a repeated group that were prepared at home: the counter changes them, and what came from home stays apart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from forms.counter import changes, prepared, services
from forms.definition import Problem, Typed
from forms.definition.fields import GroupField
from forms.services import drafts
from forms.services.common import definition
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound


def change(
    session: Session,
    reference: str,
    slug: str,
    field_id: str,
    *,
    typed: Typed,
    clerk: Actor,
    now: datetime,
    add: bool = False,
    remove: str | None = None,
) -> tuple[Problem, ...]:
    """Keep what the clerk typed into the entries of a group; what is wrong is told, and the answer from before stands until it is right.

    Args:
        session: the transaction.
        reference: of the visit.
        slug: of the procedure.
        field_id: of the group.
        typed: as sent for this group.
        clerk: who typed.
        now: aware.
        add: keep it, and give one more entry to write into.
        remove: keep it, and take this entry away.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `services.changeable`, `prepared.field_of`.
    """
    visit = services.changeable(session, reference)
    application, spec = prepared.field_of(session, visit, slug, field_id, GroupField)
    step = definition(application.version).step_of(field_id)
    if step is None or application.draft is None:
        raise NotFound
    stood = application.draft.answers.get(field_id)
    page = {field_id: typed}
    problems: tuple[Problem, ...] = ()
    if add or remove is not None:
        drafts.change_entries(
            session, key=application.key, step_id=step.id, field_id=spec.id, typed=page, asked=[spec.id], now=now,
            remove=remove, at_counter=True,
        )  # fmt: skip
    else:
        saved = drafts.save_step(
            session, key=application.key, step_id=step.id, typed=page, asked=[spec.id], now=now, at_counter=True
        )
        problems = saved.problems.get(spec.id, ())
    if field_id not in application.draft.answers:
        application.draft.answers = {**application.draft.answers, field_id: stood}
        session.flush()
    changes.write_down(session, visit, clerk=clerk, now=now)
    services.note(session, visit, "entries", clerk, slug=slug, field=field_id)
    return problems
