"""The OpenAPI 3.1 document, made from the operations and their shapes."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from reservations.api import shapes, tokens
from reservations.web.api.operations import LARGEST_BODY, LONGEST_KEY, OPERATIONS, Operation

_REFERENCE = "#/components/schemas/{model}"
_PROBLEMS = {
    400: "The request cannot be read, or its Idempotency-Key is missing",
    401: "No token, or one that is not good any more",
    403: "The token is not for this",
    404: "No such thing, or another system's",
    405: "Not this method here",
    409: "Somebody was first, or the price or refund is another one now",
    410: "The hold is over",
    413: f"The body is larger than {LARGEST_BODY // 1024} KB",
    415: "The body is not application/json",
    422: "A value or a rule stands against it",
    429: "Too many calls; Retry-After says for how long",
    503: "The database does not answer; Retry-After says for how long",
}
_READS = (401, 403, 404, 405, 422, 429, 503)


def _models() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = [shapes.Problem]
    for one in OPERATIONS:
        found += [model for model in (one.body, one.answer) if model is not None]
    return list(dict.fromkeys(found))


def _schemas() -> dict[str, Any]:
    wanted: Any = [(model, "validation" if issubclass(model, shapes.Asked) else "serialization") for model in _models()]
    _, found = models_json_schema(wanted, ref_template=_REFERENCE)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    if one.query is not None:
        shape = one.query.model_json_schema(ref_template=_REFERENCE)
        for name, schema in shape["properties"].items():
            required = name in shape.get("required", ())
            plain = {key: value for key, value in schema.items() if key not in {"title", "default"}}
            # A query has no null: a value is there or it is not.
            if "anyOf" in plain:
                plain = next(option for option in plain["anyOf"] if option.get("type") != "null")
            found.append({"name": name, "in": "query", "required": required, "schema": plain})
    if one.writes:
        key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": key})
    return found


def _operation(one: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(one.status): {
            "description": one.summary,
            "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(model=one.answer.__name__)}}},
        }
    }
    if one.writes:
        replayed = {"schema": {"type": "string"}, "description": "true: the kept answer of the first time"}
        answers[str(one.status)]["headers"] = {"Idempotency-Replayed": replayed}
    answers |= {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in (_PROBLEMS if one.writes else _READS)
    }
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": list(one.tags),
        "security": [{"token": [one.scope]}],
        "x-scope": one.scope,
        "parameters": _parameters(one),
        "responses": answers,
    }
    if one.body is not None:
        schema = {"$ref": _REFERENCE.format(model=one.body.__name__)}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _problem(status: int, words: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": words,
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    if status in {429, 503}:
        answer["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds"}}
    return answer


def build() -> dict[str, Any]:
    """The document."""
    paths: dict[str, Any] = {}
    for one in OPERATIONS:
        paths.setdefault(f"/api/v1{one.path}", {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "みんなの窓口: booking of public facilities",
            "version": "1",
            "description": "Facilities, availability, prices and bookings for other systems. Who may enter: a token of the IT section,"
            f" with the scope that each operation names (x-scope): {', '.join(tokens.SCOPES)}.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "responses": {f"Problem{status}": _problem(status, words) for status, words in _PROBLEMS.items()},
        },
    }


@cache
def text() -> str:
    """The document as JSON."""
    return json.dumps(build(), ensure_ascii=False)
