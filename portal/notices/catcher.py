"""A mail server for development: takes every mail on loopback and keeps it as a file, sends none.

`portal mail-catcher` runs `main`; `/dev/mail` shows the folder. aiosmtpd belongs to the development dependencies, so it is
imported where it is needed: a production installation does without.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import itertools
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[0-9]{15,20}-[0-9]+-[0-9]+")
_counter = itertools.count()


@dataclass(frozen=True)
class CaughtMail:
    """One mail as it came over the wire. `ident` names its file, `received_at` is aware UTC."""

    ident: str
    received_at: datetime
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The decoded subject line."""
        return str(self.message.get("Subject", ""))

    @property
    def to(self) -> str:
        """Name and address of the recipients."""
        return str(self.message.get("To", ""))

    @property
    def message_id(self) -> str:
        """The Message-ID, with its angle brackets."""
        return str(self.message.get("Message-ID", ""))

    @property
    def text(self) -> str:
        """The plain text body."""
        body = self.message.get_body(preferencelist=("plain",))
        return str(body.get_content()) if body is not None else ""


def keep(folder: Path, content: bytes) -> str:
    """Write one mail into the folder, whole or not at all; its ident."""
    folder.mkdir(parents=True, exist_ok=True)
    ident = f"{time.time_ns()}-{os.getpid()}-{next(_counter)}"
    draft = folder / f"{ident}.tmp"
    draft.write_bytes(content)
    draft.rename(folder / f"{ident}.eml")
    return ident


def _load(file: Path) -> CaughtMail:
    received = datetime.fromtimestamp(int(file.stem.split("-", 1)[0]) / 1e9, tz=UTC)
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    return CaughtMail(file.stem, received, message)


def mails(folder: Path, *, limit: int = 200) -> list[CaughtMail]:
    """The mails of a folder, newest first."""
    files = sorted((f for f in folder.glob("*.eml") if _NAME.fullmatch(f.stem)), reverse=True)
    return [_load(file) for file in files[:limit]]


def mail(folder: Path, ident: str) -> CaughtMail | None:
    """One mail, or None when there is no such ident."""
    file = folder / f"{ident}.eml"
    return _load(file) if _NAME.fullmatch(ident) and file.is_file() else None


class FolderHandler:
    """What aiosmtpd calls for each mail. `answer` may refuse (tests): it gets the recipients, None means take it."""

    def __init__(self, folder: Path, answer: Callable[[list[str]], str | None] | None = None) -> None:
        self.folder = folder
        self.answer = answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the mail as it came."""
        refusal = self.answer(list(envelope.rcpt_tos)) if self.answer else None
        if refusal is None:
            await asyncio.to_thread(keep, self.folder, envelope.content)
        return refusal or "250 OK"


async def serve(host: str, port: int, folder: Path) -> None:
    """Take mails until SIGINT or SIGTERM."""
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    handler = FolderHandler(folder)
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True, loop=loop), host, port)
    async with server:
        await stop.wait()


def main(host: str, port: int, folder: Path) -> None:
    """Run the catcher in this process; blocks until a signal ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(host, port, folder))
