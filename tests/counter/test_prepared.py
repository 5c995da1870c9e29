"""Prepared at home, finished at the counter: the number is typed, what changes stays apart, and wrong numbers say why."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.case_models import CounterChange
from forms.counter import cash, papers, prepared, services
from forms.counter.bundle import questions
from forms.counter.errors import (
    AlreadyPulled,
    AnotherPerson,
    IdentityNotProved,
    NoSuchPreparation,
    NotPrepared,
    PreparationExpired,
    SameProcedure,
    VisitEnded,
)
from forms.counter.models import Authority, VisitItem
from forms.counter.samples import SimulatedReader
from forms.jobs import tidy_drafts
from forms.models import Application, IssuedDocument
from forms.services import casework, filing
from forms.services.common import AtTheCounter, OwnCase
from forms.states import Outcome
from portal.accounts.models import Account
from portal.accounts.proofs import Proof
from portal.kernel import clock
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import transact, unit_of_work
from portal.kernel.files import get
from portal.kernel.money import Yen
from tests import people
from tests.conftest import Mailbox
from tests.counter.conftest import OFFICE
from tests.counter.test_journey import printed, text_of
from tests.forms.conftest import draft, resident, reviewed

PERSON = {
    "name": "見本 花子",
    "kana": "ミホン ハナコ",
    "address.postal_code": "306-0013",
    "address.prefecture": "茨城県",
    "address.city": "古河市",
    "address.town": "東本町",
    "address.block": "九丁目99番98号",
    "phone": "0280-99-9999",
}
REGISTER = {
    "domicile": "古河市下大野2248番地",
    "head": "見本 太郎",
    "relation": "self",
    "whole": "all",
    "purpose": "",
    "copies": "2",
}
FUHYO = "family-register-addresses"


@pytest.fixture
def hanako(koga: str) -> Account:
    return people.make_resident()


@pytest.fixture
def number(hanako: Account) -> str:
    """What はなこ prepared at home, by its number."""
    return prepare(hanako)


def prepare(account: Account, name: str = "見本 花子") -> str:
    key = draft(account, FUHYO, {"person": {**PERSON, "name": name}, "register": REGISTER})
    sha256 = reviewed(key)
    with unit_of_work() as session:
        made = filing.prepare(session, key=key, reviewed_sha256=sha256, actor=resident(account), now=clock.now())
        return str(made.reference)


def pull(clerk: Actor, number: str, **more: object) -> str:
    with unit_of_work() as session:
        visit = prepared.pull(session, number, clerk=clerk, now=clock.now(), office=OFFICE, **more)  # type: ignore[arg-type]
        return visit.reference


def card(clerk: Actor, visit: str, who: str = "hanako", *, same_person: bool = False) -> None:
    facts = SimulatedReader(who).read(None, now=clock.now())
    with unit_of_work() as session:
        services.take_facts(session, visit, facts=facts, clerk=clerk, now=clock.now(), same_person=same_person)


def change(clerk: Actor, visit: str, **typed: str) -> None:
    with unit_of_work() as session:
        wanted = {f"{FUHYO}--{field_id}": {"": [text]} for field_id, text in typed.items()}
        names = {
            q.name: wanted[f"{FUHYO}--{q.spec.id}"]
            for q in questions(services.cases(session, services.load(session, visit)), again=True)
            if f"{FUHYO}--{q.spec.id}" in wanted
        }
        done = services.answer(session, visit, typed=names, asked=list(names), clerk=clerk, now=clock.now())
        assert not done.problems


def changes(session: Session) -> dict[str, tuple[object, object, str, int]]:
    rows = session.scalars(select(CounterChange)).all()
    return {row.field_id: (row.before, row.after, row.source, row.entered_by) for row in rows}


def finish(clerk: Actor, visit: str) -> bytes:
    content = printed(clerk, visit)[FUHYO]
    with unit_of_work() as session:
        papers.sign(session, visit, seen=[Proof.LICENCE], clerk=clerk, now=clock.now())
    return content


def test_what_was_prepared_is_finished_without_asking_anything_again(
    hanako: Account, number: str, clerk: Actor, session: Session
) -> None:
    visit = pull(clerk, number)
    with unit_of_work() as own:
        assert questions(services.cases(own, services.load(own, visit))) == ()
    paper = text_of(finish(clerk, visit))
    assert number in paper
    assert "家で準備" in paper
    found = session.scalars(select(Application)).one()
    assert (found.reference, found.state, found.channel) == (number, "filed", "counter"), "the number stays"
    assert (found.typed_by, found.filed_by_account_id) == ("applicant", clerk.account_id)
    assert (found.applicant_person_id, found.owner_account_id) == (hanako.person_id, hanako.id)
    assert (found.filed_at, found.prepared_until) == (clock.now(), None)
    assert changes(session) == {}
    with unit_of_work() as own:
        taken = cash.take(own, visit, received=Yen(1000), clerk=clerk, now=clock.now())
    assert (taken.total, taken.change) == (Yen(600), Yen(400))


def test_changed_answers_stay_apart_from_what_was_prepared_with_who_typed_them(
    number: str, clerk: Actor, session: Session, run_jobs: Callable[[], None]
) -> None:
    visit = pull(clerk, number)
    card(clerk, visit)
    change(clerk, visit, copies="3", purpose="相続")
    change(clerk, visit, purpose="")
    paper = text_of(finish(clerk, visit))
    assert "窓口で直した(家で準備: 2通)" in paper
    found = changes(session)
    assert found["copies"] == (2, 3, "answer", clerk.account_id)
    assert found["address"][2] == "sample-card"
    assert found["address"][0] != found["address"][1]
    assert set(found) == {"copies", "address"}, "who comes back to the prepared answer changed nothing"
    case = session.scalars(select(Application)).one()
    assert case.filings[0].answers["copies"] == 3
    run_jobs()
    session.expire_all()
    made = session.scalars(select(IssuedDocument)).one()
    assert made.file_id is not None
    form = "\n".join(p.extract_text() for p in PdfReader(io.BytesIO(get(session, made.file_id).content)).pages)
    for expected in ("窓口で直したところ", "2通", "3通", "運転免許証", "申請する人(家で準備)", "窓口の職員"):
        assert expected in form, expected


def test_what_was_looked_at_is_on_record_and_one_paper_without_a_photograph_is_not_enough(
    number: str, clerk: Actor, session: Session
) -> None:
    visit = pull(clerk, number)
    printed(clerk, visit)
    for seen in ([], [Proof.INSURANCE], [Proof.INSURANCE, Proof.INSURANCE]):
        with pytest.raises(IdentityNotProved), unit_of_work() as own:
            papers.sign(own, visit, seen=seen, clerk=clerk, now=clock.now())
    with unit_of_work() as own:
        papers.sign(own, visit, seen=[Proof.PENSION, Proof.INSURANCE], clerk=clerk, now=clock.now())
    found = services.load(session, visit)
    assert found.identity_seen == ["insurance", "pension"]
    assert (found.identity_by, found.identity_at) == (clerk.account_id, clock.now())
    event = next(e for e in session.scalars(select(Application)).one().events if e.action == "identity_seen")
    assert (event.actor_account_id, event.reason) == (clerk.account_id, "健康保険の資格確認書、年金の手帳・証書")
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_ref == visit)).all()
    assert actions == ["visit.pull", "visit.print", "visit.sign"]


def test_who_typed_at_the_counter_never_decides_it(number: str, clerk: Actor) -> None:
    visit = pull(clerk, number)
    finish(clerk, visit)
    reviewer = Actor(people.make_staff("reviewer", "citizen-counter").id, "staff")
    with unit_of_work() as own:
        cash.take(own, visit, received=Yen(600), clerk=clerk, now=clock.now())
        casework.accept(own, reference=number, actor=reviewer, revision=None, now=clock.now())
    facts = {"reference": number, "outcome": Outcome.GRANTED, "reasons": None, "revision": None, "now": clock.now()}
    with pytest.raises(OwnCase), unit_of_work() as own:
        casework.decide(own, actor=clerk, **facts)  # type: ignore[arg-type]
    with unit_of_work() as own:
        casework.decide(own, actor=reviewer, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("typed", ["", "A-0000-0000-0", "A-7K3F-92QX-4", "K-7K3F-92QX-5", "いちばん"])
def test_a_wrong_number_opens_nothing(koga: str, clerk: Actor, typed: str) -> None:
    with pytest.raises(NoSuchPreparation):
        pull(clerk, typed)


def test_the_code_the_number_and_every_way_of_typing_it_are_the_same(number: str) -> None:
    flat = number.lower().replace("-", " ")
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number.replace("-", ""))
    address = f"https://madoguchi.example/applications/{number}"
    assert {prepared.number_of(typed) for typed in (number, flat, wide, address, f" {address}?x=1 ")} == {number}


def test_filed_and_given_up_numbers_say_so(number: str, hanako: Account, clerk: Actor) -> None:
    visit = pull(clerk, number)
    finish(clerk, visit)
    with pytest.raises(NotPrepared) as refused:
        pull(clerk, number)
    assert refused.value.filed_at == clock.now()
    other = prepare(hanako)
    with unit_of_work() as own:
        casework.withdraw(own, reference=other, actor=resident(hanako), now=clock.now())
    with pytest.raises(NotPrepared) as refused:
        pull(clerk, other)
    assert refused.value.filed_at is None


def test_of_two_clerks_at_once_one_gets_it_and_the_other_is_told_which_visit_has_it(
    number: str, clerk: Actor, session: Session
) -> None:
    colleague = Actor(people.make_staff("counter", email="other-clerk@example.jp").id, "staff")
    start, got, refused = threading.Barrier(8), [], []

    def take(who: Actor) -> None:
        start.wait()
        try:
            got.append(
                transact(lambda own: prepared.pull(own, number, clerk=who, now=clock.now(), office=OFFICE).reference)
            )
        except AlreadyPulled as other:
            refused.append(other.visit)

    threads = [threading.Thread(target=take, args=(who,)) for who in (clerk, colleague) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert refused == got * 7
    assert len(session.scalars(select(VisitItem)).all()) == 1


def test_a_card_of_somebody_else_takes_nothing_until_the_clerk_says_that_it_is_the_same_person(
    hanako: Account, clerk: Actor, session: Session
) -> None:
    visit = pull(clerk, prepare(hanako, name="見本 華子"))
    with pytest.raises(AnotherPerson) as refused:
        card(clerk, visit)
    assert (refused.value.card, refused.value.prepared) == ("見本 花子", "見本 華子")
    with unit_of_work() as own:
        assert services.load(own, visit).card_facts() == []
    card(clerk, visit, same_person=True)
    assert changes(session)["name"] == ("見本 華子", "見本 花子", "sample-card", clerk.account_id)


def test_the_card_may_be_read_first(number: str, hanako: Account, clerk: Actor) -> None:
    with unit_of_work() as own:
        visit = services.open_visit(
            own, slugs=["resident-record"], office=OFFICE, clerk=clerk, now=clock.now()
        ).reference
    card(clerk, visit, "watanabe")
    with pytest.raises(AnotherPerson):
        pull(clerk, number, into=visit)
    pull(clerk, number, into=visit, same_person=True)
    with pytest.raises(AlreadyPulled):
        pull(clerk, number)
    with pytest.raises(SameProcedure):
        pull(clerk, prepare(hanako), into=visit)


def test_another_card_gives_the_prepared_answer_back(number: str, clerk: Actor, session: Session) -> None:
    """What an earlier card said and the next one does not say is what was prepared at home."""
    visit = pull(clerk, number)
    card(clerk, visit)
    assert set(changes(session)) == {"address"}
    card(clerk, visit, "watanabe", same_person=True)
    session.expire_all()
    assert {"name", "address"} <= set(changes(session))


def test_who_comes_for_somebody_else_shows_their_own_card(number: str, clerk: Actor, session: Session) -> None:
    visit = pull(clerk, number, authority=Authority.PROXY)
    card(clerk, visit, "watanabe")
    paper = text_of(finish(clerk, visit))
    assert "代理人(委任状)" in paper
    assert "渡邊" in paper
    case = session.scalars(select(Application)).one()
    assert (case.applicant_name, case.on_behalf) == ("見本 花子", "proxy")


def test_a_visit_called_off_leaves_everything_as_it_was_prepared(
    number: str, clerk: Actor, hanako: Account, session: Session
) -> None:
    visit = pull(clerk, number, authority=Authority.FAMILY)
    change(clerk, visit, copies="9")
    with pytest.raises(AtTheCounter), unit_of_work() as own:
        casework.withdraw(own, reference=number, actor=resident(hanako), now=clock.now())
    with unit_of_work() as own:
        services.cancel(own, visit, clerk=clerk, now=clock.now())
    case = session.scalars(select(Application)).one()
    assert case.draft is not None
    assert (case.state, case.channel, case.on_behalf) == ("prepared", "online", None)
    assert case.draft.answers["copies"] == 2
    assert changes(session) == {}
    finish(clerk, pull(clerk, number))


def test_one_of_two_can_be_let_go(number: str, clerk: Actor, session: Session) -> None:
    visit = pull(clerk, number)
    with pytest.raises(VisitEnded), unit_of_work() as own:
        prepared.release(own, visit, FUHYO, clerk=clerk, now=clock.now())
    with unit_of_work() as own:
        other = services.open_visit(own, slugs=["seal-certificate"], office=OFFICE, clerk=clerk, now=clock.now())
        second = other.reference
    with unit_of_work() as own:
        services.cancel(own, visit, clerk=clerk, now=clock.now())
    pull(clerk, number, into=second)
    with unit_of_work() as own:
        prepared.release(own, second, FUHYO, clerk=clerk, now=clock.now())
    assert [item.slug for item in services.load(session, second).items] == ["seal-certificate"]
    pull(clerk, number)


def test_a_preparation_ends_after_its_last_day_and_its_words_go(
    number: str, clerk: Actor, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    until = session.scalars(select(Application.prepared_until)).one()
    assert until is not None
    clock_at(f"{until} 23:59")
    tidy_drafts(0)
    with unit_of_work() as own:
        services.cancel(own, pull(clerk, number), clerk=clerk, now=clock.now())
    clock_at(f"{until.replace(day=until.day + 1)} 00:01")
    with pytest.raises(PreparationExpired) as refused:
        pull(clerk, number)
    assert refused.value.until == until
    tidy_drafts(0)
    tidy_drafts(0)
    session.expire_all()
    case = session.scalars(select(Application)).one()
    assert (case.state, case.draft, case.applicant_name) == ("withdrawn", None, None)
    with pytest.raises(PreparationExpired):
        pull(clerk, number)


def test_the_mail_says_the_number_and_brings_the_slip_with_its_code(
    number: str, run_jobs: Callable[[], None], mailbox: Mailbox
) -> None:
    run_jobs()
    (mail,) = mailbox.to("hanako@example.jp")
    body = mail.get_body(("plain",))
    assert body is not None
    assert number in body.get_content()
    assert "期限" in body.get_content()
    (slip,) = mail.iter_attachments()
    assert (slip.get_content_type(), slip.get_filename()) == ("application/pdf", f"{number}.pdf")
    text = text_of(slip.get_content())
    assert number in text
    assert "本人確認ができるもの" in text
    assert "下大野" not in text, "no answers on what lies on a table"
