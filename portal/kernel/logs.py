"""Structured logs without personal data.

Every line is one JSON object (readable columns on a terminal). Events name what happened and carry references,
codes and counts. As a second wall, values of keys that name people's data are never printed, and mail addresses
and long digit runs inside texts are blotted out.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_PERSONAL = frozenset(
    {
        "email",
        "mail",
        "name",
        "kana",
        "address",
        "phone",
        "password",
        "birth_date",
        "answers",
        "token",
        "cookie",
        "authorization",
    },
)
_MAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_DIGITS = re.compile(r"(?<![\w-])\d{7,}(?![\w-])")


def _one(error: BaseException) -> list[str]:
    lines = [
        f"  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]
    original = getattr(error, "orig", error)
    facts = [str(getattr(error, "code", "")), str(getattr(original, "sqlstate", None) or "")]
    diagnostics = getattr(original, "diag", None)
    facts.append(str(getattr(diagnostics, "constraint_name", None) or ""))
    words = " ".join(fact for fact in facts if fact)
    return [*lines, f"{type(error).__module__}.{type(error).__qualname__} {words}".rstrip()]


def where_it_failed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its kinds, places and codes; never its message, which may quote what a person typed.

    (PostgreSQL's DETAIL lines quote whole rows, a ValueError the text that it could not read.)
    """
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    lines: list[str] = []
    while isinstance(error, BaseException):
        lines = [*_one(error), *lines]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if lines:
        event["trace"] = "\n".join(lines)
    return event


def blot(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take personal values out of one log event."""
    for key, value in event.items():
        if key in _PERSONAL:
            event[key] = "***"
        elif isinstance(value, str) and key != "timestamp":
            event[key] = _DIGITS.sub("***", _MAIL.sub("***", value))
    return event


def configure(*, json: bool, stream: TextIO | None = None) -> None:
    """Set up logging for this process.

    Args:
        json: one JSON object a line; else columns for a terminal.
        stream: where lines go; standard error where None.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        where_it_failed,
        blot,
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        ),
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("procrastinate", "fontTools", "weasyprint", "stripe", "alembic", "mail.log"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
