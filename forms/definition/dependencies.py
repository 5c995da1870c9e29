"""What hangs on what: which answers each field needs to be known before its own rules can run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from forms.definition.conditions import Condition, fields_of
from forms.definition.conditions import asks_applicant as _asks
from forms.definition.fields import CalculatedField, FieldSpec
from forms.definition.steps import Place, Step
from forms.definition.values import ApplicantValue, fields_in, parts_of


def needs(places: Mapping[str, Place]) -> dict[str, set[str]]:
    """Field id → ids that say whether it is shown, what it offers, what it comes to."""
    found: dict[str, set[str]] = {}
    for field_id, place in places.items():
        wanted = set(fields_of(place.step.show_if)) | set(own_needs(place.field))
        if place.group is not None:
            wanted.add(place.group.id)
        found[field_id] = wanted
    return found


def own_needs(field: FieldSpec) -> Iterator[str]:
    """Ids that a field's own rules depend on, limits and `require_if` apart: those change nothing of what others see."""
    yield from fields_of(field.show_if)
    for choice in getattr(field, "choices", ()):
        yield from fields_of(choice.offer_if)
    if isinstance(field, CalculatedField):
        for case in field.cases:
            yield from fields_of(case.when)
        for value in field.values:
            yield from fields_in(value)


def order(places: Mapping[str, Place]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All ids, each after what it needs; and the first circle that is found, () where there is none.

    Without recursion: a chain of rules may be as long as the document.
    """
    wanted = needs(places)
    done: dict[str, None] = {}
    circle: tuple[str, ...] = ()
    for start in wanted:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            field_id, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(field_id)
                done[field_id] = None
                continue
            if field_id in on_path:
                circle = circle or (*path[path.index(field_id) :], field_id)
                continue
            if field_id in done:
                continue
            path.append(field_id)
            on_path.add(field_id)
            stack.append((field_id, True))
            stack.extend((needed, False) for needed in sorted(wanted.get(field_id, ())))
    return tuple(f for f in done if f in wanted), circle


def conditions_of(field: FieldSpec) -> Iterator[tuple[tuple[str | int, ...], Condition]]:
    """Every condition of one field, with its place in the field."""
    if field.show_if is not None:
        yield ("show_if",), field.show_if
    if field.require_if is not None:
        yield ("require_if",), field.require_if
    for n, limit in enumerate(field.limits):
        yield ("limits", n, "must"), limit.must
    for n, choice in enumerate(getattr(field, "choices", ())):
        if choice.offer_if is not None:
            yield ("choices", n, "offer_if"), choice.offer_if
    if isinstance(field, CalculatedField):
        for n, case in enumerate(field.cases):
            yield ("cases", n, "when"), case.when


def asks_applicant(places: Mapping[str, Place], steps: Iterable[Step]) -> bool:
    """Whether a rule asks for a fact about the applicant."""
    fields = [place.field for place in places.values()]
    conditions = [c for field in fields for _path, c in conditions_of(field)] + [
        step.show_if for step in steps if step.show_if is not None
    ]
    values = [
        part for field in fields if isinstance(field, CalculatedField) for v in field.values for part in parts_of(v)
    ]
    return any(map(_asks, conditions)) or any(isinstance(part, ApplicantValue) for part in values)
