"""Filling in beforehand: from what is known, and from a confirmed identity, whose values are locked (DESIGN invariant 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.counter.addresses import TownCode, split
from forms.definition import FieldSpec, Moment, Procedure, Typed
from forms.definition.fields import PersonField
from forms.models import Application, ApplicationDraft
from forms.services import protection
from forms.services.common import definition, locked, moment
from forms.vocabulary import Known
from portal.accounts.identity.services import Confirmed
from portal.directory.models import PostalCode

IDENTITY = "identity"
"""Source of a value that an identity provider confirmed."""
_NOT_TAKEN = {"not_offered", "resident_number", "control_character"}


def filled(procedure: Procedure, known: Iterable[Known], at: Moment) -> ApplicationDraft:
    """A new draft with what is known; where two know the same item, the first wins."""
    facts: dict[str, Known] = {}
    for each in known:
        facts.setdefault(each.item, each)
    draft = ApplicationDraft(typed={}, answers={}, prefill={}, flags={}, step=None)
    for spec in procedure.fields():
        fact = facts.get(spec.item) if spec.item else None
        if fact is not None and not spec.stored:
            put(draft, spec, fact, at)
    return draft


def put(draft: ApplicationDraft, spec: FieldSpec, fact: Known, at: Moment) -> None:
    """One known value into one field. What the field cannot take whole is shown and asked, never locked: that would be a dead end."""
    typed = spec.typed_of(fact.value)
    reading = spec.read(typed, at)
    if any(p.code in _NOT_TAKEN for p in reading.problems):
        return
    good = not reading.problems and reading.value is not None
    lock = fact.locked and good
    origin: dict[str, Any] = {
        "value": reading.value if lock else fact.value,
        "source": fact.source,
        "at": fact.at.isoformat(),
        "locked": lock,
    }
    if fact.original:
        origin["original"] = fact.original
    draft.typed = {**draft.typed, spec.id: spec.typed_of(origin["value"])}
    draft.prefill = {**draft.prefill, spec.id: origin}
    others = {field_id: value for field_id, value in draft.answers.items() if field_id != spec.id}
    draft.answers = {**others, spec.id: reading.value} if good else others
    flags = {field_id: marks for field_id, marks in draft.flags.items() if field_id != spec.id}
    draft.flags = {**flags, spec.id: list(reading.flags)} if reading.flags else flags


def put_person(draft: ApplicationDraft, spec: PersonField, fact: Known, at: Moment) -> None:
    """A confirmed name and day of birth into a person; they are locked, and what the source does not say (フリガナ, 通称) stays open.

    A name or day that the field would not take is left as it was: locked, it would be a dead end.
    """
    said = {part: text for part, text in fact.value.items() if part in spec.asked and text}
    typed = {**spec.typed_of(None), **draft.typed.get(spec.id, {}), **spec.parts_of(said)}
    reading = spec.read(typed, at)
    if any(problem.part in {"", *said} for problem in reading.problems):
        return
    origin = {"value": said, "source": fact.source, "at": fact.at.isoformat(), "locked": False, "parts": sorted(said)}
    origin["original"] = fact.original
    draft.prefill = {**draft.prefill, spec.id: origin}
    draft.typed = {**draft.typed, spec.id: {part: list(texts) for part, texts in typed.items()}}
    answers = {field_id: value for field_id, value in draft.answers.items() if field_id != spec.id}
    draft.answers = answers if reading.problems else {**answers, spec.id: reading.value}
    flags = {field_id: marks for field_id, marks in draft.flags.items() if field_id != spec.id}
    draft.flags = {**flags, spec.id: list(reading.flags)} if reading.flags else flags


def held(prefill: Mapping[str, Any], field_id: str, typed: Typed) -> Typed:
    """What was typed into one field, with the parts that a trusted source locked in place of whatever was sent for them."""
    origin = prefill.get(field_id) or {}
    return {**typed, **{part: [str(origin["value"][part])] for part in origin.get("parts", ())}}


def known_of(session: Session, confirmed: Confirmed) -> tuple[Known, ...]:
    """A confirmed identity as data items; the address in its parts, its own line kept as the original. One statement."""
    facts = confirmed.facts
    found: list[tuple[str, Any, str]] = [("person.name", facts.name, facts.name)]
    born = facts.birth_date.isoformat() if facts.birth_date is not None else ""
    found.append(("person", {"name": facts.name, "birth_date": born}, f"{facts.name} {born}".strip()))
    if facts.birth_date is not None:
        found.append(("person.birth_date", facts.birth_date.isoformat(), facts.birth_date.isoformat()))
    if facts.sex is not None:
        found.append(("person.sex", facts.sex, facts.sex))
    if facts.address:
        towns = session.execute(select(PostalCode.code, PostalCode.prefecture, PostalCode.city, PostalCode.town))
        parts = split(facts.address, [TownCode(*row) for row in towns]).parts()
        found.append(("person.address", parts, facts.address))
    return tuple(
        Known(item, value, IDENTITY, confirmed.at, locked=True, original=original) for item, value, original in found
    )


def home_of(session: Session, confirmed: Confirmed | None) -> str:
    """Where somebody lives, as it was confirmed: for `protection.stopped`; "" where that is not known."""
    known = known_of(session, confirmed) if confirmed is not None else ()
    return next((protection.home_in(each.value) for each in known if each.item == protection.ADDRESS), "")


def take_identity(session: Session, application: Application, confirmed: Confirmed, *, now: datetime) -> bool:
    """Write a confirmed identity into one's own draft, and lock it; what was typed there before gives way.

    What was said to be wrong stays open, and what the same identity has said already is left alone.

    Args:
        session: the transaction.
        application: for whoever confirmed; a draft for somebody else is not touched.
        confirmed: by the person who acts.
        now: aware.

    Returns:
        Whether the draft changed.
    """
    if application.draft is None or application.delegation_id is not None or application.on_behalf is not None:
        return False
    procedure = definition(application.version)
    if not _fresh(procedure, application.draft, known_of(session, confirmed)):
        return False
    application = locked(session, key=application.key)
    if application.draft is None:
        return False
    known = protection.without_protected(
        session, known_of(session, confirmed), person_id=application.applicant_person_id, now=now
    )
    new = _fresh(procedure, application.draft, known)
    at = moment(session, now)
    for spec, fact in new:
        if isinstance(spec, PersonField):
            put_person(application.draft, spec, fact, at)
        else:
            put(application.draft, spec, fact, at)
    if new:
        application.changed_at = now
        session.flush()
    return bool(new)


def _fresh(procedure: Procedure, draft: ApplicationDraft, known: Iterable[Known]) -> list[tuple[FieldSpec, Known]]:
    """Fields into which a confirmed fact has still to go."""
    facts = {each.item: each for each in known}
    found = []
    for spec in procedure.fields():
        fact = facts.get(spec.item) if spec.item else None
        if fact is None or spec.stored or not _can_hold(spec, fact):
            continue
        origin = draft.prefill.get(spec.id, {})
        if origin.get("source") != IDENTITY or origin.get("original") != fact.original:
            found.append((spec, fact))
    return found


def _can_hold(spec: FieldSpec, fact: Known) -> bool:
    """Whether the field offers the value at all (a question about the sex may know fewer answers)."""
    return spec.kind != "one_of" or spec.offers(fact.value)
