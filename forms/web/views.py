"""From definitions to what templates show: fields with what was typed and what is wrong, states in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import g, request, session
from flask_babel import gettext

from forms import rules
from forms.definition import FieldSpec, Moment, Problem, Procedure, Typed
from forms.definition.fields import AppointmentField, Choice, GroupField, PeriodField
from forms.definition.fields.files import Files
from forms.definition.paths import label_at, spec_at, typed_at, value_at
from forms.models import Application
from forms.rules import RowEvaluation
from forms.services import drafts
from forms.services.common import definition
from forms.web.problems import PART_NAMES, words
from forms.web.words import source_words
from portal.kernel import clock, texts
from portal.kernel.dates import DateError, parse_date

PREFIX = "f."
_TURN = re.compile(r"(?P<page>[0-9a-z]{1,16})\.(?P<number>[0-9]{1,6})")


@dataclass
class FieldView:
    """One field on a page.

    Attributes:
        spec: its part of the document.
        typed: part → texts to put back.
        problems: what is wrong.
        source: where a value that was filled in beforehand came from, in words; "" where it did not.
        locked: the value may not be changed.
        held: of a person, the parts that may not be changed.
        reason: why a reviewer asks for it, on the correction page.
        before: the value as filed, on the correction page.
        path: where the answer stands (`forms.definition.paths`); "": the field's id.
        title: the question, where it is not the field's own (an entry of a group).
        rows: of a repeated group: number and questions of each entry on the page.
        offered: codes that can be chosen now; None: all.
        today: in Japan, for what is offered from today on.
        files: of a field that takes files: those handed in so far.
    """

    spec: FieldSpec
    locale: str
    typed: Typed = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    source: str = ""
    locked: bool = False
    held: Sequence[str] = ()
    required: bool = False
    reason: str = ""
    before: str = ""
    shown: str = ""
    path: str = ""
    title: str = ""
    rows: Sequence[tuple[str, Sequence[FieldView]]] = ()
    offered: frozenset[str] | None = None
    today: date | None = None
    files: Sequence[Any] = ()

    @property
    def kind(self) -> str:
        """The field type."""
        return self.spec.kind

    @property
    def name(self) -> str:
        """Name of the input."""
        return PREFIX + self.asked

    @property
    def asked(self) -> str:
        """What tells the server that this question was on the page."""
        return self.path or self.spec.id

    @property
    def id(self) -> str:
        """HTML id of the (first) input."""
        return self.part_id(self.spec.parts[0])

    def part_id(self, part: str) -> str:
        """HTML id of one part's input."""
        own = "f-" + self.asked.replace(".", "-")
        return f"{own}-{part}" if part else own

    @property
    def label(self) -> str:
        """The question."""
        return self.title or self.spec.label.in_(self.locale)

    @property
    def choices(self) -> list[Choice]:
        """What can be chosen now."""
        found: Sequence[Choice] = getattr(self.spec, "choices", ())
        return [c for c in found if self.offered is None or c.code in self.offered]

    @property
    def hinted_choices(self) -> list[Choice]:
        """Of "choose with search": the choices that say more than their words (below the input: a list of suggestions has no room)."""
        return [c for c in self.choices if c.hint] if self.kind == "choose" else []

    @property
    def days(self) -> list[tuple[str, str]]:
        """Of an appointment: the days that can be chosen, as (ISO date, words)."""
        if not isinstance(self.spec, AppointmentField) or self.today is None:
            return []
        return [(day.isoformat(), self.spec.day_words(day, self.locale)) for day in self.spec.days(self.today)]

    @property
    def times(self) -> list[tuple[str, str]]:
        """Of an appointment: the times that can be chosen."""
        return [(time, time) for time in getattr(self.spec, "times", ())]

    @property
    def kind_choices(self) -> list[tuple[str, str]]:
        """Of a bank account: what kind it is."""
        return [(kind.code, kind.label.in_(self.locale)) for kind in getattr(self.spec, "kinds", ())]

    @property
    def read_back(self) -> str:
        """A date that was typed, in both calendars, so that a mistake is seen; "" where it cannot be read."""
        if self.kind != "date" or self.problems or not self.value():
            return ""
        try:
            return texts.show_both(parse_date(self.value()), self.locale)
        except DateError:
            return ""

    @property
    def limits(self) -> list[str]:
        """Of a period: what it must keep to, said before a mistake."""
        if not isinstance(self.spec, PeriodField) or self.today is None:
            return []
        first, last = self.spec.between(self.today)
        said = []
        if first is not None and self.spec.earliest != PeriodField.model_fields["earliest"].default:
            said.append(gettext("%(day)sか、それより後の日。", day=texts.show_both(first, self.locale)))
        if last is not None:
            said.append(gettext("%(day)sまでの日。", day=texts.show_both(last, self.locale)))
        if self.spec.max_days is not None:
            said.append(gettext("%(max)s日以内。", max=self.spec.max_days))
        return [*said, *(limit.message.in_(self.locale) for limit in self.spec.limits)]

    @property
    def more_files(self) -> bool:
        """Whether one more file can be handed in."""
        return isinstance(self.spec, Files) and (len(self.files) < self.spec.most or self.spec.most == 1)

    @property
    def removable(self) -> bool:
        """Whether an entry of a group can be taken away."""
        return isinstance(self.spec, GroupField) and len(self.rows) > self.spec.fewest

    @property
    def room(self) -> bool:
        """Whether a group can have one more entry."""
        return isinstance(self.spec, GroupField) and len(self.rows) < self.spec.maximum

    @property
    def hint(self) -> str:
        """Help for the question."""
        return self.spec.hint.in_(self.locale) if self.spec.hint else ""

    def value(self, part: str = "") -> str:
        """What to put into an input."""
        texts = self.spec.in_words(self.typed, self.locale).get(part) or [""]
        return texts[0]

    def fixed(self, part: str) -> str:
        """What stands in place of an input that is locked: a day of birth in both calendars."""
        text = self.value(part)
        return texts.show_both(date.fromisoformat(text), self.locale) if part == "birth_date" and text else text

    def chosen(self, code: str) -> bool:
        """Whether a choice is ticked."""
        return code in (self.typed.get("") or [])

    def errors(self, part: str = "") -> list[str]:
        """Messages at one part ("" : the field)."""
        return [words(p, self.locale) for p in self.problems if p.part == part]

    def all_errors(self) -> list[tuple[str, str]]:
        """(HTML id, message) for the summary on top."""
        found = [error for _row, fields in self.rows for view in fields for error in view.all_errors()]
        for problem in self.problems:
            if self.rows and problem.part:
                continue
            name = str(PART_NAMES[problem.part]) if problem.part else self.label
            separator = ": " if self.locale == "en" else "："
            found.append(
                (
                    self.part_id(problem.part) if problem.part else self.id,
                    name + separator + words(problem, self.locale),
                )
            )
        return found

    def part_name(self, part: str) -> str:
        """The label of one part of an address."""
        return str(PART_NAMES[part])


def field_views(
    fields: Iterable[FieldSpec],
    *,
    locale: str,
    typed: Mapping[str, Typed],
    problems: Mapping[str, Sequence[Problem]],
    required: Iterable[str],
    prefill: Mapping[str, Mapping[str, Any]] | None = None,
    values: Mapping[str, Any] | None = None,
    offered: Mapping[str, frozenset[str]] | None = None,
    rows: Mapping[str, Sequence[RowEvaluation]] | None = None,
    today: date | None = None,
) -> list[FieldView]:
    """Fields as the page shows them; remembers for the title whether something is wrong."""
    must = set(required)
    if problems:
        g.page_has_errors = True
    found = []
    for spec in fields:
        origin = (prefill or {}).get(spec.id) or {}
        now = typed.get(spec.id, {})
        # Compared as the value would be typed: the English page sends back English words.
        as_filled = {k: list(v) for k, v in spec.in_words(now, "ja").items()}
        held = tuple(origin.get("parts", ()))
        original = spec.typed_of(origin.get("value"))
        if held:
            as_filled, original = ({p: each.get(p, []) for p in held} for each in (as_filled, original))
        untouched = bool(origin) and as_filled == original
        source = source_words(origin, locale) if untouched else ""
        shown = spec.show(origin["value"], locale) if origin.get("locked") else ""
        view = FieldView(
            spec,
            locale,
            typed=now,
            problems=problems.get(spec.id, ()),
            required=spec.id in must,
            source=source,
            locked=bool(origin.get("locked")),
            held=held,
            shown=spec.show((values or {}).get(spec.id), locale) if spec.computed else shown,
            offered=(offered or {}).get(spec.id),
            today=today,
        )
        if isinstance(spec, GroupField):
            view.rows = _row_views(spec, view, (rows or {}).get(spec.id, ()))
        found.append(view)
    return found


def _row_views(
    group: GroupField, view: FieldView, rows: Sequence[RowEvaluation]
) -> list[tuple[str, Sequence[FieldView]]]:
    known = {str(row.number): row for row in rows}
    numbers = [number for number in group.rows(view.typed) if number in known]
    return [(number, _row_view(group, view, n, known[number])) for n, number in enumerate(numbers, start=1)]


def _row_view(group: GroupField, view: FieldView, place: int, row: RowEvaluation) -> list[FieldView]:
    """The questions of one entry, each with its own problems."""
    lang = view.locale
    entry = f"{group.entry.in_('en')} {place}" if lang == "en" else f"{place}{group.entry.ja}"
    found = []
    for spec in (f for f in group.fields if f.id in row.shown):
        start = f"{row.number}.{spec.id}"
        problems = [
            Problem(p.code, p.part.removeprefix(start).removeprefix("."), p.facts)
            for p in view.problems
            if p.part == start or p.part.startswith(start + ".")
        ]
        found.append(
            FieldView(
                spec,
                lang,
                typed=group.inside(view.typed, str(row.number), spec.id),
                problems=problems,
                required=spec.id in row.required,
                shown=spec.show(row.values.get(spec.id), lang) if spec.computed else "",
                path=f"{group.id}.{start}",
                title=f"{entry} {spec.label.in_(lang)}" if spec.has_value else "",
                offered=row.offered.get(spec.id),
                today=view.today,
            )
        )
    return found


def path_views(
    procedure: Procedure,
    filed: Mapping[str, Any],
    wanted: Iterable[str],
    *,
    locale: str,
    typed: Mapping[str, Typed],
    problems: Mapping[str, Sequence[Problem]],
) -> list[FieldView]:
    """Questions by their paths, as the correction page shows them: what was filed, or what was typed just now."""
    if problems:
        g.page_has_errors = True
    found = []
    for path in wanted:
        spec = spec_at(procedure, path)
        if spec is None:
            continue
        there, value = value_at(filed, path)
        view = FieldView(
            spec,
            locale,
            typed=typed_at(procedure, typed, path) or (spec.typed_of(value) if there else {}),
            problems=problems.get(path, ()),
            required=spec.required,
            path=path,
            title=label_at(procedure, filed, path, locale),
            today=clock.today(),
        )
        if isinstance(spec, GroupField):
            answers = {**filed, path: spec.entries(view.typed, Moment(clock.today()))}
            view.rows = _row_views(spec, view, rules.evaluate(procedure, answers).rows.get(path, ()))
        found.append(view)
    return found


def typed_in_form() -> dict[str, dict[str, list[str]]]:
    """What was typed on the page: field id → part → texts."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, sent in request.form.lists():
        if name.startswith(PREFIX):
            field_id, _dot, part = name.removeprefix(PREFIX).partition(".")
            found.setdefault(field_id, {})[part] = sent
    return found


def asked_in_form() -> list[str]:
    """Ids of the fields that were on the page."""
    return request.form.getlist("asked")


def turn_in_form(*, background: bool) -> drafts.Turn | None:
    """Which sending of which page this is, as `static/js/forms.js` counts them; none without script."""
    found = _TURN.fullmatch(request.form.get("turn", ""))
    return drafts.Turn(found["page"], int(found["number"]), background) if found else None


def name_of(application: Application, lang: str) -> str:
    """The plain name of a case's procedure."""
    return definition(application.version).plain_name.in_(lang)


def remember(kind: str, value: str) -> None:
    """Let this browser's guest come back to a draft or a case ("drafts", "cases"); the newest twenty are kept."""
    known = [v for v in session.get(f"forms_{kind}", []) if v != value]
    session[f"forms_{kind}"] = [value, *known][:20]


def remembers(kind: str, value: str) -> bool:
    """Whether this browser's guest has it."""
    return value in session.get(f"forms_{kind}", [])
