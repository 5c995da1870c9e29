"""A form of 300 fields in 30 steps with 200 rules: one step answered, the definition saved; a PDF of 20,000 characters."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from forms import mistakes
from forms.services import publishing
from portal.accounts.models import Role
from portal.documents import pdf, qr
from portal.kernel import clock, database
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms import large

ROUNDS = 5
CHARACTERS = 20_000


def measure(client: FlaskClient, say: Callable[..., None], percentile: Callable[[list[float], float], float]) -> None:
    """Save it (checked, proposed, published), then answer every step some times."""
    first, second = (people.make_staff(Role.EDITOR, email=f"bench{n}@example.jp") for n in (1, 2))
    document = large.large()
    began = time.perf_counter()
    procedure, problems = mistakes.read(document)
    if procedure is None:
        raise SystemExit(str(problems))
    checked = time.perf_counter() - began
    with unit_of_work() as session:
        made = publishing.propose(session, procedure=procedure, actor=Actor(first.id, "staff"), now=clock.now())
        publishing.agree(
            session, slug="large-form", sha256=made.sha256, actor=Actor(second.id, "staff"), now=clock.now()
        )
    saved = time.perf_counter() - began
    say("form of 300 fields: read and checked", checked, "s")
    say("form of 300 fields: checked, saved and published", saved, "s", target=1)
    taken, statements = answer_all(client, ROUNDS)
    say("form of 300 fields: one step answered, p95", percentile(taken, 0.95), "ms", target=100)
    say("form of 300 fields: one step answered, SQL statements at most", max(statements), "", target=15)
    paper(say)


def paper(say: Callable[..., None]) -> None:
    """An application of 20,000 characters as PDF, as the job makes it: one long paragraph, and many short lines."""
    sentence = "長い文章です。見本の文を、ずっと続けて書きました。"
    whole = (sentence * (CHARACTERS // len(sentence) + 1))[:CHARACTERS]
    for name, text in (
        ("one paragraph", whole),
        ("lines", "\n".join(whole[n : n + 40] for n in range(0, CHARACTERS, 40))),
    ):
        context = _form(text)
        pdf.render("forms/pdf/application.html", "ja", **context)
        began = time.perf_counter()
        pdf.render("forms/pdf/application.html", "ja", **context)
        say(f"20,000 characters in a PDF, {name}", time.perf_counter() - began, "s", target=2)


def _form(text: str) -> dict[str, Any]:
    """What the template prints, with one long answer."""
    words = dict.fromkeys(
        ("city_name", "reference", "number", "authority", "department", "name", "title", "issued_on", "form_number", "law",
         "filed_day", "filed", "stamp_day", "stamp_time", "fee_total", "filed_by", "typed_by", "identity", "sha256"),
        "見本",
    )  # fmt: skip
    row = {"label": "くわしいこと", "long": True, "paragraphs": text.split("\n"), "files": []}
    row |= {"check_shape": False, "corrected": False}
    sections = [{"title": "見本", "blocks": [{"kind": "rows", "rows": [row]}]}]
    lists: dict[str, Any] = {"applicant": [], "corrections": [], "fee": [], "counter_changes": []}
    return {**words, **lists, "sample": False, "sections": sections, "receipt_qr": qr.data_uri("https://example.jp/")}


def answer_all(client: FlaskClient, rounds: int) -> tuple[list[float], list[int]]:
    """Milliseconds and SQL statements of every answered step."""
    where = people.location(people.post(client, "/apply/large-form"))
    start = where.partition("/steps/")[0]
    taken: list[float] = []
    counts: list[int] = []
    statements: list[Any] = []

    def note(*args: Any) -> None:
        statements.append(args[2])

    for _round in range(rounds):
        for step in range(large.STEPS):
            typed = large.typed(step)
            sent = {"asked": list(typed), **{f"f.{k}": v for k, v in typed.items()}}
            statements.clear()
            event.listen(database.engine(), "before_cursor_execute", note)
            began = time.perf_counter()
            answer = people.post(client, f"{start}/steps/s{step}", sent)
            taken.append((time.perf_counter() - began) * 1000)
            event.remove(database.engine(), "before_cursor_execute", note)
            counts.append(len(statements))
            assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
    return taken, counts
