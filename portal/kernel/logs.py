"""Structured logs without personal data.

Every line is one JSON object (readable columns on a terminal). Events name what happened and carry references,
codes and counts. As a second wall, values of keys that name people's data are never printed, and mail addresses
and long digit runs inside texts are blotted out.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

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


def blot(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take personal values out of one log event."""
    for key, value in event.items():
        if key in _PERSONAL:
            event[key] = "***"
        elif isinstance(value, str) and key != "timestamp":
            event[key] = _DIGITS.sub("***", _MAIL.sub("***", value))
    return event


def configure(*, json: bool) -> None:
    """Set up logging for this process.

    Args:
        json: one JSON object a line; else columns for a terminal.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        blot,
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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
