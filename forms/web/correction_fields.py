"""The questions of a correction page, old value and reason beside each: for the applicant and for the clerk who types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from forms import masking
from forms.attachments import services as attachments
from forms.definition import Problem, Typed
from forms.definition.fields import AddressField
from forms.models import Application
from forms.services import casework, hiding
from forms.services.common import definition, moment
from forms.web import files, views
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.web import locale


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


def looked_up(
    session: Session, found: Application, field_id: str, typed: Mapping[str, Typed]
) -> tuple[dict[str, Typed], dict[str, tuple[Problem, ...]]]:
    """What was typed, with the address behind the postal code of one field; what is wrong with the code.

    Raises:
        NotFound: the field is no address.
    """
    spec = definition(found.version).field(field_id)
    if not isinstance(spec, AddressField):
        raise NotFound
    filled, problems = spec.fill(typed.get(field_id, {}), moment(session, clock.now()))
    return {**typed, field_id: filled}, {field_id: problems} if problems else {}
