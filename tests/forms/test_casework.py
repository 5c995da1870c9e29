"""The work of a section: drafts of decisions in two hands, deputies, notes, messages, many cases at once (CASES A7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from forms.case_models import ApplicationTypist, CaseMessage, CaseNote, ProposalStep
from forms.definition import from_document
from forms.models import Application, Decision, ProcedureVersion
from forms.queue import QueueFilter, search_text
from forms.queue import queue as queue_page
from forms.services import approval, casework, common
from forms.services.common import ApprovalNeeded, NotYourStep, OwnCase, ReasonMissing
from forms.states import Outcome
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from tests import people
from tests.conftest import Mailbox
from tests.forms.conftest import case, filed, resident, staff
from tests.forms.test_review_pages import accept, pay, revision

SECTION = "citizen-counter"
TWO_STEPS = [
    {"id": "draft", "title": {"ja": "起案", "en": "Draft"}, "by": "reviewer"},
    {"id": "decide", "title": {"ja": "決裁", "en": "Decision"}, "by": "approver"},
]
REVIEWER, APPROVER = {("reviewer", SECTION)}, {("approver", SECTION)}


@contextmanager
def as_if(reference: str, **keys: object) -> Iterator[None]:
    """The case's version as if the city had written these keys into it (a published document itself never changes)."""
    with unit_of_work() as own:
        version = own.get_one(ProcedureVersion, case(own, reference).version_id)
        document, sha256 = version.document, version.sha256
    before = common._read.get(sha256)
    common._read[sha256] = from_document({**document, **keys})
    try:
        yield
    finally:
        if before is None:
            del common._read[sha256]
        else:
            common._read[sha256] = before


@pytest.fixture
def reference(hanako: Account, session: Session) -> Iterator[str]:
    made = filed(hanako)
    pay(session, made)
    with as_if(made, approval=TWO_STEPS):
        yield made


@pytest.fixture
def head(koga: str) -> Account:
    return people.make_staff(Role.APPROVER, SECTION, email="head@example.jp", name="市窓 課長")


def propose(reference: str, who: Account) -> None:
    with unit_of_work() as own:
        approval.propose(
            own, reference=reference, outcome=Outcome.GRANTED, reasons=None, actor=staff(who), grants=REVIEWER,
            revision=None, now=clock.now(),
        )  # fmt: skip


def approve(reference: str, who: Account, grants: set[tuple[str, str]], deputy: str | None = None) -> None:
    with unit_of_work() as own:
        approval.approve(
            own, reference=reference, actor=staff(who), grants=grants, deputy_reason=deputy, revision=None, now=clock.now()
        )  # fmt: skip


def test_a_decision_in_two_steps_is_drafted_by_one_and_decided_by_another(
    reference: str, reviewer: Account, head: Account, session: Session
) -> None:
    accept(reference, reviewer)
    with unit_of_work() as own, pytest.raises(ApprovalNeeded):
        casework.decide(
            own, reference=reference, outcome=Outcome.GRANTED, reasons=None, actor=staff(head), revision=None, now=clock.now()
        )  # fmt: skip
    propose(reference, reviewer)
    with pytest.raises(OwnCase):
        approve(reference, reviewer, REVIEWER | APPROVER)
    approve(reference, head, APPROVER)
    found = case(session, reference)
    assert found.state == "issued"
    assert found.decision is not None
    assert found.decision.decided_by == head.id
    assert [e.action for e in found.events][-4:] == ["propose", "approve", "decide", "issue"]


def test_a7_a_deputy_decides_in_a_two_person_office_and_is_inspected_later(
    reference: str, reviewer: Account, head: Account, session: Session
) -> None:
    """The clerk typed the case: they may draft it, the colleague decides for the head who is away, the head looks later."""
    clerk = people.make_staff(Role.REVIEWER, SECTION, email="clerk2@example.jp")
    with unit_of_work() as own:
        own.add(ApplicationTypist(application_id=case(own, reference).id, account_id=clerk.id))
    accept(reference, clerk)
    propose(reference, clerk)
    with pytest.raises(OwnCase):
        approve(reference, clerk, REVIEWER, "課長が不在")
    with pytest.raises(ReasonMissing):
        approve(reference, reviewer, REVIEWER)
    with pytest.raises(NotYourStep):
        approve(reference, reviewer, {("reviewer", "waterworks")}, "課長が不在")
    approve(reference, reviewer, REVIEWER, "課長が出張のため")
    assert case(session, reference).state == "issued"
    with unit_of_work() as own:
        [(step, _case)] = approval.to_inspect(own, {SECTION})
        with pytest.raises(NotYourStep):
            approval.inspect(own, step_id=step.id, actor=staff(reviewer), grants=APPROVER, now=clock.now())
        approval.inspect(own, step_id=step.id, actor=staff(head), grants=APPROVER, now=clock.now())
        assert approval.to_inspect(own, {SECTION}) == []
    assert session.scalars(select(ProposalStep)).one().inspected_by == head.id


def test_a7_the_database_itself_refuses_a_decision_by_who_filed_typed_or_drafted(
    reference: str, hanako: Account, reviewer: Account, head: Account
) -> None:
    accept(reference, reviewer)
    propose(reference, reviewer)
    clerk = people.make_staff(Role.REVIEWER, SECTION, email="clerk2@example.jp")
    with unit_of_work() as own:
        number = case(own, reference).id
        own.add(ApplicationTypist(application_id=number, account_id=clerk.id))
    for who in (hanako, clerk, reviewer):
        with pytest.raises(IntegrityError, match="nobody decides"), unit_of_work() as own:
            own.add(
                Decision(
                    application_id=number, outcome="granted", authority="x", decided_by=who.id, decided_at=clock.now()
                )
            )
        with pytest.raises(IntegrityError, match="nobody approves"), unit_of_work() as own:
            own.execute(
                text(
                    "INSERT INTO proposal_step (id, proposal_id, position, step_id, taken_by, taken_at)"
                    " SELECT nextval(pg_get_serial_sequence('proposal_step', 'id')), id, 1, 'x', :who, now() FROM proposal"
                ),
                {"who": who.id},
            )
    approve(reference, head, APPROVER)


def test_a_draft_that_is_sent_back_can_be_drafted_by_somebody_else(
    reference: str, reviewer: Account, head: Account, session: Session
) -> None:
    accept(reference, reviewer)
    propose(reference, reviewer)
    with pytest.raises(ReasonMissing), unit_of_work() as own:
        approval.send_back(
            own, reference=reference, reason=" ", actor=staff(head), grants=APPROVER, revision=None, now=clock.now()
        )
    with unit_of_work() as own:
        approval.send_back(
            own, reference=reference, reason="図面がない", actor=staff(head), grants=APPROVER, revision=None, now=clock.now()
        )  # fmt: skip
    assert session.scalars(select(CaseNote.body)).all() == ["図面がない"]
    propose(reference, people.make_staff(Role.REVIEWER, SECTION, email="other@example.jp"))
    approve(reference, reviewer, REVIEWER, "課長が出張のため")
    assert case(session, reference).state == "issued"


def test_the_approval_on_its_pages(
    client: FlaskClient, reference: str, reviewer: Account, head: Account, session: Session
) -> None:
    at = f"/staff/applications/{reference}"
    accept(reference, reviewer)
    people.sign_in(client, reviewer)
    assert "起案する" in client.get(at).get_data(as_text=True)
    sent = people.post(client, f"{at}/proposal", {"revision": revision(reference), "outcome": "granted"})
    assert sent.status_code == 303
    page = client.get(at).get_data(as_text=True)
    assert "あなたはこの申請にかかわっている" in page
    people.sign_in(client, head)
    waits = client.get("/staff/approvals").get_data(as_text=True)
    assert reference in waits
    assert f" {reviewer.display_name}</p>" in waits, "who drafted it"
    assert "この案を認める" in client.get(at).get_data(as_text=True)
    assert people.post(client, f"{at}/approval", {"revision": revision(reference)}).status_code == 303
    assert case(session, reference).state == "issued"
    assert "結果の案を作りました" in client.get(at).get_data(as_text=True)


def test_the_case_page_says_the_result_and_that_a_deputy_took_it_and_why(
    client: FlaskClient, reference: str, reviewer: Account, head: Account
) -> None:
    drafter = people.make_staff(Role.REVIEWER, SECTION, email="drafter@example.jp")
    accept(reference, reviewer)
    with unit_of_work() as own:
        approval.propose(
            own, reference=reference, outcome=Outcome.GRANTED, reasons="夜は灯をつけること", actor=staff(drafter),
            grants=REVIEWER, revision=None, now=clock.now(),
        )  # fmt: skip
    approve(reference, reviewer, REVIEWER, "課長が出張のため")
    people.sign_in(client, reviewer)
    page = client.get(f"/staff/applications/{reference}").get_data(as_text=True)
    assert "<dt>結果</dt><dd><strong>認めます</strong>" in page
    assert "夜は灯をつけること" in page
    assert "案を認めました(代決)" in page
    assert "代決の理由: 課長が出張のため" in page
    people.sign_in(client, head)
    waits = client.get("/staff/approvals").get_data(as_text=True)
    assert f"{reviewer.display_name} 代決の理由" in waits, "who inspects it sees whose decision it was"


def test_the_home_of_staff_counts_the_drafts_and_deputies_decisions_that_wait_for_this_person(
    client: FlaskClient, reference: str, reviewer: Account, head: Account
) -> None:
    drafter = people.make_staff(Role.REVIEWER, SECTION, email="drafter@example.jp")

    def waiting(who: Account) -> int:
        with unit_of_work() as own:
            return approval.mine_to_take(own, actor=staff(who), grants=APPROVER if who.id == head.id else REVIEWER)

    accept(reference, reviewer)
    propose(reference, drafter)
    assert (waiting(drafter), waiting(reviewer), waiting(head)) == (0, 0, 1)
    approve(reference, reviewer, REVIEWER, "課長が出張のため")
    assert (waiting(drafter), waiting(reviewer), waiting(head)) == (0, 0, 1)
    people.sign_in(client, head)
    home = client.get("/staff").get_data(as_text=True)
    assert 'href="/staff/approvals"' in home
    assert "代決のあとの確認" in home


def test_the_purpose_of_a_look_is_asked_and_kept(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    made = filed(hanako)
    people.sign_in(client, reviewer)
    at = f"/staff/applications/{made}"
    with as_if(made, look_purpose=True):
        page = client.get(at).get_data(as_text=True)
        assert "何のために見ますか" in page
        assert "ポチ" not in page
        assert people.post(client, f"{at}/accept", {"revision": revision(made)}).status_code in {200, 422}
        assert case(session, made).state == "filed", "nothing is done without having said why"
        assert people.post(client, f"{at}/look", {"purpose": " "}).status_code == 422
        assert people.post(client, f"{at}/look", {"purpose": "審査"}).status_code == 303
        assert "ポチ" in client.get(at).get_data(as_text=True)
    looks = session.scalars(select(AuditEntry.purpose).where(AuditEntry.action == "application.read")).all()
    assert looks == ["審査"]


def test_messages_stay_in_the_case_and_the_mail_says_only_that_there_is_one(
    client: FlaskClient, hanako: Account, stranger: Account, reviewer: Account, run_jobs: Callable[[], None],
    mailbox: Mailbox, session: Session,
) -> None:  # fmt: skip
    made = filed(hanako)
    people.sign_in(client, reviewer)
    at = f"/staff/applications/{made}"
    assert people.post(client, f"{at}/messages", {"message": "鑑札の色を教えてください。"}).status_code == 303
    assert people.post(client, f"{at}/notes", {"note": "電話した。"}).status_code == 303
    assert people.post(client, f"{at}/messages", {"message": " "}).status_code == 422
    run_jobs()
    mail = mailbox.to("hanako@example.jp")[-1]
    assert "メッセージがあります" in mail["Subject"]
    assert "鑑札" not in mail.get_content()
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{made}").get_data(as_text=True)
    assert "鑑札の色を教えてください。" in page
    assert "電話した" not in page
    assert people.post(client, f"/applications/{made}/messages", {"message": "赤です。"}).status_code == 303
    people.sign_in(client, stranger)
    assert people.post(client, f"/applications/{made}/messages", {"message": "x"}).status_code == 404
    people.sign_in(client, reviewer)
    assert "新しいメッセージ" in client.get("/staff/applications").get_data(as_text=True)
    assert "赤です。" in client.get(at).get_data(as_text=True)
    assert "新しいメッセージ" not in client.get("/staff/applications").get_data(as_text=True)
    assert all(m.read_at for m in session.scalars(select(CaseMessage)))


def test_a_message_to_a_case_that_is_over_is_counted_and_found(
    client: FlaskClient, hanako: Account, reviewer: Account
) -> None:
    made, quiet = filed(hanako), filed(hanako)
    for each in (made, quiet):
        with unit_of_work() as own:
            casework.withdraw(own, reference=each, actor=resident(hanako), now=clock.now())
    people.sign_in(client, hanako)
    assert people.post(client, f"/applications/{made}/messages", {"message": "返金はいつですか。"}).status_code == 303
    people.sign_in(client, reviewer)
    queue = client.get("/staff/applications").get_data(as_text=True)
    assert made not in queue
    assert "新しいメッセージがある申請: 1件" in queue
    unread = client.get("/staff/applications?show=unread").get_data(as_text=True)
    assert made in unread
    assert quiet not in unread


def test_many_cases_at_once_tell_what_became_of_each(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    one, two = filed(hanako), filed(hanako)
    sent = [f"{r}:{revision(r)}" for r in (one, two)]
    accept(two, reviewer)
    people.sign_in(client, reviewer)
    page = people.post(client, "/staff/applications/bulk", {"case": sent, "action": "accept"}).get_data(as_text=True)
    assert page.count("できました") == 1
    assert "ほかの人がこの申請を進めました" in page
    assert {case(session, r).state for r in (one, two)} == {"accepted"}
    assert "できたもの: 1件" in page
    assert "できなかったもの: 1件" in page
    assert page.index("ほかの人がこの申請を進めました") < page.index("できました"), "what went wrong is read first"
    sent = [f"{r}:{revision(r)}" for r in (one, two)]
    page = people.post(client, "/staff/applications/bulk", {"case": sent, "action": "issue"}).get_data(as_text=True)
    assert page.count("手数料がまだ支払われていません") == 2
    assert people.post(client, "/staff/applications/bulk", {"action": "accept"}).status_code == 303


def test_after_work_on_many_cases_the_queue_shows_what_it_was_narrowed_to(
    client: FlaskClient, hanako: Account, reviewer: Account
) -> None:
    one, two = filed(hanako), filed(hanako)
    people.sign_in(client, reviewer)
    narrow = {"q": one, "sort": "oldest", "procedure": "dog-registration"}
    sent = {"case": f"{one}:{revision(one)}", "action": "accept", **narrow}
    page = people.post(client, "/staff/applications/bulk", sent).get_data(as_text=True)
    assert (one in page, two in page) == (True, False)
    for name, value in narrow.items():
        assert f'type="hidden" name="{name}" value="{value}"' in page, "the next time too"


def test_the_queue_filters_by_person_sorts_and_keeps_views(
    client: FlaskClient, hanako: Account, reviewer: Account
) -> None:
    one, two = filed(hanako), filed(hanako)
    people.sign_in(client, reviewer)
    assert people.post(client, f"/staff/applications/{one}/assign", {"to": reviewer.id}).status_code == 303
    mine = client.get("/staff/applications?whose=mine").get_data(as_text=True)
    assert one in mine
    assert two not in mine
    assert one not in client.get("/staff/applications?whose=nobody").get_data(as_text=True)
    other = people.make_staff(Role.REVIEWER, "waterworks", email="w@example.jp")
    assert people.post(client, f"/staff/applications/{one}/assign", {"to": other.id}).status_code == 404
    saved = people.post(client, "/staff/applications/views", {"name": "わたしの分", "whose": "mine"})
    assert people.location(saved) == "/staff/applications?whose=mine"
    assert "わたしの分" in client.get("/staff/applications").get_data(as_text=True)
    people.sign_in(client, other)
    assert "わたしの分" not in client.get("/staff/applications").get_data(as_text=True)
    assert people.post(client, "/staff/applications/views/1/delete").status_code == 404


@pytest.mark.parametrize("sort", ["due", "oldest", "newest"])
def test_pages_of_the_queue_hold_every_case_once_in_both_directions(
    hanako: Account, session: Session, sort: str, clock_at: Callable[[str], datetime]
) -> None:
    made = filed(hanako)
    session.execute(
        text(
            "INSERT INTO application (key, reference, procedure_id, version_id, typed_by, channel, state, revision, contact,"
            " created_at, changed_at, filed_at, due_on, applicant_name, search)"
            " SELECT 'k' || n, 'A-' || n, procedure_id, version_id, 'applicant', 'online', 'filed', 1, '{}', created_at,"
            " changed_at, filed_at + (n % 7) * interval '1 day', due_on + n % 5, 'x', 'x' FROM application, generate_series(1, 119) n"
            " WHERE reference = :made"
        ),
        {"made": made},
    )
    session.commit()

    def page(**place: str) -> tuple[list[str], str | None, str | None]:
        with unit_of_work() as own:
            found = queue_page(own, departments={SECTION}, wanted=QueueFilter(sort=sort, **place), today=clock.today())
            assert found.total == 120
            return [row.reference for row in found.rows], found.previous_key, found.next_key

    first, none, next_key = page()
    assert none is None
    second, back, further = page(after=next_key or "")
    third, _back, end = page(after=further or "")
    assert (len(first), len(second), len(third), end) == (50, 50, 20, None)
    assert len({*first, *second, *third}) == 120
    assert page(before=back or "")[0] == first
    assert page(after="nonsense|")[0] == first


def test_searches_look_into_folded_names_and_numbers() -> None:
    assert search_text("髙橋　花子", "タカハシ ハナコ", "A-7K3F-92QX-5") == (
        "髙橋花子 髙橋 花子 タカハシハナコ タカハシ ハナコ a7k3f92qx5"
    )


def test_the_typist_is_who_pressed_the_keys(hanako: Account, session: Session, reviewer: Account) -> None:
    from forms.services import drafts
    from tests.forms.conftest import applicant

    with unit_of_work() as own:
        begun = drafts.start_draft(
            own, slug="dog-registration", applicant=applicant(hanako), actor=staff(reviewer), now=clock.now(),
            channel="counter",
        )  # fmt: skip
    assert session.scalars(select(ApplicationTypist.account_id)).all() == [reviewer.id]
    assert session.get_one(Application, begun.id).typed_by == "staff"
