"""Journey 2: the queue, a correction under the same number, a decision, a document; who may not, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from forms.models import ApplicationDraft, IssuedDocument
from forms.queue import QueueFilter
from forms.queue import queue as queue_page
from forms.services import casework
from forms.services.common import ChangedMeanwhile, FeeUnpaid, NotCorrectable, OwnCase, ReasonMissing
from forms.states import NotNow, Outcome
from payments import queries as payment_queries
from payments import services as payments
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel import database as kernel_database
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.conftest import Mailbox
from tests.forms.conftest import OWNER, STEPS, case, fields, filed, fill, resident, sha_on, staff


@pytest.fixture
def reference(hanako: Account) -> str:
    return filed(hanako)


def pay(session: Session, reference: str) -> None:
    """はなこ pays in cash at the counter."""
    charge = payment_queries.charge_of(session, "application", reference)
    assert charge is not None
    clerk = people.make_staff(Role.COUNTER, email="clerk@example.jp")
    with unit_of_work() as own:
        payments.take_cash(
            own, charge.reference, received=Yen(5000), clerk=staff(clerk), place="総和庁舎", now=clock.now()
        )


def revision(reference: str) -> int:
    with unit_of_work() as own:
        return case(own, reference).revision


def ask(reference: str, reviewer: Account, *requests: tuple[str, str]) -> None:
    with unit_of_work() as own:
        casework.ask_correction(
            own, reference=reference, requests=requests, actor=staff(reviewer), revision=None, now=clock.now()
        )


def decide(reference: str, actor: Actor, outcome: Outcome = Outcome.GRANTED, reasons: str | None = None) -> None:
    with unit_of_work() as own:
        casework.decide(
            own, reference=reference, outcome=outcome, reasons=reasons, actor=actor, revision=None, now=clock.now()
        )


def accept(reference: str, reviewer: Account) -> None:
    with unit_of_work() as own:
        casework.accept(own, reference=reference, actor=staff(reviewer), revision=None, now=clock.now())


def text_of(content: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def test_a_reviewer_asks_the_resident_corrects_and_a_document_is_issued(
    client: FlaskClient, hanako: Account, reviewer: Account, reference: str, session: Session,
    run_jobs: Callable[[], None], mailbox: Mailbox, clock_at: Callable[[str], datetime],
) -> None:  # fmt: skip
    pay(session, reference)
    run_jobs()
    people.sign_in(client, reviewer)
    assert reference in client.get("/staff/applications").get_data(as_text=True)
    at = f"/staff/applications/{reference}"
    asked = people.post(
        client,
        f"{at}/correction",
        {"revision": revision(reference), "reason.dog_kind": "犬種を、くわしく書いてください。"},
    )
    assert asked.status_code == 303
    due = case(session, reference).due_on
    assert reference not in client.get("/staff/applications").get_data(as_text=True)
    assert reference in client.get("/staff/applications?show=waiting").get_data(as_text=True)
    run_jobs()
    mail = mailbox.to("hanako@example.jp")[-1]
    assert "直してほしい" in mail["Subject"]
    assert "くわしく" not in mail.get_content(), "the reason stays on the page"

    clock_at("2026-11-27 09:00")
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{reference}/correction").get_data(as_text=True)
    assert "犬種を、くわしく書いてください。" in page
    assert "f.dog_kind" in page
    assert "f.dog_name" not in page
    wrong = people.post(client, f"/applications/{reference}/correction", fields({"dog_kind": ""}))
    assert wrong.status_code == 422
    forged = fields({"dog_kind": "柴犬(豆柴)", "dog_name": "べつの犬"})
    assert people.post(client, f"/applications/{reference}/correction", forged).status_code == 303
    assert people.post(client, f"/applications/{reference}/correction", forged).status_code == 303, "a second click"
    session.expire_all()
    found = case(session, reference)
    assert [f.number for f in found.filings] == [1, 2]
    assert (found.filings[1].answers["dog_kind"], found.filings[1].answers["dog_name"]) == ("柴犬(豆柴)", "ポチ")
    assert (found.corrections[0].old_value, found.corrections[0].new_value) == ("柴犬", "柴犬(豆柴)")
    assert found.filed_at == datetime(2026, 11, 25, 10, 0, tzinfo=clock.TOKYO), "arrival never moves"
    assert (due, found.due_on) == (date(2026, 12, 2), date(2026, 12, 4)), "two working days stood still"

    people.sign_in(client, reviewer)
    page = client.get(at).get_data(as_text=True)
    assert "補正ずみ" in page
    assert people.post(client, f"{at}/accept", {"revision": revision(reference)}).status_code == 303
    decided = people.post(client, f"{at}/decision", {"revision": revision(reference), "outcome": "granted"})
    assert decided.status_code == 303
    run_jobs()

    people.sign_in(client, hanako)
    page = client.get(f"/applications/{reference}").get_data(as_text=True)
    assert "書類ができました" in page
    paper = session.scalars(select(IssuedDocument).where(IssuedDocument.kind == "registration")).one()
    assert paper.number == "令和8年度 古市窓第1号"
    answer = client.get(f"/applications/{reference}/documents/{paper.id}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer.headers["Cache-Control"]
    words = text_of(answer.data)
    for expected in ("古市窓第1号", "古河市長", "公印省略", "古河 花子", "柴犬(豆柴)", "見本", "審査請求", reference):
        assert expected in words, expected
    assert "書類ができました" in mailbox.to("hanako@example.jp")[-1]["Subject"]
    session.expire_all()
    assert case(session, reference).decision.known_at == clock.now()  # type: ignore[union-attr]  # it is there


def test_the_application_as_paper_holds_every_answer_and_who_did_what(
    client: FlaskClient, hanako: Account, reference: str, session: Session, run_jobs: Callable[[], None]
) -> None:
    run_jobs()
    people.sign_in(client, hanako)
    paper = session.scalars(select(IssuedDocument)).one()
    words = text_of(client.get(f"/applications/{reference}/documents/{paper.id}").data)
    for expected in (
        "古河 花子",
        "306-0033",
        "392149012345678",
        "2024年5月1日(令和6年)",
        "3,000円",
        reference,
        "狂犬病予防法",
    ):
        assert expected in words, expected


def test_what_the_applicant_wrote_over_their_profile_is_not_shown_as_taken_from_it(
    client: FlaskClient, hanako: Account, reviewer: Account
) -> None:
    people.sign_in(client, hanako)
    review = fill(client, steps=STEPS | {"owner": OWNER | {"owner_name": "古河 華子"}})
    sent = people.post(client, review, {"sha256": sha_on(client.get(review))})
    number = people.location(sent).rpartition("/")[2]
    people.sign_in(client, reviewer)
    page = client.get(f"/staff/applications/{number}").get_data(as_text=True)

    def row(label: str) -> tuple[str, str, str]:
        return page.partition(f">{label}</th>")[2].partition("</tr>")[0].partition("もとの内容")

    value, changed, before = row("氏名")
    assert ("古河 華子" in value, bool(changed)) == (True, True)
    assert ("登録した内容から入れました" in value, "登録した内容から入れました" in before) == (False, True)


def test_another_departments_cases_do_not_exist(client: FlaskClient, reference: str) -> None:
    other = people.make_staff(Role.REVIEWER, "waterworks", email="water@example.jp")
    people.sign_in(client, other)
    assert reference not in client.get("/staff/applications?show=all").get_data(as_text=True)
    assert client.get(f"/staff/applications/{reference}").status_code == 404
    for action in ("accept", "correction", "decision", "close"):
        sent = {"revision": 1, "outcome": "granted", "reason.dog_kind": "x"}
        assert people.post(client, f"/staff/applications/{reference}/{action}", sent).status_code == 404


def test_residents_and_clerks_do_not_review(client: FlaskClient, hanako: Account, reference: str) -> None:
    people.sign_in(client, hanako)
    assert client.get("/staff/applications").status_code == 403
    people.sign_in(client, people.make_staff(Role.COUNTER))
    assert client.get(f"/staff/applications/{reference}").status_code == 403


def test_every_look_of_staff_is_written_down(
    client: FlaskClient, reviewer: Account, reference: str, session: Session, run_jobs: Callable[[], None]
) -> None:
    run_jobs()
    people.sign_in(client, reviewer)
    client.get("/staff/applications")
    client.get(f"/staff/applications/{reference}")
    paper = session.scalars(select(IssuedDocument)).one()
    client.get(f"/staff/applications/{reference}/documents/{paper.id}")
    looks = session.scalars(
        select(AuditEntry.action).where(AuditEntry.actor_account_id == reviewer.id).order_by(AuditEntry.id)
    ).all()
    assert looks == ["application.list", "application.read", "application.download"]


def test_the_loser_of_two_reviewers_is_told_and_nothing_is_lost(
    client: FlaskClient, reviewer: Account, reference: str, session: Session
) -> None:
    old = revision(reference)
    accept(reference, reviewer)
    people.sign_in(client, reviewer)
    late = people.post(
        client, f"/staff/applications/{reference}/correction", {"revision": old, "reason.dog_kind": "理由"}
    )
    assert late.status_code == 409
    assert "ほかの人" in late.get_data(as_text=True)
    with unit_of_work() as own, pytest.raises(ChangedMeanwhile) as raised:
        casework.accept(own, reference=reference, actor=staff(reviewer), revision=old, now=clock.now())
    assert raised.value.action == "accept"


def test_a_decision_is_chosen_by_a_person_and_not_ticked_beforehand(
    client: FlaskClient, reviewer: Account, reference: str
) -> None:
    accept(reference, reviewer)
    people.sign_in(client, reviewer)
    page = client.get(f"/staff/applications/{reference}").get_data(as_text=True)
    assert " checked" not in page.partition('name="outcome"')[2].partition("</fieldset>")[0]
    empty = people.post(client, f"/staff/applications/{reference}/decision", {"revision": revision(reference)})
    assert empty.status_code == 422
    assert "認めるか、認めないか" in empty.get_data(as_text=True)


def test_a_refusal_needs_its_reasons_and_gives_the_remedy(
    client: FlaskClient, hanako: Account, reviewer: Account, reference: str, run_jobs: Callable[[], None]
) -> None:
    accept(reference, reviewer)
    people.sign_in(client, reviewer)
    at = f"/staff/applications/{reference}/decision"
    missing = people.post(client, at, {"revision": revision(reference), "outcome": "refused"})
    assert missing.status_code == 422
    assert "理由を書いてください" in missing.get_data(as_text=True)
    with pytest.raises(ReasonMissing):
        decide(reference, staff(reviewer), Outcome.REFUSED, "  ")
    assert (
        people.post(
            client, at, {"revision": revision(reference), "outcome": "refused", "reasons": "市外の犬です。"}
        ).status_code
        == 303
    )
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{reference}").get_data(as_text=True)
    for words in ("認めません", "市外の犬です。", "審査請求", "6か月以内"):
        assert words in page


def test_nothing_is_granted_before_the_fee_is_paid(
    client: FlaskClient, reviewer: Account, reference: str, session: Session
) -> None:
    accept(reference, reviewer)
    with pytest.raises(FeeUnpaid):
        decide(reference, staff(reviewer))
    people.sign_in(client, reviewer)
    at = f"/staff/applications/{reference}"
    answer = people.post(client, f"{at}/decision", {"revision": revision(reference), "outcome": "granted"})
    assert answer.status_code == 409
    assert "手数料がまだ" in answer.get_data(as_text=True)
    pay(session, reference)
    decide(reference, staff(reviewer))


def test_nobody_decides_what_they_filed(hanako: Account, reviewer: Account, reference: str, session: Session) -> None:
    pay(session, reference)
    accept(reference, reviewer)
    with pytest.raises(OwnCase):
        decide(reference, Actor(hanako.id, "staff"))


def test_a_missed_correction_never_ends_a_case_by_itself(
    hanako: Account,
    reviewer: Account,
    reference: str,
    session: Session,
    clock_at: Callable[[str], datetime],
    run_jobs: Callable[[], None],
) -> None:
    """CASES A4: a person refuses with reasons; until then the case stays."""
    ask(reference, reviewer, ("dog_kind", "くわしく"))
    clock_at("2027-06-01 09:00")
    run_jobs()
    session.expire_all()
    assert case(session, reference).state == "correction_asked"
    accept(reference, reviewer)
    decide(reference, staff(reviewer), Outcome.REFUSED, "補正がなかったため。")
    with unit_of_work() as own, pytest.raises(NotNow):
        casework.submit_correction(own, reference=reference, typed={}, seen=[], actor=resident(hanako), now=clock.now())


def test_a_field_that_waits_for_its_correction_is_not_asked_again(
    hanako: Account, reviewer: Account, reference: str, session: Session
) -> None:
    """Found by the interleavings: whoever asked with a fresh page met the database instead of an answer."""
    ask(reference, reviewer, ("dog_kind", "くわしく"))
    with unit_of_work() as own, pytest.raises(NotNow):
        casework.ask_correction(
            own,
            reference=reference,
            requests=[("dog_kind", "もっとくわしく"), ("dog_name", "読めません")],
            actor=staff(reviewer),
            revision=case(own, reference).revision,
            now=clock.now(),
        )
    session.expire_all()
    assert [(c.field_id, c.reason) for c in case(session, reference).corrections] == [("dog_kind", "くわしく")]


def test_a_correction_that_opens_a_question_asks_it_as_well(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    from tests.forms.conftest import STEPS

    reference = filed(hanako, steps={**STEPS, "tag": {"receive_by": "post", "message": ""}})
    ask(reference, reviewer, ("receive_by", "郵便では送れません。"))
    people.sign_in(client, hanako)
    at = f"/applications/{reference}/correction"
    answer = people.post(client, at, fields({"receive_by": "counter"}))
    assert answer.status_code == 422
    assert "f.receive_office" in answer.get_data(as_text=True)
    assert people.post(client, at, fields({"receive_by": "counter", "receive_office": "koga"})).status_code == 303
    session.expire_all()
    assert case(session, reference).filings[-1].answers["receive_office"] == "koga"


def test_a_field_that_was_not_filed_or_that_the_fee_hangs_on_is_not_asked_again(
    reviewer: Account, reference: str
) -> None:
    with pytest.raises(NotCorrectable):
        ask(reference, reviewer, ("not_there", "理由"))
    with pytest.raises(ReasonMissing):
        ask(reference, reviewer)


def test_money_for_a_withdrawn_case_goes_back(hanako: Account, reference: str, session: Session) -> None:
    with unit_of_work() as own:
        casework.withdraw(own, reference=reference, actor=resident(hanako), now=clock.now())
        assert casework.paid(own, reference=reference, now=clock.now()) is False
    charge = payment_queries.charge_of(session, "application", reference)
    assert charge is not None
    assert charge.state == "void"


def test_a_paid_fee_is_one_event_however_often_it_is_told(reference: str, session: Session) -> None:
    pay(session, reference)
    for _ in range(3):
        with unit_of_work() as own:
            assert casework.paid(own, reference=reference, now=clock.now())
    session.expire_all()
    assert [e.action for e in case(session, reference).events] == ["file", "paid"]


def test_document_numbers_count_up_within_a_fiscal_year(
    hanako: Account, reviewer: Account, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    clerk = people.make_staff(Role.COUNTER, email="clerk@example.jp")
    for day in ("2026-11-25 10:00", "2026-11-26 10:00", "2027-04-01 10:00"):
        clock_at(day)
        reference = filed(hanako)
        charge = payment_queries.charge_of(session, "application", reference)
        assert charge is not None
        with unit_of_work() as own:
            payments.take_cash(
                own, charge.reference, received=Yen(3000), clerk=staff(clerk), place="総和庁舎", now=clock.now()
            )
        accept(reference, reviewer)
        decide(reference, staff(reviewer))
    numbers = session.scalars(
        select(IssuedDocument.number).where(IssuedDocument.kind == "registration").order_by(IssuedDocument.id)
    ).all()
    assert numbers == ["令和8年度 古市窓第1号", "令和8年度 古市窓第2号", "令和9年度 古市窓第1号"]


def test_a_queue_page_needs_a_fixed_number_of_statements(hanako: Account, session: Session) -> None:
    def count() -> int:
        statements: list[str] = []
        listener = lambda *args: statements.append(args[2])  # noqa: E731
        event.listen(kernel_database.engine(), "before_cursor_execute", listener)
        with unit_of_work() as own:
            queue_page(own, departments={"citizen-counter"}, wanted=QueueFilter(), today=clock.today())
        event.remove(kernel_database.engine(), "before_cursor_execute", listener)
        return len(statements)

    filed(hanako)
    one = count()
    for _ in range(3):
        filed(hanako)
    assert count() == one == 4, "names of procedures, how many, which, what is on them"


def test_the_queue_finds_by_number_and_name_and_marks_what_is_overdue(
    hanako: Account,
    reference: str,
    session: Session,
    client: FlaskClient,
    reviewer: Account,
    clock_at: Callable[[str], datetime],
) -> None:
    people.sign_in(client, reviewer)
    for search in (reference, reference[2:6].lower(), OWNER["owner_name"]):
        assert reference in client.get(f"/staff/applications?q={search}").get_data(as_text=True)
    assert reference not in client.get("/staff/applications?q=%25zzz").get_data(as_text=True)
    clock_at("2026-12-03 09:00")
    assert "期限をすぎました" in client.get("/staff/applications").get_data(as_text=True)
    assert session.scalars(select(ApplicationDraft)).all() == []
