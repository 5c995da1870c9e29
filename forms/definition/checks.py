"""What a schema alone cannot say: dangling references, rule cycles, fields that can never be shown, a 個人番号 asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from forms import vocabulary
from forms.definition.conditions import tests_of
from forms.definition.fields import NumberField, OneOfField

if TYPE_CHECKING:
    from forms.definition.procedure import Procedure

PERSONAL_NUMBER = re.compile(r"個人番号(?!カード)|マイナンバー(?!カード)|my_?number|individual_number|kojin_?bango", re.IGNORECASE)


def complaints(procedure: Procedure) -> list[str]:
    """Everything that is wrong with a document whose parts are each well formed; empty when it may be published."""
    return [
        *_ids(procedure),
        *_references(procedure),
        *_cycles(procedure),
        *_fee(procedure),
        *_personal_number(procedure),
        *_channel(procedure),
        *_items(procedure),
    ]


def _ids(procedure: Procedure) -> Iterator[str]:
    seen: set[str] = set()
    for field in procedure.fields():
        if field.id in seen:
            yield f"the field id {field.id!r} is used twice"
        seen.add(field.id)
    steps = [s.id for s in procedure.steps]
    yield from (f"the step id {step!r} is used twice" for step in sorted({s for s in steps if steps.count(s) > 1}))


def _references(procedure: Procedure) -> Iterator[str]:
    for owner, condition in _conditions(procedure):
        for test in tests_of(condition):
            target = procedure.field(test.field)
            if target is None or not target.has_value:
                yield f"{owner} asks about {test.field!r}, which no field answers"
                continue
            for value in test.values():
                if not target.offers(value):
                    yield f"{owner} waits for {test.field!r} to be {value!r}, which that field never offers"
    for document in procedure.documents:
        for field_id in document.fields:
            if procedure.field(field_id) is None:
                yield f"the document {document.id!r} prints {field_id!r}, which no field answers"


def _conditions(procedure: Procedure) -> Iterator[tuple[str, object]]:
    for step in procedure.steps:
        yield f"the step {step.id!r}", step.show_if
        for field in step.fields:
            yield f"the field {field.id!r}", field.show_if
            yield f"the field {field.id!r}", field.require_if


def _cycles(procedure: Procedure) -> Iterator[str]:
    needs: dict[str, set[str]] = {}
    for step in procedure.steps:
        outer = {t.field for t in tests_of(step.show_if)}
        for field in step.fields:
            needs[field.id] = outer | {t.field for t in tests_of(field.show_if)}
    done: set[str] = set()

    def walk(field_id: str, path: tuple[str, ...]) -> str | None:
        if field_id in path:
            return "the rules go in a circle: " + " → ".join([*path[path.index(field_id) :], field_id])
        if field_id in done:
            return None
        for needed in sorted(needs.get(field_id, ())):
            found = walk(needed, (*path, field_id))
            if found:
                return found
        done.add(field_id)
        return None

    for field_id in needs:
        found = walk(field_id, ())
        if found:
            yield found
            return


def _fee(procedure: Procedure) -> Iterator[str]:
    fee = procedure.fee
    if fee.kind == "by_choice":
        field = procedure.field(fee.field)
        if not isinstance(field, OneOfField):
            yield f"the fee goes by {fee.field!r}, which is no one_of field"
            return
        codes = {c.code for c in field.choices}
        if codes != set(fee.amounts):
            yield f"the fee names {sorted(fee.amounts)}, the field {fee.field!r} offers {sorted(codes)}"
    elif fee.kind == "by_copies":
        field = procedure.field(fee.field)
        if not isinstance(field, NumberField):
            yield f"the fee goes by {fee.field!r}, which is no number field"
        elif field.minimum < 0:
            yield f"the fee could be negative: {fee.field!r} may be less than 0"


def _personal_number(procedure: Procedure) -> Iterator[str]:
    for field in procedure.fields():
        if not field.has_value:
            continue
        words = [field.id, field.label.ja, field.label.en or "", field.item or ""]
        if any(PERSONAL_NUMBER.search(w) for w in words):
            yield f"the field {field.id!r} asks for a 個人番号, which this portal never asks (CASES A3)"


def _channel(procedure: Procedure) -> Iterator[str]:
    channel = procedure.channel
    if channel.kind == "elsewhere":
        if procedure.steps:
            yield "a procedure that is done elsewhere asks nothing here: drop its steps"
        return
    if not procedure.steps:
        yield "there are no steps to fill in"
    if channel.kind == "here" and procedure.identity == "signature":
        yield "it needs an electronic signature: without a signing provider its channel is prepared or elsewhere (CASES A1)"
    if procedure.guests and procedure.identity not in {"none"}:
        yield "guests may file only what asks for no proof of identity (identity: none)"
    if procedure.disposition and procedure.remedy is None:
        yield "the decision is a 処分: say to whom a review goes (remedy)"
    if not procedure.disposition and procedure.remedy is not None:
        yield "no 教示 where the decision is no 処分: drop remedy"


def _items(procedure: Procedure) -> Iterator[str]:
    for field in procedure.fields():
        if field.item is None:
            continue
        item = vocabulary.ITEMS.get(field.item)
        if item is None:
            yield f"the field {field.id!r} is bound to {field.item!r}, which is not in the vocabulary"
        elif field.kind not in item.types:
            yield f"the field {field.id!r} is a {field.kind}, the data item {field.item!r} is one of {sorted(item.types)}"
