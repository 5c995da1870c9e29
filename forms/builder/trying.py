"""A procedure tried with sample answers: read, judged and priced as in a real application. Pure: nothing is stored anywhere.

Everything that was typed comes with each request and goes back into the page; what would be filed is computed anew each time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forms import fees, rules
from forms.definition import Moment, Problem, Procedure, Step, Typed
from forms.definition.fields import AddressField, GroupField
from forms.definition.fields.files import Files
from forms.rules import Evaluation, Facts
from forms.services import checking, reading
from payments.contract import ChargeLine
from portal.kernel.money import Yen

_PAGES, _SIZE = 1, 1024
Texts = Mapping[str, Typed]
Problems = dict[str, tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Trial:
    """Where somebody stands who tries a procedure.

    Attributes:
        procedure: the version that is tried.
        step: the page of questions to show; None: everything was answered, the summary.
        typed: what was typed on every step so far: field id → part → texts.
        asked: ids of the questions that were seen.
        problems: field id → what is wrong, of the page that is shown; of all steps on the summary.
        evaluation: what the rules say.
        filed: what would be filed.
        fresh: whether the answers just opened more questions on the same page.
        rows: entries of this page's repeated groups, blank ones too.
    """

    procedure: Procedure
    step: Step | None
    typed: Mapping[str, Typed]
    asked: frozenset[str]
    problems: Mapping[str, tuple[Problem, ...]]
    evaluation: Evaluation
    filed: Mapping[str, Any]
    fresh: bool
    rows: Mapping[str, tuple[rules.RowEvaluation, ...]]

    @property
    def fee(self) -> tuple[ChargeLine, ...]:
        """The lines of the fee that would be asked."""
        return fees.lines(self.procedure, self.filed)

    @property
    def total(self) -> Yen:
        """Their sum, in yen."""
        return fees.total(self.fee)

    def carried(self) -> list[tuple[str, str, str]]:
        """(field id, part, text) of what was typed and is not asked on this page: it goes along in hidden inputs."""
        here = {f.id for f in self.step.fields if f.id in self.evaluation.shown} if self.step else set[str]()
        stored = {f.id for f in self.procedure.fields() if f.stored}
        return [
            (field_id, part, text)
            for field_id, parts in self.typed.items()
            if field_id not in here | stored
            for part, texts in parts.items()
            for text in texts
        ]

    def asked_before(self) -> list[str]:
        """Ids of the questions that were seen and are not on this page."""
        here = {f.id for f in self.step.fields if f.id in self.evaluation.shown} if self.step else set[str]()
        return sorted(self.asked - here)


def sample_file(field: Files, name: str) -> dict[str, Any]:
    """What stands for a file that is only named: nothing is uploaded while somebody tries."""
    paper = "pdf" in field.takes and (name.lower().endswith(".pdf") or "picture" not in field.takes)
    media_type = "application/pdf" if paper else "image/jpeg"
    return {
        "id": "sample",
        "name": name[:100],
        "media_type": media_type,
        "size": _SIZE,
        "pages": _PAGES if paper else None,
        "sha256": "0" * 64,
    }


def go_on(
    procedure: Procedure,
    *,
    typed: Texts,
    asked: Collection[str],
    files: Mapping[str, Sequence[str]],
    step_id: str,
    action: str,
    facts: Facts,
    at: Moment,
) -> Trial:
    """Read everything, run the rules, answer the button.

    Args:
        procedure: the version.
        typed: of all steps, as sent; ids that the version does not have are ignored.
        asked: ids of the questions that were seen.
        files: field id → names that stand for files.
        step_id: the step that was on the page; "" at the beginning and on the summary.
        action: "next", "back", "refresh", "step:<id>", "add:<group>", "remove:<group>:<entry>", "look_up:<address>".
        facts: about the applicant as whom it is tried, and the day.
        at: the day and the postal codes.
    """
    known = {f.id: f for f in procedure.fields()}
    now: dict[str, Typed] = {k: v for k, v in typed.items() if k in known and not known[k].stored}
    looked_up = _change(procedure, now, action, at)
    seen = frozenset(f for f in asked if f in known)
    given = {
        f: [sample_file(spec, n) for n in files.get(f, ())] for f, spec in known.items() if isinstance(spec, Files)
    }
    now |= {f: known[f].typed_of(found) for f, found in given.items()}
    read = reading.read_fields([known[f] for f in known if f in seen], now, at, locked_values={})
    now |= read.keep  # a 個人番号 that somebody pasted does not even go back into the page
    evaluation = rules.evaluate(procedure, read.values, facts)
    wrong = checking.wrong(procedure, read.values, evaluation, facts)
    problems: Problems = {f: p for f, p in {**wrong, **read.problems}.items() if f in evaluation.shown}
    here = next((s for s in procedure.steps if s.id == step_id), None)
    step, told, fresh = _page(procedure, evaluation, here, action), looked_up, False
    if action == "next" and here is not None and here.id in evaluation.steps:
        told, fresh = _judged(here, evaluation, problems, typed=now, seen=seen)
        step = here if told or fresh else step
    return Trial(
        procedure,
        step,
        now,
        seen,
        told if step else problems,
        evaluation,
        rules.to_file(procedure, read.values, facts),
        fresh,
        _rows(procedure, step, now, answers=read.values, facts=facts, at=at),
    )


def _change(procedure: Procedure, typed: dict[str, Typed], action: str, at: Moment) -> Problems:
    """The buttons inside a page: an entry more or less, the place of a postal code. Changes `typed`."""
    verb, _colon, rest = action.partition(":")
    field_id, _colon, row = rest.partition(":")
    spec, before = procedure.field(field_id), typed.get(field_id, {})
    if isinstance(spec, GroupField) and verb in {"add", "remove"}:
        typed[field_id] = spec.added(before) if verb == "add" else spec.removed(before, row)
    elif isinstance(spec, AddressField) and verb == "look_up":
        filled, problems = spec.fill(before, at)
        typed[field_id] = filled
        return {field_id: problems} if problems else {}
    return {}


def _page(procedure: Procedure, evaluation: Evaluation, here: Step | None, action: str) -> Step | None:
    """The page that a button leads to, where nothing on this one is wrong; None: the summary."""
    steps = {s.id: s for s in procedure.steps}
    order = list(evaluation.steps)
    verb, _colon, wanted = action.partition(":")
    if verb == "step" and wanted in order:
        return steps[wanted]
    if here is None or here.id not in order:
        return steps[order[0]] if order else None
    place = order.index(here.id) + {"next": 1, "back": -1}.get(verb, 0)
    return steps[order[max(place, 0)]] if place < len(order) else None


def _judged(
    here: Step, evaluation: Evaluation, problems: Problems, *, typed: Mapping[str, Typed], seen: frozenset[str]
) -> tuple[Problems, bool]:
    """What is wrong on the page that was sent, and, where nothing is, whether it has new questions now."""
    page = reading.parts_on_page(here, set(seen), typed)
    found: Problems = {}
    for field_id in (f.id for f in here.fields if f.id in seen and f.id in problems):
        wrong = tuple(p for p in problems[field_id] if p.code != "required" or (field_id, p.part) in page)
        found |= {field_id: wrong} if wrong else {}
    return found, not found and any(reading.opened_unseen(here, evaluation, set(seen), page))


def _rows(
    procedure: Procedure,
    step: Step | None,
    typed: Mapping[str, Typed],
    *,
    answers: Mapping[str, Any],
    facts: Facts,
    at: Moment,
) -> Mapping[str, tuple[rules.RowEvaluation, ...]]:
    groups = [f for f in step.fields if isinstance(f, GroupField)] if step else []
    if not groups:
        return {}
    entries = {group.id: group.entries(typed.get(group.id, {}), at) for group in groups}
    return rules.evaluate(procedure, {**answers, **entries}, facts).rows


def every_row(group: GroupField) -> rules.RowEvaluation:
    """One entry of a repeated group with all its questions, whatever the rules would hide: for the preview."""
    must = frozenset(f.id for f in group.fields if f.has_value and f.required)
    return rules.RowEvaluation(1, {}, must, frozenset(f.id for f in group.fields), {}, {})
