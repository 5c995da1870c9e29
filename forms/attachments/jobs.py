"""Background work of attachments: what the virus scanner could not look at when it came."""

from __future__ import annotations

import uuid

from sqlalchemy import delete

from forms.attachments import scanner, services
from forms.attachments.models import Attachment, AttachmentContent
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import PATIENT, task


class ScannerSilentError(RuntimeError):
    """The scanner does not answer; the job is tried again."""


@task(name="forms.scan_attachment", queue="documents", retry=PATIENT)
def scan_attachment(attachment_id: str) -> None:
    """Let the scanner look at a file that waits; what is infected loses its content and is never served. Safe to run twice.

    Raises:
        ScannerSilentError: no answer; tried again.
    """
    wanted = uuid.UUID(attachment_id)
    with unit_of_work() as session:
        found = session.get(Attachment, wanted)
        if found is None or found.scanned_at is not None or session.get(AttachmentContent, (wanted, "file")) is None:
            return
        content = services.opened(session, wanted, "file")
    verdict = scanner.scan(content)
    if verdict is scanner.Verdict.UNKNOWN:
        raise ScannerSilentError
    with unit_of_work() as session:
        found = session.get(Attachment, wanted, with_for_update=True)
        if found is None:
            return
        if verdict is scanner.Verdict.CLEAN:
            found.scanned_at = clock.now()
        else:
            session.execute(delete(AttachmentContent).where(AttachmentContent.attachment_id == wanted))
