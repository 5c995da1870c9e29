"""Protected persons (CASES A10), acting for somebody in the open (A11), arrival and days (A4, A5), a decision unread (A8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.case_models import ProtectionAlarm
from forms.deadlines import due_on, moved
from forms.definition.procedure import StandardDays
from forms.models import ApplicationDraft, IssuedDocument
from forms.services import protection
from forms.services.common import ReasonMissing
from forms.states import Outcome
from forms.vocabulary import Known
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from tests import people
from tests.conftest import Mailbox
from tests.forms.conftest import STEPS, case, fields, filed, sha_on, staff
from tests.forms.test_review_pages import accept, ask, decide, pay, text_of

FATHER = replace(people.HANAKO, name="古河 太郎", kana="コガ タロウ", block="9-9", phone="0280-22-0000")


@pytest.fixture
def father(koga: str) -> Account:
    return people.make_resident(email="father@example.jp", facts=FATHER)


@pytest.fixture
def head(koga: str) -> Account:
    return people.make_staff(Role.APPROVER, "citizen-counter", email="head@example.jp")


def give(client: FlaskClient, principal: Account, *slugs: str, until: str = "2027年3月31日") -> int:
    people.sign_in(client, principal)
    sent = {"email": "hanako@example.jp", "relation": "娘", "procedure": list(slugs), "until": until}
    return people.post(client, "/my/delegations", sent).status_code


def test_a11_a_daughter_acts_for_her_father_in_the_open(
    client: FlaskClient, hanako: Account, father: Account, reviewer: Account, session: Session,
    run_jobs: Callable[[], None], mailbox: Mailbox,
) -> None:  # fmt: skip
    assert give(client, father) == 422, "never for everything"
    assert give(client, father, "dog-registration", until="2030年1月1日") == 422, "never for ever"
    assert give(client, father, "dog-registration") == 303
    people.sign_in(client, hanako)
    assert "古河 太郎 さんの代理" in client.get("/apply/dog-registration").get_data(as_text=True)
    assert "さんの代理" not in client.get("/apply/bulky-waste").get_data(as_text=True)
    assert people.post(client, "/apply/bulky-waste", {"for": "1"}).status_code == 404
    begun = people.location(people.post(client, "/apply/dog-registration", {"for": "1"}))
    assert session.scalars(select(ApplicationDraft)).one().answers["owner_name"] == "古河 太郎"
    assert client.get(begun).status_code == 200
    for values in STEPS.values():
        begun = people.location(people.post(client, begun, fields({**values})))
    made = people.post(client, begun, {"sha256": sha_on(client.get(begun))})
    reference = people.location(made).rpartition("/")[2]
    found = case(session, reference)
    assert (found.applicant_person_id, found.owner_account_id) == (father.person_id, father.id)
    assert (found.filed_by_account_id, found.acting_name, found.on_behalf) == (hanako.id, "古河 花子", "娘")
    run_jobs()
    paper = session.scalars(select(IssuedDocument)).one()
    assert "代理 古河 花子(娘)" in text_of(client.get(f"/applications/{reference}/documents/{paper.id}").data)
    assert "古河 花子" in mailbox.to("hanako@example.jp")[-1].get_content()
    acts = session.scalars(select(AuditEntry.actor_account_id).where(AuditEntry.action == "application.file")).all()
    assert acts == [hanako.id]
    people.sign_in(client, reviewer)
    assert "代理で申請した人" in client.get(f"/staff/applications/{reference}").get_data(as_text=True)
    people.sign_in(client, father)
    assert "古河 花子" in client.get(f"/applications/{reference}").get_data(as_text=True)
    assert people.post(client, "/my/delegations/1/end").status_code == 303
    people.sign_in(client, hanako)
    assert client.get(f"/applications/{reference}").status_code == 404, "it ended: she sees nothing any more"
    assert reference not in client.get("/applications").get_data(as_text=True)
    assert people.post(client, "/my/delegations/1/end").status_code == 404


def test_a11_every_page_says_for_whom_somebody_acts(client: FlaskClient, hanako: Account, father: Account) -> None:
    assert give(client, father, "dog-registration") == 303
    people.sign_in(client, hanako)
    assert 'href="/my/delegations"' in client.get("/my").get_data(as_text=True)
    held = client.get("/my/delegations").get_data(as_text=True)
    assert "あなたの間がら: 娘" in held, "not 古河 太郎(娘): he is not the daughter"
    assert "古河 太郎(娘)" not in held
    assert 'href="/apply/dog-registration"' in held
    begun = people.location(people.post(client, "/apply/dog-registration", {"for": "1"}))
    for values in STEPS.values():
        assert "古河 太郎 さんの代理として書いています" in client.get(begun).get_data(as_text=True)
        begun = people.location(people.post(client, begun, fields({**values})))
    review = client.get(begun)
    assert "古河 太郎 さんの代理として書いています" in review.get_data(as_text=True)
    people.post(client, begun, {"sha256": sha_on(review)})
    assert "古河 太郎 さんの代理" in client.get("/applications").get_data(as_text=True)
    people.sign_in(client, father)
    assert "代理で申請した人: 古河 花子" in client.get("/applications").get_data(as_text=True)


def test_a11_a_delegation_ends_by_its_day(
    client: FlaskClient, hanako: Account, father: Account, clock_at: Callable[[str], datetime]
) -> None:
    assert give(client, father, "dog-registration", until="2026年11月30日") == 303
    people.sign_in(client, hanako)
    clock_at("2026-11-30 23:59")
    begun = people.location(people.post(client, "/apply/dog-registration", {"for": "1"}))
    assert client.get(begun).status_code == 200
    clock_at("2026-12-01 00:00")
    assert client.get(begun).status_code == 404
    assert people.post(client, "/apply/dog-registration", {"for": "1"}).status_code == 404


def test_a10_online_and_proxy_requests_for_a_protected_person_are_stopped_without_telling_why(
    client: FlaskClient, hanako: Account, father: Account, stranger: Account, head: Account, session: Session,
    run_jobs: Callable[[], None], mailbox: Mailbox,
) -> None:  # fmt: skip
    """はなこ has left her father's home (9-9); he may not learn where she lives."""
    assert give(client, father, "dog-registration") == 303
    people.sign_in(client, hanako)
    sent = {"email": "father@example.jp", "relation": "父", "procedure": ["dog-registration"], "until": "2027年3月31日"}
    assert people.post(client, "/my/delegations", sent).status_code == 303
    people.sign_in(client, head)
    entry = {"email": "hanako@example.jp", "postal_code": "306-0033", "block": "9-9", "until": "2027年11月24日"}
    assert people.post(client, "/staff/protections", entry).status_code == 303
    stopped = []
    people.sign_in(client, father)
    assert people.post(client, "/apply/dog-registration", {"for": "2"}).status_code == 404, "his delegation has ended"
    stopped.append(people.post(client, "/apply/resident-record"))
    people.sign_in(client, hanako)
    stopped.append(people.post(client, "/apply/resident-record"))
    for answer in stopped:
        assert answer.status_code == 403
        page = answer.get_data(as_text=True)
        assert "オンラインでは受け付けられません" in page
        assert "支援" not in page
        assert "保護" not in page
    assert people.post(client, "/apply/dog-registration").status_code == 303, "her own other affairs go on"
    people.sign_in(client, stranger)
    assert people.post(client, "/apply/resident-record").status_code == 303, "of another home"
    assert len(session.scalars(select(ProtectionAlarm)).all()) == 2
    run_jobs()
    assert "支援措置" in mailbox.to("head@example.jp")[-1]["Subject"]
    assert "花子" not in mailbox.to("head@example.jp")[-1].get_content()


def test_a10_a_second_household_comes_beside_the_first(
    client: FlaskClient, hanako: Account, head: Account, session: Session
) -> None:
    people.sign_in(client, head)
    entry = {"email": "hanako@example.jp", "postal_code": "306-0033", "until": "2027年11月24日"}
    for block in ("9-9", "8-8", ""):
        assert people.post(client, "/staff/protections", {**entry, "block": block}).status_code == 303
    [live] = protection.all_live(session, now=clock.now())
    assert live.households == ["3060033|8-8", "3060033|9-9"]
    assert "住所を知られてはいけない世帯: 2" in client.get("/staff/protections").get_data(as_text=True)


def test_a10_every_look_alarms_and_no_page_of_another_household_holds_the_address(
    client: FlaskClient, hanako: Account, father: Account, reviewer: Account, head: Account, session: Session
) -> None:
    reference = filed(hanako)
    with unit_of_work() as own:
        protection.protect(
            own, person_id=hanako.person_id or 0, households=["3060033|9-9"], until=date(2027, 1, 1),
            actor=staff(head), now=clock.now(),
        )  # fmt: skip
        address = Known("person.address", {"postal_code": "3060033", "block": "１－２－３"}, "application", clock.now())
        assert protection.without_protected(own, [address], person_id=father.person_id, now=clock.now()) == ()
        assert protection.without_protected(own, [address], person_id=hanako.person_id, now=clock.now()) == (address,)
    people.sign_in(client, father)
    assert client.get(f"/applications/{reference}").status_code == 404
    people.sign_in(client, reviewer)
    assert "支援措置の対象" in client.get(f"/staff/applications/{reference}").get_data(as_text=True)
    client.get(f"/staff/applications/{reference}")
    assert len(session.scalars(select(ProtectionAlarm)).all()) == 2
    people.sign_in(client, head)
    page = client.get("/staff/protections").get_data(as_text=True)
    assert "記録が見られました" in page
    assert "2026年11月25日(水)から / 入れた人: " + head.display_name in page
    assert "住所を知られてはいけない世帯: 1" in page
    assert "花子" not in page


def test_a4_the_arrival_is_kept_to_the_second_and_a_missed_correction_ends_by_a_person_with_reasons(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session, run_jobs: Callable[[], None],
    clock_at: Callable[[str], datetime],
) -> None:  # fmt: skip
    arrived = clock_at("2026-11-30 23:59:59")
    reference = filed(hanako)
    pay(session, reference)
    clock_at("2026-12-01 00:03")
    run_jobs()
    assert case(session, reference).filed_at == arrived
    assert case(session, reference).due_on == date(2026, 12, 7), "five working days from 30 November"
    people.sign_in(client, hanako)
    paper = next(d for d in case(session, reference).documents if d.kind == "application")
    stamped = text_of(client.get(f"/applications/{reference}/documents/{paper.id}").data)
    assert "令和8年11月30日" in stamped
    assert "23:59" in stamped
    assert "12月1日" not in stamped, "made at 0:03, arrived the day before"
    ask(reference, reviewer, ("dog_kind", "くわしく"))
    clock_at("2027-06-01 09:00")
    run_jobs()
    session.expire_all()
    assert case(session, reference).state == "correction_asked", "nothing ends it but a person"
    accept(reference, reviewer)
    with pytest.raises(ReasonMissing):
        decide(reference, staff(reviewer), Outcome.REFUSED)
    decide(reference, staff(reviewer), Outcome.REFUSED, "期限までに直されませんでした。")
    session.expire_all()
    found = case(session, reference)
    assert found.filed_at == arrived
    assert found.decision is not None
    assert "審査請求" in (found.decision.remedy or "")


def test_a5_periods_count_in_the_procedures_own_kind_of_days() -> None:
    friday = date(2026, 12, 25)
    assert due_on(friday, StandardDays(days=5, kind="calendar")) == date(2026, 12, 30)
    assert due_on(friday, StandardDays(days=5, kind="working")) == date(2027, 1, 7), (
        "29 December to 3 January are closed"
    )


def test_every_case_has_a_due_day_and_only_a_standard_period_is_told_to_the_applicant() -> None:
    friday = date(2026, 12, 25)
    assert due_on(friday, None) == date(2027, 1, 15), "ten working days; 11 January is a holiday"
    assert moved(date(2027, 1, 14), None, asked=date(2027, 1, 12), answered=date(2027, 1, 14)) == date(2027, 1, 18)


def test_a6_conditions_on_a_grant_come_with_the_remedy(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    reference = filed(hanako)
    pay(session, reference)
    accept(reference, reviewer)
    decide(reference, staff(reviewer), Outcome.GRANTED, "首輪に鑑札をつけること。")
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{reference}").get_data(as_text=True)
    assert "首輪に鑑札をつけること。" in page
    assert "審査請求" in page


def test_a8_an_unread_decision_has_arrived_and_is_not_known(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    reference = filed(hanako)
    accept(reference, reviewer)
    decided = clock_at("2026-12-01 09:00")
    decide(reference, staff(reviewer), Outcome.REFUSED, "理由")
    people.sign_in(client, reviewer)
    client.get(f"/staff/applications/{reference}")
    found = case(session, reference)
    assert found.decision is not None
    assert (found.decision.decided_at, found.decision.known_at) == (decided, None)
    known = clock_at("2026-12-20 21:00")
    people.sign_in(client, hanako)
    client.get(f"/applications/{reference}")
    clock_at("2026-12-21 21:00")
    client.get(f"/applications/{reference}")
    session.expire_all()
    found = case(session, reference)
    assert found.decision is not None
    assert (found.decision.decided_at, found.decision.known_at) == (decided, known)
