"""A draft goes over to the newer version of its procedure: what changed is said field by field, and no answer is lost.

Left alone, a draft finishes on its own version (DESIGN invariant 5). It goes over when the person wants it, and has to when its version
is not taken any more: it has ended by itself, or the newer one says so (`Procedure.earlier_drafts_go_over`: the law changed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, aliased

from forms.definition import FieldSpec, Moment, Procedure
from forms.models import Application, ApplicationDraft, ProcedureVersion
from forms.services.common import ReviewChanged, definition, locked, moment
from forms.states import State
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound

Fate = Literal["kept", "again", "new", "gone"]
_FIELD_KEYS: Mapping[str, tuple[str, ...]] = {
    "question": ("label", "hint"),
    "type": ("type", "fields"),
    "required": ("required", "require_if"),
    "choices": ("choices",),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of one question.

    Attributes:
        field_id: of the question.
        old, new: in the two versions; None where there is none.
        fate: "kept" (the answer goes on), "again" (it does not fit any more and is kept beside it), "new", "gone" (kept beside).
        answer: as it was given, in words; "" where nothing was.
        changed: what is different of the question: "question", "type", "required", "choices", "other".
    """

    field_id: str
    old: FieldSpec | None
    new: FieldSpec | None
    fate: Fate
    answer: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changeover:
    """Everything that going over would do.

    Attributes:
        sha256: of the newer version: going over compares it.
        turns: questions in the new order, then those that are gone; those that nothing was answered to and nothing changes are left out.
        fee, attachments: whether the fee or the papers to hand in are different.
        must: the draft cannot be filed on its own version any more.
    """

    sha256: str
    turns: tuple[Turn, ...]
    fee: bool
    attachments: bool
    must: bool


@dataclass(frozen=True, slots=True)
class Newer:
    """A newer version that is open now, without its document."""

    id: int
    number: int
    must: bool


def newer(session: Session, application: Application, *, now: datetime) -> Newer | None:
    """The version that a draft could go over to; None: there is none, or it is no draft. One statement."""
    if application.state not in {State.DRAFT.value, State.PREPARED.value}:
        return None
    return read(
        application, session.scalar(select(offered(application.procedure_id, application.version.number, now))), now
    )


def offered(procedure_id: Any, number: Any, now: Any) -> ScalarSelect[Any]:
    """Selects what `read` reads, for the numbers or the columns that are given."""
    version = aliased(ProcedureVersion)
    return (
        select(func.jsonb_build_array(version.id, version.number, version.document["earlier_drafts_go_over"]))
        .where(
            version.procedure_id == procedure_id,
            version.published_at.is_not(None),
            version.valid_from <= now,
            (version.valid_until.is_(None)) | (version.valid_until > now),
            version.number > number,
        )
        .order_by(version.number.desc())
        .limit(1)
        .scalar_subquery()
    )


def read(application: Application, found: Any, now: datetime) -> Newer | None:
    """What `offered` found for a draft; nothing for what is no draft any more."""
    if found is None or application.state not in {State.DRAFT.value, State.PREPARED.value}:
        return None
    return Newer(found[0], found[1], bool(found[2]) or not definition(application.version).is_open(now))


def plan(session: Session, application: Application, *, now: datetime) -> Changeover:
    """What going over to the newer version would do. Changes nothing.

    Raises:
        NotFound: no draft, or nothing newer.
    """
    found = newer(session, application, now=now)
    if found is None or application.draft is None:
        raise NotFound
    version = session.get_one(ProcedureVersion, found.id)
    turns, _draft = _carried(application.draft, definition(application.version), version, moment(session, now))
    old = application.version.document
    return Changeover(
        version.sha256,
        turns,
        fee=old.get("fee") != version.document.get("fee"),
        attachments=old.get("attachments") != version.document.get("attachments"),
        must=found.must,
    )


def go_over(session: Session, *, key: str, sha256: str, actor: Actor, now: datetime) -> Application:
    """Let a draft go over. What does not fit is set aside with its question, and shown until the case is filed.

    Args:
        session: the transaction.
        key: of the draft; the caller has made sure that it may be used.
        sha256: `Changeover.sha256` of the page that the person saw.
        actor: who wants it.
        now: aware.

    Raises:
        NotFound: no such draft, or nothing newer (a second click).
        ReviewChanged: yet another version was published meanwhile.
    """
    application = locked(session, key=key)
    found = newer(session, application, now=now)
    if found is None or application.draft is None:
        raise NotFound
    version = session.get_one(ProcedureVersion, found.id)
    if version.sha256 != sha256:
        raise ReviewChanged
    before = application.version.number
    _turns, carried = _carried(application.draft, definition(application.version), version, moment(session, now))
    draft = application.draft
    draft.typed, draft.answers, draft.prefill = carried.typed, carried.answers, carried.prefill
    draft.flags, draft.set_aside, draft.step = carried.flags, carried.set_aside, None
    application.version = version
    application.changed_at, application.warned_at = now, None
    session.flush()
    audit.record(
        session, actor=actor, action="application.go_over", subject_kind="application", subject_ref=application.key,
        detail={"from": before, "to": version.number},
    )  # fmt: skip
    return application


def _carried(
    draft: ApplicationDraft, old: Procedure, version: ProcedureVersion, at: Moment
) -> tuple[tuple[Turn, ...], ApplicationDraft]:
    """The turns, and the draft as it would be."""
    new = definition(version)
    made = ApplicationDraft(typed={}, answers={}, prefill={}, flags={}, set_aside=dict(draft.set_aside), step=None)
    turns = [_turn(draft, old.field(spec.id), spec, made, at) for spec in new.fields() if spec.has_value]
    for before in old.fields():
        if before.has_value and not before.computed and new.field(before.id) is None:
            answer = _said(draft, before)
            if answer:
                made.set_aside[before.id] = {"label": before.label.model_dump(mode="json"), "text": answer}
            turns.append(Turn(before.id, before, None, "gone", answer))
    return tuple(t for t in turns if t.answer or t.fate != "kept" or t.changed), made


def _turn(
    draft: ApplicationDraft, before: FieldSpec | None, spec: FieldSpec, made: ApplicationDraft, at: Moment
) -> Turn:
    if before is None or spec.computed or not before.has_value or before.computed:
        return Turn(spec.id, before, spec, "kept" if spec.computed else "new", "")
    answer, changed = _said(draft, before), _changed(before, spec)
    fits = _files(draft, before, spec, made) if spec.stored else _answer(draft, before, spec, made, at)
    if fits or not answer:
        return Turn(spec.id, before, spec, "kept" if fits else "again", answer, changed)
    made.set_aside[spec.id] = {"label": before.label.model_dump(mode="json"), "text": answer}
    return Turn(spec.id, before, spec, "again", answer, changed)


def _files(draft: ApplicationDraft, before: FieldSpec, spec: FieldSpec, made: ApplicationDraft) -> bool:
    """Whether the files of a question go on."""
    if not before.stored or spec.kind != before.kind:
        return False
    if draft.answers.get(spec.id) is not None:
        made.answers[spec.id] = draft.answers[spec.id]
    return True


def _answer(draft: ApplicationDraft, before: FieldSpec, spec: FieldSpec, made: ApplicationDraft, at: Moment) -> bool:
    """Whether what was typed goes on; what the new question can show is put back in any case."""
    value = draft.answers.get(spec.id)
    typed = draft.typed.get(spec.id) or (before.typed_of(value) if value is not None else {})
    if not typed:
        return True
    if spec.kind != before.kind:
        return False
    kept = {part: list(texts) for part, texts in typed.items() if spec.keeps(part)}
    made.typed[spec.id] = kept
    _origin(draft, made, spec.id)
    reading = spec.read(kept, at)
    if not reading.problems:
        made.answers[spec.id] = reading.value
    return kept.keys() == typed.keys() and (not reading.problems or spec.id not in draft.answers)


def _origin(draft: ApplicationDraft, made: ApplicationDraft, field_id: str) -> None:
    for name in ("prefill", "flags"):
        if field_id in getattr(draft, name):
            getattr(made, name)[field_id] = getattr(draft, name)[field_id]


def _said(draft: ApplicationDraft, spec: FieldSpec) -> str:
    """What was answered, in words; what could not be read yet as it was typed."""
    value = draft.answers.get(spec.id)
    if value is not None:
        return spec.show(value, "ja")
    texts = draft.typed.get(spec.id, {})
    return "\n".join(t for part, each in texts.items() if part not in {"row", "seen"} for t in each if t)


def _changed(before: FieldSpec, after: FieldSpec) -> tuple[str, ...]:
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    different = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    found = tuple(name for name, keys in _FIELD_KEYS.items() if different & set(keys))
    known = {key for keys in _FIELD_KEYS.values() for key in keys}
    # Another type has other rules anyway: that is one change, not two.
    return (*found, "other") if different - known and "type" not in found else found
