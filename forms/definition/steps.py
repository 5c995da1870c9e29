"""The pages of questions, and where each field stands."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from forms.definition.conditions import Condition
from forms.definition.fields import AnyField, FieldSpec, GroupField
from forms.definition.words import Strict, Words


class Step(Strict):
    """One page of questions."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")
    title: Words
    lead: Words | None = None
    show_if: Condition | None = None
    fields: tuple[AnyField, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands: its step, and its repeated group where it is inside one."""

    step: Step
    field: FieldSpec
    group: GroupField | None
