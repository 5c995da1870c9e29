"""Ask once: what several procedures need of one visitor, without what is known already. Pure.

Fields of several procedures that are bound to the same data item, of the same type, are one question (フリガナ for two
certificates). A field without a data item is asked for its own procedure (how many copies of which).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forms import rules
from forms.definition import FieldSpec, Procedure, Typed
from forms.definition.fields import GroupField
from forms.rules import Answers, AnswerState


@dataclass(frozen=True, slots=True)
class Case:
    """One procedure of the visit as it stands.

    Attributes:
        slug: of the procedure; unique in a visit.
        procedure: the version's document.
        answers: field id → value, None for left empty.
        typed: field id → part → texts, also what could not be read.
        locked: ids of fields whose value a trusted source said; they are not asked.
    """

    slug: str
    procedure: Procedure
    answers: Answers
    typed: Mapping[str, Typed]
    locked: frozenset[str]
    facts: rules.Facts = rules.NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class Question:
    """One question on the page, and where its answer goes.

    Attributes:
        name: stable name for the page's inputs.
        spec: the field that is shown (the first of its targets).
        targets: (slug, field id) of each procedure that takes the answer.
        required: whether one of them must have it.
        typed: what to show in the inputs.
    """

    name: str
    spec: FieldSpec
    targets: tuple[tuple[str, str], ...]
    required: bool
    typed: Typed

    @property
    def shared(self) -> bool:
        """Whether more than one procedure takes the answer."""
        return len(self.targets) > 1


def _identity(slug: str, spec: FieldSpec) -> tuple[Any, ...]:
    """What two fields must have in common to be one question."""
    if spec.item is None:
        return (slug, spec.id)
    codes = tuple(choice.code for choice in getattr(spec, "choices", ()))
    return ("item", spec.item, spec.kind, codes)


def _name(identity: tuple[Any, ...], taken: Iterable[str]) -> str:
    if identity[0] == "item":
        base = "item-" + str(identity[1]).replace(".", "-").replace("_", "-")
        # The same item in two shapes (other choices) is two questions.
        return base if base not in taken else f"{base}-{len(list(taken))}"
    return f"{identity[0]}--{identity[1]}"


def questions(cases: Sequence[Case], *, again: bool = False) -> tuple[Question, ...]:
    """What is still to be asked, in the order of the procedures.

    Args:
        cases: the visit's procedures.
        again: also what was asked already (to change an answer); never what is locked.
    """
    found: dict[tuple[Any, ...], Question] = {}
    for case in cases:
        evaluation = rules.evaluate(case.procedure, case.answers, case.facts)
        for spec in case.procedure.fields():
            if not spec.has_value or spec.computed or spec.id in case.locked or spec.id not in evaluation.shown:
                continue
            required = spec.id in evaluation.required
            if (spec.stored or isinstance(spec, GroupField)) and evaluation.states[spec.id] is AnswerState.ANSWERED:
                continue  # handed in at home: files and entries stay as they are
            if not again and not _open(evaluation.states[spec.id], required=required):
                continue
            identity = _identity(case.slug, spec)
            before = found.get(identity)
            if before is None:
                name = _name(identity, [question.name for question in found.values()])
                target, typed = ((case.slug, spec.id),), case.typed.get(spec.id, {})
                found[identity] = Question(name, spec, target, required, typed)
            else:
                targets = (*before.targets, (case.slug, spec.id))
                found[identity] = Question(before.name, before.spec, targets, before.required or required, before.typed)
    return tuple(found.values())


def _open(state: AnswerState, *, required: bool) -> bool:
    """Whether a question is still to be asked: never seen, or seen and left although it is needed."""
    return state is AnswerState.ABSENT or (required and state is not AnswerState.ANSWERED)


def spread(asked: Iterable[Question], typed: Mapping[str, Typed]) -> dict[str, dict[str, Typed]]:
    """From the page to the procedures: slug → field id → what was typed. What was not sent counts as left empty."""
    spreading: dict[str, dict[str, Typed]] = {}
    for question in asked:
        for slug, field_id in question.targets:
            spreading.setdefault(slug, {})[field_id] = typed.get(question.name, {})
    return spreading
