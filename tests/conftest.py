"""The ground that every test stands on: a real PostgreSQL, a fresh database each, a real mail server, a clock that holds still."""

from __future__ import annotations

import contextlib
import email
import email.policy
import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SMTPSession
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.gateways import notices_out
from portal import app as composition
from portal.accounts import demo, passwords
from portal.accounts.identity import choice
from portal.kernel import clock, i18n, jobs, migrate
from portal.kernel import database as kernel_database
from portal.kernel.embedded import EmbeddedServer
from portal.settings import Settings
from reservations.web import rush
from tests import people
from tests.oidc_server import OidcServer

ROOT = Path(__file__).resolve().parent.parent
KOGA = ROOT / "portal" / "cities" / "koga"
#: A Wednesday morning on which every test begins unless it says otherwise.
MORNING = datetime(2026, 11, 25, 10, 0, tzinfo=clock.TOKYO)
#: When Koga's data was loaded: before MORNING and before any day on which tests run by the real clock.
LOADED = datetime(2026, 4, 1, 9, 0, tzinfo=clock.TOKYO)

#: New objects until the collector of cycles looks at the young ones; and how many such looks until it looks at older ones.
_GARBAGE = (20_000, 10, 10)

_numbers = itertools.count(1)

# The same examples every time (`make soak` draws new ones), and no verdict by the clock of a busy machine.
hypothesis.settings.register_profile(
    "portal", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("portal")


class Mailbox:
    """A real SMTP server on loopback that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        #: Set to refuse mail, e.g. "550 5.1.1 no such user"; None to accept.
        self.refuse_with: str | None = None
        self._controller = Controller(self, hostname="127.0.0.1", port=0)

    async def handle_DATA(self, _server: SMTP, _session: SMTPSession, envelope: Envelope) -> str:
        if self.refuse_with:
            return self.refuse_with
        message = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self.messages.append(message)
        return "250 OK"

    @property
    def port(self) -> int:
        return int(self._controller.server.sockets[0].getsockname()[1])

    def start(self) -> None:
        self._controller.port = _free_port()
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """The mails that one person got, oldest first."""
        return [message for message in self.messages if address in message["X-Envelope-To"]]


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session", autouse=True)
def _catalogues() -> None:
    i18n.compile_all()


class _Remembering(PasswordHasher):
    """Hashes the passwords that the people of the tests have once a process, at the full cost; any other each time."""

    def __init__(self) -> None:
        super().__init__(time_cost=passwords.PASSES, memory_cost=passwords.MEMORY_KIB, parallelism=passwords.LANES)
        self._made: dict[str | bytes, str] = {}
        self._known = {passwords.normalise(word) for word in (people.PASSWORD, demo.PASSWORD)}

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        if password not in self._known or salt is not None:
            return super().hash(password, salt=salt)
        if password not in self._made:
            self._made[password] = super().hash(password)
        return self._made[password]


@pytest.fixture(scope="session", autouse=True)
def _passwords() -> None:
    passwords._hasher = _Remembering()


@pytest.fixture(scope="session")
def smtp() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    mailbox.start()
    yield mailbox
    mailbox.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One PostgreSQL server a test process; its data goes with it.

    In memory where there is room: a fresh database a test is a copy of some thousand files.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 1024**3
    place = str(memory) if roomy else None
    with tempfile.TemporaryDirectory(prefix="portal-test-", dir=place, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with EmbeddedServer(Path(folder) / "postgres", durable=False) as started:
            yield started
            _close(started)


#: One connection a server that makes and drops databases.
_makers: dict[str, psycopg.Connection[Any]] = {}


def _maker(server: EmbeddedServer) -> psycopg.Connection[Any]:
    url = server.url("postgres")
    if url not in _makers or _makers[url].closed:
        _makers[url] = psycopg.connect(url, autocommit=True)
        # The kernel copies the files by itself.
        _makers[url].execute("SET file_copy_method = clone")
    return _makers[url]


def _close(server: EmbeddedServer) -> None:
    if kept := _makers.pop(server.url("postgres"), None):
        kept.close()


def _create(server: EmbeddedServer, name: str, template: str | None = None) -> str:
    query = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        query += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
    _maker(server).execute(query)
    return server.url(name)


def _drop(server: EmbeddedServer, name: str) -> None:
    _maker(server).execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def settings(server: EmbeddedServer, smtp: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a test process; `database_url` is replaced for each test."""
    return Settings(
        environment="test",
        port="1",
        base_url="http://localhost",
        data_dir=str(tmp_path_factory.mktemp("data")),
        database_url=server.url(),
        secret_key="a secret that only these tests know, long enough",
        password_salt="a salt that only these tests know, long enough",
        smtp_host="127.0.0.1",
        smtp_port=str(smtp.port),
    )


@pytest.fixture(scope="session")
def _empty_template(server: EmbeddedServer) -> str:
    migrate.upgrade(_create(server, "template_empty"))
    return "template_empty"


@pytest.fixture(scope="session")
def _koga_template(server: EmbeddedServer, settings: Settings, _empty_template: str) -> str:
    url = _create(server, "template_koga", _empty_template)
    composition.assemble(replace(settings, database_url=url))
    with clock.freeze(LOADED):
        ok, lines = composition.load_city(KOGA)
    assert ok, "\n".join(lines)
    kernel_database.dispose()
    return "template_koga"


_first: list[Engine] = []


def _speak_as_before(engine: Engine) -> None:
    """What SQLAlchemy made of a statement for one database of this process holds for the next: the same server, the same tables."""
    if not _first:
        with engine.connect():  # the dialect knows its server from the first connection on
            _first.append(engine)
    first = _first[0]
    engine.dialect = engine.pool._dialect = first.dialect
    engine._compiled_cache = first._compiled_cache


@contextlib.contextmanager
def _fresh(server: EmbeddedServer, settings: Settings, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    url = _create(server, name, template)
    composition.assemble(replace(settings, database_url=url))
    _speak_as_before(kernel_database.engine())
    try:
        yield url
    finally:
        kernel_database.dispose()
        _drop(server, name)


@pytest.fixture
def database(
    request: pytest.FixtureRequest,
    server: EmbeddedServer,
    settings: Settings,
    _empty_template: str,
    _application: Flask,
) -> Iterator[str]:
    """The address of a fresh database with every table; with Koga's data where the test also asks for `koga`.

    The application is put together before, since that points this process at a database of its own.
    """
    template = request.getfixturevalue("_koga_template") if "koga" in request.fixturenames else _empty_template
    with _fresh(server, settings, template) as url:
        yield url


@pytest.fixture
def koga(database: str, _koga_template: str) -> str:
    """The same database as `database`, with the city pack of Koga loaded."""
    return database


@pytest.fixture(autouse=True)
def _morning(request: pytest.FixtureRequest) -> Iterator[None]:
    """The clock holds still at MORNING, but for browser tests and those marked `real_clock`."""
    if request.node.get_closest_marker("browser") or request.node.get_closest_marker("real_clock"):
        yield
        return
    with clock.freeze(MORNING):
        yield


@pytest.fixture
def clock_at() -> Callable[[str], datetime]:
    """`clock_at("2026-11-25 10:00")` moves the clock, by the clock in Japan."""

    def move(text: str) -> datetime:
        at = datetime.fromisoformat(text).replace(tzinfo=clock.TOKYO)
        clock.move_to(at)
        return at

    return move


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    """A session on the fresh database; what a test wants others to see it commits."""
    with kernel_database.new_session() as opened:
        yield opened


@pytest.fixture(scope="session")
def _application(settings: Settings) -> Flask:
    return composition.create_app(settings)


@pytest.fixture
def app(database: str, settings: Settings, _application: Flask) -> Flask:
    """The web application on this test's database; the sandbox provider's notices come in without a socket."""

    def post(body: bytes, headers: dict[str, str]) -> int:
        return _application.test_client().post(notices_out.HOOK, data=body, headers=headers).status_code

    notices_out.use(post)
    # The people of every fresh database have the same numbers: no test meets the turns of another's.
    _application.extensions["reservations.turns"] = rush.init(settings)
    return _application


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without script: keeps cookies, follows nothing by itself."""
    return app.test_client()


@pytest.fixture
def mailbox(smtp: Mailbox) -> Iterator[Mailbox]:
    """The mails sent in this test."""
    smtp.messages.clear()
    smtp.refuse_with = None
    yield smtp
    smtp.messages.clear()
    smtp.refuse_with = None


@pytest.fixture
def oidc(database: str) -> Iterator[OidcServer]:
    """An identity provider on loopback that this process uses."""
    with OidcServer().running() as provider:
        choice.use(provider.provider(limit=60))  # no verdict by the clock of a busy machine
        yield provider
        choice.use(None)


@pytest.fixture
def run_jobs(database: str) -> Callable[[], None]:
    """`run_jobs()` runs every job that is due, as the worker would."""

    def run() -> None:
        jobs.run_pending(database)

    return run


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Browser tests share one server a file: keep a file on one test process."""
    for item in items:
        if "browser" in str(item.path.relative_to(ROOT)):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and collected tests live as long as the process: the collector of cycles need not walk them again and again."""
    gc.disable()
    collected = yield
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*_GARBAGE)
    return collected


def pytest_runtest_setup() -> None:
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
