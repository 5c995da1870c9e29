"""People without mail: registered by staff, a code on paper, a password of their own, and a number to sign in with."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts import opening, services
from portal.accounts.models import Account, AccountCode, Person
from portal.accounts.proofs import Proof
from portal.accounts.services import WeakPassword
from portal.kernel import clock
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.errors import Invalid
from tests import people

PASSWORD = "つゆくさの三本道 7"
FORM = {
    "name": "見本 とめ",
    "kana": "ミホン トメ",
    "birth_date": "昭和10年5月1日",
    "sex": "female",
    "phone": "0280-99-9999",
    "postal_code": "306-0033",
    "prefecture": "茨城県",
    "city": "古河市",
    "town": "中央町",
    "block": "9-9-9",
    "building": "",
}
FACTS = services.Facts(
    name="見本 とめ", kana="ミホン トメ", postal_code="3060033", city="古河市", town="中央町", block="9-9-9"
)


@pytest.fixture
def clerk(database: str) -> Account:
    return people.make_staff("counter")


def registered(clerk: Account, **changed: str) -> str:
    with unit_of_work() as session:
        facts = services.Facts(**{**FACTS.__dict__, **changed})
        actor = Actor(clerk.id, "staff")
        return str(opening.register(session, facts=facts, locale="ja", clerk=actor, now=clock.now()).number)


def code(clerk: Account, number: str, way: str = "counter", seen: tuple[Proof, ...] = (Proof.LICENCE,)) -> str:
    with unit_of_work() as session:
        return opening.make_code(session, number, way=way, seen=seen, clerk=Actor(clerk.id, "staff"), now=clock.now())


def begin(number: str, typed: str, password: str = PASSWORD) -> None:
    with unit_of_work() as session:
        opening.open_account(session, number=number, typed=typed, password=password, now=clock.now())


def test_a_code_opens_the_account_once_and_the_database_has_only_its_hash(clerk: Account, session: Session) -> None:
    number = registered(clerk)
    secret = code(clerk, number)
    kept = session.scalars(select(AccountCode)).one()
    assert secret not in str(kept.__dict__)
    assert kept.identity_seen == ["licence"]
    begin(number.lower(), secret.lower().replace("-", " "))
    session.expire_all()
    account = session.scalars(select(Account).where(Account.number == number)).one()
    assert (account.email, account.confirmed_by, account.confirmed_at) == (None, "counter", clock.now())
    assert account.person is not None
    assert account.person.source == "counter"
    with pytest.raises(opening.BadCode):
        begin(number, secret)
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_ref == str(account.id))).all()
    assert actions == ["account.registered", "account.code_made", "account.opened"]
    assert secret not in str(session.execute(select(AuditEntry.detail)).all())


def test_wrong_old_and_replaced_codes_are_the_same_answer(clerk: Account, clock_at: Callable[[str], datetime]) -> None:
    number, other = registered(clerk), registered(clerk, name="見本 うめ")
    first = code(clerk, number, "letter", ())
    second = code(clerk, number, "letter", ())
    foreign = code(clerk, other)
    for typed in (first, foreign, "", "0000-0000-0000-0000"):
        with pytest.raises(opening.BadCode):
            begin(number, typed)
    with pytest.raises(opening.BadCode):
        begin("U-0000-0000-0", second)
    with pytest.raises(WeakPassword):
        begin(number, second, "1234567890")
    clock_at(f"{(clock.now() + opening.GOOD_FOR).date()} 23:59")
    with pytest.raises(opening.BadCode):
        begin(number, second)


def test_nothing_is_handed_over_to_somebody_who_was_not_seen(clerk: Account) -> None:
    number = registered(clerk)
    for seen in ((), (Proof.PENSION,)):
        with pytest.raises(opening.IdentityNotSeen):
            code(clerk, number, "counter", seen)
    with pytest.raises(Invalid):
        code(clerk, registered(clerk, name="住所 なし", block=""), "letter", ())


def test_the_same_person_is_not_registered_twice(clerk: Account) -> None:
    number = registered(clerk)
    with pytest.raises(opening.AlreadyRegistered) as known:
        registered(clerk, name="見本　とめ")
    assert known.value.number == number


def test_an_account_whose_letter_is_in_the_post_is_not_tidied_away(
    clerk: Account, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    number = registered(clerk)
    code(clerk, number, "letter", ())
    clock_at(f"{(clock.now() + services.UNCONFIRMED * 2).date()} 12:00")
    with unit_of_work() as own:
        assert services.drop_unconfirmed(own, now=clock.now()) == 0
    clock_at(f"{(clock.now() + opening.GOOD_FOR).date()} 12:00")
    with unit_of_work() as own:
        assert services.drop_unconfirmed(own, now=clock.now()) == 1
    assert session.scalar(select(func.count()).select_from(Person)) == 0


def test_the_whole_way_from_the_counter_to_signed_in(
    koga: str, clerk: Account, client: FlaskClient, session: Session
) -> None:
    people.sign_in(client, clerk)
    assert people.post(client, "/staff/residents/new", {**FORM, "name": ""}).status_code == 422
    where = people.location(people.post(client, "/staff/residents/new", FORM))
    number = where.rpartition("/")[2]
    assert "まだはじめていません" in client.get(where).text
    assert people.post(client, "/staff/residents/new", FORM).status_code == 409, "a double click makes no second one"
    assert people.post(client, f"{where}/code", {"way": "counter"}).status_code == 422
    letter = people.post(client, f"{where}/code", {"way": "letter"})
    assert letter.headers["Content-Type"] == "application/pdf"
    assert "no-store" in letter.headers["Cache-Control"]
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(letter.data)).pages)
    assert "中央町9-9-9" in text
    assert "〒306-0033" in text, "as it is written on an envelope"
    assert number in text
    secret = re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", text)
    assert secret is not None
    people.sign_out(client)

    assert client.get("/sign-in/paper").status_code == 200
    new = {"number": number, "code": secret[0], "password": PASSWORD, "again": PASSWORD}
    assert people.post(client, "/sign-in/paper", {**new, "again": "ちがうもの 12345"}).status_code == 422
    assert people.post(client, "/sign-in/paper", {**new, "code": "0000-0000-0000-0000"}).status_code == 422
    assert people.post(client, "/sign-in/paper", new).status_code == 303
    assert f'value="{number}"' in client.get("/sign-in").text, "nothing to copy from the paper again"
    assert number not in client.get("/sign-in").text, "once: others may use this browser"
    signed_in = people.post(client, "/sign-in", {"email": number.lower(), "password": PASSWORD})
    assert signed_in.status_code == 303
    assert client.get("/my/profile").status_code == 200
    account = session.scalars(select(Account).where(Account.number == number)).one()
    assert account.confirmed_by == "letter"


def test_a_guesser_runs_out_of_tries_and_the_owner_elsewhere_does_not(clerk: Account, client: FlaskClient) -> None:
    number = registered(clerk)
    secret = code(clerk, number)
    new = {"number": number, "password": PASSWORD, "again": PASSWORD}
    answers = [people.post(client, "/sign-in/paper", {**new, "code": f"{n:016}"}).status_code for n in range(6)]
    assert answers == [422] * 5 + [429]
    assert people.post(client, "/sign-in/paper", {**new, "code": secret}).status_code == 429
    elsewhere = {"environ_base": {"REMOTE_ADDR": "198.51.100.7"}}
    assert people.post(client, "/sign-in/paper", {**new, "code": secret}, **elsewhere).status_code == 303
    wrong = people.post(client, "/sign-in", {"email": number, "password": "まちがい 1234567"})
    assert wrong.status_code == 422


def test_only_the_counter_registers_people(database: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_staff("finance"))
    assert client.get("/staff/residents/new").status_code == 403
