"""A visit: nothing is written twice, every value keeps its source, a correction has its reason."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.counter import services
from forms.counter.bundle import questions
from forms.counter.errors import BadCorrection, NothingChosen, VisitEnded
from forms.counter.models import Authority, Visit
from forms.counter.samples import SimulatedReader
from portal.accounts.models import Account
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from tests.counter.conftest import OFFICE

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
BOTH = ("resident-record", "seal-certificate")


def begin(
    clerk: Actor, slugs: Sequence[str] = BOTH, authority: Authority = Authority.SELF, card: str = "hanako"
) -> str:
    with unit_of_work() as session:
        visit = services.open_visit(session, slugs=slugs, office=OFFICE, clerk=clerk, now=NOW, authority=authority)
        reference = visit.reference
    if card:
        read(clerk, reference, card)
    return reference


def read(clerk: Actor, reference: str, card: str) -> None:
    facts = SimulatedReader(card).read(None, now=NOW)
    with unit_of_work() as session:
        services.take_facts(session, reference, facts=facts, clerk=clerk, now=NOW)


def asked(session: Session, reference: str) -> list[str]:
    return [question.name for question in questions(services.cases(session, services.load(session, reference)))]


ANSWERS = {
    "item-person-kana": {"": ["ミホン ハナコ"]},
    "item-person-phone": {"": ["0280-99-9999"]},
    "resident-record--whose": {"": ["self"]},
    "resident-record--purpose": {"": ["work"]},
    "resident-record--copies": {"": ["2"]},
    "seal-certificate--copies": {"": ["1"]},
}


def test_the_card_fills_both_procedures_and_only_what_is_missing_is_asked_once(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        names = asked(session, reference)
        record, seal = services.cases(session, services.load(session, reference))
    assert names == [
        "item-person-kana",
        "item-person-phone",
        "resident-record--whose",
        "resident-record--shown",
        "resident-record--purpose",
        "resident-record--copies",
        "seal-certificate--card_number",
        "seal-certificate--copies",
    ]
    assert record.answers["name"] == seal.answers["name"] == "見本 花子"
    assert record.answers["address"]["postal_code"] == "306-0013"
    assert seal.answers["sex"] == "female"


def test_a_value_keeps_its_source_its_time_and_its_original(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        visit = services.load(session, reference)
        origin = services.applications(session, visit)["resident-record"].draft.prefill["address"]
        fact = visit.current()["person.address"]
    assert origin["source"] == "sample-card"
    assert origin["at"] == NOW.isoformat()
    assert origin["original"] == fact.original == "茨城県古河市東本町九丁目99番99号 見本ハイツ101"
    assert origin["locked"] is True
    assert fact.entered_by == clerk.account_id


def test_answers_go_to_every_procedure_and_then_nothing_is_left(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        answered = services.answer(
            session, reference, typed=ANSWERS, asked=asked(session, reference), clerk=clerk, now=NOW
        )
    assert answered.problems == {}
    assert answered.left == ()
    with unit_of_work() as session:
        record, seal = services.cases(session, services.load(session, reference))
    assert record.answers["kana"] == seal.answers["kana"] == "ミホン　ハナコ"
    assert record.answers["copies"] == 2


def test_an_answer_opens_what_stands_behind_it(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        typed = {**ANSWERS, "resident-record--whose": {"": ["member"]}}
        answered = services.answer(
            session, reference, typed=typed, asked=asked(session, reference), clerk=clerk, now=NOW
        )
    assert [question.name for question in answered.left] == ["resident-record--member_name"]


def test_a_bad_answer_is_kept_with_its_problem(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        typed = {**ANSWERS, "resident-record--copies": {"": ["十一"]}, "item-person-kana": {}}
        answered = services.answer(
            session, reference, typed=typed, asked=asked(session, reference), clerk=clerk, now=NOW
        )
    assert set(answered.problems) == {"resident-record--copies", "item-person-kana"}
    with unit_of_work() as session:
        record, _seal = services.cases(session, services.load(session, reference))
    assert record.typed["copies"] == {"": ["十一"]}


def test_a_forged_answer_to_what_the_card_said_changes_nothing(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        names = [*asked(session, reference), "item-person-name"]
        typed = {**ANSWERS, "item-person-name": {"": ["別人"]}}
        services.answer(session, reference, typed=typed, asked=names, clerk=clerk, now=NOW)
    with unit_of_work() as session:
        for case in services.cases(session, services.load(session, reference)):
            assert case.answers["name"] == "見本 花子"


def test_a_correction_needs_a_reason_and_keeps_what_the_card_said(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    moved = {
        "postal_code": ["306-0126"],
        "prefecture": ["茨城県"],
        "city": ["古河市"],
        "town": ["諸川"],
        "block": ["9999番地"],
    }
    with unit_of_work() as session, pytest.raises(BadCorrection) as refused:
        services.correct(session, reference, item="person.address", typed=moved, reason=" ", clerk=clerk, now=NOW)
    assert refused.value.reason_missing
    with unit_of_work() as session:
        services.correct(
            session,
            reference,
            item="person.address",
            typed=moved,
            reason="引っ越したばかりのため",
            clerk=clerk,
            now=NOW,
        )
    with unit_of_work() as session:
        visit = services.load(session, reference)
        origin = services.applications(session, visit)["resident-record"].draft.prefill["address"]
        sources = [(fact.source, fact.current) for fact in visit.facts if fact.item == "person.address"]
    assert origin["value"]["town"] == "諸川"
    assert origin["original"] == "茨城県古河市東本町九丁目99番99号 見本ハイツ101"
    assert origin["reason"] == "引っ越したばかりのため"
    assert sources == [("sample-card", False), ("correction", True)]


def test_a_bad_value_is_no_correction(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    for typed in ({"": ["令和元年13月1日"]}, {"": [""]}):
        with unit_of_work() as session, pytest.raises(BadCorrection) as refused:
            services.correct(
                session, reference, item="person.birth_date", typed=typed, reason="誤り", clerk=clerk, now=NOW
            )
        assert refused.value.problems


def test_an_address_that_is_not_whole_is_shown_and_asked(koga: str, clerk: Actor) -> None:
    reference = begin(clerk, card="unknown-birth")
    with unit_of_work() as session:
        names = asked(session, reference)
        record, _seal = services.cases(session, services.load(session, reference))
    assert {"item-person-address", "item-person-birth-date"} <= set(names)
    assert record.typed["address"]["prefecture"] == ["茨城県"]
    assert "address" not in record.answers


def test_another_card_takes_the_place_of_the_first_and_leaves_nothing_of_it(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    read(clerk, reference, "unknown-birth")
    with unit_of_work() as session:
        for case in services.cases(session, services.load(session, reference)):
            assert case.answers["name"] == "見本 年三"
            assert "birth_date" not in case.answers
            assert "1961" not in str(case.typed)


def test_who_comes_for_somebody_else_fills_nothing_of_theirs(koga: str, clerk: Actor) -> None:
    reference = begin(clerk, authority=Authority.FAMILY)
    with unit_of_work() as session:
        visit = services.load(session, reference)
        for application in services.applications(session, visit).values():
            assert set(application.draft.typed) <= {"comes", "agent_name"}
            assert "東本町" not in str(application.draft.answers)
            assert application.on_behalf == "family"
            assert application.typed_by == "staff"
        assert visit.current()["person.name"].value == "見本 花子"
        assert "item-person-address" in asked(session, reference)
        _record, seal = services.cases(session, visit)
        assert (seal.answers["comes"], seal.answers["agent_name"]) == ("other", "見本 花子")


def test_every_character_of_a_name_arrives(koga: str, clerk: Actor) -> None:
    reference = begin(clerk, card="watanabe")
    with unit_of_work() as session:
        record, _seal = services.cases(session, services.load(session, reference))
    assert record.answers["name"] == "渡邊\U000e0109 神\ufa19太郎"
    assert record.answers["address"]["building"] == "見本𠮷野荘203"


@pytest.mark.parametrize("slugs", [(), ("dog-registration",)])
def test_a_visit_is_for_what_the_counter_offers(koga: str, clerk: Actor, slugs: tuple[str, ...]) -> None:
    with unit_of_work() as session, pytest.raises(NothingChosen):
        services.open_visit(session, slugs=slugs, office=OFFICE, clerk=clerk, now=NOW)


def test_who_leaves_leaves_nothing_behind(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        services.cancel(session, reference, clerk=clerk, now=NOW)
    with unit_of_work() as session:
        visit = services.load(session, reference)
        assert (visit.state, visit.facts, visit.items) == ("cancelled", [], [])
    with unit_of_work() as session, pytest.raises(VisitEnded):
        services.take_facts(
            session, reference, facts=SimulatedReader("hanako").read(None, now=NOW), clerk=clerk, now=NOW
        )


def test_the_audit_log_names_the_clerk_and_no_personal_value(koga: str, clerk: Actor) -> None:
    reference = begin(clerk)
    with unit_of_work() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_ref == reference)).all()
    assert [entry.action for entry in entries] == ["visit.open", "visit.card_read"]
    assert {entry.actor_account_id for entry in entries} == {clerk.account_id}
    assert "見本" not in str([(entry.detail, entry.purpose) for entry in entries])


def test_an_unknown_visit_is_not_found(koga: str, clerk: Actor) -> None:
    with unit_of_work() as session, pytest.raises(NotFound):
        services.load(session, "K-0000-0000-0")
    with unit_of_work() as session:
        assert session.scalar(select(Visit)) is None
        assert session.get(Account, clerk.account_id) is not None
