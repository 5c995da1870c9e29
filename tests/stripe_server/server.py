"""HTTP on loopback in front of `Books`: keys, versions, idempotency, errors, time-outs, cut lines, signed notices."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portal.kernel import clock
from tests.stripe_server.books import Books
from tests.stripe_server.encoding import decode
from tests.stripe_server.objects import API_VERSION, ApiError, invalid
from tests.stripe_server.shapes import wrong_object, wrong_params

KEY = "sk_test_local_only"
WEBHOOK_SECRET = "whsec_local_only"


@dataclass
class Fault:
    """What goes wrong with the next calls whose path begins like this.

    Attributes:
        how: `refuse` (answer `status`, nothing done), `after` (done, then answer `status`), `cut` (done, then the line is cut),
            `slow` (done, answered after `seconds`), `silent` (done; the line stays open and nothing ever comes), `deaf` (the same, and
            nothing was done): both end when the caller gives up.
    """

    method: str
    path: str
    how: str
    status: int = 500
    seconds: float = 0.0
    times: int = 1


class Chaos:
    """The switch: the line and the post misbehave, at random but the same for the same seed.

    Calls: answered late, done and then cut, refused with 500, 503 or 429 before or after anything is done, never answered at all.
    Notices: dropped, sent twice, kept back, in another order.
    """

    FATES = (
        (0.03, "cut", 0), (0.06, "after", 500), (0.075, "refuse", 429), (0.09, "refuse", 503), (0.12, "slow", 0),
        (0.122, "silent", 0), (0.124, "deaf", 0),
    )  # fmt: skip
    """Below which number what happens; the rest goes well. Waiting until a caller gives up takes long, so it is rare."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kept_back: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()

    def fault(self, method: str, path: str) -> Fault | None:
        """What happens to this call; None: it goes well."""
        drawn = self.random.random()
        for limit, how, status in self.FATES:
            if drawn < limit:
                self.counts[how] += 1
                return Fault(method, path, how, status=status or 500, seconds=0.005)
        return None

    def post(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Which notices arrive now, in which order."""
        arriving = []
        for event in [*self.kept_back, *events]:
            fate = self.random.choices(("come", "twice", "lost"), (6, 2, 2))[0]
            self.counts[fate] += 1
            arriving += [event] * {"come": 1, "twice": 2}.get(fate, 0)
        self.kept_back = [event for event in events if self.random.random() < 0.1]
        self.random.shuffle(arriving)
        return arriving


class StripeServer:
    """One Stripe account behind an address of its own."""

    def __init__(self) -> None:
        self.books = Books(now=lambda: int(clock.now().timestamp()))
        self.key = KEY
        #: Whether every answer is held against the SDK's classes (a bench of thousands leaves that out).
        self.checked = True
        self.webhook_secret = WEBHOOK_SECRET
        self.faults: list[Fault] = []
        self.chaos: Chaos | None = None
        #: Every call that came in: method, path, parameters.
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.idempotency_keys: list[str] = []
        self._answers: dict[str, tuple[str, int, bytes]] = {}
        self._lock = threading.RLock()
        self._delivered = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[StripeServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()

    def fail(self, method: str, path: str, how: str, **facts: Any) -> None:
        """The next call of this kind goes wrong."""
        self.faults.append(Fault(method, path, how, **facts))

    # -- notices -------------------------------------------------------------------------------------------------

    def signed(
        self, event: dict[str, Any], *, at: float | None = None, secret: str | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Body and header of a notice, signed the way Stripe signs: `t=…,v1=HMAC-SHA256(secret, t.body)`."""
        body = json.dumps(event, indent=2).encode()
        seconds = int(time.time() if at is None else at)
        mac = hmac.new((secret or self.webhook_secret).encode(), f"{seconds}.".encode() + body, hashlib.sha256)
        return body, {"Stripe-Signature": f"t={seconds},v1={mac.hexdigest()}"}

    def new_events(self) -> list[dict[str, Any]]:
        """The notices that nobody has asked for yet."""
        found = self.books.events[self._delivered :]
        self._delivered = len(self.books.events)
        return found

    def deliver(self, take: Callable[[bytes, dict[str, str]], Any]) -> None:
        """Send every new notice once, in order."""
        for event in self.new_events():
            take(*self.signed(event))

    # -- calls ---------------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> tuple[int, bytes, Fault | None]:
        """One call: status, body, and the fault that the line has."""
        path = urlsplit(target).path
        with self._lock:
            fault = self._fault(method, path)
            if fault and fault.how == "refuse":
                return fault.status, _error(fault.status), None
            if fault and fault.how == "deaf":
                return 0, b"", fault
            params = decode(body)
            self.calls.append((method, path, params))
            status, content = self._idempotent(method, target, headers, body, params)
        if fault and fault.how == "after":
            return fault.status, _error(fault.status), None
        return status, content, fault

    def _idempotent(
        self, method: str, target: str, headers: dict[str, str], body: str, params: dict[str, Any]
    ) -> tuple[int, bytes]:
        key = headers.get("Idempotency-Key") if method == "POST" else None
        if key is None:
            return self._work(method, target, headers, params)
        self.idempotency_keys.append(key)
        known = self._answers.get(key)
        if known is None:
            status, content = self._work(method, target, headers, params)
            self._answers[key] = (f"{target} {body}", status, content)
            return status, content
        if known[0] != f"{target} {body}":
            error = ApiError(
                400, "idempotency_error", None, "Keys for idempotent requests can only be used with the same parameters"
            )
            return 400, json.dumps(error.body()).encode()
        return known[1], known[2]

    def _work(self, method: str, target: str, headers: dict[str, str], params: dict[str, Any]) -> tuple[int, bytes]:
        try:
            self._check(headers)
            found = self._route(method, urlsplit(target).path, target, params)
            return 200, json.dumps(_shown(found, checked=self.checked)).encode()
        except ApiError as error:
            return error.status, json.dumps(error.body()).encode()

    def _check(self, headers: dict[str, str]) -> None:
        if headers.get("Authorization") != f"Bearer {self.key}":
            raise ApiError(401, "invalid_request_error", None, "Invalid API Key provided")
        if headers.get("Stripe-Version") != API_VERSION:
            raise invalid("Unexpected API version")

    def _route(self, method: str, path: str, target: str, params: dict[str, Any]) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        query = parse_qs(urlsplit(target).query)
        self._check_params(method, parts, decode(urlsplit(target).query) if method == "GET" else params)
        match (method, parts):
            case ("POST", ["v1", "checkout", "sessions"]):
                return self.books.create_session(params)
            case ("GET", ["v1", "checkout", "sessions", session_id]):
                return self._expanded(self.books.session(session_id), query)
            case ("POST", ["v1", "checkout", "sessions", session_id, "expire"]):
                return self.books.expire_session(session_id)
            case ("POST", ["v1", "refunds"]):
                return self.books.create_refund(params)
            case ("GET", ["v1", "refunds", refund_id]):
                return dict(self.books.refund(refund_id))
            case ("POST", ["v1", "customers"]):
                return self.books.create_customer(params)
            case ("GET", ["v1", "payment_intents", intent_id]):
                return dict(self.books.intent(intent_id))
            case ("POST", ["v1", "payment_intents", intent_id, "cancel"]):
                return self.books.cancel_intent(intent_id)
            case ("GET", ["v1", "disputes", dispute_id]):
                return dict(self.books.dispute(dispute_id))
            case ("GET", ["v1", "checkout", "sessions"]):
                return self.books.page_of("checkout/sessions", query)
            case ("GET", ["v1", "refunds" | "payouts" | "balance_transactions" | "disputes" | "events" as kind]):
                return self.books.page_of(kind, query)
        raise invalid(f"Unrecognized request URL ({method}: {path})", status=404)

    def _check_params(self, method: str, parts: list[str], params: dict[str, Any]) -> None:
        name = ".".join(part for part in parts[1:] if not part.startswith(("cs_", "re_", "pi_", "dp_")))
        unknown = wrong_params((method, name), params)
        if unknown:
            raise invalid(f"Received unknown parameter: {unknown[0]}", param=unknown[0], code="parameter_unknown")

    def _expanded(self, session: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
        wanted = [value for key, values in query.items() if key.startswith("expand") for value in values]
        shown = dict(session)
        if "payment_intent.latest_charge" in wanted and session["payment_intent"]:
            intent = dict(self.books.intents[session["payment_intent"]])
            if intent["latest_charge"]:
                intent["latest_charge"] = dict(self.books.charges[intent["latest_charge"]])
            shown["payment_intent"] = intent
        return shown

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and path.startswith(fault.path):
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
                return fault
        return self.chaos.fault(method, path) if self.chaos else None


def _shown(found: dict[str, Any], *, checked: bool = True) -> dict[str, Any]:
    """What goes out: without the server's own marks, and only what the SDK's classes know."""
    if found["object"] == "list":
        return {**found, "data": [_shown(each, checked=checked) for each in found["data"]]}
    shown = {key: value for key, value in found.items() if not key.startswith("_")}
    for key, value in shown.items():
        if isinstance(value, dict) and "object" in value:
            shown[key] = _shown(value, checked=checked)
    if not checked:
        return shown
    problems = wrong_object(shown)
    assert not problems, problems
    return shown


def _error(status: int) -> bytes:
    kind = "rate_limit" if status == 429 else "api_error"
    return json.dumps({"error": {"type": kind, "message": "local fault"}}).encode()


class _Handler(BaseHTTPRequestHandler):
    owner: StripeServer
    protocol_version = "HTTP/1.1"
    # Head and body leave at once; otherwise each answer waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, content, fault = self.owner.answer(method, self.path, dict(self.headers.items()), body)
        if fault and fault.how == "cut":
            self.close_connection = True
            self.connection.close()
            return
        if fault and fault.how in {"silent", "deaf"}:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.recv(1)  # the caller hangs up
            return
        if fault and fault.how == "slow":
            time.sleep(fault.seconds)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Request-Id", "req_local")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet."""
