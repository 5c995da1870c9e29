"""What was prepared at home and what the counter made of it: changed answers by field, kept apart, with who typed them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from forms import rules
from forms.attachments import services as attachments
from forms.attachments.models import Attachment
from forms.case_models import CounterChange
from forms.counter.errors import AnotherPerson
from forms.counter.models import Authority, FactSource, Visit, VisitItem
from forms.models import Application, ProcedureVersion
from forms.services.common import definition, facts_of, typed_by
from portal.kernel.audit import Actor
from portal.kernel.text import fold

ASKED = "answer"
"""Source of a change that the clerk typed as the visitor said it."""
_PARTS = ("answers", "typed", "prefill", "flags", "set_aside")


def snapshot(session: Session, application: Application, *, now: datetime) -> dict[str, Any]:
    """What came from home: as it was shown (`said`), to compare with, and as it was kept, to put back."""
    draft = application.draft
    kept = {name: dict(getattr(draft, name)) for name in _PARTS}
    facts = facts_of(session, application, now=now)
    said = rules.to_file(definition(application.version), kept["answers"], facts)
    return kept | {"said": said, "version_id": application.version_id, "on_behalf": application.on_behalf}


def put_back(session: Session, item: VisitItem, application: Application, *, now: datetime) -> None:
    """What was prepared at home is as it was before the visit; nothing where the visit began it."""
    if item.prepared is None or application.draft is None:
        return
    for name in _PARTS:
        setattr(application.draft, name, item.prepared[name])
    home = {uuid.UUID(each) for each in attachments.ids_in(item.prepared["answers"])}
    session.execute(
        delete(Attachment).where(Attachment.application_id == application.id, Attachment.id.not_in(home)),
        execution_options={"synchronize_session": False},
    )
    application.version = session.get_one(ProcedureVersion, item.prepared["version_id"])
    application.on_behalf, application.channel, application.changed_at = item.prepared["on_behalf"], "online", now
    session.execute(delete(CounterChange).where(CounterChange.application_id == application.id))
    session.flush()


def write_down(session: Session, visit: Visit, *, clerk: Actor, now: datetime) -> None:
    """Compare every answer that came from home with what stands there now; one row for each that differs."""
    home = {item.application_id: item.prepared["said"] for item in visit.items if item.prepared is not None}
    for application in session.scalars(select(Application).where(Application.id.in_(home))):
        if application.draft is None:
            continue
        facts = facts_of(session, application, now=now)
        procedure = definition(application.version)
        stands = rules.to_file(procedure, application.draft.answers, facts)
        before = home[application.id]
        known = {c.field_id: c for c in session.scalars(select(CounterChange).filter_by(application_id=application.id))}
        for spec in procedure.fields():
            if not spec.has_value or spec.computed:
                continue
            old, new = before.get(spec.id), stands.get(spec.id)
            row = known.get(spec.id)
            if old == new or (spec.id not in before and spec.id not in stands):
                if row is not None:
                    session.delete(row)
            elif row is None or row.after != new:
                if row is None:
                    row = CounterChange(application_id=application.id, field_id=spec.id, before=old)
                    session.add(row)
                row.after, row.source = new, _source(application.draft.prefill.get(spec.id, {}), new)
                row.entered_by, row.at = clerk.account_id or 0, now
                typed_by(session, application, clerk)
    session.flush()


def _source(origin: Mapping[str, Any], value: Any) -> str:
    here = origin.get("source") in {source.value for source in FactSource}
    return str(origin["source"]) if here and origin.get("value") == value else ASKED


def same(visit: Visit, applications: Iterable[Application], name: str, birth_date: date | None) -> None:
    """Make sure that a card is of the person who prepared what the visit holds.

    Asked where the applicant came; who comes for somebody else has another card. Names are compared as searches do.

    Raises:
        AnotherPerson: the name, or the day of birth where both say one, is another.
    """
    if visit.authority != Authority.SELF:
        return
    home = {item.application_id for item in visit.items if item.prepared is not None}
    for application in applications:
        if application.id not in home:
            continue
        item = next(one for one in visit.items if one.application_id == application.id)
        said = (item.prepared or {}).get("said", {})
        born = {
            said[spec.id]
            for spec in definition(application.version).fields()
            if spec.item == "person.birth_date" and said.get(spec.id)
        }
        wrong_day = birth_date is not None and bool(born) and birth_date.isoformat() not in born
        prepared = application.applicant_name or ""
        if fold(prepared) != fold(name) or wrong_day:
            raise AnotherPerson(name, prepared)
