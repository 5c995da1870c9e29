"""The questions of a correction page, old value and reason beside each: for the applicant and for the clerk who types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from forms import masking
from forms.attachments import services as attachments
from forms.definition import FieldSpec, Problem, Typed
from forms.definition.fields import AddressField
from forms.models import Application
from forms.services import casework, hiding
from forms.services.common import definition, moment
from forms.web import files, views
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.web import locale

LOOK_UP = "look_up:"
"""The button that fills in the address behind a postal code; the field's id follows."""


def fields(
    session: Session,
    found: Application,
    *,
    typed: Mapping[str, Typed],
    problems: Mapping[str, Sequence[Problem]],
    actor: Actor,
    file_endpoint: str,
) -> tuple[list[views.FieldView], date | None]:
    """The questions, and by when they are to be answered.

    Args:
        session: the transaction.
        found: a case that waits for a correction.
        typed: what was typed just now.
        problems: what is wrong with it, by path.
        actor: who looks: what must not be told to them is masked (CASES A10).
        file_endpoint: gives the files that were handed in and not filed yet.
    """
    lang = locale.current()
    procedure = definition(found.version)
    requests = {c.field_id: c for c in casework.open_requests(found)}
    hidden = hiding.paths(session, found, found.filings[-1].answers, now=clock.now(), actor=actor)
    filed = masking.without(found.filings[-1].answers, hidden)
    # A field whose answer the new answers open is on the page from the moment it is told missing.
    wanted = [*requests, *(path for path in problems if path not in requests)]
    shown = views.path_views(procedure, filed, wanted, locale=lang, typed=typed, problems=problems)
    for path, view in zip(wanted, shown, strict=True):
        asked = requests.get(path)
        if asked is not None:
            view.reason = asked.reason
            view.before = masking.MASK if masking.BEFORE + path in hidden else view.spec.show(asked.old_value, lang)
        if view.spec.stored:
            new = attachments.references(attachments.pending(session, found, path))
            view.files = files.shown(new, file_endpoint, reference=found.reference)
    return shown, min((c.answer_by for c in requests.values()), default=None)


def asked(found: Application) -> list[FieldSpec]:
    """The questions that wait for a correction."""
    procedure = definition(found.version)
    return [spec for c in casework.open_requests(found) if (spec := procedure.field(c.field_id)) is not None]


@dataclass(frozen=True, slots=True)
class Again:
    """The correction page is shown once more before anything is sent, with this on it."""

    typed: Mapping[str, Typed]
    problems: Mapping[str, tuple[Problem, ...]]


def not_sent_yet(
    session: Session,
    found: Application,
    action: str,
    typed: Mapping[str, Typed],
    wrong_files: Mapping[str, tuple[Problem, ...]],
) -> Again | None:
    """What the page shows after a button that does not send the correction; None: it is to be sent.

    Args:
        session: the transaction.
        found: a case that waits for a correction.
        action: of the button: a file is put in or taken out, an address is looked up, or the correction is sent.
        typed: what was typed.
        wrong_files: what is wrong with the files of this request (`files.handed_in`).

    Raises:
        NotFound: an address was looked up for a field that is none.
    """
    if action.startswith(LOOK_UP):
        filled, problems = _looked_up(session, found, action.removeprefix(LOOK_UP), typed)
        return Again(filled, {**wrong_files, **problems})
    if wrong_files or action.startswith((files.SEND, files.REMOVE)):
        return Again(typed, wrong_files)
    return None


def _looked_up(
    session: Session, found: Application, field_id: str, typed: Mapping[str, Typed]
) -> tuple[dict[str, Typed], dict[str, tuple[Problem, ...]]]:
    """What was typed, with the address behind the postal code of one field; what is wrong with the code."""
    spec = definition(found.version).field(field_id)
    if not isinstance(spec, AddressField):
        raise NotFound
    filled, problems = spec.fill(typed.get(field_id, {}), moment(session, clock.now()))
    return {**typed, field_id: filled}, {field_id: problems} if problems else {}
