"""From the card to the receipt: papers, signature, filing, cash, end."""

import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from forms.counter import cash, papers, services
from forms.counter.errors import AlreadyPrinted, NotPaid, NotSigned, StillMissing, VisitEnded
from forms.counter.models import Authority
from forms.models import ApplicationAnswers
from payments.errors import CashTooLittle, ChargeSettled
from portal.accounts.proofs import Proof
from portal.documents import pdf
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.counter.test_visits import ANSWERS, asked, begin

NOW = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
SEEN = (Proof.MY_NUMBER_CARD,)


def answered(clerk: Actor, **more: dict[str, list[str]]) -> str:
    reference = begin(clerk, card=str(more.pop("card", "hanako")))
    answer(clerk, reference, **more)
    return reference


def answer(clerk: Actor, reference: str, **more: dict[str, list[str]]) -> None:
    with unit_of_work() as session:
        done = services.answer(
            session, reference, typed={**ANSWERS, **more}, asked=asked(session, reference), clerk=clerk, now=NOW
        )
    assert not done.problems
    assert not done.left


def printed(clerk: Actor, reference: str) -> dict[str, bytes]:
    with unit_of_work() as session:
        found = papers.papers(session, reference, now=NOW)
    made = {one.slug: (one, pdf.render(papers.TEMPLATE, papers.LOCALE, **one.context)) for one in found}
    with unit_of_work() as session:
        papers.keep(session, reference, made, clerk=clerk, now=NOW)
    return {slug: content for slug, (_paper, content) in made.items()}


def signed(clerk: Actor) -> str:
    reference = answered(clerk)
    printed(clerk, reference)
    with unit_of_work() as session:
        papers.sign(session, reference, seen=SEEN, clerk=clerk, now=NOW)
    return reference


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_the_papers_hold_every_answer_its_source_and_who_is_who(koga: str, clerk: Actor) -> None:
    reference = answered(clerk)
    record, seal = (text_of(content) for content in printed(clerk, reference).values())
    for expected in (
        "住民票の写しの交付請求書",
        "古河市長 あて",
        f"来庁番号 {reference} の 1",
        "見本 花子",
        "東本町九丁目99番99号",
        "ミホン",
        "2通",
        "600円",
        "見本",
        "カードから読み取り(見本のカード)",
        "窓口で聞き取り",
        "窓口に来た人の署名",
        "だれの申請か",
        "入力した職員",
        "窓口 職員",
        "令和8年11月25日",
    ):
        assert expected in record, expected
    assert "印鑑登録証明書の交付申請書" in seal
    assert f"来庁番号 {reference} の 2" in seal


def test_a_name_outside_every_list_is_printed(koga: str, clerk: Actor) -> None:
    reference = answered(clerk, card="watanabe")  # type: ignore[arg-type]  # the card's name, taken out by `answered`
    assert "渡邊\U000e0109 神\ufa19太郎" in text_of(printed(clerk, reference)["resident-record"])


def test_nothing_is_printed_while_a_question_is_open(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session, pytest.raises(StillMissing) as missing:
        papers.papers(session, reference, now=NOW)
    assert "item-person-kana" in missing.value.names


def test_what_is_printed_stands_still_until_it_is_reopened(koga: str, clerk: Actor) -> None:
    reference = answered(clerk)
    printed(clerk, reference)
    with unit_of_work() as session, pytest.raises(AlreadyPrinted):
        services.answer(session, reference, typed=ANSWERS, asked=list(ANSWERS), clerk=clerk, now=NOW)
    with unit_of_work() as session:
        papers.reopen(session, reference, clerk=clerk)
    with unit_of_work() as session:
        typed = {**ANSWERS, "resident-record--copies": {"": ["3"]}}
        services.answer(session, reference, typed=typed, asked=list(ANSWERS), clerk=clerk, now=NOW)
    assert "900円" in text_of(printed(clerk, reference)["resident-record"])


def test_what_was_signed_is_what_is_filed(koga: str, clerk: Actor) -> None:
    reference = answered(clerk)
    printed(clerk, reference)
    with unit_of_work() as session:
        before = [item.reviewed_sha256 for item in services.load(session, reference).items]
    with unit_of_work() as session:
        papers.sign(session, reference, seen=SEEN, clerk=clerk, now=NOW)
        papers.sign(session, reference, seen=SEEN, clerk=clerk, now=NOW)
    with unit_of_work() as session:
        known = services.applications(session, services.load(session, reference))
        filed = session.scalars(select(ApplicationAnswers).order_by(ApplicationAnswers.id)).all()
        assert [one.sha256 for one in filed] == before
        for application in known.values():
            assert (application.state, application.channel, application.typed_by) == ("filed", "counter", "staff")
            assert application.filed_by_account_id == clerk.account_id
            assert application.filed_at == NOW
            assert application.applicant_name == "見本 花子"
            assert application.reference
            assert application.filings[0].prefill["address"]["source"] == "sample-card"


def test_an_unprinted_paper_cannot_be_signed(koga: str, clerk: Actor) -> None:
    reference = answered(clerk)
    with unit_of_work() as session, pytest.raises(NotSigned):
        papers.sign(session, reference, seen=SEEN, clerk=clerk, now=NOW)


def test_the_fee_of_both_is_taken_at_once_with_the_change(koga: str, clerk: Actor) -> None:
    reference = signed(clerk)
    with unit_of_work() as session, pytest.raises(CashTooLittle):
        cash.take(session, reference, received=Yen(899), clerk=clerk, now=NOW)
    with unit_of_work() as session, pytest.raises(NotPaid):
        cash.end(session, reference, clerk=clerk, now=NOW)
    with unit_of_work() as session:
        taken = cash.take(session, reference, received=Yen(1000), clerk=clerk, now=NOW)
    assert (taken.total, taken.change, len(taken.receipts)) == (Yen(900), Yen(100), 2)
    with unit_of_work() as session:
        charges = cash.charges(session, services.load(session, reference))
        assert [charge.total for charge in charges] == [Yen(600), Yen(300)]
        assert cash.due(charges) == Yen(0)
        assert all(charge.sample for charge in charges)


def test_a_second_click_on_the_till_takes_nothing(koga: str, clerk: Actor) -> None:
    reference = signed(clerk)
    with unit_of_work() as session:
        cash.take(session, reference, received=Yen(1000), clerk=clerk, now=NOW)
    with unit_of_work() as session, pytest.raises(ChargeSettled):
        cash.take(session, reference, received=Yen(1000), clerk=clerk, now=NOW)


def test_cash_waits_for_the_signature(koga: str, clerk: Actor) -> None:
    reference = answered(clerk)
    with unit_of_work() as session, pytest.raises(NotSigned):
        cash.take(session, reference, received=Yen(1000), clerk=clerk, now=NOW)
    with unit_of_work() as session, pytest.raises(NotSigned):
        cash.end(session, reference, clerk=clerk, now=NOW)


def test_the_visit_ends_once_and_then_stands_still(koga: str, clerk: Actor) -> None:
    reference = signed(clerk)
    with unit_of_work() as session:
        cash.take(session, reference, received=Yen(900), clerk=clerk, now=NOW)
    for _ in range(2):
        with unit_of_work() as session:
            assert cash.end(session, reference, clerk=clerk, now=NOW).state == "done"
    with unit_of_work() as session, pytest.raises(VisitEnded):
        cash.take(session, reference, received=Yen(900), clerk=clerk, now=NOW)
    with unit_of_work() as session, pytest.raises(VisitEnded):
        papers.reopen(session, reference, clerk=clerk)


def test_who_comes_for_another_person_is_on_the_paper_beside_the_applicant(koga: str, clerk: Actor) -> None:
    reference = begin(clerk, authority=Authority.PROXY)
    whose = {
        "item-person-name": {"": ["見本 太郎"]},
        "item-person-birth-date": {"": ["昭和10年5月1日"]},
        "item-person-address": {
            "postal_code": ["306-0126"],
            "prefecture": ["茨城県"],
            "city": ["古河市"],
            "town": ["諸川"],
            "block": ["9999番地"],
        },
    }
    answer(clerk, reference, **whose)
    text = text_of(printed(clerk, reference)["resident-record"])
    assert "代理人(委任状)" in text
    assert "見本 太郎" in text
    assert "見本 花子" in text
    assert "茨城県古河市東本町九丁目99番99号" in text, "the visitor's own address stands with the visitor"


def test_every_step_is_in_the_audit_log_with_the_clerk(koga: str, clerk: Actor) -> None:
    reference = signed(clerk)
    with unit_of_work() as session:
        cash.take(session, reference, received=Yen(900), clerk=clerk, now=NOW)
        cash.end(session, reference, clerk=clerk, now=NOW)
    with unit_of_work() as session:
        papers.content(session, reference, "resident-record", clerk=clerk)
    with unit_of_work() as session:
        found = session.execute(
            select(AuditEntry.action, AuditEntry.actor_account_id)
            .where(AuditEntry.subject_ref == reference)
            .order_by(AuditEntry.id)
        ).all()
    assert [action for action, _account in found] == [
        "visit.open", "visit.card_read", "visit.answer", "visit.print", "visit.sign", "visit.cash", "visit.end", "visit.paper_read",
    ]  # fmt: skip
    assert {account for _action, account in found} == {clerk.account_id}
