"""Days to pay for a telephone booking, overtime, a decision: the city's rules say so; a sample where none is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import ValidationError

from payments import queries as payment_queries
from portal.accounts.models import Role
from portal.kernel.database import unit_of_work
from portal.kernel.texts import show_until
from reservations.rules import DaysToPay
from reservations.web.studio.rule_words import policy_lines
from tests import people
from tests.reservations.conftest import Resident, booking, change_rules
from tests.reservations.test_behalf import WHO, accept
from tests.reservations.test_rules import policy

Move = Callable[[str], datetime]


def test_a_telephone_booking_is_kept_for_the_days_that_the_rules_name(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    change_rules("sports", days_to_pay={"telephone": 3})
    where = people.location(people.post(client, "/staff/desk/book", WHO))
    accept(client, where)
    assert "2026年11月28日(土) 24:00 までに 600円 の支払いがないと" in client.get(where).text


def test_overtime_is_due_by_the_rules_of_the_booking_and_the_clerk_reads_it_first(
    client: FlaskClient, hanako: Resident, clock_at: Move
) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S05"))
    change_rules("sports", days_to_pay={"overtime": 5})
    reference = hanako.book("S05-01", "t0900")
    clock_at("2026-12-04 08:50")
    people.post(client, f"/staff/desk/bookings/{reference}/came")
    clock_at("2026-12-04 11:40")
    people.post(client, f"/staff/desk/bookings/{reference}", {"adult": "2", "left": "11:25"})
    assert "支払いの期限は、請求した日の5日後です。" in client.get(f"/staff/desk/bookings/{reference}").text
    people.post(client, f"/staff/desk/bookings/{reference}/overtime")
    with unit_of_work() as session:
        [(owed, _purpose)] = payment_queries.open_charges(session, "booking", reference)
        until = payment_queries.charge(session, owed).pay_until
    assert until is not None
    assert show_until(until, "ja") == "2026年12月9日(水) 24:00"
    assert booking(reference).total is not None


def test_the_lines_of_the_rules_say_the_days_and_whether_they_are_a_sample(app: Flask) -> None:
    named = policy(days_to_pay={"telephone": 10, "overtime": 20, "source": "規則第5条"})
    with app.test_request_context("/"):
        assert "電話の予約の支払い: 7日以内(見本)" in policy_lines(policy())
        lines = policy_lines(named)
    assert "電話の予約の支払い: 10日以内(根拠: 規則第5条)" in lines
    assert "延長の料金の支払い: 20日以内(根拠: 規則第5条)" in lines
    assert "減免などが決まったあとの支払い: 14日以内(根拠: 規則第5条)" in lines


@pytest.mark.parametrize("days", [{"telephone": 0}, {"overtime": 91}, {"telefone": 7}])
def test_days_that_make_no_sense_are_a_mistake(days: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        DaysToPay.model_validate(days)
