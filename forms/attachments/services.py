"""Hand in, take back, show, delete. What is slow (looking, drawing anew, scanning) stands before the transaction: `prepare`."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from forms.attachments import inspection, scanner
from forms.attachments.models import Attachment, AttachmentContent
from forms.definition import Problem
from forms.definition.fields.files import Files as FilesField
from forms.models import Application
from forms.states import State
from portal.kernel import audit, jobs, sealed
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound

FILES_A_CASE = 30
BYTES_A_CASE = 60 * 1024 * 1024
"""Clean bytes that one case may hold, corrections among them."""
Part = Literal["file", "preview"]


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that was looked at and may be kept."""

    clean: inspection.Clean
    name: str
    scanned: bool


def prepare(spec: FilesField, *, name: str, content: bytes) -> Ready | Problem:
    """Look at what was sent and make it clean. No transaction may be open.

    Args:
        spec: the field.
        name: as the browser says.
        content: at most one byte more than `spec.limit`.
    """
    if len(content) > spec.limit:
        return Problem("file_too_large", facts={"max": spec.limit // (1024 * 1024)})
    verdict = scanner.scan(content)
    if verdict is scanner.Verdict.INFECTED:
        return Problem("infected_file")
    try:
        clean = inspection.clean(content, takes=spec.takes, page_limit=spec.page_limit)
    except inspection.RefusedError as refused:
        return Problem(refused.code, facts=dict(refused.facts) | {"pdf": "pdf" in spec.takes})
    return Ready(clean, inspection.name(name, clean.media_type), verdict is scanner.Verdict.CLEAN)


def add(
    session: Session, application: Application, spec: FilesField, ready: Ready, *, actor: Actor, now: datetime
) -> Problem | None:
    """Keep a file with a draft, or with a case whose correction is asked; a problem where there are too many.

    Args:
        session: the transaction.
        application: locked; the caller has made sure that this visitor may change it.
        spec: the field.
        ready: see `prepare`.
        actor: who hands it in.
        now: aware.
    """
    mine = pending(session, application, spec.id)
    if len(mine) >= spec.most:
        if spec.most > 1:
            return Problem("too_many_files", facts={"max": spec.most})
        _delete(session, mine)
    kept = keep(session, application, spec, ready, actor=actor, now=now)
    if isinstance(kept, Problem):
        return kept
    _into_draft(session, application, spec.id, now=now)
    return None


def keep(
    session: Session, application: Application, spec: FilesField, ready: Ready, *, actor: Actor, now: datetime
) -> Attachment | Problem:
    """Keep a file with a case, whatever its answers say of it; a problem where the case is full. Arguments as in `add`."""
    count, total = session.execute(
        select(func.count(), func.coalesce(func.sum(Attachment.size), 0)).where(
            Attachment.application_id == application.id
        )
    ).one()
    if count >= FILES_A_CASE or total + len(ready.clean.content) > BYTES_A_CASE:
        return Problem("case_is_full", facts={"max": BYTES_A_CASE // (1024 * 1024)})
    kept = Attachment(
        id=uuid.uuid4(),
        application_id=application.id,
        field_id=spec.id,
        name=ready.name,
        media_type=ready.clean.media_type,
        size=len(ready.clean.content),
        sha256=hashlib.sha256(ready.clean.content).hexdigest(),
        pages=ready.clean.pages,
        added_by=actor.account_id,
        added_at=now,
        scanned_at=now if ready.scanned else None,
    )
    session.add(kept)
    session.flush()
    _keep(session, kept.id, "file", ready.clean.content)
    if ready.clean.preview:
        _keep(session, kept.id, "preview", ready.clean.preview)
    session.flush()
    if not ready.scanned:
        jobs.defer(session, "forms.scan_attachment", attachment_id=str(kept.id))
    _note(session, application, kept, "attachment.add", actor)
    return kept


def remove(
    session: Session, application: Application, attachment_id: uuid.UUID, *, actor: Actor, now: datetime
) -> None:
    """Take back a file that was not filed yet.

    Raises:
        NotFound: no such file of this case, or it was filed.
    """
    found = session.get(Attachment, attachment_id)
    if found is None or found.application_id != application.id or str(found.id) in _filed(application):
        raise NotFound
    _note(session, application, found, "attachment.remove", actor)
    _delete(session, [found])
    _into_draft(session, application, found.field_id, now=now)


def pending(session: Session, application: Application, field_id: str) -> list[Attachment]:
    """The files of one field that were handed in and not filed yet, oldest first. One statement."""
    filed = _filed(application)
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.application_id == application.id, Attachment.field_id == field_id)
        .order_by(Attachment.added_at, Attachment.id)
    )
    return [row for row in rows if str(row.id) not in filed]


def corrected(session: Session, application: Application, fields: Iterable[str]) -> dict[str, Any]:
    """What the fields would hold if the correction were sent now: the new files where there are any, else the old ones."""
    filed = application.filings[-1].answers if application.filings else {}
    found: dict[str, Any] = {}
    for field_id in fields:
        new = references(pending(session, application, field_id))
        found[field_id] = new or filed.get(field_id)
    return found


def references(rows: Iterable[Attachment]) -> list[dict[str, Any]]:
    """Files as they stand in answers (`forms.definition.fields.files`)."""
    return [
        {
            "id": str(row.id),
            "name": row.name,
            "media_type": row.media_type,
            "size": row.size,
            "pages": row.pages,
            "sha256": row.sha256,
        }
        for row in rows
    ]


def settle(session: Session, application: Application) -> None:
    """After filing: what was handed in but is not part of what was filed (hidden questions, exchanged files) goes.

    What the counter exchanged stays: it is kept apart with its change (`CounterChange.before`) as long as the case.
    """
    session.flush()
    rows = session.scalars(select(Attachment).where(Attachment.application_id == application.id)).all()
    wanted = _filed(application) | {
        i for each in application.counter_changes for i in ids_in({each.field_id: each.before})
    }
    _delete(session, [row for row in rows if str(row.id) not in wanted])


def read(
    session: Session,
    application: Application,
    attachment_id: uuid.UUID,
    *,
    part: Part,
    actor: Actor,
    purpose: str | None = None,
) -> tuple[Attachment, bytes]:
    """A file of this very case, opened; the look is written down.

    Raises:
        NotFound: another case's, not scanned yet, or there is no such part.
    """
    found = session.get(Attachment, attachment_id)
    if found is None or found.application_id != application.id or found.scanned_at is None:
        raise NotFound
    content = opened(session, found.id, part)
    _note(
        session,
        application,
        found,
        "attachment.read" if part == "file" else "attachment.preview",
        actor,
        purpose=purpose,
    )
    return found, content


def previews(session: Session, ids: Collection[str]) -> dict[str, bytes]:
    """The small pictures of some files, for papers; only what was scanned. One statement."""
    rows = session.execute(
        select(AttachmentContent)
        .join(Attachment)
        .where(
            Attachment.id.in_([uuid.UUID(i) for i in ids]),
            Attachment.scanned_at.is_not(None),
            AttachmentContent.part == "preview",
        )
    ).scalars()
    return {
        str(r.attachment_id): sealed.unseal(r.key_id, r.sealed, about=_about(r.attachment_id, "preview")) for r in rows
    }


def unscanned(session: Session, application: Application) -> set[str]:
    """Ids of files that the scanner has not looked at. One statement."""
    rows = session.scalars(
        select(Attachment.id).where(Attachment.application_id == application.id, Attachment.scanned_at.is_(None))
    )
    return {str(row) for row in rows}


def opened(session: Session, attachment_id: uuid.UUID, part: Part) -> bytes:
    """The content of one part.

    Raises:
        NotFound: there is none.
        SealedError: it was altered, or its key is gone.
    """
    row = session.get(AttachmentContent, (attachment_id, part))
    if row is None:
        raise NotFound
    return sealed.unseal(row.key_id, row.sealed, about=_about(attachment_id, part))


def dispose(session: Session, application_ids: Collection[int]) -> int:
    """Delete every file of some cases (their retention has ended and a person has confirmed it); how many there were."""
    gone = session.execute(
        delete(Attachment).where(Attachment.application_id.in_(list(application_ids))).returning(Attachment.id)
    ).all()
    return len(gone)


def reseal(session: Session, *, limit: int = 50) -> int:
    """Seal anew, with the newest key, what an older one sealed; how many parts that were (0: nothing is left)."""
    rows = session.scalars(
        select(AttachmentContent)
        .where(AttachmentContent.key_id != sealed.newest())
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        about = _about(row.attachment_id, row.part)
        row.key_id, row.sealed = sealed.seal(sealed.unseal(row.key_id, row.sealed, about=about), about=about)
    session.flush()
    return len(rows)


def _keep(session: Session, attachment_id: uuid.UUID, part: Part, content: bytes) -> None:
    key_id, closed = sealed.seal(content, about=_about(attachment_id, part))
    session.add(AttachmentContent(attachment_id=attachment_id, part=part, key_id=key_id, sealed=closed))


def _about(attachment_id: uuid.UUID, part: str) -> str:
    return f"attachment:{attachment_id}:{part}"


def _delete(session: Session, rows: Iterable[Attachment]) -> None:
    ids = [row.id for row in rows]
    if ids:
        session.execute(delete(Attachment).where(Attachment.id.in_(ids)))


def _filed(application: Application) -> set[str]:
    """Ids of files that stand in anything filed."""
    return {i for filing in application.filings for i in ids_in(filing.answers)}


def ids_in(answers: Mapping[str, Any]) -> Iterable[str]:
    """Ids of the files that answers refer to."""
    for value in answers.values():
        if isinstance(value, list):
            for part in value:
                if isinstance(part, dict) and "sha256" in part and "media_type" in part:
                    yield str(part["id"])


def _into_draft(session: Session, application: Application, field_id: str, *, now: datetime) -> None:
    """A draft's answer is what was handed in."""
    draft = application.draft
    if application.state != State.DRAFT.value or draft is None:
        return
    now_there = references(pending(session, application, field_id))
    draft.answers = {**draft.answers, field_id: now_there or None}
    application.changed_at = now
    session.flush()


def _note(
    session: Session,
    application: Application,
    found: Attachment,
    action: str,
    actor: Actor,
    *,
    purpose: str | None = None,
) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_kind="application",
        subject_ref=application.reference or application.key,
        purpose=purpose,
        detail={"attachment": str(found.id), "field": found.field_id},
    )
