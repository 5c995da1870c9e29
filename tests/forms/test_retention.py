"""What is due is listed, a person confirms, and what was planted is found nowhere afterwards (CASES A13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import psycopg
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from forms.case_models import Disposal
from forms.retention import ended_before, kept_until
from forms.services import casework, teamwork
from payments import queries as payment_queries
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.forms.conftest import DOG, OWNER, TAG, case, filed, resident, staff, typed
from tests.forms.test_review_pages import accept, ask, decide, pay

PLANTED = "ケヤキ丸"
STEPS = {
    "owner": {**OWNER, "owner_name": f"{PLANTED} 一郎"},
    "dog": {**DOG, "dog_name": f"{PLANTED}1"},
    "tag": {**TAG, "message": f"{PLANTED}2"},
}


def test_a13_the_years_are_counted_from_the_april_after_the_end() -> None:
    assert kept_until(date(2026, 3, 31), 5) == date(2031, 4, 1)
    assert kept_until(date(2026, 4, 1), 5) == date(2032, 4, 1)
    for day in (date(2031, 3, 31), date(2031, 4, 1), date(2032, 4, 1)):
        for ended in (date(2026, 3, 31), date(2026, 4, 1), date(2025, 12, 31)):
            assert (kept_until(ended, 5) <= day) == (ended < ended_before(day, 5)), (day, ended)


def _found(url: str) -> list[str]:
    """Every table of the database that holds a planted word somewhere."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        return [
            table
            for (table,) in tables
            if connection.execute(
                sql.SQL("SELECT EXISTS (SELECT FROM {} t WHERE t::text LIKE %s)").format(sql.Identifier(table)),
                (f"%{PLANTED}%",),
            ).fetchone()
            != (False,)
        ]


def test_a13_what_was_planted_is_found_nowhere_after_the_disposal_and_the_ledger_stays(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session, koga: str,
    run_jobs: Callable[[], None], clock_at: Callable[[str], datetime],
) -> None:  # fmt: skip
    made, other = filed(hanako, steps=STEPS), filed(hanako)
    pay(session, made)
    ask(made, reviewer, ("dog_kind", f"{PLANTED}3"))
    with unit_of_work() as own:
        teamwork.add_note(own, case(own, made), body=f"{PLANTED}4", actor=staff(reviewer), now=clock.now())
        teamwork.write(own, case(own, made), body=f"{PLANTED}5", actor=staff(reviewer), now=clock.now())
        casework.submit_correction(
            own, reference=made, typed=typed({"dog_kind": f"{PLANTED}6"}), seen=[], actor=resident(hanako), now=clock.now()
        )  # fmt: skip
    accept(made, reviewer)
    decide(made, staff(reviewer), reasons=f"{PLANTED}7")
    run_jobs()
    with unit_of_work() as own:
        casework.close(own, reference=made, actor=staff(reviewer), revision=None, now=clock.now())
    assert {"application_answers", "case_note", "case_message", "decision", "charge_payer", "notice"} <= set(
        _found(koga)
    )
    head = people.make_staff(Role.APPROVER, "citizen-counter", email="head@example.jp")
    people.sign_in(client, head)
    clock_at("2032-03-31 12:00")
    assert people.location(people.post(client, "/staff/retention")) == "/staff/retention"
    clock_at("2032-04-01 00:10")
    at = people.location(people.post(client, "/staff/retention"))
    page = client.get(at).get_data(as_text=True)
    assert made in page
    assert other not in page, "a case that never ended is never due"
    assert PLANTED not in page
    run_jobs()
    assert _found(koga), "nothing goes before a person has confirmed it"
    stranger = people.make_staff(Role.APPROVER, "waterworks", email="w@example.jp")
    people.sign_in(client, stranger)
    assert people.post(client, at).status_code == 404
    people.sign_in(client, head)
    assert people.post(client, at).status_code == 303
    run_jobs()
    assert _found(koga) == []
    assert session.execute(text("SELECT count(*) FROM stored_file WHERE name LIKE :n"), {"n": f"{made}%"}).scalar() == 0
    report = session.scalars(select(Disposal)).one().report or {}
    assert {k: report[k] for k in ("cases", "answers", "messages", "notes", "files", "payers")} == {
        "cases": 1, "answers": 2, "messages": 1, "notes": 1, "files": 3, "payers": 1,
    }  # fmt: skip
    assert "廃棄の報告" in client.get(at).get_data(as_text=True)
    found = case(session, made)
    assert found.decision is not None
    assert (found.decision.outcome, found.applicant_name, found.owner_account_id) == ("granted", None, None)
    charge = payment_queries.charge_of(session, "application", made)
    assert charge is not None
    assert (charge.total, str(charge.state)) == (Yen(3000), "paid")
    people.sign_in(client, reviewer)
    assert client.get(f"/staff/applications/{made}").status_code == 404
    assert client.get(f"/staff/applications/{other}").status_code == 200


def test_a13_a_case_can_be_taken_off_the_list(
    client: FlaskClient,
    hanako: Account,
    session: Session,
    run_jobs: Callable[[], None],
    clock_at: Callable[[str], datetime],
) -> None:
    made = filed(hanako)
    with unit_of_work() as own:
        casework.withdraw(own, reference=made, actor=resident(hanako), now=clock.now())
    clock_at("2032-04-01 09:00")
    people.sign_in(client, people.make_staff(Role.APPROVER, "citizen-counter"))
    at = people.location(people.post(client, "/staff/retention"))
    assert people.post(client, at, {"keep": made}).status_code == 303
    assert people.post(client, at).status_code == 303
    run_jobs()
    assert case(session, made).disposed_at is None
