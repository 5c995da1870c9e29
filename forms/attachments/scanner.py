"""Asks a virus scanner (clamd, INSTREAM), where one is configured."""

from __future__ import annotations

import io
from enum import StrEnum

import clamd
import structlog

_log = structlog.get_logger()
SECONDS = 10.0


class Verdict(StrEnum):
    """What the scanner said; UNKNOWN: it could not be asked, so the file waits."""

    CLEAN = "clean"
    INFECTED = "infected"
    UNKNOWN = "unknown"


class _Configured:
    address = ""


def configure(address: str) -> None:
    """Called once at start, by `portal.app`: `host:port`, a socket path, or "" for no scanner."""
    _Configured.address = address.strip()


def scan(content: bytes) -> Verdict:
    """Ask about a file. Without a scanner everything passes; one that does not answer says nothing."""
    address = _Configured.address
    if not address:
        return Verdict.CLEAN
    try:
        if address.startswith("/"):
            daemon = clamd.ClamdUnixSocket(path=address, timeout=SECONDS)
        else:
            host, _colon, port = address.rpartition(":")
            daemon = clamd.ClamdNetworkSocket(host=host or "127.0.0.1", port=int(port), timeout=SECONDS)
        status, _what = daemon.instream(io.BytesIO(content))["stream"]
    except (clamd.ClamdError, OSError, KeyError, TypeError, ValueError) as error:
        _log.warning("scanner_unreachable", error=type(error).__name__)
        return Verdict.UNKNOWN
    return {"OK": Verdict.CLEAN, "FOUND": Verdict.INFECTED}.get(status, Verdict.UNKNOWN)
