"""Calendar pages for guests: cached outside by ETag and Cache-Control, and kept in the process for when the database is slow or away.

Whoever is signed in gets a page of their own, never a kept one.
"""

from __future__ import annotations

import contextvars
import functools
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar, cast

from flask import Response, g, make_response, request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from portal.web import access, locale

View = TypeVar("View", bound=Callable[..., Any])
MOST = 512
"""Pages kept in a process; some 20 KB each."""
PATIENCE_MS = 1500
"""How long a page may ask the database before the kept copy is good enough."""
DEADLINE_SECONDS = 3.0
"""How long a guest waits where there is a copy, whatever the database does."""
ALONE_SECONDS = 10.0
"""How long a guest waits where there is none: then the page says that it cannot be shown now."""
REST_SECONDS = 5.0
"""After a failure the database is left alone for so long where there is a copy."""
FRESH = "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"


@dataclass(frozen=True)
class _Copy:
    body: bytes
    etag: str
    at: float


class _Kept:
    """The copies of a process, the one used last at the end."""

    def __init__(self) -> None:
        self._copies: OrderedDict[str, _Copy] = OrderedDict()
        self._lock = Lock()
        self.rest_until = 0.0
        #: Questions to the database that were given up waiting for and have not come back yet.
        self.late: set[Future[Response]] = set()

    def get(self, key: str) -> _Copy | None:
        """The copy of a page."""
        with self._lock:
            return self._copies.get(key)

    def put(self, key: str, copy: _Copy) -> None:
        """Keep a page; the one not used for longest goes."""
        with self._lock:
            self._copies[key] = copy
            self._copies.move_to_end(key)
            while len(self._copies) > MOST:
                self._copies.popitem(last=False)

    def clear(self) -> None:
        """Keep nothing (tests)."""
        with self._lock:
            self._copies.clear()
        self.rest_until = 0.0


copies = _Kept()
_asking = ThreadPoolExecutor(16, thread_name_prefix="kept")


def kept(view: View) -> View:
    """For a page that is the same for every guest."""

    @functools.wraps(view)
    def wrapper(*args: Any, **values: Any) -> Any:
        if access.visitor().signed_in:
            return view(*args, **values)
        key = f"{locale.current()} {request.full_path}"
        copy = copies.get(key)
        if copy is not None and time.monotonic() < copies.rest_until:
            return _old(copy)
        g.has_copy = copy is not None
        if copies.late and copy is not None:
            return _old(copy)
        try:
            response = _in_time(functools.partial(view, *args, **values), DEADLINE_SECONDS if copy else ALONE_SECONDS)
        except (OperationalError, PoolTimeoutError, TimeoutError) as error:
            copies.rest_until = time.monotonic() + REST_SECONDS
            if copy is not None:
                return _old(copy)
            if isinstance(error, TimeoutError):
                raise OperationalError(None, None, error) from error
            raise
        if response.status_code != 200:
            return response
        response.add_etag()
        copies.put(key, _Copy(response.get_data(), response.get_etag()[0] or "", time.time()))
        return _cacheable(response)

    return cast("View", wrapper)


def _in_time(view: Callable[[], Any], seconds: float) -> Response:
    """The view's answer, asked for beside this thread: a server that answers nothing at all cannot be told to stop, only left waiting.

    Raises:
        TimeoutError: it took longer than so many seconds; until it comes back after all, nobody with a copy asks.
    """
    asked = _asking.submit(contextvars.copy_context().run, lambda: make_response(view()))
    try:
        return asked.result(timeout=seconds)
    except TimeoutError:
        copies.late.add(asked)
        asked.add_done_callback(copies.late.discard)
        raise


def hurry(session: Session) -> None:
    """In a view that is kept: with a copy at hand, the database has `PATIENCE_MS` for each statement of this transaction."""
    if g.get("has_copy"):
        session.execute(text(f"SET LOCAL statement_timeout = {PATIENCE_MS}"))


def _old(copy: _Copy) -> Response:
    response = make_response(copy.body)
    response.set_etag(copy.etag)
    response.headers["Age"] = str(int(time.time() - copy.at))
    return _cacheable(response)


def _cacheable(response: Response) -> Response:
    response.headers["Cache-Control"] = FRESH
    response.vary.update(["Cookie", "Accept-Language"])
    response.make_conditional(request)
    return response
