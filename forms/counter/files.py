"""Files of what was prepared at home: the clerk puts in what the person brought instead, and what came from home stays apart."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from forms.attachments import services as attachments
from forms.attachments.models import Attachment
from forms.counter import changes, prepared, services
from forms.counter.models import Visit
from forms.definition import Problem
from forms.definition.fields.files import Files
from forms.models import Application
from forms.services.common import locked
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound


def now_there(application: Application, spec: Files) -> list[dict[str, Any]]:
    """The files of a question as they would be filed."""
    return list((application.draft.answers.get(spec.id) if application.draft else None) or ())


def put_in(
    session: Session,
    reference: str,
    slug: str,
    field_id: str,
    ready: attachments.Ready,
    *,
    clerk: Actor,
    now: datetime,
) -> Problem | None:
    """Keep what the person brought; where the question takes one file, it stands in the place of the one from home.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `services.changeable`, `prepared.field_of`.
    """
    visit = services.changeable(session, reference)
    application, spec = prepared.field_of(session, visit, slug, field_id, Files)
    locked(session, key=application.key)
    there = now_there(application, spec)
    if spec.most > 1 and len(there) >= spec.most:
        return Problem("too_many_files", facts={"max": spec.most})
    kept = attachments.keep(session, application, spec, ready, actor=clerk, now=now)
    if isinstance(kept, Problem):
        return kept
    gone = there if spec.most == 1 else []
    _stand(session, application, spec, [*(there if not gone else ()), *attachments.references([kept])], now=now)
    for each in gone:
        _forget(session, visit, application, each["id"])
    _written(session, visit, spec, slug, clerk=clerk, now=now)
    return None


def take_out(
    session: Session, reference: str, slug: str, field_id: str, attachment_id: uuid.UUID, *, clerk: Actor, now: datetime
) -> Problem | None:
    """Leave a file out of what is filed. The last one of a question that must be answered stays until another is there.

    Raises:
        NotFound: it is not among them; and see `put_in`.
    """
    visit = services.changeable(session, reference)
    application, spec = prepared.field_of(session, visit, slug, field_id, Files)
    locked(session, key=application.key)
    there = now_there(application, spec)
    left = [each for each in there if each["id"] != str(attachment_id)]
    if len(left) == len(there):
        raise NotFound
    if not left and spec.required:
        return Problem("required")
    _stand(session, application, spec, left, now=now)
    _forget(session, visit, application, str(attachment_id))
    _written(session, visit, spec, slug, clerk=clerk, now=now)
    return None


def _stand(
    session: Session, application: Application, spec: Files, files: list[dict[str, Any]], *, now: datetime
) -> None:
    draft = application.draft
    assert draft is not None
    draft.answers = {**draft.answers, spec.id: files or None}
    application.changed_at = now
    session.flush()


def _forget(session: Session, visit: Visit, application: Application, attachment_id: str) -> None:
    """A file that was put in at the counter and is not wanted after all goes; one from home stays with the case."""
    item = next(one for one in visit.items if one.application_id == application.id)
    if attachment_id not in set(attachments.ids_in((item.prepared or {}).get("answers", {}))):
        found = session.get(Attachment, uuid.UUID(attachment_id))
        if found is not None:
            session.delete(found)
            session.flush()


def _written(session: Session, visit: Visit, spec: Files, slug: str, *, clerk: Actor, now: datetime) -> None:
    changes.write_down(session, visit, clerk=clerk, now=now)
    services.note(session, visit, "files", clerk, slug=slug, field=spec.id)
