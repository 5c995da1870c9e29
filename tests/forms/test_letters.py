"""People without mail: the same messages as letters, printed by their section, posted by a person (CASES A11, A10)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from forms.letters import printing, services
from forms.letters.models import Letter
from forms.services import drafts, filing, protection, teamwork
from forms.services.common import Applicant
from forms.states import Outcome
from portal.accounts.models import Account, Person, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from portal.notices import paper
from portal.notices.models import Notice
from tests import people
from tests.forms.conftest import DOG, OWNER, TAG, case, filed, staff, typed
from tests.forms.test_review_pages import accept, ask, decide

NAME = "神\U000e0100﨑 𠮷子"


@pytest.fixture
def clerk(koga: str) -> Account:
    return people.make_staff(Role.COUNTER, email="typist@example.jp")


@pytest.fixture
def reference(clerk: Account) -> str:
    """A case typed at the counter for somebody without mail and without an account."""
    now = clock.now()
    with unit_of_work() as session:
        begun = drafts.start_draft(
            session, slug="dog-registration", applicant=Applicant(), actor=staff(clerk), now=now, channel="counter"
        )
        for step_id, values in {"owner": OWNER | {"owner_name": NAME}, "dog": DOG, "tag": TAG}.items():
            sent = typed(values)
            drafts.save_step(session, key=begun.key, step_id=step_id, typed=sent, asked=sent, now=now)
        sha256 = filing.review(session, key=begun.key, now=now).sha256
        made, _secret = filing.file(session, key=begun.key, reviewed_sha256=sha256, actor=staff(clerk), now=now)
        return str(made.reference)


def letters(session: Session, *what: str) -> list[Letter]:
    session.expire_all()
    return list(session.scalars(select(Letter).where(Letter.what.in_(what)).order_by(Letter.id)))


def words(content: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).replace("\n", "")


def printed(client: FlaskClient, *ids: int) -> str:
    answer = people.post(client, "/staff/letters/print", {"letter": [str(one) for one in ids]})
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf"), answer.get_data(as_text=True)
    return words(answer.data)


def test_a11_a_letter_to_somebody_with_an_account_says_that_the_site_will_do_as_well(
    client: FlaskClient, reference: str, hanako: Account, reviewer: Account, session: Session
) -> None:
    own = filed(hanako)
    with unit_of_work() as other:
        services.choose(other, case(other, own), post=True, actor=staff(reviewer))
    for number in (own, reference):
        ask(number, reviewer, ("dog_kind", "犬種を、くわしく書いてください。"))
    people.sign_in(client, reviewer)
    said = {one.application.reference: printed(client, one.id) for one in letters(session, "correction")}
    assert "このサイトにサインインして直すか、この手紙を持って" in said[own]
    assert f"/applications/{own}" in said[own]
    assert "サインイン" not in said[reference], "without an account there is nothing to sign in to"
    assert "この手紙を持って下の窓口に来てください" in said[reference]


def test_a11_correction_and_decision_go_by_post_once_each_and_are_recorded_as_sent(
    client: FlaskClient, reference: str, reviewer: Account, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    ask(reference, reviewer, ("dog_kind", "犬種を、くわしく書いてください。"))
    accept(reference, reviewer)
    decide(reference, staff(reviewer), Outcome.REFUSED, "ほかの市で登録されています。")
    assert session.scalars(select(Notice).where(Notice.template.startswith("forms/"))).all() == []
    (correction,), (decided,) = letters(session, "correction"), letters(session, "decided")
    with unit_of_work() as own:
        found = case(own, reference)
        for _ in range(20):
            services.make(own, found, "decided", event=decided.event, facts={})
    assert len(letters(session, "correction", "decided")) == 2

    people.sign_in(client, reviewer)
    page = client.get("/staff/letters").get_data(as_text=True)
    assert reference in page
    assert "これから印刷します" in page
    early = people.post(client, "/staff/letters/sent", {"letter": str(decided.id), "sent_on": "2026-11-25"})
    assert (early.status_code, "先に印刷してください" in early.get_data(as_text=True)) == (409, True)

    text = printed(client, correction.id, decided.id)
    for expected in ("﨑", "𠮷子", reference, "306-0033", "茨城県古河市中央町1-2-3", "2026年12月9日", "くわしく書いて"):
        assert expected in text, expected
    for expected in ("認めません", "ほかの市で登録されています", "古河市長", "市民総合窓口"):
        assert expected in text, expected
    remedy = case(session, reference).decision.remedy
    assert ("教示" in text) == (remedy is not None)
    assert [one.stage for one in letters(session, "correction", "decided")] == ["printed", "printed"]

    clock_at("2026-11-26 09:00")
    for day in ("2026-11-27", "2026-11-24", "きのう"):
        wrong = people.post(client, "/staff/letters/sent", {"letter": str(decided.id), "sent_on": day})
        assert wrong.status_code == 422, day
    for _ in range(2):
        answer = people.post(client, "/staff/letters/sent", {"letter": str(decided.id), "sent_on": "令和8年11月25日"})
        assert answer.status_code == 303
    sent = letters(session, "decided")[0]
    assert (sent.stage, sent.sent_on, sent.sent_by) == ("sent", date(2026, 11, 25), reviewer.id)
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("application.letter"))).all()
    assert sorted(actions) == ["application.letter_print"] * 2 + ["application.letter_sent"]
    shown = client.get(f"/staff/applications/{reference}").get_data(as_text=True)
    assert "送りました" in shown
    assert "印刷しました" in shown
    assert reference in client.get("/staff/letters?show=sent").get_data(as_text=True)


def test_a11_another_section_sees_no_letter_and_prints_none(
    client: FlaskClient, reference: str, session: Session
) -> None:
    (letter,) = letters(session, "filed")
    with unit_of_work() as own:
        actor = staff(people.make_staff(Role.REVIEWER))
        sheets = printing.gather(own, [letter.id], departments={"citizen-counter"}, actor=actor, now=clock.now())
    assert "メール" not in words(printing.render(sheets)), "it promises no mail"
    people.sign_in(client, people.make_staff(Role.REVIEWER, "it-strategy"))
    assert reference not in client.get("/staff/letters").get_data(as_text=True)
    for path in ("print", "sent"):
        sent = {"letter": str(letter.id), "sent_on": "2026-11-25"}
        assert people.post(client, f"/staff/letters/{path}", sent).status_code == 404
    assert letters(session, "filed")[0].stage == "to_print"


def test_a11_an_issued_document_goes_into_the_same_envelope(
    client: FlaskClient, reference: str, reviewer: Account, session: Session, run_jobs: Callable[[], None]
) -> None:
    from payments import services as payments

    with unit_of_work() as own:
        payments.void_charge(own, payable_kind="application", payable_ref=reference, reason="test", now=clock.now())
    accept(reference, reviewer)
    decide(reference, staff(reviewer))
    run_jobs()
    (letter,) = letters(session, "issued")
    paper = next(d for d in case(session, reference).documents if d.kind != "application")
    people.sign_in(client, reviewer)
    text = printed(client, letter.id)
    assert paper.title in text.partition("聞きたいことがあるとき")[0], "named in the letter"
    assert "公印省略" in text.partition("聞きたいことがあるとき")[2], "and enclosed"


def test_a11_who_chooses_post_gets_letters_and_sees_the_same_status(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    reference = filed(hanako)
    assert letters(session, "filed") == [], "there is mail"
    people.sign_in(client, reviewer)
    assert people.post(client, f"/staff/applications/{reference}/contact", {"by": "post"}).status_code == 303
    with unit_of_work() as own:
        for body in ("一つめ", "二つめ"):
            teamwork.write(own, case(own, reference), body=body, actor=staff(reviewer), now=clock.now())
    first, second = letters(session, "message")
    assert "二つめ" in printed(client, second.id)
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{reference}").get_data(as_text=True)
    assert "これから印刷します" in page
    assert "印刷しました" in page
    assert first.stage == "to_print"


def test_a10_a_letter_never_goes_to_a_home_that_must_not_learn_of_a_protected_person(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    """The case was typed by somebody at 9-9; はなこ lives elsewhere since, and 9-9 must not learn where."""
    reference = filed(hanako, steps={"owner": OWNER | {"owner_address.block": "9-9"}, "dog": DOG, "tag": TAG})
    with unit_of_work() as own:
        services.choose(own, case(own, reference), post=True, actor=staff(reviewer))
        protection.protect(
            own, person_id=hanako.person_id or 0, households=[protection.household("306-0033", "9-9")],
            until=date(2027, 11, 24), actor=staff(reviewer), now=clock.now(),
        )  # fmt: skip
    home = people.HANAKO
    with unit_of_work() as own:
        found = services.address_of(own, case(own, reference), now=clock.now())
        assert found is not None
        assert found.place.endswith(home.block)
        ask_for = case(own, reference)
        teamwork.write(own, ask_for, body="知らせ", actor=staff(reviewer), now=clock.now())
        own.execute(update(Person).where(Person.id == hanako.person_id).values(block="9-9"))
    (letter,) = letters(session, "message")
    people.sign_in(client, reviewer)
    refused = people.post(client, "/staff/letters/print", {"letter": str(letter.id)})
    assert (refused.status_code, reference in refused.get_data(as_text=True)) == (409, True)
    assert letters(session, "message")[0].stage == "to_print", "nowhere to send it: a person looks first"


def test_a_letter_that_was_not_printed_cannot_be_sent_even_by_a_program(reference: str, session: Session) -> None:
    with pytest.raises(IntegrityError, match="sent_after_print"):
        session.execute(update(Letter).values(sent_at=clock.now(), sent_on=clock.today(), sent_by=1))


def test_no_more_letters_than_one_pdf_takes(client: FlaskClient, reviewer: Account) -> None:
    people.sign_in(client, reviewer)
    for ids in ([], list(range(1, paper.MOST + 2))):
        answer = people.post(client, "/staff/letters/print", {"letter": [str(one) for one in ids]})
        assert answer.status_code == 422
