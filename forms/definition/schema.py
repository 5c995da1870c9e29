"""The published JSON Schema of a procedure: `python -m forms.definition.schema` writes docs/procedure.schema.json."""

from __future__ import annotations

import json
from pathlib import Path

from forms.definition.procedure import Procedure

FILE = Path(__file__).resolve().parents[2] / "docs" / "procedure.schema.json"


def json_schema() -> str:
    """The schema as the text of the file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Procedure",
        **Procedure.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(json_schema(), "utf-8")
