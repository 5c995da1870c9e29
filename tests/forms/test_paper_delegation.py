"""Somebody without an account lets another act for them before a clerk; it ends at their wish (CASES A11)."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.case_models import Delegation, ProtectionAlarm
from forms.models import ApplicationDraft
from forms.services import protection
from portal.accounts.models import Account, Person, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import staff

PAPER = {
    "name": "古河 太郎",
    "kana": "コガ タロウ",
    "birth_date": "昭和20年1月1日",
    "phone": "0280-22-0000",
    "postal_code": "306-0033",
    "prefecture": "茨城県",
    "city": "古河市",
    "town": "中央町",
    "block": "9-9",
    "building": "",
    "delegate": "hanako@example.jp",
    "relation": "娘",
    "slugs": ["dog-registration"],
    "until": "2027年3月31日",
    "seen": ["licence"],
    "signed": "y",
}


@pytest.fixture
def clerk(koga: str, client: FlaskClient) -> Account:
    """A clerk, signed in."""
    found = people.make_staff(Role.COUNTER, email="typist@example.jp")
    people.sign_in(client, found)
    return found


def test_a11_a_person_without_an_account_authorises_somebody_before_a_clerk_and_ends_it(
    client: FlaskClient, hanako: Account, clerk: Account, session: Session
) -> None:
    where = "/staff/delegations"
    for wrong, words in (
        ({"seen": ["pension"]}, "ほかの書類を2つ"),
        ({"seen": []}, "本人確認で見たもの"),
        ({"delegate": "nobody@example.jp"}, "この人は登録していません"),
        ({"until": "2030年1月1日"}, "1年以内"),
        ({"slugs": []}, "まかせる手続き"),
        ({"signed": ""}, "委任状"),
    ):
        page = people.post(client, where, PAPER | wrong)
        assert (page.status_code, words in page.get_data(as_text=True)) == (422, True), wrong
    assert session.scalars(select(Delegation)).all() == []
    assert people.post(client, where, PAPER).status_code == 303
    made = session.scalars(select(Delegation)).one()
    assert (made.agreed_how, made.agreed_by, made.identity_seen) == ("paper", clerk.id, ["licence"])
    principal = session.get_one(Person, made.principal_person_id)
    assert (principal.name, principal.source, principal.email) == ("古河 太郎", "counter", None)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "delegation.give")).one()
    assert (entry.actor_account_id, entry.detail["seen"], entry.detail["how"]) == (clerk.id, ["licence"], "paper")
    listed = client.get(f"{where}?q=太郎").get_data(as_text=True)
    for words in ("古河 太郎", "古河 花子(娘)", "運転免許証", "犬の登録"):
        assert words in listed, words
    assert "紙の代理はありません" in client.get(f"{where}?q=宇宙").get_data(as_text=True)

    people.sign_in(client, hanako)
    assert "古河 太郎 さんの代理" in client.get("/apply/dog-registration").get_data(as_text=True)
    begun = people.location(people.post(client, "/apply/dog-registration", {"for": str(made.id)}))
    assert session.scalars(select(ApplicationDraft)).one().answers["owner_name"] == "古河 太郎"
    assert client.get(begun).status_code == 200
    assert people.post(client, f"{where}/{made.id}/end").status_code in {403, 404}, "staff only"

    people.sign_in(client, clerk)
    assert people.post(client, f"{where}/{made.id}/end").status_code == 303
    people.sign_in(client, hanako)
    assert "さんの代理" not in client.get("/apply/dog-registration").get_data(as_text=True)
    assert client.get(begun).status_code == 404
    ended = session.scalars(select(AuditEntry).where(AuditEntry.action == "delegation.end")).one()
    assert ended.actor_account_id == clerk.id


def test_a11_a_second_paper_of_the_same_person_makes_no_second_record(
    client: FlaskClient, hanako: Account, clerk: Account, session: Session
) -> None:
    before = len(session.scalars(select(Person)).all())
    for slugs in (["dog-registration"], ["bulky-waste"]):
        assert people.post(client, "/staff/delegations", PAPER | {"slugs": slugs}).status_code == 303
    session.expire_all()
    assert len(session.scalars(select(Person)).all()) == before + 1


def test_a11_a_namesake_born_on_the_same_day_is_never_taken_for_the_other_by_itself(
    client: FlaskClient, hanako: Account, clerk: Account, session: Session
) -> None:
    where = "/staff/delegations"
    assert people.post(client, where, PAPER).status_code == 303
    first = session.scalars(select(Delegation)).one().principal_person_id
    elsewhere = PAPER | {"block": "1-1", "phone": "0280-22-1234"}
    asked = people.post(client, where, elsewhere)
    words = asked.get_data(as_text=True)
    assert (asked.status_code, "どの人でもない" in words, "9-9" in words) == (409, True, True)
    assert 'value="new" checked' not in words, "nothing is chosen beforehand"
    asked_for = words.partition("前に来た人か")[2].partition("</legend>")[0]
    assert ("必須" in asked_for, "任意" in asked_for) == (True, False)
    assert len(session.scalars(select(Delegation)).all()) == 1, "nothing is kept before the clerk has chosen"
    looks = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.read")).all()
    assert [(each.actor_account_id, each.subject_ref) for each in looks] == [(clerk.id, str(first))]

    assert people.post(client, where, elsewhere | {"which": "new"}).status_code == 303
    session.expire_all()
    second = session.scalars(select(Delegation).order_by(Delegation.id.desc())).first()
    assert second is not None
    assert second.principal_person_id != first
    assert session.get_one(Person, second.principal_person_id).block == "1-1"
    # Whoever moved: the clerk says that they are the person on record, which stays as it is.
    moved = PAPER | {"block": "2-2"}
    assert people.post(client, where, moved | {"which": "999999"}).status_code == 409, "only one of these"
    assert people.post(client, where, moved | {"which": str(first)}).status_code == 303
    session.expire_all()
    last = session.scalars(select(Delegation).order_by(Delegation.id.desc())).first()
    assert last is not None
    assert (last.principal_person_id, session.get_one(Person, first).block) == (first, "9-9")
    # The home tells the two apart, however it is typed; of two at one home the clerk says which.
    assert people.post(client, where, PAPER | {"block": "９－９", "postal_code": "3060033"}).status_code == 303
    session.get_one(Person, second.principal_person_id).block = "9-9"
    session.commit()
    assert people.post(client, where, PAPER).status_code == 409


def _protect_who_gave_a_paper(client: FlaskClient, clerk: Account, session: Session) -> None:
    assert people.post(client, "/staff/delegations", PAPER).status_code == 303
    who = session.scalars(select(Delegation.principal_person_id)).one()
    with unit_of_work() as own:
        protection.protect(
            own,
            person_id=who,
            households=["306-0033|1-2-3"],
            until=date(2027, 3, 31),
            actor=staff(clerk),
            now=clock.now(),
        )


def test_a10_records_of_a_protected_person_are_compared_without_their_address_and_raise_an_alarm(
    client: FlaskClient, hanako: Account, clerk: Account, session: Session
) -> None:
    _protect_who_gave_a_paper(client, clerk, session)
    asked = people.post(client, "/staff/delegations", PAPER | {"block": "1-1"})
    choice = asked.get_data(as_text=True).partition("前に来た人か")[2].partition("代理の人")[0]
    assert (asked.status_code, "(表示しません)" in choice, "9-9" in choice) == (409, True, False)
    assert [each.what for each in session.scalars(select(ProtectionAlarm))] == ["look"]


def test_a10_a_protected_person_gives_no_paper(
    client: FlaskClient, hanako: Account, clerk: Account, session: Session
) -> None:
    _protect_who_gave_a_paper(client, clerk, session)
    page = people.post(client, "/staff/delegations", PAPER)
    assert page.status_code == 422
    assert "支援措置" not in page.get_data(as_text=True)
