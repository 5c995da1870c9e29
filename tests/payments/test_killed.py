"""Kill -9 of real processes in the middle of a payment job: the worker while it gives money back, the web process in a notice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select, text

from payments import daybook, finance, gateways, jobs
from payments.models import AccountCode, EventOutcome, ProviderEvent
from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import retry_left_behind
from tests.conftest import ROOT
from tests.ops.running import free_port, get
from tests.payments import slips
from tests.payments.things import balances, give_back_in_part, refunds_of, state_of
from tests.stripe_server import StripeServer

pytestmark = [pytest.mark.xdist_group("ops"), pytest.mark.real_clock, pytest.mark.timeout(1200)]

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(database: str, stripe: StripeServer, tmp_path: Path) -> Iterator[Start]:
    """`start("worker")`: the real command in a process group of its own, on this test's database and this test's Stripe."""
    running: list[subprocess.Popen[bytes]] = []
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "SMTP_"))}
    environ = clean | {
        "DATABASE_URL": database,
        "PORTAL_DATA_DIR": str(tmp_path),
        "PAYMENT_PROVIDER": "stripe",
        "STRIPE_API_KEY": stripe.key,
        "STRIPE_WEBHOOK_SECRET": stripe.webhook_secret,
        "STRIPE_API_BASE": stripe.url,
    }

    def run(*words: str, **more: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "said.log").open("ab") as said:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("portal"), *words],
                cwd=ROOT,
                env=environ | more,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            kill(process)


def a_bill() -> str:
    """The charge of a tax bill: a thing that the other processes know as well."""
    slips.take(slips.row("20260001"))
    return slips.ask("20260001")


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9, the process and those that it started."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(family, timeout=60)


def wait_for(happened: Callable[[], Any], process: subprocess.Popen[bytes], seconds: float = 500) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, "the process has ended"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_worker_killed_while_the_provider_gives_money_back_gives_it_back_once(
    koga: str,
    stripe: StripeServer,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    database: str,
    start: Start,
):
    reference = a_bill()
    stripe.books.pay(open_page(reference))
    stripe.deliver(take)
    give_back_in_part(reference, 500)
    stripe.fail("POST", "/v1/refunds", "silent", times=100)
    first = start("worker", "--queue", "money")
    wait_for(lambda: stripe.books.refunds, first)
    kill(first)
    stripe.faults.clear()
    assert [each.state for each in refunds_of(reference)] == ["requested"], "Stripe has sent it; nobody here knows"

    with unit_of_work() as session:
        # A minute goes by in which nothing is heard of the dead worker.
        session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"))
    assert retry_left_behind(database) >= 1, "the refund, and a periodic job that was under way beside it"
    second = start("worker", "--queue", "money")
    wait_for(lambda: refunds_of(reference)[0].state == "succeeded", second)
    kill(second)
    assert len(stripe.books.refunds) == 1
    everything_agrees(stripe)


def test_a_web_process_killed_in_the_middle_of_a_notice_leaves_it_to_the_worker(
    koga: str, stripe: StripeServer, open_page: Callable[[str], str], start: Start
):
    reference = a_bill()
    page = open_page(reference)
    stripe.books.pay(page)
    event = stripe.new_events()[-1]
    assert event["type"] == "checkout.session.completed"
    port = free_port()
    web = start("serve", "--workers", "1", PORT=str(port))
    address = f"http://127.0.0.1:{port}"
    wait_for(lambda: get(f"{address}/readyz")[0] == 200, web)

    # It says that the page was paid and not with what: the provider is asked, and does not answer.
    stripe.fail("GET", f"/v1/checkout/sessions/{page}", "silent", times=100)
    asked = len(stripe.calls)
    sender = threading.Thread(target=post, args=(f"{address}/hooks/stripe", *stripe.signed(event)))
    sender.start()
    wait_for(lambda: len(stripe.calls) > asked, web)
    kill(web)
    sender.join()
    stripe.faults.clear()
    with unit_of_work() as session:
        assert session.scalars(select(ProviderEvent.outcome)).one() == EventOutcome.RECEIVED.value
    assert state_of(reference) is ChargeState.OPEN

    jobs.converge(now=clock.now() + timedelta(minutes=3))
    assert state_of(reference) is ChargeState.PAID
    with unit_of_work() as session:
        assert session.scalars(select(ProviderEvent.outcome)).one() == EventOutcome.KNOWN.value
    everything_agrees(stripe)


def post(address: str, body: bytes, headers: dict[str, str]) -> None:
    """Send a notice and do not mind the answer: there will be none."""
    import contextlib
    import http.client
    import urllib.request

    asked = urllib.request.Request(address, data=body, headers=headers | {"Content-Type": "application/json"})
    with contextlib.suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(asked, timeout=300).close()


def everything_agrees(stripe: StripeServer) -> None:
    found = daybook.reconcile(gateways.by_code("stripe"), "main", clock.today(), now=clock.now())
    assert found.items == []
    with unit_of_work() as session:
        assert list(finance.differences(session, clock.now())) == []
    assert balances()[AccountCode.PROVIDER] == stripe.books.balance()
