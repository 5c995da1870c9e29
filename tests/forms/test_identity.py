"""A procedure that asks who somebody is: written or confirmed first, filed only when it is confirmed, or at the counter (CASES A1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import application_form, measures
from forms.models import Application, ApplicationDraft
from forms.services import filing, protection
from forms.services.common import IdentityTooLow
from portal.accounts.identity import choice
from portal.accounts.identity.claims import BasicFacts
from portal.accounts.identity.services import COUNTS_FOR
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import fields, resident, sha_on
from tests.oidc_server import OidcServer

SLUG = "income-certificate"
RARE = "渡邊\U000e0109 神\ufa19𠮷"
PERSON = {
    "name": "古河 花子",
    "kana": "コガ ハナコ",
    "address.postal_code": "306-0033",
    "address.prefecture": "茨城県",
    "address.city": "古河市",
    "address.town": "中央町",
    "address.block": "1-2-3",
    "address.building": "",
    "phone": "0280-22-5111",
    "birth_date": "1980-04-01",
}
REQUEST = {"kind": "income", "year": "2026", "receive": "post", "purpose": "家を借りるため", "copies": "2"}


@pytest.fixture
def browser(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def send(browser: FlaskClient, step: str, values: Mapping[str, str], action: str = "next") -> Any:
    return people.post(browser, step, {**fields(values), "action": action})


def begin(browser: FlaskClient) -> str:
    """The path of a draft's first step."""
    return people.location(people.post(browser, f"/apply/{SLUG}"))


def written(browser: FlaskClient) -> str:
    """The path of the review of a draft with every answer."""
    where = people.location(send(browser, begin(browser), PERSON))
    where = people.location(send(browser, where, REQUEST))
    assert where.endswith("/review")
    return where


def case(session: Session) -> Application:
    session.expire_all()
    return session.scalars(select(Application)).one()


def draft(session: Session) -> ApplicationDraft:
    found = case(session).draft
    assert found is not None
    return found


def test_the_pages_say_what_is_missing_and_the_ways(browser: FlaskClient, oidc: OidcServer) -> None:
    page = browser.get(f"/procedures/{SLUG}").text
    assert "本人確認が要ります" in page
    assert "窓口で仕上げられます" in page
    page = browser.get(f"/apply/{SLUG}").text
    assert "まだ本人確認をしていません" in page
    assert "本人確認サービスで本人確認をすると、60分のあいだ" in page
    assert "本人確認はあとにして、書きはじめる" in page
    page = browser.get(written(browser)).text
    assert "まだ出せません。本人確認が要ります" in page
    assert "この内容で申請する" not in page
    assert "窓口で仕上げる準備をする" in page


def test_only_what_asks_for_it_speaks_of_it(client: FlaskClient, koga: str, oidc: OidcServer) -> None:
    assert "本人確認が要ります" in client.get(f"/procedures/{SLUG}").text
    assert "本人確認" not in client.get("/procedures/dog-registration").text.partition("<main")[2]


def test_nothing_is_filed_without_it_whatever_is_sent(browser: FlaskClient, oidc: OidcServer, session: Session) -> None:
    path = written(browser)
    sha256 = sha_on(browser.get(path))
    answer = people.post(browser, path, {"sha256": sha256, "identity": "authenticated", "confirmed": "1"})
    assert answer.status_code == 403
    assert "まだ出せません。本人確認が要ります" in answer.text
    assert case(session).state == "draft"
    assert draft(session).answers["purpose"] == "家を借りるため", "what was typed is kept"


def test_written_first_then_confirmed_then_filed(browser: FlaskClient, oidc: OidcServer, session: Session) -> None:
    path = written(browser)
    away = people.post(browser, "/my/identity", {"next": path})
    back = browser.get(oidc.person_agrees(away.headers["Location"]))
    assert people.location(back) == path, "back to where the person was"
    review = browser.get(path)
    assert "この内容で申請する" in review.text
    assert "中央町一丁目2番3号" in review.text, "the confirmed address took the place of what was typed"
    answer = people.post(browser, path, {"sha256": sha_on(review)})
    assert answer.status_code == 303
    filed = case(session)
    assert filed.state == "filed"
    assert filed.filings[0].answers["purpose"] == "家を借りるため"
    origin = filed.filings[0].prefill["address"]
    assert origin["source"] == "identity"
    assert origin["original"] == "茨城県古河市中央町一丁目2番3号"
    assert origin["at"] == clock.now().isoformat()
    assert origin["locked"] is True
    assert origin["value"]["block"] == "一丁目2番3号"
    event = next(e for e in filed.events if e.action == "identity_confirmed")
    assert event.reason is not None
    assert event.reason.startswith("本人確認サービス ")
    printed = application_form.context(filed, frozenset(), {})["identity"]
    assert printed == f"オンラインで確認({event.reason})", "the paper says how and when"
    page = browser.get(people.location(answer)).text
    assert "本人確認をしていました" in page
    assert "手数料を支払う" in page, "600 yen, online"


def test_confirmed_first_the_form_comes_filled_in_and_locked_with_source_and_time(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    people.confirm_identity(browser, hanako, BasicFacts(RARE, "茨城県古河市中央町1-2-3", date(1988, 12, 31), "male"))
    assert "本人確認が済んでいます" in browser.get(f"/apply/{SLUG}").text
    step = begin(browser)
    page = browser.get(step).text
    assert RARE in page, "every character, not normalised"
    assert "本人確認の内容から入れました(" in page
    assert 'name="f.name"' not in page, "nothing to type into"
    assert 'name="f.phone"' in page
    kept = draft(session)
    assert kept.answers["name"] == RARE
    assert kept.flags["name"], "a person checks the shape of these characters"
    assert {f for f, origin in kept.prefill.items() if origin["locked"]} == {"name", "address", "birth_date"}


@pytest.mark.parametrize("action", ["next", "autosave", "back", "later", "look_up:address", "refresh"])
def test_a_forged_page_cannot_alter_what_is_locked(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session, action: str
) -> None:
    people.confirm_identity(browser, hanako)
    step = begin(browser)
    before = draft(session)
    answers, typed = dict(before.answers), dict(before.typed)
    forged = {
        **PERSON,
        "name": "別人 次郎",
        "address.block": "9-9-9",
        "birth_date": "2000-01-01",
        "phone": "0280-00-0000",
    }
    send(browser, step, forged, action)
    after = draft(session)
    for field_id in ("name", "address", "birth_date"):
        assert after.answers[field_id] == answers[field_id]
        assert after.typed[field_id] == typed[field_id]
    assert "0280-00-0000" in str(after.typed["phone"]), "the rest is kept as typed"


def test_of_a_person_the_confirmed_parts_are_locked_and_the_others_open(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    people.confirm_identity(browser, hanako, BasicFacts(RARE, "茨城県古河市中央町1-2-3", date(1988, 12, 31), "male"))
    step = people.location(people.post(browser, "/apply/nursery"))
    page = browser.get(step).text
    assert 'name="f.guardian.name"' not in page
    assert 'name="f.guardian.birth_date"' not in page
    assert 'name="f.guardian.kana"' in page, "no provider says it"
    assert RARE in page
    assert "1988年12月31日(昭和63年)" in page
    refused = people.post(browser, step, {"asked": ["guardian"], "f.guardian.kana": "漢字", "action": "next"})
    assert refused.status_code == 422
    assert f'<p class="fixed">{RARE}</p>' in refused.text, "it stays on a page that comes back"
    assert "本人確認の内容から入れました(" in page
    for forged in ({"guardian.name": "別人 次郎", "guardian.birth_date": "2000-01-01"}, {}):
        sent = {"asked": ["guardian"], "f.guardian.kana": "コガ シンイチ", "action": "next"}
        people.post(browser, step, {**sent, **{f"f.{name}": text for name, text in forged.items()}})
        session.expire_all()
        kept = draft(session).answers["guardian"]
        assert (kept["name"], kept["birth_date"], kept["kana"]) == (RARE, "1988-12-31", "コガ\u3000シンイチ")
    why = {"asked": ["guardian"], "action": "wrong:guardian", "why.guardian": "結婚して名前がかわりました"}
    opened = people.post(browser, step, {**why, "f.guardian.kana": "コガ シンイチ"}).text
    assert f'name="f.guardian.name" value="{RARE}"' in opened, "changed from what was said, not written anew"
    assert draft(session).prefill["guardian"]["disputed"] == "結婚して名前がかわりました"
    changed = {"guardian.name": "新姓 花子", "guardian.kana": "シンセイ ハナコ", "guardian.birth_date": "1988-12-31"}
    people.post(browser, step, {"asked": ["guardian"], **{f"f.{name}": text for name, text in changed.items()}})
    session.expire_all()
    assert draft(session).answers["guardian"]["name"] == "新姓 花子"
    assert draft(session).prefill["guardian"]["value"]["name"] == RARE, "what was said stays for the reviewer"


def test_this_is_wrong_opens_the_field_and_the_reviewer_reads_why(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    people.confirm_identity(browser, hanako)
    step = begin(browser)
    assert send(browser, step, PERSON, "wrong:address").status_code == 422, "not without a reason"
    answer = people.post(
        browser, step, {**fields(PERSON), "action": "wrong:address", "why.address": "引っ越したばかりです"}
    )
    assert 'name="f.address.block"' in answer.text
    where = people.location(send(browser, step, {**PERSON, "address.block": "7-7-7"}))
    path = people.location(send(browser, where, REQUEST))
    review = browser.get(path)
    assert "7-7-7" in review.text, "the identity does not close it again"
    assert people.post(browser, path, {"sha256": sha_on(review)}).status_code == 303
    filed = case(session)
    assert filed.filings[0].answers["address"]["block"] == "7-7-7"
    staff = browser.application.test_client()
    people.sign_in(staff, people.make_staff(Role.REVIEWER, "citizen-counter"))
    page = staff.get(f"/staff/applications/{filed.reference}").text
    assert "引っ越したばかりです" in page
    assert "中央町1-2-3" in page, "what the source had said"


def test_an_hour_later_it_has_to_be_confirmed_again_and_nothing_is_lost(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    people.confirm_identity(browser, hanako)
    path = written(browser)
    sha256 = sha_on(browser.get(path))
    clock.move_to(clock.now() + COUNTS_FOR)
    answer = people.post(browser, path, {"sha256": sha256})
    assert answer.status_code == 403
    assert "まだ出せません。本人確認が要ります" in answer.text
    assert draft(session).answers["copies"] == 2
    people.confirm_identity(browser, hanako)
    assert people.post(browser, path, {"sha256": sha_on(browser.get(path))}).status_code == 303
    assert case(session).state == "filed"


def test_whoever_confirmed_is_who_files_even_where_the_page_showed_another(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    path = written(browser)
    sha256 = sha_on(browser.get(path))
    people.confirm_identity(browser, hanako, BasicFacts("架空 太郎"))
    answer = people.post(browser, path, {"sha256": sha256})
    assert answer.status_code == 409, "reviewed was another name"
    assert "架空 太郎" in answer.text
    assert case(session).state == "draft"


def test_the_service_itself_refuses_and_staff_need_none(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    path = written(browser)
    key, sha256 = case(session).key, sha_on(browser.get(path))
    with unit_of_work() as own, pytest.raises(IdentityTooLow):
        filing.file(own, key=key, reviewed_sha256=sha256, actor=resident(hanako), now=clock.now())
    answer = people.post(browser, path, {"sha256": sha256, "action": "prepare"})
    assert "窓口でこの番号を見せてください" in browser.get(people.location(answer)).text
    assert case(session).state == "prepared"
    with unit_of_work() as own:
        filing.file(own, key=key, reviewed_sha256=sha256, actor=Actor(None, "staff"), now=clock.now())
    assert case(session).state == "filed"


@pytest.mark.parametrize("wrong", ["hangs", "error", "nonce", "signature"])
def test_a_dead_source_leaves_the_form_usable_with_everything_typed(
    browser: FlaskClient, oidc: OidcServer, session: Session, wrong: str
) -> None:
    path = written(browser)
    away = people.post(browser, "/my/identity", {"next": path})
    provider = choice.provider()
    assert provider is not None
    oidc.wrong = wrong
    if wrong == "hangs":
        provider.limit = 0.3
    assert people.location(browser.get(oidc.person_agrees(away.headers["Location"]))) == path
    page = browser.get(path)
    assert page.status_code == 200
    assert "書いたことは残っています" in page.text
    assert "家を借りるため" in page.text
    assert "窓口で仕上げる準備をする" in page.text
    assert draft(session).answers["copies"] == 2


def test_what_the_identity_does_not_say_whole_is_asked_and_not_locked(
    browser: FlaskClient, hanako: Account, oidc: OidcServer, session: Session
) -> None:
    people.confirm_identity(browser, hanako, BasicFacts("古河 花子", "東京都見本区見本町1-1", None, None))
    page = browser.get(begin(browser)).text
    assert 'name="f.address.postal_code"' in page
    assert 'name="f.birth_date"' in page
    assert draft(session).prefill["address"]["original"] == "東京都見本区見本町1-1"
    assert not draft(session).prefill["address"]["locked"]
    assert draft(session).prefill["name"]["locked"]


def test_an_address_at_which_somebody_is_protected_is_not_filled_in(
    browser: FlaskClient, hanako: Account, stranger: Account, oidc: OidcServer, session: Session
) -> None:
    clerk = people.make_staff(Role.REVIEWER, "citizen-counter")
    with unit_of_work() as own:
        protection.protect(
            own,
            person_id=stranger.person_id or 0,
            households=[protection.household("3060033", "8-8-8")],
            until=clock.today() + timedelta(days=100),
            actor=Actor(clerk.id, "staff"),
            now=clock.now(),
        )
    where = begin(browser)
    people.confirm_identity(browser, hanako)
    assert 'name="f.address.block"' in browser.get(where).text
    assert draft(session).prefill["name"]["locked"]
    assert draft(session).prefill.get("address", {}).get("source") != "identity"


def test_who_is_confirmed_to_share_a_home_with_a_hiding_person_is_led_to_the_counter(
    browser: FlaskClient, hanako: Account, stranger: Account, oidc: OidcServer, session: Session
) -> None:
    """CASES A10: whatever their own profile says."""
    clerk = people.make_staff(Role.REVIEWER, "citizen-counter")
    path = written(browser)
    with unit_of_work() as own:
        protection.protect(
            own,
            person_id=stranger.person_id or 0,
            households=[protection.household("3060033", "8-8-8")],
            until=clock.today() + timedelta(days=100),
            actor=Actor(clerk.id, "staff"),
            now=clock.now(),
        )
    people.confirm_identity(
        browser, hanako, BasicFacts("古河 花子", "茨城県古河市中央町8-8-8", date(1980, 4, 1), "female")
    )
    answer = people.post(browser, path, {"sha256": sha_on(browser.get(path))})
    assert answer.status_code == 403
    assert case(session).state == "draft"
    with unit_of_work() as own:
        assert len(protection.alarms(own)) == 1


def test_without_a_provider_it_is_prepared_for_the_counter_and_not_counted_online(
    browser: FlaskClient, session: Session
) -> None:
    choice.use(None)
    assert "ここで書いて、窓口で仕上げます" in browser.get(f"/procedures/{SLUG}").text
    path = written(browser)
    page = browser.get(path).text
    assert "この内容で準備する" in page
    assert "本人確認をする<" not in page
    answer = people.post(browser, path, {"sha256": sha_on(browser.get(path))})
    assert "窓口でこの番号を見せてください" in browser.get(people.location(answer)).text
    assert case(session).state == "prepared"
    evidence = {e.key: e for e in measures.online(session, clock.today()).evidence}
    assert (evidence[SLUG].part, evidence[SLUG].counted) == ("prepared", False)


def test_with_a_provider_it_counts_as_online(koga: str, oidc: OidcServer, session: Session) -> None:
    evidence = {e.key: e for e in measures.online(session, clock.today()).evidence}
    assert (evidence[SLUG].part, evidence[SLUG].counted) == ("here", True)
