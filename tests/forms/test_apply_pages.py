"""Journey 1 through its pages, without script: what is typed is kept, what is forged is ignored, nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from forms.models import Application, ApplicationDraft
from payments import queries as payment_queries
from payments.models import Charge
from portal.accounts.models import Account
from portal.kernel.money import Yen
from tests import people
from tests.forms.conftest import DOG, OWNER, STEPS, TAG, case, fields, fill, sha_on


@pytest.fixture
def browser(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


def start(browser: FlaskClient, slug: str = "dog-registration") -> str:
    return people.location(people.post(browser, f"/apply/{slug}"))


def cases(session: Session) -> int:
    session.expire_all()
    return session.scalar(select(func.count()).select_from(Application).where(Application.reference.is_not(None))) or 0


def test_a_procedure_is_found_by_any_of_its_words(client: FlaskClient, koga: str) -> None:
    for words in ("犬", "いぬ", "狂犬病予防法", "ペット", "dog"):
        assert "犬の登録" in client.get(f"/procedures?q={words}").get_data(as_text=True), words
    nothing = client.get("/procedures?q=宇宙船").get_data(as_text=True)
    assert "見つかりませんでした" in nothing


def test_a_procedure_says_where_it_is_done_what_it_costs_and_that_the_fee_is_a_sample(
    client: FlaskClient, koga: str
) -> None:
    dog = client.get("/procedures/dog-registration").get_data(as_text=True)
    for words in ("3,000円", "見本", "狂犬病予防法", "市民総合窓口課"):
        assert words in dog
    assert "myna.go.jp" in client.get("/procedures/moving-out").get_data(as_text=True)
    assert "窓口で仕上げます" in client.get("/procedures/resident-record").get_data(as_text=True)
    assert "Register a dog" in client.get("/procedures/dog-registration?lang=en").get_data(as_text=True)


def test_a_resident_applies_pays_and_follows_the_case(
    browser: FlaskClient, session: Session, run_jobs: Callable[[], None]
) -> None:
    review = browser.get(fill(browser))
    page = review.get_data(as_text=True)
    for words in ("古河 花子", "2024年5月1日(令和6年)", "392149012345678", "総和庁舎", "3,000円", "見本"):
        assert words in page
    _file(browser, review)
    reference = session.scalars(select(Application.reference)).one()
    assert reference
    run_jobs()
    mine = browser.get(f"/applications/{reference}").get_data(as_text=True)
    for words in (reference, "手数料を支払う", "受け付けました"):
        assert words in mine
    assert reference in browser.get("/my").get_data(as_text=True)
    assert "手数料を支払ってください" in browser.get("/my").get_data(as_text=True)


def _file(browser: FlaskClient, review: TestResponse, **more: str) -> TestResponse:
    return people.post(browser, review.request.path, {"sha256": sha_on(review), **more})


def test_the_profile_fills_the_first_step_and_says_where_it_comes_from(browser: FlaskClient) -> None:
    page = browser.get(start(browser)).get_data(as_text=True)
    for words in ("古河 花子", "コガ ハナコ", "中央町", "登録した内容から入れました"):
        assert words in page


@pytest.mark.parametrize(
    ("step", "changes", "field", "words"),
    [
        ("owner", {"owner_name": ""}, "owner_name", "ここに答えてください"),
        ("owner", {"owner_name": "長" * 61}, "owner_name", "60文字以内"),
        ("owner", {"owner_kana": "古河"}, "owner_kana", "カタカナで"),
        ("owner", {"owner_phone": "12"}, "owner_phone", "電話番号を"),
        ("owner", {"owner_address.postal_code": "999-9999"}, "owner_address-postal_code", "見つかりません"),
        ("owner", {"owner_address.block": ""}, "owner_address-block", "ここに書いてください"),
        ("dog", {"dog_born": "令和元年13月1日"}, "dog_born", "ない日か"),
        ("dog", {"dog_born": "2027-01-01"}, "dog_born", "今日より後"),
        ("dog", {"chip_number": "123"}, "chip_number", "15けた"),
        ("dog", {"dog_sex": "cat"}, "dog_sex", "選べるもの"),
        ("dog", {"dog_name": "\x00ポチ"}, "dog_name", "使えない文字"),
        ("tag", {"message": "1234 5678 9018"}, "message", "マイナンバー"),
    ],
)
def test_bad_input_gets_a_message_at_its_field_and_on_top_and_everything_typed_is_kept(
    browser: FlaskClient, step: str, changes: dict[str, str], field: str, words: str
) -> None:
    where = start(browser)
    for name, values in STEPS.items():
        if name == step:
            break
        where = people.location(people.post(browser, where, fields(values)))
    sent = STEPS[step] | changes
    answer = people.post(browser, where, fields(sent))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'class="error-summary"' in page
    assert f'href="#f-{field}"' in page
    assert f'id="f-{field}-error"' in page
    assert words in page
    assert "<title>エラー" in page
    for text in sent.values():
        if text and "\x00" not in text and text not in {"yes", "cat"}:
            assert text in page


def test_typed_input_survives_a_new_visit_even_where_it_was_wrong(browser: FlaskClient) -> None:
    where = start(browser)
    people.post(browser, where, fields(OWNER | {"owner_kana": "漢字です", "owner_name": "新しい 名前"}))
    again = browser.get(people.location(people.post(browser, "/apply/dog-registration"))).get_data(as_text=True)
    assert "漢字です" in again
    assert "新しい 名前" in again


def test_scripts_and_sql_are_text(browser: FlaskClient, session: Session) -> None:
    evil = "<script>alert('x')</script>'; DROP TABLE application; --"
    where = start(browser)
    where = people.location(people.post(browser, where, fields(OWNER)))
    where = people.location(people.post(browser, where, fields(DOG | {"dog_colour": "茶"})))
    where = people.location(people.post(browser, where, fields(TAG | {"message": evil})))
    page = browser.get(where).get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert session.scalars(select(ApplicationDraft)).one().answers["message"] == evil


def test_names_keep_every_character(browser: FlaskClient, session: Session) -> None:
    name = "𠮷田󠄀 神\ufa19🐕"
    where = start(browser)
    where = people.location(people.post(browser, where, fields(OWNER | {"owner_name": name})))
    where = people.location(people.post(browser, where, fields(DOG)))
    where = people.location(people.post(browser, where, fields(TAG)))
    _file(browser, browser.get(where))
    found = session.scalars(select(Application)).one()
    assert found.applicant_name == name
    assert found.filings[0].flags["owner_name"] == ["check_shape"]


def test_questions_that_an_answer_opens_are_shown_before_going_on(browser: FlaskClient) -> None:
    where = start(browser)
    where = people.location(people.post(browser, where, fields(OWNER)))
    answer = people.post(browser, where, fields({k: v for k, v in DOG.items() if k != "chip_number"}))
    assert answer.status_code == 303
    assert "more=1" in people.location(answer)
    page = browser.get(people.location(answer)).get_data(as_text=True)
    assert "質問が増えました" in page
    assert 'name="f.chip_number"' in page
    assert 'class="error-summary"' not in page, "what was not asked is not a mistake"


def test_the_address_comes_from_the_postal_code_without_script(browser: FlaskClient) -> None:
    where = start(browser)
    asked = OWNER | {f"owner_address.{p}": "" for p in ("prefecture", "city", "town")} | {"owner_name": "打ちかけ"}
    answer = people.post(browser, where, fields(asked) | {"action": "look_up:owner_address"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'value="茨城県"' in page
    assert "打ちかけ" in page
    unknown = people.post(
        browser, where, fields(asked | {"owner_address.postal_code": "000-0000"}) | {"action": "look_up:owner_address"}
    )
    assert unknown.status_code == 422


def test_going_back_keeps_what_was_typed_and_complains_about_nothing(browser: FlaskClient) -> None:
    where = start(browser)
    second = people.location(people.post(browser, where, fields(OWNER)))
    answer = people.post(
        browser, second, fields(DOG | {"dog_name": "", "dog_born": "よく分からない"}) | {"action": "back"}
    )
    assert people.location(answer) == where
    assert "よく分からない" in browser.get(second).get_data(as_text=True)


def test_a_forged_fee_changes_nothing(browser: FlaskClient, session: Session) -> None:
    review = browser.get(fill(browser))
    _file(browser, review, fee="1", amount="1", total="0円", **{"f.fee": "1"})
    reference = session.scalars(select(Application.reference)).one()
    charge = payment_queries.charge_of(session, "application", str(reference))
    assert charge is not None
    assert charge.total == Yen(3000)


def test_a_double_click_and_back_after_filing_make_no_second_case(browser: FlaskClient, session: Session) -> None:
    path = fill(browser)
    review = browser.get(path)
    first, second = _file(browser, review), _file(browser, review)
    assert first.status_code == second.status_code == 303
    assert people.location(first) == people.location(second)
    back = browser.get(path)
    assert (back.status_code, people.location(back)) == (303, people.location(first))
    step = path.replace("/review", "/steps/dog")
    resent = people.post(browser, step, fields(DOG | {"dog_name": "シロ"}))
    assert people.location(resent) == people.location(first)
    assert people.location(browser.get(step)) == people.location(first)
    assert cases(session) == 1
    assert session.scalar(select(func.count()).select_from(Charge)) == 1
    assert session.scalars(select(Application)).one().filings[0].answers["dog_name"] == "ポチ"


def test_a_stale_token_files_nothing(browser: FlaskClient, session: Session) -> None:
    path = fill(browser)
    answer = browser.post(path, data={"sha256": sha_on(browser.get(path)), "csrf_token": "old"})
    assert answer.status_code == 400
    assert cases(session) == 0


def test_what_changed_in_another_tab_is_reviewed_again(browser: FlaskClient, session: Session) -> None:
    path = fill(browser)
    old = browser.get(path)
    people.post(browser, path.replace("/review", "/steps/dog"), fields(DOG | {"dog_name": "シロ"}))
    answer = _file(browser, old)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "シロ" in page
    assert "もう一度" in page
    assert cases(session) == 0
    assert _file(browser, browser.get(path)).status_code == 303


def test_a_strangers_draft_and_case_do_not_exist(browser: FlaskClient, stranger: Account, session: Session) -> None:
    path = fill(browser)
    draft_paths = [path, path.replace("/review", "/steps/dog")]
    people.sign_in(browser, stranger)
    assert [browser.get(p).status_code for p in draft_paths] == [404, 404]
    assert people.post(browser, path, {"sha256": "0" * 64}).status_code == 404
    hanako = session.scalars(select(Account).where(Account.email == "hanako@example.jp")).one()
    people.sign_in(browser, hanako)
    _file(browser, browser.get(path))
    found = session.scalars(select(Application)).one()
    people.sign_in(browser, stranger)
    for method, rest in [
        ("get", ""),
        ("get", "/correction"),
        ("post", "/correction"),
        ("get", "/withdraw"),
        ("post", "/withdraw"),
        ("get", "/documents/1"),
    ]:
        url = f"/applications/{found.reference}{rest}"
        answer = browser.get(url) if method == "get" else people.post(browser, url)
        assert answer.status_code == 404, url
    assert browser.get("/applications/A-0000-0000-0").status_code == 404
    people.sign_out(browser)
    for reference in (found.reference, "A-7K3F-92QX-5"):
        assert browser.get(f"/applications/{reference}").status_code in {303, 404}


def test_a_guest_reports_without_signing_in_and_only_this_browser_sees_it(
    client: FlaskClient, koga: str, session: Session, app: object
) -> None:
    path = fill(
        client,
        "road-damage",
        {
            "damage": {
                "kind": "hole",
                "spot.spot": "総和庁舎の前",
                "seen_on": "2026-11-24",
                "details": "",
                "photos": "",
            },
            "contact": {"wants_answer": "no"},
        },
    )
    answer = _file(client, client.get(path))
    where = people.location(answer)
    assert client.get(where).status_code == 200
    people.sign_out(client)
    assert client.get(where).status_code == 303
    assert client.get(path).status_code == 404
    found = session.scalars(select(Application)).one()
    assert client.get(f"/applications/{found.reference}/open/wrong").status_code == 404


def test_a_preparation_ends_with_a_number_for_the_counter_and_no_filing(browser: FlaskClient, session: Session) -> None:
    person = {
        "name": "古河 花子", "kana": "コガ ハナコ", "birth_date": "1980-04-01", "phone": "0280-22-5111",
        "address.postal_code": "306-0033", "address.block": "1-2-3",
    }  # fmt: skip
    path = fill(
        browser,
        "resident-record",
        {"person": person, "request": {"whose": "self", "shown": "", "purpose": "work", "copies": "1"}},
    )
    page = browser.get(people.location(_file(browser, browser.get(path)))).get_data(as_text=True)
    assert "窓口でこの番号を見せてください" in page
    assert "手数料を支払う" not in page
    assert session.scalars(select(Application.state)).one() == "prepared"


def test_staff_cannot_apply_by_mistake(client: FlaskClient, reviewer: Account) -> None:
    people.sign_in(client, reviewer)
    assert client.get("/apply/dog-registration").status_code == 403


def test_a_case_that_is_withdrawn_asks_for_no_money(browser: FlaskClient, session: Session) -> None:
    path = fill(browser)
    where = people.location(_file(browser, browser.get(path)))
    assert browser.get(where + "/withdraw").status_code == 200
    assert people.post(browser, where + "/withdraw").status_code == 303
    page = browser.get(where).get_data(as_text=True)
    assert "取り下げました" in page
    assert "手数料を支払う" not in page
    reference = where.rsplit("/", 1)[1]
    assert case(session, reference).state == "withdrawn"


def test_consent_to_an_electronic_document_is_asked_on_the_review_page_and_kept_with_its_words(
    client: FlaskClient, hanako: Account, session: Session
) -> None:
    words = "登録済証を、このサイトから電子データ(PDF)で受け取ることに同意します。"
    people.sign_in(client, hanako)
    path = fill(client)
    page = client.get(path)
    assert words in page.get_data(as_text=True)
    changed = people.post(client, path, {"sha256": "0" * 64, "electronic_consent": "yes"})
    assert changed.status_code == 409
    assert 'value="yes" aria-describedby="electronic-consent-hint" checked' in changed.get_data(as_text=True)
    answer = people.post(client, path, {"sha256": sha_on(page), "electronic_consent": "yes"})
    reference = people.location(answer).rsplit("/", 1)[1]
    events = [(e.action, e.reason) for e in case(session, reference).events]
    assert events == [("electronic_consent", words), ("file", None)]
    assert "電子データ(PDF)での受け取りに同意しました" in client.get(f"/applications/{reference}").get_data(
        as_text=True
    )


def test_words_chosen_by_typing_come_back_in_the_language_of_the_page(browser: FlaskClient) -> None:
    garden = start(browser, "community-garden").rpartition("/")[0] + "/plot"
    people.post(browser, garden, fields({"garden": "River garden (sample)", "second": "yes"}))
    assert 'value="River garden (sample)"' in browser.get(garden + "?lang=en").get_data(as_text=True)
    people.post(browser, garden, fields({"garden": "川ぞいの農園(見本)", "second": "yes"}))
    english = browser.get(garden + "?lang=en").get_data(as_text=True)
    assert 'id="f-garden" name="f.garden" value="River garden (sample)"' in english
    japanese = browser.get(garden + "?lang=ja").get_data(as_text=True)
    assert 'id="f-garden" name="f.garden" value="川ぞいの農園(見本)"' in japanese
    people.post(browser, garden, fields({"garden": "Moon garden", "second": "yes"}))
    assert 'value="Moon garden"' in browser.get(garden + "?lang=en").get_data(as_text=True), "what is none stays"


def test_what_a_choice_means_stands_under_it_and_is_read_out_with_it(browser: FlaskClient) -> None:
    step = start(browser, "resident-record").rpartition("/")[0]
    pages = [browser.get(f"{step}/{name}").get_data(as_text=True) for name in ("person", "request")]
    page = next(text for text in pages if "本籍と筆頭者" in text)
    assert 'id="f-shown-domicile" name="f.shown" value="domicile" aria-describedby="f-shown-domicile-about"' in page
    assert '<p class="choice__hint" id="f-shown-domicile-about">本籍は、戸籍がある場所です。' in page


def test_what_a_period_must_keep_to_is_said_before_a_mistake(browser: FlaskClient) -> None:
    person = start(browser, "road-occupancy")
    page = browser.get(person.replace("/steps/person", "/steps/use")).get_data(as_text=True)
    assert "<br>2026年11月25日(令和8年)か、それより後の日。<br>3653日以内。</p>" in page
    event = browser.get(start(browser, "patronage").replace("/steps/group", "/steps/event")).get_data(as_text=True)
    assert "2028年11月24日(令和10年)までの日。" in event
