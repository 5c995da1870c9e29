"""The person's own facts: read in every usual way, refused with a message at the field, names kept to the character."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Person, Role
from portal.kernel.audit import AuditEntry
from tests.people import location, make_resident, make_staff, post, sign_in

GOOD = {
    "name": "古河 花子",
    "kana": "コガ　ハナコ",
    "birth_date": "1980-04-01",
    "sex": "female",
    "phone": "0280-22-5111",
    "postal_code": "306-0033",
    "prefecture": "茨城県",
    "city": "古河市",
    "town": "中央町",
    "block": "1-2-3",
    "building": "",
}


@pytest.fixture
def hanako(koga: str, client: FlaskClient) -> FlaskClient:
    sign_in(client, make_resident(facts=None))
    return client


def save(client: FlaskClient, **changes: Any) -> Any:
    return post(client, "/my/profile", {**GOOD, **changes})


def person(session: Session) -> Person:
    session.expire_all()
    return session.scalars(select(Person)).one()


def test_hanako_saves_and_finds_it_again(hanako: FlaskClient, session: Session) -> None:
    answer = save(hanako)
    assert (answer.status_code, location(answer)) == (303, "/my")
    assert "古河 花子 さんのページ" in hanako.get("/my").text
    page = hanako.get("/my/profile").text
    assert 'value="1980年4月1日"' in page
    assert 'value="306-0033"' in page
    saved = person(session)
    assert (saved.name, saved.kana, saved.birth_date, saved.postal_code) == (
        "古河 花子",
        "コガ　ハナコ",
        date(1980, 4, 1),
        "3060033",
    )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.changed")).one()
    assert "花子" not in str(entry.detail)


@pytest.mark.parametrize(
    ("field", "typed", "stored"),
    [
        ("kana", "ｺｶﾞ ﾊﾅｺ", "コガ　ハナコ"),
        ("kana", "こが はなこ", "コガ　ハナコ"),
        ("birth_date", "昭和55年4月1日", date(1980, 4, 1)),
        ("birth_date", "Ｓ５５．４．１", date(1980, 4, 1)),
        ("birth_date", "令和元年5月1日", date(2019, 5, 1)),
        ("birth_date", "１９８０／４／１", date(1980, 4, 1)),
        ("birth_date", "19800401", date(1980, 4, 1)),
        ("postal_code", "３０６－００３３", "3060033"),
        ("postal_code", "〒306 0033", "3060033"),
        ("phone", "０２８０ー２２ー５１１１", "0280-22-5111"),
        ("phone", "(0280)22-5111", "0280-22-5111"),
        ("phone", "+81 90 1234 5678", "+81-90-1234-5678"),
        ("name", "  古河 花子  ", "古河 花子"),
        ("name", "𠮷田 花子", "𠮷田 花子"),
        ("name", "\ufa19戸 花子", "\ufa19戸 花子"),
        ("name", "辻\U000e0100 花子", "辻\U000e0100 花子"),
        ("name", "か\u3099 花子", "か\u3099 花子"),
        ("name", "花子😀", "花子😀"),
        ("name", "花", "花"),
        ("name", "<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("name", "Robert'); DROP TABLE person;--", "Robert'); DROP TABLE person;--"),
        ("name", "古" * 100, "古" * 100),
    ],
)
def test_what_is_typed_in_a_usual_way_is_read(
    hanako: FlaskClient, session: Session, field: str, typed: str, stored: Any
) -> None:
    answer = save(hanako, **{field: typed})
    assert answer.status_code == 303, answer.text
    assert getattr(person(session), field) == stored
    if field == "name":
        shown = hanako.get("/my").text
        assert escape(stored, quote=False) in shown.replace("&#39;", "'")
        assert "<script>alert" not in shown


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "「名前」を入力してください"),
        ("name", "   ", "「名前」を入力してください"),
        ("name", "古" * 101, "「名前」は100文字までです(いま101文字)"),
        ("name", "花\x00子", "使えない文字"),
        ("name", "花\u202e子", "使えない文字"),
        ("name", "花\n子", "1行で"),
        ("kana", "", "「フリガナ」を入力してください"),
        ("kana", "花子", "カタカナで入力"),
        ("kana", "Hanako", "カタカナで入力"),
        ("birth_date", "", "「生年月日」を入力してください"),
        ("birth_date", "令和元年13月1日", "日付はありません"),
        ("birth_date", "令和元年13月", "日付として読めません"),
        ("birth_date", "昭和70年1月1日", "日付はありません"),
        ("birth_date", "2001-02-29", "日付はありません"),
        ("birth_date", "きのう", "日付として読めません"),
        ("birth_date", "2026-11-26", "今日より後の日付"),
        ("birth_date", "1800-01-01", "古すぎます"),
        ("phone", "12345", "市外局番から"),
        ("phone", "電話なし", "市外局番から"),
        ("postal_code", "", "「郵便番号」を入力してください"),
        ("postal_code", "306", "7けたの数字"),
        ("postal_code", "0000000", "見つかりません"),
        ("sex", "unknown", "「性別」を選んでください"),
        ("prefecture", "茨" * 11, "10文字まで"),
        ("block", "", "「番地」を入力してください"),
        ("building", "ビ" * 101, "100文字まで"),
    ],
)
def test_what_is_wrong_is_told_on_top_and_at_the_field_and_kept(
    hanako: FlaskClient, session: Session, field: str, typed: str, words: str
) -> None:
    answer = save(hanako, **{field: typed})
    assert answer.status_code == 422
    summary = answer.text.partition('id="error-summary"')[2].partition("</ul>")[0]
    assert words in summary
    assert f'href="#{field}"' in summary
    assert words in answer.text.partition(f'id="{field}-error"')[2].partition("</p>")[0]
    assert "<title>エラー: " in answer.text
    if field != "sex" and "\x00" not in typed and "\n" not in typed and typed.strip():
        assert f'value="{typed}"' in answer.text
    # Everything else that was typed is still there.
    assert 'value="コガ　ハナコ"' in answer.text or field == "kana"
    assert 'value="1-2-3"' in answer.text or field == "block"
    assert not person(session).name


def test_several_mistakes_are_told_at_once(hanako: FlaskClient) -> None:
    answer = save(hanako, name="", birth_date="令和元年13月1日", postal_code="0000000", phone="x")
    summary = answer.text.partition('id="error-summary"')[2].partition("</ul>")[0]
    assert summary.count("<li>") == 4


def test_the_address_comes_from_the_postal_code_without_script(hanako: FlaskClient, session: Session) -> None:
    typed = {**GOOD, "prefecture": "", "city": "", "town": "", "name": "打ちかけ", "lookup_postal": "1"}
    answer = post(hanako, "/my/profile", typed)
    assert answer.status_code == 200
    for value in ("茨城県", "古河市", "打ちかけ", "306-0033"):
        assert f'value="{value}"' in answer.text
    assert not person(session).name


def test_an_unknown_postal_code_is_told_and_nothing_is_lost(hanako: FlaskClient) -> None:
    answer = post(hanako, "/my/profile", {**GOOD, "postal_code": "0000000", "lookup_postal": "1"})
    assert answer.status_code == 422
    assert "この郵便番号は見つかりません" in answer.text
    assert 'value="0000000"' in answer.text
    assert 'value="1-2-3"' in answer.text


def test_the_look_up_answers_script_with_json(koga: str, client: FlaskClient) -> None:
    found = client.get("/postal", query_string={"code": "３０６－００３３"})
    assert found.get_json()["city"] == "古河市"
    unknown = client.get("/postal", query_string={"code": "0000000"})
    assert (unknown.status_code, unknown.mimetype) == (404, "application/problem+json")


def test_nobody_changes_a_person_without_signing_in(koga: str, client: FlaskClient) -> None:
    assert post(client, "/my/profile", GOOD).status_code == 303
    sign_in(client, make_staff(Role.COUNTER))
    assert post(client, "/my/profile", GOOD).status_code == 403


def test_the_english_page_has_no_japanese_beside_its_examples(hanako: FlaskClient) -> None:
    import re

    page = hanako.get("/my/profile?lang=en").text
    text = re.sub(r"<[^>]+>", " ", page.partition("<main")[2].partition("</main>")[0])
    assert set(re.findall(r"[\u3041-\u9fff]+", text)) == {"昭和", "年", "月", "日", "コガ", "ハナコ"}
