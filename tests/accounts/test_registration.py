"""A resident registers by a link in a real mail, signs in, forgets the password, changes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.models import Account, Person
from portal.kernel.database import unit_of_work
from tests.people import PASSWORD, location, make_resident, post, sign_in

NEW = "ひまわり畑でつかまえる 7"


def link_in(message: Any) -> str:
    """The path of the first link in a mail."""
    found = re.search(r"https?://\S+", message.get_content())
    assert found, message.get_content()
    parts = urlsplit(found.group())
    return parts.path + (f"?{parts.query}" if parts.query else "")


def register(client: FlaskClient, email: str = "hanako@example.jp", **changes: str) -> Any:
    fields = {"email": email, "password": PASSWORD, "password_confirm": PASSWORD, "consent": "y", **changes}
    return post(client, "/register", {key: value for key, value in fields.items() if value is not None})


def test_hanako_registers_by_the_link_in_a_mail_and_signs_in(
    koga: str, client: FlaskClient, mailbox: Any, run_jobs: Callable[[], None]
) -> None:
    answer = register(client)
    assert (answer.status_code, location(answer)) == (303, "/register/done")
    early = post(client, "/sign-in", {"email": "hanako@example.jp", "password": PASSWORD})
    assert early.status_code == 422
    assert "確認がまだ" in early.text
    run_jobs()
    [mail] = mailbox.to("hanako@example.jp")
    assert "確認" in mail["Subject"]
    confirmed = client.get(link_in(mail))
    assert location(confirmed) == "/sign-in"
    answer = post(client, "/sign-in", {"email": "Hanako@Example.JP", "password": PASSWORD})
    assert (answer.status_code, location(answer)) == (303, "/sign-in/done")
    assert client.get("/sign-in/done", follow_redirects=True).request.path == "/my"
    with unit_of_work() as session:
        account = session.scalars(select(Account)).one()
        assert account.person_id is not None
        assert account.password is not None
        assert account.password.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_english_speaker_is_written_to_in_english(
    koga: str, client: FlaskClient, mailbox: Any, run_jobs: Callable[[], None]
) -> None:
    client.get("/?lang=en")
    register(client, "john@example.jp")
    run_jobs()
    [mail] = mailbox.to("john@example.jp")
    assert not re.search(r"[ぁ-ん]", mail.get_content() + mail["Subject"])


def test_a_registered_address_is_answered_the_same_and_its_owner_is_told(
    koga: str, client: FlaskClient, mailbox: Any, run_jobs: Callable[[], None]
) -> None:
    make_resident(email="hanako@example.jp")
    known = register(client, "HANAKO@example.jp")
    unknown = register(client, "stranger@example.jp")
    assert (known.status_code, location(known)) == (unknown.status_code, location(unknown))
    run_jobs()
    [mail] = mailbox.to("hanako@example.jp")
    assert "登録ずみ" in mail["Subject"]
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 2


def test_only_the_mail_of_a_real_account_resets_but_the_page_says_the_same(
    koga: str, client: FlaskClient, mailbox: Any, run_jobs: Callable[[], None]
) -> None:
    make_resident(email="hanako@example.jp")
    for address in ("hanako@example.jp", "nobody@example.jp"):
        answer = post(client, "/sign-in/reset", {"email": address})
        assert answer.status_code == 303
        assert f"{address} が登録されていれば" in client.get("/sign-in/reset").text
    run_jobs()
    assert not mailbox.to("nobody@example.jp")
    [mail] = mailbox.to("hanako@example.jp")
    link = link_in(mail)
    assert client.get(link).status_code == 200
    answer = post(client, link, {"password": NEW, "password_confirm": NEW})
    assert answer.status_code == 303
    assert post(client, "/sign-in", {"email": "hanako@example.jp", "password": PASSWORD}).status_code == 422
    assert post(client, "/sign-in", {"email": "hanako@example.jp", "password": NEW}).status_code == 303
    run_jobs()
    assert "変わりました" in mailbox.to("hanako@example.jp")[-1]["Subject"]


def test_a_forged_host_does_not_get_into_the_mail(
    koga: str, client: FlaskClient, mailbox: Any, run_jobs: Callable[[], None]
) -> None:
    make_resident(email="hanako@example.jp")
    post(client, "/sign-in/reset", {"email": "hanako@example.jp"}, headers={"X-Forwarded-Host": "evil.example"})
    with client.session_transaction(base_url="http://evil.example") as cookie:
        cookie["csrf_token"] = "0" * 40
    post(client, "/sign-in/reset", {"email": "hanako@example.jp"}, base_url="http://evil.example")
    run_jobs()
    assert mailbox.to("hanako@example.jp")
    assert all("evil" not in mail.get_content() for mail in mailbox.to("hanako@example.jp"))


def test_nobody_fills_another_mailbox_by_asking_again_and_again(
    koga: str, client: FlaskClient, mailbox: Any, run_jobs: Callable[[], None]
) -> None:
    make_resident(email="hanako@example.jp")
    for _ in range(12):
        assert post(client, "/sign-in/reset", {"email": "hanako@example.jp"}).status_code == 303
    run_jobs()
    assert len(mailbox.to("hanako@example.jp")) == 4


def test_a_change_of_password_ends_other_sessions(koga: str, client: FlaskClient) -> None:
    hanako = make_resident()
    elsewhere = client.application.test_client()
    sign_in(client, hanako)
    sign_in(elsewhere, hanako)
    assert elsewhere.get("/my").status_code == 200
    answer = post(
        client,
        "/my/security/password",
        {"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW},
    )
    assert answer.status_code == 303, answer.text
    assert client.get("/my").status_code == 200
    assert location(elsewhere.get("/my")).startswith("/sign-in")


def test_signing_out_is_a_form_and_ends_the_session(koga: str, client: FlaskClient) -> None:
    sign_in(client, make_resident())
    assert client.get("/sign-out").status_code == 405
    assert client.get("/my").status_code == 200
    assert post(client, "/sign-out").status_code == 303
    assert location(client.get("/my")) == "/sign-in?next=/my"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": ""}, "メールアドレスを入力してください"),
        ({"email": "hanako"}, "メールアドレスの形がちがいます"),
        ({"email": "a" * 250 + "@example.jp"}, "メールアドレス"),
        ({"password": "", "password_confirm": ""}, "パスワードを入力してください"),
        ({"password": "みじかい", "password_confirm": "みじかい"}, "10文字以上"),
        ({"password": "password123", "password_confirm": "password123"}, "当てられやすい"),
        ({"password": "aaaaaaaaaaaa", "password_confirm": "aaaaaaaaaaaa"}, "当てられやすい"),
        ({"password": "1234567890", "password_confirm": "1234567890"}, "当てられやすい"),
        ({"password": "hanako12345", "password_confirm": "hanako12345"}, "メールアドレスに似た"),
        ({"password": "x" * 200, "password_confirm": "x" * 200}, "128文字まで"),
        ({"password_confirm": "ちがう合言葉です 9"}, "同じではありません"),
        ({"consent": None}, "チェックを入れてください"),
    ],
)
def test_what_is_wrong_is_said_on_top_and_at_the_field(
    koga: str, client: FlaskClient, changes: dict[str, str], words: str
) -> None:
    answer = register(client, **{"email": "hanako@example.jp", **changes})
    assert answer.status_code == 422
    assert 'id="error-summary"' in answer.text
    assert words in answer.text
    assert "<title>エラー: " in answer.text
    typed = changes.get("email", "hanako@example.jp")
    assert f'value="{typed}"' in answer.text
    with unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0


def test_full_width_letters_in_a_mail_address_are_read(koga: str, client: FlaskClient, session: Session) -> None:
    register(client, "ｈａｎａｋｏ＠ｅｘａｍｐｌｅ.ｊｐ")
    assert session.scalars(select(Account.email)).all() == ["hanako@example.jp"]


def test_the_sign_in_leads_back_to_where_it_was_asked_for_but_not_elsewhere(koga: str, client: FlaskClient) -> None:
    make_resident()
    data = {"email": "hanako@example.jp", "password": PASSWORD}
    answer = post(client, "/sign-in?next=/my/profile", {**data, "next": "/my/profile"})
    assert location(answer) == "/my/profile"
    post(client, "/sign-out")
    answer = post(client, "/sign-in?next=https://evil.example/", {**data, "next": "https://evil.example/"})
    assert "evil" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(("email", "words"), [("", "メールアドレスを入力してください"), ("hanako", "形がちがいます")])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/reset", "/register/confirm"])
def test_a_missing_or_malformed_address_is_told_at_the_field(
    koga: str, client: FlaskClient, path: str, email: str, words: str
) -> None:
    answer = post(client, path, {"email": email, "password": "something"})
    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text
    assert words in answer.text


def test_a_wrong_password_and_an_unknown_address_get_the_same_words(koga: str, client: FlaskClient) -> None:
    make_resident()
    wrong = post(client, "/sign-in", {"email": "hanako@example.jp", "password": "ちがう合言葉です"})
    unknown = post(client, "/sign-in", {"email": "nobody@example.jp", "password": "ちがう合言葉です"})
    for answer in (wrong, unknown):
        assert answer.status_code == 422
        assert "メールアドレス(利用者番号)かパスワードがちがいます" in answer.text
    pages = [re.sub(r'(name="csrf_token"[^>]*value=")[^"]*', r"\1", answer.text) for answer in (wrong, unknown)]
    assert pages[0].replace("hanako", "nobody") == pages[1]
