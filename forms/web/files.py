"""Files that people hand in: taken while a step or a correction is sent, shown small, given out as downloads."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request, url_for

from forms.attachments import services as attachments
from forms.attachments.models import Attachment
from forms.definition import FieldSpec, Problem
from forms.definition.fields.files import Files, line
from forms.models import Application
from forms.services.common import locked
from forms.web import views
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import locale

LARGEST_REQUEST = 48 * 1024 * 1024
"""Bytes of one request that may carry files; more is refused by its length, before anything is read."""
UPLOADS = frozenset(
    {
        "forms.save_with_files",
        "forms.correct_with_files",
        "counter.correct_case_with_files",
        "counter.change_files",
    }
)
REMOVE = "remove_file:"
SEND = "send_file:"
_POLICY = "sandbox; default-src 'none'; style-src 'none'"


@dataclass(frozen=True, slots=True)
class Shown:
    """One file on a page."""

    id: str
    words: str
    url: str
    preview: str
    waits: bool


def allow_uploads(app: Flask) -> None:
    """Let the pages that take files take larger requests. It must be said before anything reads the form (the CSRF check does)."""

    def larger() -> None:
        if request.endpoint in UPLOADS:
            request.max_content_length = LARGEST_REQUEST

    app.before_request_funcs.setdefault(None, []).insert(0, larger)


def sent(specs: Iterable[FieldSpec]) -> list[tuple[Files, attachments.Ready | Problem]]:
    """What files came with this request, looked at. No transaction may be open."""
    found: list[tuple[Files, attachments.Ready | Problem]] = []
    for spec in specs:
        if not isinstance(spec, Files):
            continue
        for upload in request.files.getlist(views.PREFIX + spec.id):
            content = upload.stream.read(spec.limit + 1)
            upload.close()
            if upload.filename:
                found.append((spec, attachments.prepare(spec, name=upload.filename, content=content)))
    return found


def unchosen(specs: Iterable[FieldSpec], action: str) -> dict[str, tuple[Problem, ...]]:
    """The button that puts a file in, pressed before one was chosen: it is told, as nothing else on the page would change."""
    wanted = [spec for spec in specs if isinstance(spec, Files) and action == f"{SEND}{spec.id}"]
    return {
        spec.id: (Problem("no_file_chosen"),)
        for spec in wanted
        if not any(upload.filename for upload in request.files.getlist(views.PREFIX + spec.id))
    }


def keep(
    looked_at: Iterable[tuple[Files, attachments.Ready | Problem]],
    *,
    actor: Actor,
    key: str | None = None,
    reference: str | None = None,
) -> dict[str, tuple[Problem, ...]]:
    """Keep what is good with its draft or case; what is wrong, by field."""
    wrong: dict[str, tuple[Problem, ...]] = {}
    with unit_of_work() as session:
        application = locked(session, key=key, reference=reference)
        for spec, ready in looked_at:
            problem = (
                ready
                if isinstance(ready, Problem)
                else attachments.add(session, application, spec, ready, actor=actor, now=clock.now())
            )
            if problem is not None:
                wrong[spec.id] = (problem,)
    return wrong


def handed_in(
    specs: Sequence[FieldSpec], action: str, *, actor: Actor, key: str | None = None, reference: str | None = None
) -> dict[str, tuple[Problem, ...]]:
    """Keep the files of a request first, whatever else is wrong on its page, and take back the one whose button was pressed.

    Args:
        specs: the questions of the page.
        action: of the button.
        actor: who sends.
        key: of the draft; or
        reference: of the case.

    Returns:
        What is wrong with the files, by field.
    """
    wrong = {**unchosen(specs, action), **keep(sent(specs), actor=actor, key=key, reference=reference)}
    if action.startswith(REMOVE):
        take_back(action.removeprefix(REMOVE), actor=actor, key=key, reference=reference)
    return wrong


def take_back(text: str, *, actor: Actor, key: str | None = None, reference: str | None = None) -> None:
    """Answer the button that removes a file; one that is gone already stays gone.

    Raises:
        NotFound: it is no file of this draft or case.
    """
    with unit_of_work() as session:
        application = locked(session, key=key, reference=reference)
        attachments.remove(session, application, identifier(text), actor=actor, now=clock.now())


def identifier(text: str) -> uuid.UUID:
    """The id in an address or button.

    Raises:
        NotFound: it is none.
    """
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound from error


def shown(value: Any, endpoint: str, *, waiting: Iterable[str] = (), **ids: Any) -> list[Shown]:
    """The files of one answer as a page shows them."""
    unlooked, lang = set(waiting), locale.current()
    return [
        Shown(
            id=each["id"],
            words=line(each, lang),
            url=url_for(endpoint, attachment_id=each["id"], **ids),
            preview=url_for(endpoint, attachment_id=each["id"], small=1, **ids)
            if each["media_type"] == "image/jpeg"
            else "",
            waits=each["id"] in unlooked,
        )
        for each in value or ()
        if isinstance(each, dict)
    ]


def by_field(
    specs: Iterable[FieldSpec],
    values: Mapping[str, Any],
    endpoint: str,
    *,
    waiting: Iterable[str] = (),
    **ids: Any,
) -> dict[str, list[Shown]]:
    """The files of every field that takes some."""
    unlooked = set(waiting)
    return {
        spec.id: shown(values.get(spec.id), endpoint, waiting=unlooked, **ids)
        for spec in specs
        if isinstance(spec, Files)
    }


def give(application: Application, attachment_id: str, *, actor: Actor, purpose: str | None = None) -> Response:
    """A file as a download, or its small picture; the look is written down, also where the answer is then not sent.

    Args:
        application: whose page this is; the caller has made sure that the visitor may see it.
        attachment_id: as in the address.
        actor: who looks.
        purpose: for what, where the procedure asks for it.

    Raises:
        NotFound: not a file of this case, or not scanned yet.
    """
    part: attachments.Part = "preview" if "small" in request.args else "file"
    with unit_of_work() as session:
        found, content = attachments.read(
            session, application, identifier(attachment_id), part=part, actor=actor, purpose=purpose
        )
        return _answer(found, content, part)


def _answer(found: Attachment, content: bytes, part: attachments.Part) -> Response:
    plain = found.name.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(found.name, safe='')}"
    return Response(
        content,
        mimetype="image/jpeg" if part == "preview" else found.media_type,
        headers={
            "Content-Disposition": "inline" if part == "preview" else disposition,
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
