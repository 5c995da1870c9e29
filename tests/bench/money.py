"""Payments under load: notices taken in by 8 senders, and a day of many payments compared with the provider's books.

Both run in this process: the senders, the web code and the local provider share its one interpreter; PostgreSQL is beside it. The figures
are therefore lower than what two web processes reach. BENCH_NOTICES and BENCH_PAYMENTS set other counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from payments import checkout, daybook, gateways, services
from payments.gateways.stripe import StripeGateway
from payments.models import Payment, ProviderEvent
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.payments.conftest import CANCEL, RETURN
from tests.payments.things import balances, define_payees, new_things, request
from tests.stripe_server import StripeServer

SENDERS = 8
NOTICES = int(os.environ.get("BENCH_NOTICES", "1200"))
PAYMENTS = int(os.environ.get("BENCH_PAYMENTS", "20000"))
LOST = 20
Say = Callable[..., None]


@dataclass(frozen=True)
class _Sent:
    seconds: float
    status: int


def notices(on: Any, say: Say, percentile: Callable[[list[float], float], float]) -> None:
    """Every payment is told twice, by eight senders at once."""
    with StripeServer().running() as server:
        _use(server)
        bodies = _told(server, NOTICES)
        earlier = _counts()
        clients = [on.client.application.test_client() for _ in range(SENDERS)]

        def send(number: int) -> _Sent:
            body, headers = bodies[number]
            began = time.perf_counter()
            status = clients[number % SENDERS].post("/hooks/stripe", data=body, headers=headers).status_code
            return _Sent(time.perf_counter() - began, status)

        lanes = [range(lane, len(bodies), SENDERS) for lane in range(SENDERS)]
        began = time.perf_counter()
        with ThreadPoolExecutor(SENDERS) as crowd:
            sent = [each for lane in crowd.map(lambda lane: [send(number) for number in lane], lanes) for each in lane]
        seconds = time.perf_counter() - began
    kept, paid, recorded = (after - before for before, after in zip(earlier, _counts(), strict=True))
    answered = sum(each.status == 200 for each in sent)
    if not (kept == paid == recorded == NOTICES and answered == len(sent)):
        message = f"{NOTICES} payments: {kept} notices kept, {paid} settled, {recorded} recorded, {answered} answered"
        raise SystemExit(message)
    say(f"notices by {SENDERS} senders, each sent twice, taking effect once", len(sent) / seconds, "/s", least=120)
    say("a notice, p99", percentile([each.seconds * 1000 for each in sent], 0.99), "ms", target=200)


def reconciliation(on: Any, say: Say, _percentile: object) -> None:
    """A day of payments: lines fetched, matched, fees and the payout booked; some of which nobody told us."""
    with StripeServer().running() as server:
        server.checked = False
        _use(server)
        _day_of(server, PAYMENTS)
        payout = server.books.pay_out()
        assert payout
        server.books.settle_payout(payout)
        began = time.perf_counter()
        found = daybook.reconcile(gateways.by_code("stripe"), "main", clock.today(), now=clock.now())
        seconds = time.perf_counter() - began
        books, theirs = balances(), server.books.balance()
    held = next((amount for account, amount in books.items() if account.value == "provider"), 0)
    if found.items or found.ours_count != PAYMENTS or found.caught_up != LOST or held != theirs:
        message = f"{found.items[:3]} {found.ours_count} {found.caught_up} {held} {theirs}"
        raise SystemExit(message)
    say(f"a day of {PAYMENTS} payments reconciled to 0 yen unexplained, {LOST} of them never told", seconds, "s",
        target=30 if PAYMENTS >= 20_000 else None)  # fmt: skip


def _counts() -> tuple[int, int, int]:
    """Notices kept, charges settled, payments recorded."""
    with unit_of_work() as session:
        return (
            session.scalar(select(func.count()).select_from(ProviderEvent)) or 0,
            session.scalar(select(func.count(func.distinct(Payment.charge_id))).where(Payment.accepted)) or 0,
            session.scalar(select(func.count()).select_from(Payment)) or 0,
        )


def _use(server: StripeServer) -> None:
    gateway = StripeGateway(api_key=server.key, webhook_secret=server.webhook_secret, api_base=server.url)
    gateways.use({"stripe": gateway}, online="stripe")
    new_things()
    with unit_of_work() as session:
        define_payees(session)
        session.execute(text("UPDATE payment_method_switch SET enabled = (method = 'card')"))


def _told(server: StripeServer, count: int) -> list[tuple[bytes, dict[str, str]]]:
    """So many paid pages; each one's notice twice, the second some hundred places later."""
    for number in range(count):
        with unit_of_work() as session:
            reference = services.raise_charge(session, request(f"N{number}"), now=clock.now()).reference
        page = checkout.open_page(reference, return_url=RETURN, cancel_url=CANCEL, locale="ja", now=clock.now())
        server.books.pay(page.rsplit("/", 1)[1])
    events = [event for event in server.new_events() if event["type"] == "checkout.session.completed"]
    signed = [server.signed(event) for event in events]
    return [*signed[: count // 2], *signed, *signed[count // 2 :]]


_ROWS = (
    """
    INSERT INTO charge (reference, payable_kind, payable_ref, purpose, payee_id, money_kind, total, description, ground_id,
      state, state_at, created_at)
    SELECT 'C-BENCH-' || n, 'thing', 'B' || n, 'fee', p.id, 'office_fee', 3000, '見本の手数料', g.id,
      CASE WHEN n > :lost THEN 'paid' ELSE 'open' END, :at, :at
    FROM generate_series(1, :count) n, (SELECT id FROM payee WHERE code = 'city') p, (SELECT min(id) AS id FROM ground) g
    """,
    """
    INSERT INTO payment_attempt (reference, charge_id, provider, merchant, provider_id, idempotency_key, amount, locale,
      state, created_at, expires_at, changed_at, checked_at, methods)
    SELECT 'T-BENCH-' || n, c.id, 'stripe', 'main', 'cs_b' || n, 'K-BENCH-' || n, 3000, 'ja',
      CASE WHEN n > :lost THEN 'paid' ELSE 'open' END,
      :at, :at, :at, :at, 'card' FROM generate_series(1, :count) n JOIN charge c ON c.reference = 'C-BENCH-' || n
    """,
    """
    INSERT INTO payment (reference, charge_id, attempt_id, provider, provider_payment_id, method, amount, accepted, paid_at, recorded_at)
    SELECT 'P-BENCH-' || n, a.charge_id, a.id, 'stripe', 'pi_b' || n, 'card', 3000, true, :at, :at
    FROM generate_series(:lost + 1, :count) n JOIN payment_attempt a ON a.reference = 'T-BENCH-' || n
    """,
    """
    WITH posted AS (
      INSERT INTO ledger_transaction (kind, charge_id, payee_id, posted_at)
      SELECT k, id, payee_id, :at FROM charge, unnest(ARRAY['charged', 'paid']) k WHERE reference LIKE 'C-BENCH-%'
        AND (state = 'paid' OR k = 'charged') RETURNING id, kind, charge_id, payee_id)
    INSERT INTO ledger_entry (transaction_id, account_id, charge_id, payee_id, ground_id, amount)
    SELECT t.id, a.id, t.charge_id, t.payee_id, g.id, s.yen FROM posted t, (SELECT min(id) AS id FROM ground) g,
      (VALUES ('charged', 'receivable', 3000), ('charged', 'revenue', -3000), ('paid', 'provider', 3000), ('paid', 'receivable', -3000))
        s (kind, code, yen), ledger_account a
    WHERE s.kind = t.kind AND a.payee_id = t.payee_id AND a.code = s.code
    """,
    "ANALYZE",
)


def _day_of(server: StripeServer, count: int) -> None:
    """So many payments on both sides; the first few of them only at the provider."""
    at: datetime = clock.now()
    with unit_of_work() as session:
        services.raise_charge(session, request("ground"), now=at)
    values: dict[str, Any] = {"at": at, "count": count, "lost": LOST}
    for statement in _ROWS:
        with unit_of_work() as session:
            session.execute(text(statement), values if ":" in statement else {})
    with unit_of_work() as session:
        grounds = "INSERT INTO charge_line (charge_id, position, label, amount, tax, ground_id, sample, rule)"
        rest = " SELECT id, 1, '見本の料金', 3000, 'exempt', ground_id, true, '' FROM charge WHERE reference LIKE 'C-BENCH-%'"
        session.execute(text(grounds + rest))
    for number in range(1, count + 1):
        _at_the_provider(server, number)


def _at_the_provider(server: StripeServer, number: int) -> None:
    books, now = server.books, server.books.now()
    metadata = {"attempt": f"T-BENCH-{number}"}
    session, intent, charge = f"cs_b{number}", f"pi_b{number}", f"ch_b{number}"
    books.sessions[session] = {
        "id": session, "object": "checkout.session", "amount_total": 3000, "created": now, "currency": "jpy", "expires_at": now + 3600,
        "metadata": metadata, "payment_intent": intent, "payment_method_types": ["card"], "payment_status": "paid", "status": "complete",
    }  # fmt: skip
    books.intents[intent] = {
        "id": intent, "object": "payment_intent", "amount": 3000, "currency": "jpy", "created": now, "latest_charge": charge,
        "metadata": metadata, "status": "succeeded", "next_action": None,
    }  # fmt: skip
    books.charges[charge] = {
        "id": charge, "object": "charge", "amount": 3000, "created": now, "currency": "jpy", "metadata": metadata,
        "payment_intent": intent, "payment_method_details": {"type": "card"},
    }  # fmt: skip
    books._book("charge", books.charges[charge], 3000, 108)
