"""A person explains what does not explain itself: with a reason and evidence, above a limit with a second person, never hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from payments import daybook, explanations, finance, gateways, overview
from payments.errors import ExplanationDecided, NothingOdd, SameSecondPerson
from payments.explanations import Key
from payments.models import OddExplanation
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor, AuditEntry
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments.things import Things
from tests.people import make_staff, post, sign_in
from tests.stripe_server import StripeServer

WORDS = {"reason": "決済会社のテスト入金", "evidence": "決済会社の回答書 第12号(会計課の棚)"}


@pytest.fixture
def odd(things: Things, stripe: StripeServer) -> Callable[[int], Key]:
    """`odd(yen)`: the provider's books have a payment that nobody here knows."""

    def made(yen: int) -> Key:
        line = {"price_data": {"currency": "jpy", "unit_amount": str(yen)}, "quantity": "1"}
        page = stripe.books.create_session({"mode": "payment", "line_items": [line]})
        stripe.books.pay(page["id"])
        compare()
        with unit_of_work() as session:
            (item,) = overview.items_of(session, clock.today())
        return Key(item.provider, item.merchant, item.kind, item.reference)

    return made


def compare() -> daybook.Day:
    return daybook.reconcile(gateways.by_code("stripe"), "main", clock.today(), now=clock.now())


def url(key: Key) -> str:
    return f"/staff/payments/odd/{key.provider}/{key.kind}/{key.reference}?account={key.merchant}"


def act(key: Key, name: str) -> str:
    with unit_of_work() as session:
        said = explanations.said_of(session, key)[0].reference
    return url(key).replace("?", f"/{said}/{name}?")


def left() -> tuple[Yen, Yen]:
    with unit_of_work() as session:
        (found,) = overview.days(session, day=clock.today())
    return found.explained, found.left


def test_a_small_thing_is_explained_by_one_person_and_stays_listed(client: FlaskClient, odd: Callable[[int], Key]):
    key = odd(777)
    sign_in(client, make_staff(Role.FINANCE))
    assert "説明する" in client.get(url(key)).text
    assert post(client, url(key), data={**WORDS, "amount": "750", "evidence": ""}).status_code == 422
    assert post(client, url(key), data={**WORDS, "amount": "750"}).status_code == 303
    shown = client.get(f"/staff/payments/days/{clock.today().isoformat()}").text
    for words in (*WORDS.values(), "750円", "説明済み", key.reference):
        assert words in shown
    assert left() == (Yen(750), Yen(0))
    assert "人が説明 750円" in client.get("/staff/payments/days").text
    compare()
    assert left() == (Yen(750), Yen(0)), "a day that is compared again keeps the words"
    with unit_of_work() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "odd.explain"))
        assert entry.detail == {"yen": 750, "kind": "line_unknown", "of": key.reference}


def test_above_the_limit_somebody_else_agrees_first(client: FlaskClient, odd: Callable[[int], Key]):
    key = odd(50_000)
    sign_in(client, make_staff(Role.FINANCE))
    assert post(client, url(key), data={**WORDS, "amount": "48200"}).status_code == 303
    assert left() == (Yen(0), Yen(48_200))
    assert "あなたの説明です" in client.get(url(key)).text
    assert post(client, act(key, "agree")).status_code == 303
    assert left() == (Yen(0), Yen(48_200)), "nobody agrees with themselves"
    sign_in(client, make_staff(Role.FINANCE, email="second@example.jp", name="見本 二子"))
    assert "説明を認める" in client.get(url(key)).text
    assert post(client, act(key, "agree")).status_code == 303
    assert left() == (Yen(48_200), Yen(0))
    assert "見本 二子さんが認めました" in client.get(f"/staff/payments/days/{clock.today().isoformat()}").text


def test_what_was_withdrawn_or_refused_stays_on_record_and_can_be_said_anew(
    client: FlaskClient, odd: Callable[[int], Key]
):
    key = odd(50_000)
    first, second = make_staff(Role.FINANCE), make_staff(Role.FINANCE, email="second@example.jp")
    sign_in(client, first)
    post(client, url(key), data={**WORDS, "amount": "48200"})
    sign_in(client, second)
    assert post(client, act(key, "refuse")).status_code == 303
    assert post(client, url(key), data={**WORDS, "amount": "48200"}).status_code == 303
    assert post(client, act(key, "withdraw")).status_code == 303
    assert left() == (Yen(0), Yen(48_200))
    shown = client.get(url(key)).text
    assert "認められなかった" in shown
    assert "取り消した" in shown


def test_another_amount_by_now_and_a_thing_that_nobody_lists_are_not_explained(
    client: FlaskClient, odd: Callable[[int], Key]
):
    key = odd(777)
    who = Actor(make_staff(Role.FINANCE).id, "staff")
    with unit_of_work() as session, pytest.raises(NothingOdd):
        explanations.explain(session, key, amount=Yen(1), reason="x", evidence="y", actor=who, now=clock.now())
    with unit_of_work() as session, pytest.raises(NothingOdd):
        explanations.find(session, Key("stripe", "main", "line_unknown", "txn_nobody"))
    sign_in(client, make_staff(Role.FINANCE, email="third@example.jp"))
    assert client.get(url(Key("stripe", "main", "line_unknown", "txn_nobody"))).status_code == 404
    sign_in(client, make_staff(Role.COUNTER))
    assert client.get(url(key)).status_code == 403


def test_two_people_at_once_explain_it_once_and_nothing_is_rewritten(odd: Callable[[int], Key]):
    key = odd(50_000)
    who = Actor(make_staff(Role.FINANCE).id, "staff")
    said: dict[str, Any] = {"amount": Yen(48_200), "reason": "x", "evidence": "y", "actor": who, "now": clock.now()}
    with unit_of_work() as session:
        reference = explanations.explain(session, key, **said).reference
    with unit_of_work() as session, pytest.raises(ExplanationDecided):
        explanations.explain(session, key, **said)
    with unit_of_work() as session, pytest.raises(SameSecondPerson):
        explanations.decide(session, reference, agree=True, actor=who, now=clock.now())
    for words in ("UPDATE odd_explanation SET reason = 'z'", "DELETE FROM odd_explanation"):
        with unit_of_work() as session, pytest.raises(DBAPIError, match="changes nothing but"):
            session.execute(text(words))
    with unit_of_work() as session:
        assert session.scalars(select(OddExplanation.reason)).all() == ["x"]


def test_a_notice_that_fits_nothing_is_explained_and_stays_on_todays_page(
    client: FlaskClient, things: Things, stripe: StripeServer, take: Callable[[bytes, dict[str, str]], Any]
):
    page = stripe.books.create_session(
        {"mode": "payment", "line_items": [{"price_data": {"currency": "jpy", "unit_amount": "777"}, "quantity": "1"}]}
    )
    stripe.books.pay(page["id"])
    stripe.deliver(take)
    with unit_of_work() as session:
        notices = [each for each in finance.differences(session, clock.now()) if each.kind == "notice"]
    assert notices
    sign_in(client, make_staff(Role.FINANCE))
    for each in notices:
        key = Key("stripe", "", "notice", each.reference)
        assert each.reference in client.get("/staff/payments").text
        amount = str(each.amount.amount if each.amount else 0)
        assert post(client, url(key), data={**WORDS, "amount": amount}).status_code == 303
    shown = client.get("/staff/payments").text
    assert "すべて人が説明" in shown
    assert WORDS["reason"] in shown
