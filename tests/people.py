"""The people of the tests: はなこ, a stranger, staff in every role; signed in without the sign-in page where that is not the point."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.accounts import services
from portal.accounts.identity import services as identity
from portal.accounts.identity.claims import BasicFacts
from portal.accounts.models import SCOPE_OF, Account, Role, ScopeKind
from portal.accounts.services import Facts, GrantRequest
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work

PASSWORD = "あさがおと三輪車 42"
HANAKO = Facts(
    name="古河 花子",
    kana="コガ ハナコ",
    birth_date=date(1980, 4, 1),
    sex="female",
    phone="0280-22-5111",
    postal_code="3060033",
    prefecture="茨城県",
    city="古河市",
    town="中央町",
    block="1-2-3",
    building="",
)

CONFIRMED = BasicFacts("古河 花子", "茨城県古河市中央町1-2-3", date(1980, 4, 1), "female")


def make_resident(
    session: Session | None = None,
    *,
    email: str = "hanako@example.jp",
    name: str = "",
    facts: Facts | None = HANAKO,
    confirmed: bool = True,
    locale: str = "ja",
    commit: bool = True,
) -> Account:
    """A resident's account with a person; committed, unless told otherwise.

    Args:
        facts: None for a person who has only registered.
        name: another name than facts'.
    """
    values = facts or Facts()
    if name:
        values = Facts(**{**values.__dict__, "name": name})

    def make(using: Session) -> Account:
        return services.create_resident(
            using, email=email, password=PASSWORD, now=clock.now(), locale=locale, facts=values, confirmed=confirmed
        )

    return _run(session, make, commit=commit)


def make_staff(
    role: Role | str,
    scope: str | None = None,
    *,
    session: Session | None = None,
    email: str | None = None,
    name: str = "窓口 太郎",
    commit: bool = True,
) -> Account:
    """A staff account with one role; `scope` is a department slug or a facility code where the role needs one."""
    role = Role(role)
    kind = SCOPE_OF.get(role, ScopeKind.NONE)
    default = {ScopeKind.DEPARTMENT: "citizen-counter", ScopeKind.FACILITY: "S01", ScopeKind.NONE: ""}
    code = default[kind] if scope is None else scope
    address = email or f"{role}{'-' + code if code else ''}@example.jp".lower()

    def make(using: Session) -> Account:
        return services.create_staff(
            using,
            email=address,
            name=name,
            password=PASSWORD,
            grants=[GrantRequest(role, kind, code)],
            now=clock.now(),
        )

    return _run(session, make, commit=commit)


def _run(session: Session | None, make: Any, *, commit: bool) -> Account:
    if session is None:
        with unit_of_work() as own:
            return make(own)
    account = make(session)
    if commit:
        session.commit()
    return account


def sign_in(client: FlaskClient, who: Account) -> None:
    """Sign the account in as the library does, without the page."""
    with client.session_transaction() as cookie:
        cookie["_user_id"] = who.fs_uniquifier
        cookie["_fresh"] = True
        cookie["fs_cc"] = "set"
        cookie["fs_paa"] = time.time()


def confirm_identity(client: FlaskClient, who: Account, facts: BasicFacts = CONFIRMED) -> None:
    """Let a provider have confirmed just now, in this browser, who the signed-in account is."""
    with unit_of_work() as session:
        _identity, secret = identity.confirm(
            session,
            account_id=who.id,
            facts=facts,
            source="本人確認サービス",
            actor=Actor(who.id, "resident"),
            now=clock.now(),
        )
    with client.session_transaction() as cookie:
        cookie["identity"] = secret


def sign_out(client: FlaskClient) -> None:
    """Forget the account, keep nothing."""
    with client.session_transaction() as cookie:
        cookie.clear()


def csrf(client: FlaskClient) -> str:
    """A form token that fits the client's session."""
    with client.session_transaction() as cookie:
        raw = cookie.setdefault("csrf_token", "0" * 40)
    secret = client.application.config["SECRET_KEY"]
    return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw))


def post(client: FlaskClient, url: str, data: Mapping[str, Any] | None = None, **options: Any) -> TestResponse:
    """Send a form as a page of ours does, with its token."""
    return client.post(url, data={"csrf_token": csrf(client), **(data or {})}, **options)


def location(answer: TestResponse) -> str:
    """The path (and query) that a redirect leads to."""
    parts = urlsplit(answer.headers["Location"])
    return parts.path + (f"?{parts.query}" if parts.query else "")
