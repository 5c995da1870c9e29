"""Staff accounts, demo people, and what forbids production."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal import app as composition
from portal.accounts import demo, passwords, services
from portal.accounts.models import Account, Person, Role, ScopeKind
from portal.accounts.services import BadGrant, EmailTaken, GrantRequest, WeakPassword
from portal.settings import Settings, SettingsError
from tests.people import PASSWORD, location, make_resident, make_staff, post, sign_in

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_the_command_makes_a_reviewer_who_signs_in(koga: str, client: FlaskClient) -> None:
    composition.create_staff(
        email="clerk@example.jp", name="審査 次郎", roles=["reviewer:department:citizen-counter"], password=PASSWORD
    )
    answer = post(client, "/sign-in", {"email": "clerk@example.jp", "password": PASSWORD})
    assert answer.status_code == 303
    assert location(client.get("/sign-in/done")) == "/staff"


@pytest.mark.parametrize(
    "words",
    [
        "king",
        "reviewer",
        "reviewer:department:no-such-department",
        "reviewer:facility:S01",
        "counter:department:citizen-counter",
        "facility_manager:facility:",
        "resident",
    ],
)
def test_a_role_without_its_scope_is_refused(koga: str, session: Session, words: str) -> None:
    with pytest.raises(BadGrant):
        services.create_staff(
            session, email="x@example.jp", name="x", password=PASSWORD, grants=[GrantRequest.parse(words)], now=NOW
        )


def test_a_weak_password_and_a_taken_address_are_refused(koga: str, session: Session) -> None:
    grants = [GrantRequest(Role.COUNTER)]
    with pytest.raises(WeakPassword) as weak:
        services.create_staff(session, email="x@example.jp", name="x", password="password1", grants=grants, now=NOW)
    assert set(weak.value.problems) == {"too_short", "guessable"}
    make_staff(Role.COUNTER, email="x@example.jp")
    with pytest.raises(EmailTaken):
        services.create_staff(session, email="X@Example.jp", name="x", password=PASSWORD, grants=grants, now=NOW)


def test_a_hash_is_argon2id_at_owasps_minimum() -> None:
    assert passwords.hash_password(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_demo_people_are_made_once_and_forbid_production(koga: str, settings: Settings, session: Session) -> None:
    from dataclasses import replace

    lines = demo.seed(session, now=NOW)
    session.commit()
    count = session.scalar(select(func.count()).select_from(Account))
    assert demo.seed(session, now=NOW) == lines
    assert session.scalar(select(func.count()).select_from(Account)) == count == len(lines)
    production = replace(
        settings,
        environment="production",
        database_url=koga,
        base_url="https://koga.example",
        payment_provider="stripe",
        stripe_api_key="sk_live_x",
        stripe_webhook_secret="whsec_x",
        card_reader="none",
        file_keys="2026:" + "A" * 43,
    )
    with pytest.raises(SettingsError, match="demo"):
        composition.assemble(production)


@pytest.mark.parametrize("person", demo.STAFF, ids=lambda person: person.email)
def test_every_demo_member_of_staff_has_the_role_and_signs_in(
    koga: str, client: FlaskClient, session: Session, person: demo.DemoStaff
) -> None:
    demo.seed(session, now=NOW)
    session.commit()
    answer = post(client, "/sign-in", {"email": person.email, "password": demo.PASSWORD})
    assert location(answer) == "/sign-in/done"
    assert client.get("/staff").status_code == 200
    account = services.account_by_email(session, person.email)
    assert account is not None
    assert {grant.role for grant in account.grants} == {grant.role.value for grant in person.grants}
    assert all((grant.scope_kind == ScopeKind.NONE) == (grant.scope_code == "") for grant in account.grants)


def test_names_are_found_by_a_folded_column_and_kept_as_they_are(koga: str, session: Session) -> None:
    make_resident(name="\ufa19戸 ﾊﾅｺ")
    person = session.scalars(select(Person)).one()
    assert person.name == "\ufa19戸 ﾊﾅｺ"
    assert person.search == "神戸ハナコ コガハナコ"


def test_mails_follow_the_language_chosen_on_a_page(koga: str, client: FlaskClient, session: Session) -> None:
    hanako = make_resident()
    client.get("/?lang=en")
    sign_in(client, hanako)
    client.get("/sign-in/done")
    assert session.scalars(select(Account.locale)).one() == "en"
    session.rollback()
    client.get("/my?lang=ja")
    assert session.scalars(select(Account.locale)).one() == "ja"


def test_a_registration_that_was_never_confirmed_leaves_after_a_week(koga: str, session: Session) -> None:
    days = {"stale": 8, "fresh": 6, "booked": 8, "proved": 8}
    made = {
        name: make_resident(session, email=f"{name}@example.jp", confirmed=name == "proved", commit=False)
        for name in days
    }
    for name, account in made.items():
        account.created_at = NOW - timedelta(days=days[name])
    # Something hangs on it; which table does not matter.
    session.execute(text("CREATE TABLE guard_of_test (account_id bigint REFERENCES account (id))"))
    session.execute(text("INSERT INTO guard_of_test (account_id) VALUES (:account)"), {"account": made["booked"].id})
    session.flush()
    assert services.drop_unconfirmed(session, now=NOW) == 1
    session.expire_all()
    left = session.scalars(select(Account.email).order_by(Account.email)).all()
    assert left == ["booked@example.jp", "fresh@example.jp", "proved@example.jp"]
    assert session.scalar(select(func.count()).select_from(Person)) == 3
