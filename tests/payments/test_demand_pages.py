"""What people see of a 督促 and of a claim that was given up: payers on their pages, finance on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments import chores, demands, dunning, queries, unpaid
from payments.contract import Payer
from payments.models import DemandLetter, WriteOffGround
from payments.states import ChargeState
from payments.web import words
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.payments import slips
from tests.payments.things import CLERK, Things, charge, line, new_things, state_of
from tests.people import location, make_resident, make_staff, post, sign_in

TWO_MONTHS = timedelta(days=60)


def demand(reference: str, *, costs: int) -> DemandLetter:
    with unit_of_work() as session:
        return dunning.demand(
            session,
            reference,
            pay_by=clock.today() + timedelta(days=10),
            costs=Yen(costs),
            ground=None,
            actor=CLERK,
            now=clock.now(),
        )


def open_bill(client: FlaskClient) -> str:
    """The page of the bill, opened with what stands on the slip."""
    return location(post(client, "/bills", {"number": "20260001", "check": slips.CHECK}))


@pytest.mark.usefixtures("koga", "app")
def test_after_a_demand_the_payer_reads_its_day_its_term_and_its_costs(client: FlaskClient):
    slips.take(slips.row("20260001"))
    hanako = make_resident(email="hanako@example.jp")
    sign_in(client, hanako)
    checkout = location(post(client, open_bill(client), {}))
    assert "督促" not in client.get(checkout).text
    # The slip itself can be used for 36 days.
    clock.move_to(clock.now() + TWO_MONTHS)
    sign_in(client, hanako)
    assert "ここでは払えません" in client.get(open_bill(client)).text
    letter = demand(checkout.rsplit("/", 1)[1], costs=100)
    said = f"{letter.pay_by.month}月{letter.pay_by.day}日"
    for page in (open_bill(client), checkout):
        shown = client.get(page).text
        for word in ("督促状を出しました", said, "督促手数料 100円", "支払いに進む" if page != checkout else "を払う"):
            assert word in shown, (page, word)
    for page in ("/pay", "/my"):
        shown = client.get(page).text
        assert "督促状の期限" in shown, page
        assert said in shown, page


@pytest.mark.usefixtures("koga", "app")
def test_a_guest_who_opened_the_bill_gets_to_the_page_of_the_costs(client: FlaskClient, app: Flask):
    slips.take(slips.row("20260001"))
    checkout = location(post(client, open_bill(client), {}))
    clock.move_to(clock.now() + TWO_MONTHS)
    demand(checkout.rsplit("/", 1)[1], costs=100)
    shown = client.get(open_bill(client)).text
    costs = shown.split("督促手数料 100円", 1)[1].split('href="', 1)[1].split('"', 1)[0]
    assert "督促手数料" in client.get(costs).text
    assert app.test_client().get(costs).status_code != 200, "another browser does not"


def test_a_claim_that_is_given_up_takes_the_costs_of_its_demand_with_it(things: Things):
    reference = charge("T1", pay_until=clock.now() + timedelta(days=3))
    clock.move_to(clock.now() + timedelta(days=30))
    letter = demand(reference, costs=100)
    with unit_of_work() as session:
        found = demands.of_charge(session, reference)
    assert found
    assert found.cost_ref
    first, second = (Actor(make_staff(Role.FINANCE, email=f"{one}@example.jp").id, "staff") for one in ("a", "b"))
    with unit_of_work() as session:
        proposed = dunning.propose_write_off(
            session,
            reference,
            ground=WriteOffGround.LIMITATION,
            reason="時効",
            evidence="",
            actor=first,
            now=clock.now(),
        ).reference
    with unit_of_work() as session:
        assert [each.costs for each in unpaid.proposals(session)] == [letter.costs]
    with unit_of_work() as session:
        dunning.decide_write_off(session, proposed, agree=True, actor=second, now=clock.now())
    assert [state_of(each) for each in (reference, found.cost_ref)] == [ChargeState.WRITTEN_OFF] * 2


@pytest.mark.usefixtures("koga", "app")
def test_bills_of_a_sample_file_say_that_they_are_samples(client: FlaskClient):
    slips.take(slips.row("20260001"), name="見本-納付書.csv")
    page = location(post(client, "/bills", {"number": "20260001", "check": slips.CHECK}))
    assert "見本" in client.get(page).text.split("</h1>")[1].split("</p>")[0]


@pytest.mark.usefixtures("koga", "app")
def test_the_costs_of_a_claim_that_is_made_up_are_made_up_too(
    client: FlaskClient, run_jobs: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    new_things()
    hanako = make_resident(email="hanako@example.jp")
    payer = Payer(hanako.person_id, hanako.id, "古河 花子")
    real = replace(line(3000), sample=False)
    until = clock.now() + timedelta(days=3)
    made_up = charge("T1", payer=payer, pay_until=until)
    owed = charge("T2", real, payer=payer, pay_until=until)
    clock.move_to(clock.now() + timedelta(days=30))
    sign_in(client, hanako)
    marked: list[bool] = []
    monkeypatch.setattr(chores.pdf, "render", lambda *_, **said: marked.append(said["sample"]) or b"%PDF-1.7")
    for reference, sample in ((made_up, True), (owed, False)):
        demand(reference, costs=100)
        with unit_of_work() as session:
            found = demands.of_charge(session, reference)
            assert found
            assert found.cost_ref
            assert queries.charge(session, found.cost_ref).sample is found.sample is sample
        said = client.get(f"/pay/{reference}").text.split("督促手数料 100円")[1].split("</p>")[0]
        assert ("見本" in said) is sample
    run_jobs()
    assert marked == [True, False], "the letter says it on every page"


@pytest.mark.usefixtures("koga", "app")
def test_what_the_provider_says_of_a_refund_or_a_dispute_is_said_in_words(app: Flask):
    with app.test_request_context():
        assert words.refund_failure("account_closed") == "口座が閉じられていました"
        assert words.refund_failure("new_code") == "決済サービスの言葉では: new_code"
        assert words.refund_failure(None) == ""
        assert words.dispute_reason("fraudulent") == "本人が払ったものではない"
