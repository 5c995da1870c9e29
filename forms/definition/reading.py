"""From a stored document to a `Procedure`, with what is wrong between its well-formed parts."""

from __future__ import annotations

from typing import Any

from forms.definition import checks
from forms.definition.complaints import Complaint, DocumentError
from forms.definition.procedure import Procedure


def from_document(document: Any, complaints: list[Complaint] | None = None) -> Procedure:
    """A stored document as a `Procedure`.

    Args:
        document: by public names.
        complaints: takes what is wrong between well-formed parts; without it that is an error.

    Raises:
        pydantic.ValidationError: it does not follow the schema.
        DocumentError: it follows the schema and may not be published.
    """
    procedure = Procedure.model_validate(document)
    found = checks.complaints(procedure)
    if complaints is not None:
        complaints.extend(found)
    elif found:
        raise DocumentError(found)
    return procedure
