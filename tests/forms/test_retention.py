"""What is due is listed, a person confirms, and what was planted is found nowhere afterwards (CASES A13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from forms.case_models import Delegation, Disposal
from forms.definition import IdentityLevel
from forms.models import ApplicationDraft
from forms.retention import ended_before, kept_until
from forms.services import approval, casework, disputing, drafts, filing, teamwork
from forms.services.common import Applicant
from forms.states import Outcome
from forms.vocabulary import Known
from payments import queries as payment_queries
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.forms.conftest import DOG, OWNER, TAG, case, filed, resident, reviewed, staff, typed
from tests.forms.test_attachments import filed as filed_with_photo
from tests.forms.test_casework import REVIEWER, TWO_STEPS, as_if
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
                sql.SQL("SELECT EXISTS (SELECT FROM {} t WHERE t::text LIKE ANY (%s))").format(sql.Identifier(table)),
                ([f"%{PLANTED}%", f"%{PLANTED.encode().hex()}%"],),
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


def _acted_for(principal: Account, delegate: Account) -> str:
    """A case filed by somebody acting: the word is in what was filled in, disputed, approved, and in how they are related."""
    now = clock.now()
    with unit_of_work() as own:
        made = Delegation(
            principal_person_id=principal.person_id, delegate_account_id=delegate.id, principal_name=f"{PLANTED} 親",
            delegate_name="古河 花子", relation=f"{PLANTED}の娘", slugs=["dog-registration"], asked_at=now, agreed_at=now,
            agreed_how="account", agreed_by=principal.id, valid_until=date(2027, 3, 31),
        )  # fmt: skip
        own.add(made)
        own.flush()
        who = Applicant(
            principal.id, principal.person_id, identity=IdentityLevel.CONFIRMED_MAIL, on_behalf=made.relation,
            delegation_id=made.id, acting_name=made.delegate_name,
        )  # fmt: skip
        known = [Known("person.name", f"{PLANTED} もと", "card", now, locked=True)]
        key = drafts.start_draft(
            own, slug="dog-registration", applicant=who, actor=resident(delegate), now=now, known=known
        ).key
        disputing.dispute(own, key=key, field_id="owner_name", reason=f"{PLANTED}は古い名前です")
        for step, values in STEPS.items():
            sent = typed(values)
            drafts.save_step(own, key=key, step_id=step, typed=sent, asked=sent, now=now)
        draft = own.scalars(select(ApplicationDraft)).one()
        draft.set_aside = {"old": {"label": {"ja": "前の質問"}, "text": f"{PLANTED}8"}}
    sha256 = reviewed(key)
    with unit_of_work() as own:
        case_, _secret = filing.file(own, key=key, reviewed_sha256=sha256, actor=resident(delegate), now=now)
        return str(case_.reference)


def test_a13_whoever_acted_approved_wrote_posted_and_handed_in_is_found_nowhere_either(
    client: FlaskClient, hanako: Account, stranger: Account, reviewer: Account, session: Session, koga: str,
    run_jobs: Callable[[], None], clock_at: Callable[[str], datetime], capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made = _acted_for(stranger, hanako)
    pay(session, made)
    clerk = people.make_staff(Role.REVIEWER, "citizen-counter", email="clerk5@example.jp")
    accept(made, reviewer)
    with unit_of_work() as own:
        teamwork.write(own, case(own, made), body=f"{PLANTED}1", actor=staff(reviewer), now=clock.now())
        teamwork.write(own, case(own, made), body=f"{PLANTED}2", actor=resident(hanako), now=clock.now())
    letters = session.execute(text("SELECT count(*) FROM letter")).scalar()
    assert letters, "no mail is known: what was decided goes by post"
    with as_if(made, approval=TWO_STEPS), unit_of_work() as own:
        common = {"actor": staff(clerk), "grants": REVIEWER, "revision": None, "now": clock.now()}
        approval.propose(own, reference=made, outcome=Outcome.GRANTED, reasons=f"{PLANTED}3", **common)
        common["actor"] = staff(reviewer)
        approval.approve(own, reference=made, deputy_reason=f"{PLANTED}4", **common)
    people.sign_in(client, hanako)
    photo = str(filed_with_photo(client, session, f"{PLANTED}5.jpg").reference)
    run_jobs()
    roads = people.make_staff(Role.REVIEWER, "roads-rivers", email="roads@example.jp")
    session.execute(
        text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args)"
            " VALUES ('mail', 'lost', 'failed', jsonb_build_object('reference', CAST(:r AS text), 'said', CAST(:w AS text)))"
        ),
        {"r": made, "w": PLANTED},
    )
    session.commit()
    with unit_of_work() as own:
        casework.close(own, reference=made, actor=staff(reviewer), revision=None, now=clock.now())
        casework.accept(own, reference=photo, actor=staff(roads), revision=None, now=clock.now())
        casework.withdraw(own, reference=photo, actor=resident(hanako), now=clock.now())
    planted = {
        "application", "application_answers", "application_event", "attachment", "case_message", "charge_payer", "decision",
        "delegation", "procrastinate_jobs", "proposal", "proposal_step",
    }  # fmt: skip
    assert planted <= set(_found(koga))
    clock_at("2033-04-01 00:10")
    for section in ("citizen-counter", "roads-rivers"):
        people.sign_in(client, people.make_staff(Role.APPROVER, section, email=f"{section}@example.jp"))
        at = people.location(people.post(client, "/staff/retention"))
        assert people.post(client, at).status_code == 303
    run_jobs()
    assert _found(koga) == []
    for table in ("letter", "attachment", "attachment_content", "application_draft"):
        assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table
    assert session.execute(text("SELECT count(*) FROM stored_file WHERE kind LIKE 'forms.%'")).scalar() == 0
    said = capfd.readouterr()
    assert PLANTED not in said.out + said.err, "the logs never held it"


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
    assert "一覧を作った人" in client.get(at).get_data(as_text=True)
    assert people.post(client, at, {"keep": made}).status_code == 303
    assert people.post(client, at).status_code == 303
    assert "いま廃棄しています" in client.get(at).get_data(as_text=True)
    run_jobs()
    report = client.get(at).get_data(as_text=True)
    assert "<dt>廃棄を確かめた人</dt>" in report
    assert "2032年4月1日(木) 9:00" in report
    assert case(session, made).disposed_at is None
