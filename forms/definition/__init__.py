"""The definition language: a procedure version as one immutable document. Pure: no database, no Flask, time as an argument."""

from __future__ import annotations

from forms.definition.conditions import Condition
from forms.definition.fields import FieldSpec, Moment, Problem, Reading, Town, Typed
from forms.definition.procedure import (
    ApprovalStep,
    Elsewhere,
    Here,
    IdentityLevel,
    IssuedKind,
    Prepared,
    Procedure,
    canonical,
    sha256_of,
    to_document,
)
from forms.definition.reading import from_document
from forms.definition.steps import Step
from forms.definition.words import Words

__all__ = [
    "ApprovalStep",
    "Condition",
    "Elsewhere",
    "FieldSpec",
    "Here",
    "IdentityLevel",
    "IssuedKind",
    "Moment",
    "Prepared",
    "Problem",
    "Procedure",
    "Reading",
    "Step",
    "Town",
    "Typed",
    "Words",
    "canonical",
    "from_document",
    "sha256_of",
    "to_document",
]
