"""Who somebody is, confirmed by an identity provider: what is believed, what is dropped, how long it counts."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.accounts.identity import choice, services
from portal.accounts.identity.claims import BasicFacts, NoFactsError, OnlyKnown, basic_facts
from portal.accounts.identity.models import ConfirmedIdentity
from portal.accounts.identity.oidc import LIMIT, SourceError
from portal.accounts.identity.sample import PEOPLE
from portal.accounts.models import Account
from portal.kernel import clock
from portal.settings import Settings, SettingsError
from tests import people
from tests.oidc_server import HANAKO, OidcServer

NUMBER = "123456789018"
"""A number with the shape of a 個人番号 (its check digit fits); nobody's."""
RARE = "渡邊\U000e0109 神\ufa19𠮷"


@pytest.fixture
def hanako(database: str) -> Account:
    return people.make_resident()


@pytest.fixture
def browser(client: FlaskClient, hanako: Account, oidc: OidcServer) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def begin(browser: FlaskClient, back: str = "/my") -> TestResponse:
    return people.post(browser, "/my/identity", {"next": back})


def confirm(browser: FlaskClient, oidc: OidcServer) -> TestResponse:
    """Go to the provider, agree, come back."""
    return browser.get(oidc.person_agrees(begin(browser).headers["Location"]))


def kept(session: Session) -> list[ConfirmedIdentity]:
    session.expire_all()
    return list(session.scalars(select(ConfirmedIdentity)))


def test_a_resident_confirms_who_they_are_and_the_page_says_until_when(
    browser: FlaskClient, oidc: OidcServer, session: Session, hanako: Account
) -> None:
    answer = confirm(browser, oidc)
    assert answer.status_code == 303
    assert people.location(answer) == "/my"
    assert "本人確認ができました" in browser.get("/my").text
    (one,) = kept(session)
    assert (one.account_id, one.name, one.address) == (hanako.id, "古河 花子", "茨城県古河市中央町一丁目2番3号")
    assert (one.birth_date, one.sex, one.source) == (date(1980, 4, 1), "female", "本人確認サービス")
    page = browser.get("/my/identity").text
    assert "本人確認が済んでいます" in page
    assert "11:00" in page, "an hour from ten o'clock"


def test_it_counts_for_an_hour_in_this_browser_and_is_then_deleted(
    browser: FlaskClient, oidc: OidcServer, session: Session, run_jobs: Any
) -> None:
    confirm(browser, oidc)
    clock.move_to(clock.now() + services.COUNTS_FOR - timedelta(seconds=1))
    assert "本人確認が済んでいます" in browser.get("/my/identity").text
    services.sweep(session, now=clock.now())
    assert kept(session)
    clock.move_to(clock.now() + timedelta(seconds=1))
    assert "本人確認をする" in browser.get("/my/identity").text
    services.sweep(session, now=clock.now())
    assert not kept(session)


def test_another_browser_of_the_same_account_has_to_confirm_again(
    browser: FlaskClient, oidc: OidcServer, hanako: Account
) -> None:
    confirm(browser, oidc)
    other = browser.application.test_client()
    people.sign_in(other, hanako)
    assert "本人確認をする" in other.get("/my/identity").text


def test_signing_out_forgets_it(browser: FlaskClient, oidc: OidcServer, session: Session, hanako: Account) -> None:
    confirm(browser, oidc)
    assert people.post(browser, "/sign-out").status_code in {302, 303}
    assert not kept(session)
    people.sign_in(browser, hanako)
    assert "本人確認をする" in browser.get("/my/identity").text


def test_whoever_signs_in_next_in_this_browser_does_not_have_it(browser: FlaskClient, oidc: OidcServer) -> None:
    confirm(browser, oidc)
    people.sign_in(browser, people.make_resident(email="stranger@example.jp", name="他人 太郎"))
    assert "本人確認をする" in browser.get("/my/identity").text


def test_a_name_keeps_every_character(browser: FlaskClient, oidc: OidcServer, session: Session) -> None:
    oidc.person |= {"name": RARE, "address": "茨城県古河市諸川9999番地\u3000見本𠮷野荘"}
    confirm(browser, oidc)
    (one,) = kept(session)
    assert one.name == RARE
    assert one.address == "茨城県古河市諸川9999番地\u3000見本𠮷野荘"
    assert RARE in browser.get("/my/identity").text


def test_a_resident_number_is_dropped_before_anything_sees_it(
    browser: FlaskClient, oidc: OidcServer, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    oidc.person |= {"individual_number": NUMBER, "my_number": {"value": NUMBER}, "address": f"個人番号 {NUMBER}"}
    oidc.in_token = {"個人番号": NUMBER, "name": f"{NUMBER}"}
    assert confirm(browser, oidc).status_code == 303
    (one,) = kept(session)
    assert (one.name, one.address) == ("古河 花子", "")
    tables = session.scalars(text("select tablename from pg_tables where schemaname = 'public'")).all()
    for table in tables:
        found = session.scalar(
            text(f'select count(*) from "{table}" t where t::text like :number'), {"number": f"%{NUMBER}%"}
        )
        assert found == 0, table
    assert NUMBER not in caplog.text
    with browser.session_transaction() as cookie:
        assert NUMBER not in json.dumps(dict(cookie))


@pytest.mark.parametrize("text", [NUMBER, "1234 5678 9018", "１２３４５６７８９０１８"])
def test_every_spelling_of_such_a_number_is_dropped_from_the_facts(text: str) -> None:
    told = json.loads(json.dumps({"sub": "a", "name": "見本", "address": {"formatted": text}}), cls=OnlyKnown)
    assert told == {"sub": "a", "name": "見本"}


def test_the_facts_are_read_in_every_spelling_and_nothing_else_is() -> None:
    told = {"name": "見本 花子", "address": "茨城県古河市", "birthdate": "19800401", "gender": "2"}
    assert basic_facts(told) == BasicFacts("見本 花子", "茨城県古河市", date(1980, 4, 1), "female")
    parts = {"region": "茨城県", "locality": "古河市", "street_address": "中央町1-2-3", "country": "JP"}
    assert basic_facts({"name": "A", "address": parts}).address == "茨城県古河市中央町1-2-3"
    assert basic_facts({"name": "A", "birthdate": "1935-00-00", "gender": "?"}) == BasicFacts("A")
    for nameless in ({}, {"name": "　"}, {"name": 7}, {"name": "a\u202eb"}, {"name": "x" * 201}):
        with pytest.raises(NoFactsError):
            basic_facts(nameless)
    assert json.loads('{"sub": "a", "email": "a@b", "phone_number": "1"}', cls=OnlyKnown) == {"sub": "a"}


BELIEVED = {
    "token": "token",
    "nonce": "nonce",
    "signature": "signature",
    "unsigned": "signature",
    "issuer": "claims",
    "audience": "claims",
    "expired": "claims",
    "subject": "claims",
}


@pytest.mark.parametrize("wrong", BELIEVED)
def test_what_cannot_be_believed_confirms_nobody(
    browser: FlaskClient, oidc: OidcServer, session: Session, wrong: str
) -> None:
    oidc.wrong = wrong
    answer = confirm(browser, oidc)
    assert people.location(answer) == "/my"
    assert "返事を確かめられませんでした" in browser.get("/my").text
    assert not kept(session)
    provider = choice.provider()
    assert provider is not None
    address, flow = provider.begin("http://localhost/identity/callback")
    code = oidc.person_agrees(address).partition("code=")[2].partition("&")[0]
    with pytest.raises(SourceError) as error:
        provider.finish(code, flow, "http://localhost/identity/callback", now=clock.now())
    assert error.value.reason == BELIEVED[wrong]


DEAD = [
    ("/.well-known/openid-configuration", "begin"),
    ("/keys", "begin"),
    ("/token", "finish"),
    ("/userinfo", "finish"),
]


@pytest.mark.parametrize(("at", "when"), DEAD)
@pytest.mark.parametrize("wrong", ["hangs", "drips", "error", "not_json"])
def test_a_dead_provider_leads_back_to_the_page_in_plain_words(
    browser: FlaskClient, oidc: OidcServer, session: Session, at: str, when: str, wrong: str
) -> None:
    provider = choice.provider()
    assert provider is not None
    away = begin(browser).headers["Location"] if when == "finish" else ""
    provider.limit, oidc.wrong, oidc.at = 0.3, wrong, at
    answer = begin(browser) if when == "begin" else browser.get(oidc.person_agrees(away))
    assert people.location(answer) == "/my"
    page = browser.get("/my")
    assert page.status_code == 200
    assert "書いたことは残っています" in page.text
    assert not kept(session)


def test_nobody_waits_longer_than_two_seconds() -> None:
    """The limit that is configured; that it holds is shown above with a shorter one."""
    assert LIMIT == 2.0
    configured = choice._made(
        Settings(
            environment="test",
            identity_provider="oidc",
            identity_issuer="https://id.example",
            identity_client_id="a",
            identity_client_secret="b",
        )
    )
    assert configured.limit == LIMIT
    with configured._session() as session:
        assert session.default_timeout == LIMIT


def test_a_provider_that_refuses_the_connection(browser: FlaskClient, session: Session) -> None:
    gone = OidcServer()
    gone._http.server_close()
    choice.use(gone.provider())
    assert people.location(begin(browser)) == "/my"
    assert "いまつながりません" in browser.get("/my").text


def test_a_changed_key_is_fetched_once_more(browser: FlaskClient, oidc: OidcServer, session: Session) -> None:
    confirm(browser, oidc)
    oidc.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    confirm(browser, oidc)
    assert len(kept(session)) == 1
    assert [path for path, _headers, _form in oidc.asked].count("/keys") == 2


def test_a_private_key_in_place_of_a_secret(browser: FlaskClient, oidc: OidcServer, session: Session) -> None:
    own = ECKey.generate_key("P-256", {"kid": "ours"})
    oidc.client_keys = KeySet([own])
    choice.use(oidc.provider(client_key=json.dumps(own.as_dict(private=True))))
    confirm(browser, oidc)
    assert [one.name for one in kept(session)] == ["古河 花子"]


def test_an_answer_that_nobody_began_here_confirms_nobody(
    browser: FlaskClient, oidc: OidcServer, session: Session
) -> None:
    back = oidc.person_agrees(begin(browser).headers["Location"])
    stranger = browser.application.test_client()
    people.sign_in(stranger, people.make_resident(email="stranger@example.jp", name="他人 太郎"))
    assert people.location(stranger.get(back)) == "/my/identity"
    assert people.location(browser.get("/identity/callback?code=code-0&state=made-up")) == "/my/identity"
    assert not kept(session)
    assert browser.get(back).status_code == 303
    assert len(kept(session)) == 1
    assert people.location(browser.get(back)) == "/my/identity", "once"


def test_giving_up_at_the_provider_is_no_error(browser: FlaskClient, oidc: OidcServer, session: Session) -> None:
    state = oidc.person_agrees(begin(browser).headers["Location"]).partition("state=")[2]
    answer = browser.get(f"/identity/callback?error=access_denied&state={state}")
    assert people.location(answer) == "/my"
    assert "本人確認をやめました" in browser.get("/my").text
    assert not kept(session)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "my", "/a\nb"])
def test_the_way_back_stays_on_this_site(browser: FlaskClient, oidc: OidcServer, target: str) -> None:
    back = oidc.person_agrees(begin(browser, target).headers["Location"])
    assert people.location(browser.get(back)) == "/my/identity"


def test_without_a_provider_the_page_leads_to_the_counter(client: FlaskClient, hanako: Account) -> None:
    choice.use(None)
    people.sign_in(client, hanako)
    page = client.get("/my/identity").text
    assert "オンラインの本人確認を用意していません" in page
    assert "窓口で本人確認ができます" in page
    assert people.post(client, "/my/identity").status_code == 404


def test_production_refuses_the_development_provider_and_half_a_setting(settings: Settings) -> None:
    real = replace(settings, environment="production", identity_provider="sample")
    assert any(problem.startswith("IDENTITY_PROVIDER") for problem in real.problems())
    with pytest.raises(SettingsError, match="invented people"):
        choice.configure(real)
    half = replace(real, identity_provider="oidc", identity_issuer="http://id.example")
    assert {p.split(":")[0] for p in half.problems() if p.startswith("IDENTITY")} == {
        "IDENTITY_ISSUER",
        "IDENTITY_CLIENT_ID",
        "IDENTITY_CLIENT_SECRET or IDENTITY_CLIENT_KEY",
    }
    assert not [p for p in replace(real, identity_provider="").problems() if p.startswith("IDENTITY")]
    with pytest.raises(SettingsError, match="use oidc"):
        choice.configure(replace(settings, identity_provider="saml"))


def test_the_development_provider_speaks_the_protocol_with_invented_people(
    client: FlaskClient, hanako: Account, settings: Settings
) -> None:
    choice.configure(settings)
    people.sign_in(client, hanako)
    found = client.get("/identity/sample/.well-known/openid-configuration").get_json()
    assert found["issuer"] == "http://localhost/identity/sample"
    assert "d" not in client.get("/identity/sample/keys").get_json()["keys"][0]
    assert client.get("/identity/sample/authorize?client_id=other").status_code == 404
    assert client.post("/identity/sample/token", data={"code": "made up"}).status_code == 400
    assert client.get("/identity/sample/userinfo").status_code == 401
    assert {"見本", "架空", "渡邊\U000e0109"} == {person.name.split()[0] for person in PEOPLE.values()}
    assert HANAKO["name"] not in {person.name for person in PEOPLE.values()}
