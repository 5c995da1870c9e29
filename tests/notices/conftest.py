"""A real mail server on loopback, which tests may tell to refuse."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from portal.notices import catcher, mailer


class MailServer:
    """aiosmtpd on a free port, in a thread. `answer` may refuse: it gets the recipients, None means take it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer: Callable[[list[str]], str | None] = lambda _recipients: None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None

    def _ask(self, recipients: list[str]) -> str | None:
        return self.answer(recipients)

    def start(self) -> None:
        handler = catcher.FolderHandler(self.folder, self._ask)

        async def listen() -> asyncio.Server:
            return await self._loop.create_server(
                lambda: SMTP(handler, enable_SMTPUTF8=True, loop=self._loop), "127.0.0.1", self.port
            )

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(5)

    def stop(self) -> None:
        if self._server is not None:

            async def close(server: asyncio.Server) -> None:
                server.close()

            asyncio.run_coroutine_threadsafe(close(self._server), self._loop).result(5)
            self._server = None

    def end(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def mails(self) -> list[catcher.CaughtMail]:
        return catcher.mails(self.folder)


@pytest.fixture
def mail_server(database: str, tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path / "mail")
    server.start()
    mailer.configure(mailer.Mailer("127.0.0.1", server.port, "madoguchi@koga.example", "古河市", timeout=5))
    yield server
    server.end()
