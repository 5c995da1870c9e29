"""A hosted provider on loopback: speaks the protocol of docs/payments.md, checks signatures and keys, keeps its own books."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from payments.gateways.hosted import SIGNATURE, signature
from payments.methods import voucher_end
from portal.kernel import clock

SECRET = "both know this"
ENDED = {"open": "expired", "pending": "failed"}
PAGE = 2


class RefusedError(Exception):
    """(status, error)."""


class HostedServer:
    """One provider; `act` is what payers and banks do."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in ("pages", "refunds", "lines", "payouts", "disputes")
        }
        self.events: list[dict[str, Any]] = []
        self._answers: dict[str, tuple[bytes, int, dict[str, Any]]] = {}
        self._number = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[HostedServer]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    # -- what payers and banks do --------------------------------------------------------------------------------

    def pay(self, page_id: str) -> None:
        self._pay(self._page(page_id), "card")

    def take_voucher(self, page_id: str) -> None:
        page = self._page(page_id)
        assert page["state"] == "open"
        ends = voucher_end(clock.now(), page["_days"]).timestamp()
        page.update(state="pending", method="konbini", voucher_until=ends)
        self._tell("session.pending", page)

    def pay_voucher(self, page_id: str) -> None:
        self._pay(self._page(page_id), "konbini")

    def signed(self) -> list[tuple[bytes, dict[str, str]]]:
        """The notices since the last time, signed."""
        new, self.events = self.events, []
        bodies = [json.dumps(event).encode() for event in new]
        return [(body, {SIGNATURE: signature(SECRET, body, at=clock.now())}) for body in bodies]

    # -- calls ---------------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            self._check(method, target, headers, body)
            key = headers.get("Idempotency-Key")
            if key is None:
                return 200, self._work(method, target, json.loads(body or b"{}"))
            if key in self._answers:
                known, status, found = self._answers[key]
                return (status, found) if known == body else (409, {"error": "idempotency_key_in_use"})
            found = self._work(method, target, json.loads(body))
        except RefusedError as error:
            return error.args[0], {"error": error.args[1]}
        self._answers[key] = (body, 200, found)
        return 200, found

    def _check(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        given = dict(part.split("=", 1) for part in headers.get(SIGNATURE, "t=0,v1=").split(","))
        at = datetime.fromtimestamp(int(given["t"]), clock.TOKYO)
        wanted = signature(SECRET, f"{method}.{target}.".encode() + body, at=at)
        if not hmac.compare_digest(wanted, headers.get(SIGNATURE, "")) or clock.now() - at > timedelta(minutes=5):
            raise RefusedError(401, "signature")

    def _work(self, method: str, target: str, facts: dict[str, Any]) -> dict[str, Any]:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        match (method, parts.path.strip("/").split("/")[1:]):
            case ("POST", ["pages"]):
                return self._open(facts)
            case ("POST", ["pages", page_id, "end"]):
                page = self._page(page_id)
                if page["state"] in ENDED:
                    page["state"] = ENDED[page["state"]]
                    self._tell(f"session.{page['state']}", page)
                return _shown(page)
            case ("POST", ["refunds"]):
                return self._refund(facts)
            case ("GET", ["pages", page_id]):
                return _shown(self._page(page_id))
            case ("GET", [kind, found]) if found in self.objects[kind]:
                return _shown(self.objects[kind][found])
            case ("GET", [kind]) if kind in self.objects:
                return self._listed(kind, query)
        raise RefusedError(404, "unknown")

    def _open(self, facts: dict[str, Any]) -> dict[str, Any]:
        now = clock.now().timestamp()
        if not 1 <= facts["amount"] <= 9_999_999:
            raise RefusedError(400, "amount")
        if not now < facts["expires_at"] <= now + 86400:
            raise RefusedError(400, "expires_at")
        page_id = self._id("pg")
        page = {
            "id": page_id, "attempt": facts["attempt"], "state": "open", "amount": facts["amount"], "currency": "jpy",
            "payment": None, "method": "card", "paid_at": None, "voucher_until": None, "created_at": now,
            "expires_at": facts["expires_at"], "url": f"https://pay.example/{page_id}", "_days": facts["voucher_days"],
        }  # fmt: skip
        self.objects["pages"][page_id] = page
        return _shown(page)

    def _refund(self, facts: dict[str, Any]) -> dict[str, Any]:
        paid = [page for page in self.objects["pages"].values() if page["payment"] == facts["payment"]]
        if not paid:
            raise RefusedError(404, "no_such_payment")
        gone = sum(each["amount"] for each in self.objects["refunds"].values() if each["payment"] == facts["payment"])
        if gone + facts["amount"] > paid[0]["amount"]:
            raise RefusedError(409, "refund_too_large")
        refund = {
            "id": self._id("rf"), "reference": facts["reference"], "payment": facts["payment"], "state": "succeeded",
            "amount": facts["amount"], "currency": "jpy", "created_at": clock.now().timestamp(),
        }  # fmt: skip
        self.objects["refunds"][refund["id"]] = refund
        self._book("refund", refund["id"], -refund["amount"], 0, facts["payment"], paid[0]["attempt"])
        self._tell("refund", refund)
        return _shown(refund)

    def _listed(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        found = list(self.objects[kind].values())
        if "payout" in query:
            found = [each for each in found if each.get("_payout") == query["payout"]]
        if "since" in query:
            since, until = float(query["since"]), float(query["until"])
            found = [each for each in found if since <= each.get("created_at", each.get("opened_at")) < until]
        found.reverse()
        begin = int(query.get("after") or 0)
        more = str(begin + PAGE) if begin + PAGE < len(found) else None
        return {"data": [_shown(each) for each in found[begin : begin + PAGE]], "after": more}

    def _page(self, page_id: str) -> dict[str, Any]:
        if page_id not in self.objects["pages"]:
            raise RefusedError(404, "no_such_page")
        page = self.objects["pages"][page_id]
        if page["state"] == "open" and page["expires_at"] <= clock.now().timestamp():
            page["state"] = "expired"
            self._tell("session.expired", page)
        return page

    def _pay(self, page: dict[str, Any], method: str) -> None:
        assert page["state"] in ENDED
        page.update(state="paid", method=method, payment=self._id("pm"), paid_at=clock.now().timestamp())
        fee = page["amount"] * 33 // 1000
        self._book("payment", page["payment"], page["amount"], fee, page["payment"], page["attempt"])
        self._tell("session.paid", page)

    def _book(self, kind: str, source: str, amount: int, fee: int, payment: str, attempt: str) -> None:
        line = {
            "id": self._id("ln"), "kind": kind, "amount": amount, "fee": fee, "source": source, "payment": payment,
            "attempt": attempt, "created_at": clock.now().timestamp(),
        }  # fmt: skip
        self.objects["lines"][line["id"]] = line

    def _tell(self, kind: str, found: dict[str, Any]) -> None:
        self.events.append(
            {"id": self._id("ev"), "type": kind, "created": clock.now().timestamp(), "object": _shown(found)}
        )

    def _id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}_{self._number:06}"


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if not key.startswith("_")}


class _Handler(BaseHTTPRequestHandler):
    owner: HostedServer
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, found = self.owner.answer(method, self.path, dict(self.headers.items()), body)
        content = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet."""
