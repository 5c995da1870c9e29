"""What the person reviewed is filed, once: whatever the browser, the network or twenty threads do."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from forms import vocabulary
from forms.definition import IdentityLevel
from forms.models import Application, ApplicationAnswers, ApplicationDraft, ApplicationEvent
from forms.services import drafts, filing
from forms.services.common import Applicant, IdentityTooLow, Incomplete, NotTakenHere, ReviewChanged
from forms.states import State
from payments import queries as payment_queries
from payments.models import Charge
from portal.accounts.models import Account
from portal.kernel import clock, references
from portal.kernel.audit import GUEST, Actor, AuditEntry
from portal.kernel.database import transact, unit_of_work
from portal.kernel.money import Yen
from portal.notices.models import Notice
from tests.conftest import Mailbox
from tests.forms.conftest import DOG, STEPS, TAG, applicant, case, draft, filed, resident, reviewed, typed


def test_a_filed_case_has_a_number_a_charge_a_mail_and_exactly_the_reviewed_answers(
    hanako: Account, session: Session, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    key = draft(hanako)
    with unit_of_work() as own:
        seen = filing.review(own, key=key, now=clock.now())
    with unit_of_work() as own:
        reference = filing.file(own, key=key, reviewed_sha256=seen.sha256, actor=resident(hanako), now=clock.now())[
            0
        ].reference
    assert reference is not None
    assert references.parse(reference) == reference
    found = case(session, reference)
    assert (found.state, found.filed_at, found.applicant_name) == ("filed", clock.now(), "古河 花子")
    assert found.due_on is not None
    assert found.draft is None
    (kept,) = found.filings
    assert (kept.answers, kept.sha256) == (dict(seen.answers), seen.sha256)
    assert kept.answers["chip_number"] == "392149012345678"
    assert kept.answers["dog_born"] == "2024-05-01"
    charge = payment_queries.charge_of(session, "application", reference)
    assert charge is not None
    assert (charge.total, charge.sample, charge.state) == (Yen(3000), True, "open")
    run_jobs()
    (mail,) = mailbox.to("hanako@example.jp")
    assert reference in mail["Subject"]
    assert re.search(r"めやす: \d{4}年\d+月\d+日\(.\)", mail.get_content())
    assert f"/applications/{reference}" in mail.get_content()
    session.expire_all()
    (paper,) = case(session, reference).documents
    assert paper.ready_at is not None


def test_twenty_threads_that_file_the_same_draft_make_one_case(hanako: Account, session: Session) -> None:
    key = draft(hanako)
    sha256 = reviewed(key)
    start = threading.Barrier(20)
    numbers: list[str | None] = []

    def submit() -> None:
        start.wait()
        now = clock.now()
        numbers.append(
            transact(
                lambda own: (
                    filing.file(own, key=key, reviewed_sha256=sha256, actor=resident(hanako), now=now)[0].reference
                )
            )
        )

    threads = [threading.Thread(target=submit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 20
    assert len(set(numbers)) == 1
    for model in (Application, ApplicationAnswers, Charge, Notice):
        assert session.scalar(select(func.count()).select_from(model)) == 1
    assert session.scalars(select(ApplicationEvent.action)).all() == ["file"]


def test_a_draft_that_changed_after_the_review_is_not_filed(hanako: Account, session: Session) -> None:
    key = draft(hanako)
    sha256 = reviewed(key)
    with unit_of_work() as own:
        changed = typed({**DOG, "dog_name": "シロ"})
        drafts.save_step(own, key=key, step_id="dog", typed=changed, asked=changed, now=clock.now())
    with pytest.raises(ReviewChanged), unit_of_work() as own:
        filing.file(own, key=key, reviewed_sha256=sha256, actor=resident(hanako), now=clock.now())
    assert session.scalar(select(func.count()).select_from(ApplicationAnswers)) == 0
    assert session.scalars(select(Application.state)).all() == ["draft"]


def test_an_incomplete_draft_is_not_filed_and_the_fields_are_named(hanako: Account) -> None:
    key = draft(hanako, steps={"owner": STEPS["owner"]})
    with unit_of_work() as own:
        made = filing.review(own, key=key, now=clock.now())
    with pytest.raises(Incomplete) as raised, unit_of_work() as own:
        filing.file(own, key=key, reviewed_sha256=made.sha256, actor=resident(hanako), now=clock.now())
    assert set(raised.value.problems) == {
        "dog_name", "dog_kind", "dog_born", "dog_sex", "dog_colour", "has_chip", "receive_by",
    }  # fmt: skip


def test_what_was_good_when_typed_is_checked_again_when_filed(
    hanako: Account, clock_at: Callable[[str], datetime]
) -> None:
    """A date that must lie within the last year, typed just before the limit, filed after it."""
    road = {
        "damage": {"kind": "hole", "spot.spot": "総和庁舎の前", "seen_on": "2025-11-26", "details": ""},
        "contact": {"wants_answer": "no"},
    }
    key = draft(hanako, "road-damage", road)
    clock_at("2026-12-01 10:00")
    with unit_of_work() as own:
        assert filing.review(own, key=key, now=clock.now()).problems["seen_on"][0].code == "too_early"


def test_a_hidden_answer_is_kept_in_the_draft_and_never_filed(hanako: Account, session: Session) -> None:
    key = draft(hanako)
    with unit_of_work() as own:
        without = typed({k: v for k, v in DOG.items() if k != "chip_number"} | {"has_chip": "no"})
        drafts.save_step(own, key=key, step_id="dog", typed=without, asked=without, now=clock.now())
    kept = session.scalars(select(ApplicationDraft)).one()
    assert kept.answers["chip_number"] == "392149012345678", "turning back loses nothing"
    with unit_of_work() as own:
        made = filing.review(own, key=key, now=clock.now())
    assert "chip_number" not in made.answers


def test_beginning_twice_goes_on_with_the_same_draft(hanako: Account, session: Session) -> None:
    assert draft(hanako) == draft(hanako)
    assert session.scalar(select(func.count()).select_from(Application)) == 1


def test_beginning_in_six_tabs_at_the_same_moment_makes_one_draft(hanako: Account, session: Session) -> None:
    start = threading.Barrier(6)
    keys: list[str] = []

    def begin() -> None:
        start.wait()
        with unit_of_work() as own:
            keys.append(
                drafts.start_draft(
                    own, slug="dog-registration", applicant=applicant(hanako), actor=resident(hanako), now=clock.now()
                ).key
            )

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 6
    assert len(set(keys)) == 1
    assert session.scalar(select(func.count()).select_from(Application)) == 1


def test_the_database_allows_one_live_draft_for_a_person_and_a_procedure(hanako: Account, session: Session) -> None:
    draft(hanako)
    with pytest.raises(IntegrityError, match="one_draft"):
        session.execute(
            text(
                "INSERT INTO application (key, procedure_id, version_id, owner_account_id, typed_by, channel, state, revision,"
                " contact, created_at, changed_at) SELECT 'other', procedure_id, version_id, owner_account_id, typed_by,"
                " channel, state, 1, contact, created_at, changed_at FROM application"
            )
        )


@pytest.mark.parametrize(
    "statement", ["UPDATE application_answers SET answers = '{}'", "DELETE FROM application_event"]
)
def test_what_was_filed_and_what_happened_cannot_be_altered(hanako: Account, session: Session, statement: str) -> None:
    filed(hanako)
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(text(statement))


def test_an_elsewhere_procedure_is_never_taken_and_a_proof_that_is_missing_is_refused(hanako: Account) -> None:
    nobody = Applicant(account_id=hanako.id, person_id=hanako.person_id, identity=IdentityLevel.NONE)
    with unit_of_work() as own, pytest.raises(NotTakenHere):
        drafts.start_draft(own, slug="moving-out", applicant=applicant(hanako), actor=resident(hanako), now=clock.now())
    with unit_of_work() as own, pytest.raises(IdentityTooLow):
        drafts.start_draft(own, slug="dog-registration", applicant=nobody, actor=resident(hanako), now=clock.now())
    with unit_of_work() as own, pytest.raises(IdentityTooLow):
        drafts.start_draft(own, slug="dog-registration", applicant=Applicant(), actor=GUEST, now=clock.now())


def test_a_certificate_is_prepared_here_and_filed_only_at_the_counter(hanako: Account, session: Session) -> None:
    """CASES A1: the portal never files it as if a confirmed mail address were enough."""
    person = {
        "name": "古河 花子", "kana": "コガ ハナコ", "birth_date": "1980-04-01", "phone": "0280-22-5111",
        "address.postal_code": "306-0033", "address.block": "1-2-3",
    }  # fmt: skip
    request = {"whose": "self", "purpose": "work", "copies": "２"}
    key = draft(hanako, "resident-record", {"person": person, "request": request})
    sha256 = reviewed(key)
    with unit_of_work() as own:
        prepared = filing.prepare(own, key=key, reviewed_sha256=sha256, actor=resident(hanako), now=clock.now())
    assert prepared.reference
    assert (prepared.state, prepared.filed_at) == ("prepared", None)
    assert payment_queries.charge_of(session, "application", prepared.reference) is None
    clerk = Actor(None, "staff")
    with unit_of_work() as own:
        case_, _secret = filing.file(own, key=key, reviewed_sha256=sha256, actor=clerk, now=clock.now())
    assert (case_.state, case_.reference) == ("filed", prepared.reference)
    charge = payment_queries.charge_of(session, "application", prepared.reference)
    assert charge is not None
    assert charge.total == Yen(600)


def test_a_clerk_fills_in_from_a_card_and_only_what_is_missing_is_left(koga: str, session: Session) -> None:
    facts = {
        "name": "神󠄀田 花子",
        "birth_date": "1980-04-01",
        "sex": "female",
        "postal_code": "3060033",
        "block": "1-2-3",
    }
    card = vocabulary.from_person(facts, source="card", at=clock.now(), locked=True)
    with unit_of_work() as own:
        begun = drafts.start_draft(
            own,
            slug="seal-certificate",
            applicant=Applicant(),
            actor=Actor(None, "staff"),
            now=clock.now(),
            known=card,
            channel="counter",
        )
        made = filing.review(own, key=begun.key, now=clock.now())
        assert set(made.problems) == {"kana", "phone", "comes", "copies"}
        forged = typed({"name": "別人", "kana": "カンダ ハナコ", "phone": "0280225111"})
        drafts.save_step(own, key=begun.key, step_id="person", typed=forged, asked=forged, now=clock.now())
        assert begun.draft is not None
        assert begun.draft.answers["name"] == "神󠄀田 花子", "a value locked by a trusted source cannot be altered"
        assert begun.typed_by == "staff"
        assert begun.draft.prefill["name"]["source"] == "card"


def test_a_prefilled_value_keeps_its_source_time_and_original_until_it_is_changed(
    hanako: Account, session: Session
) -> None:
    known = vocabulary.from_person({"name": "古河 花子", "kana": "コガ ハナコ"}, source="profile", at=clock.now())
    with unit_of_work() as own:
        begun = drafts.start_draft(
            own,
            slug="dog-registration",
            applicant=applicant(hanako),
            actor=resident(hanako),
            now=clock.now(),
            known=known,
        )
        assert begun.draft is not None
        assert begun.draft.answers["owner_name"] == "古河 花子"
        assert begun.draft.prefill["owner_name"] == {
            "value": "古河 花子", "source": "profile", "at": clock.now().isoformat(), "locked": False,
        }  # fmt: skip


def test_a_resident_number_is_told_and_stored_nowhere(hanako: Account, session: Session) -> None:
    key = draft(hanako)
    with unit_of_work() as own:
        pasted = typed({**TAG, "message": "番号は 123456789018 です"})
        saved = drafts.save_step(own, key=key, step_id="tag", typed=pasted, asked=pasted, now=clock.now())
        assert [p.code for p in saved.problems["message"]] == ["resident_number"]
    kept = session.execute(text("SELECT typed::text || answers::text FROM application_draft")).scalar_one()
    assert "123456789018" not in kept


def test_a_guest_reports_a_damaged_road_and_opens_the_case_by_the_secret(koga: str, session: Session) -> None:
    now = clock.now()
    with unit_of_work() as own:
        begun = drafts.start_draft(own, slug="road-damage", applicant=Applicant(), actor=GUEST, now=now)
        for step_id, values in {
            "damage": {
                "kind": "hole",
                "spot.spot": "総和庁舎の前",
                "seen_on": "2026-11-24",
                "details": "",
                "photos": "",
            },
            "contact": {"wants_answer": "yes", "reporter_name": "", "reporter_mail": "guest@example.jp"},
        }.items():
            sent = typed(values)
            assert not drafts.save_step(own, key=begun.key, step_id=step_id, typed=sent, asked=sent, now=now).problems
    sha256 = reviewed(begun.key)
    with unit_of_work() as own:
        made, secret = filing.file(own, key=begun.key, reviewed_sha256=sha256, actor=GUEST, now=now)
    assert secret
    assert made.secret_sha256
    assert secret not in str(session.execute(text("SELECT * FROM application")).all())
    assert made.contact["email"] == "guest@example.jp"


def test_drafts_that_nobody_goes_on_with_end_and_filed_cases_never(
    hanako: Account, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    from forms import jobs

    reference = filed(hanako)
    draft(hanako)
    assert clock.now() + timedelta(days=91) < clock_at("2027-12-01 10:00")
    jobs.tidy_drafts(0)
    assert session.scalars(select(Application.reference)).all() == [reference]
    assert case(session, reference).state == State.FILED.value


def test_the_audit_log_names_the_case_and_no_answer(hanako: Account, session: Session) -> None:
    reference = filed(hanako)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_ref == reference)).all()
    assert [e.action for e in entries] == ["application.file"]
    assert "花子" not in str([(e.detail, e.purpose, e.subject_ref) for e in entries])
