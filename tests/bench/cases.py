"""The work on cases: the queue over many, the export of many. Cases are made by one statement from a real one."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from forms import export
from portal.accounts.models import Role
from portal.kernel.database import new_session, unit_of_work
from tests.forms.conftest import filed
from tests.people import make_resident, make_staff, sign_in

CASES = int(os.environ.get("BENCH_CASES", "200000"))
EXPORTED = int(os.environ.get("BENCH_EXPORTED", "50000"))
ROUNDS = 40

COPY = """
INSERT INTO application (key, reference, procedure_id, version_id, typed_by, channel, state, revision, contact, created_at,
    changed_at, filed_at, due_on, applicant_name, search)
SELECT 'bench' || n, 'B-' || n, a.procedure_id, a.version_id, 'applicant', 'online',
    (ARRAY['filed', 'filed', 'accepted', 'correction_asked', 'closed'])[1 + n % 5], 1, '{}', a.created_at, a.changed_at,
    a.filed_at - n * interval '1 minute', a.due_on - (n % 400), '住民 ' || n, '住民' || n || ' b' || n
FROM application a, generate_series(1, :count) n WHERE a.reference = :made
"""
ANSWERS = """
INSERT INTO application_answers (application_id, number, answers, fee, prefill, flags, sha256, at)
SELECT b.id, 1, s.answers, s.fee, s.prefill, s.flags, s.sha256, s.at FROM application b, application_answers s
JOIN application a ON a.id = s.application_id
WHERE a.reference = :made AND b.key LIKE 'bench%' AND substr(b.reference, 3)::int <= :count
"""


def measure(client: FlaskClient, say: Callable[..., None], percentile: Callable[[list[float], float], float]) -> None:
    """A page of the queue over 200,000 cases; 50,000 cases as a file in constant memory."""
    made = filed(make_resident(email="cases@example.jp"))
    with unit_of_work() as session:
        session.execute(text(COPY), {"count": CASES, "made": made})
        session.execute(text(ANSWERS), {"count": EXPORTED, "made": made})
    with unit_of_work() as session:
        session.execute(text("ANALYZE application"))
    staff = client.application.test_client()
    sign_in(staff, make_staff(Role.REVIEWER, "citizen-counter", email="bench-reviewer@example.jp"))
    _queue(staff, say, percentile)
    _export(say)


def _queue(staff: FlaskClient, say: Callable[..., None], percentile: Callable[[list[float], float], float]) -> None:
    for name, query in (
        ("open, due first", "?"),
        ("all, newest first", "?show=all&sort=newest"),
        ("deep in the list", "?show=all&sort=due&after=2026-06-01|100"),
        ("search", "?show=all&q=住民1999"),
        ("short search", "?show=all&q=b7"),
    ):
        taken: list[float] = []
        for number in range(ROUNDS + 3):
            began = time.perf_counter()
            with staff.get(f"/staff/applications{query}") as answer:
                assert answer.status_code == 200, query
                answer.get_data()
            if number >= 3:
                taken.append((time.perf_counter() - began) * 1000)
        say(f"queue page over {CASES} cases p95: {name}", percentile(taken, 0.95), "ms", target=100)


def _export(say: Callable[..., None]) -> None:
    for kind in ("excel", "json"):
        tracemalloc.start()
        began, size, peaks = time.perf_counter(), 0, list[Any]()
        with new_session() as session:
            version = export.version_of(session, "dog-registration", None)
            for count, piece in enumerate(export.lines(session, version, kind)):
                size += len(piece)
                if count % 20 == 0:
                    peaks.append(tracemalloc.get_traced_memory()[1])
        seconds = time.perf_counter() - began
        tracemalloc.stop()
        say(f"export of {EXPORTED} cases, {kind} (memory traced)", seconds, "s", target=60)
        say(
            f"export peak memory, {kind}, of {size // 1024 // 1024} MB written",
            max(peaks) / 1024 / 1024,
            "MB",
            target=50,
        )
