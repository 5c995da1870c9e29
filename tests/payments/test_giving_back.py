"""A refund that staff begin on a charge's page, and a payment at the counter that is countered on its day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from payments import correcting, drawer_reports, drawers, finance, giving_back, queries, refunds, services
from payments.contract import ChargeLine, Ground, TaxClass
from payments.errors import NoSuchCharge, NotCorrectable, RefundTooLarge, SamePersonAgrees, SlipKnown
from payments.models import AccountCode, Charge, DrawerMove, RefundKind
from payments.settlement import Why
from payments.states import ChargeState, RefundState
from payments.years import RefundOut
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.conftest import Mailbox
from tests.payments.things import ORDINANCE, Things, balances, charge, new_things, refunds_of, state_of
from tests.people import make_staff, post, sign_in

WHY = Why("窓口で二重に数えた", "申出書 令和8年第12号")


@pytest.fixture
def clerk(things: Things) -> Actor:
    return Actor(make_staff(Role.COUNTER).id, "staff")


@pytest.fixture
def office(things: Things) -> tuple[Actor, Actor]:
    return (
        Actor(make_staff(Role.FINANCE, email="first@example.jp").id, "staff"),
        Actor(make_staff(Role.FINANCE, email="second@example.jp").id, "staff"),
    )


def cash(reference: str, clerk: Actor, received: int = 100_000) -> None:
    with unit_of_work() as session:
        services.take_cash(session, reference, received=Yen(received), clerk=clerk, place="koga", now=clock.now())


def begin(reference: str, actor: Actor, yen: int, *, seen: int, why: Why = WHY) -> str:
    with unit_of_work() as session:
        return giving_back.start(
            session,
            reference,
            amount=Yen(yen),
            kind=RefundKind.NOT_OWED,
            ground=None,
            why=why,
            seen=Yen(seen),
            actor=actor,
            now=clock.now(),
        ).reference


def correct(reference: str, actor: Actor, *, owed: bool = True, by_finance: bool = False) -> correcting.Corrected:
    with unit_of_work() as session:
        return correcting.correct(
            session,
            reference,
            owed=owed,
            reason="となりの人の請求だった",
            actor=actor,
            finance=by_finance,
            now=clock.now(),
        )


def test_an_office_fee_goes_back_on_reason_and_evidence_over_the_counter_and_the_payer_is_told(
    clerk: Actor, office: tuple[Actor, Actor], mailbox: Mailbox, run_jobs: Callable[[], None]
):
    reference = charge("T1")
    cash(reference, clerk)
    made = begin(reference, office[0], 1000, seen=3000)
    assert state_of(reference) is ChargeState.PARTLY_REFUNDED
    run_jobs()
    mail = next(each for each in mailbox.to("hanako@example.jp") if "お返しします" in each["Subject"])
    body = mail.get_body(("plain",))
    assert body is not None
    for words in ("1,000円", "窓口で二重に数えた", made, "現金でお返しします"):
        assert words in body.get_content(), words
    assert "申出書" not in body.get_content(), "the evidence is the city's"
    with unit_of_work() as session:
        refunds.pay_out_cash(session, made, clerk=clerk, now=clock.now())
        found = queries.charge(session, reference).refunds[0]
    assert (found.reason, found.evidence, found.booked_as) == (WHY.reason, WHY.evidence, RefundOut.REVENUE.value)
    assert balances() == {AccountCode.CASH: 2000, AccountCode.REVENUE: -2000}


def test_the_same_decision_sent_twice_is_one_refund(clerk: Actor, office: tuple[Actor, Actor]):
    reference = charge("T1")
    cash(reference, clerk)
    begin(reference, office[0], 1000, seen=3000)
    with pytest.raises(RefundTooLarge):
        begin(reference, office[0], 1000, seen=3000)
    with pytest.raises(RefundTooLarge):
        begin(reference, office[0], 2001, seen=2000)
    assert len(refunds_of(reference)) == 1


def test_above_the_limit_nothing_moves_and_nobody_is_told_before_a_second_person(
    clerk: Actor, office: tuple[Actor, Actor], mailbox: Mailbox, run_jobs: Callable[[], None]
):
    reference = charge("T1", total=50_000)
    cash(reference, clerk)
    made = begin(reference, office[0], 40_000, seen=50_000)
    run_jobs()
    assert state_of(reference) is ChargeState.PAID
    assert not [each for each in mailbox.to("hanako@example.jp") if "お返しします" in each["Subject"]]
    with unit_of_work() as session, pytest.raises(SamePersonAgrees):
        refunds.agree(session, made, actor=office[0], now=clock.now())
    with unit_of_work() as session:
        refunds.agree(session, made, actor=office[1], now=clock.now())
    run_jobs()
    assert [each for each in mailbox.to("hanako@example.jp") if "お返しします" in each["Subject"]]


def test_cash_may_go_back_by_transfer_and_then_the_account_is_asked_for(clerk: Actor, office: tuple[Actor, Actor]):
    reference = charge("T1")
    cash(reference, clerk)
    begin(reference, office[0], 3000, seen=3000, why=Why("引っこした", "電話の記録 3", to_bank=True))
    (made,) = refunds_of(reference)
    assert (made.provider, made.state) == ("bank", RefundState.NEEDS_ACCOUNT.value)


def test_what_the_year_makes_of_it_is_known_before(
    clerk: Actor, office: tuple[Actor, Actor], clock_at: Callable[[str], datetime]
):
    clock_at("2026-11-25 10:00")
    reference = charge("T1")
    cash(reference, clerk)
    for day, expected in (("2027-05-31 10:00", RefundOut.REVENUE), ("2027-06-01 10:00", RefundOut.EXPENDITURE)):
        clock_at(day)
        with unit_of_work() as session:
            found = giving_back.prospect(session, reference, now=clock.now())
        assert found is not None
        assert (found.left, found.way, found.year, found.booked_as) == (Yen(3000), "counter", 2026, expected)
    with unit_of_work() as session:
        assert giving_back.prospect(session, charge("T2"), now=clock.now()) is None, "nothing was paid"


def test_cash_on_the_wrong_charge_is_countered_and_the_charge_is_owed_again(clerk: Actor):
    with unit_of_work() as session:
        drawer = drawers.open_(session, clerk=clerk, place="koga", fund=Yen(20_000), now=clock.now()).reference
    wrong, right = charge("T1"), charge("T2")
    cash(wrong, clerk)
    made = correct(wrong, clerk)
    again = made.again
    assert again is not None
    assert (state_of(wrong), state_of(again.reference)) == (ChargeState.REFUNDED, ChargeState.OPEN)
    assert balances() == {AccountCode.RECEIVABLE: 6000, AccountCode.REVENUE: -6000}
    with unit_of_work() as session:
        known = queries.charge_of(session, "thing", "T1")
        moves = session.execute(select(DrawerMove.kind, DrawerMove.cash).order_by(DrawerMove.id)).all()
        (day,) = drawer_reports.daily(session, clock.today())
        assert [each for each in finance.differences(session, clock.now()) if each.kind == "books"] == []
    assert known is not None
    assert known.reference == again.reference, "the thing's page shows the demand that stands"
    assert [(kind, yen.amount) for kind, yen in moves] == [
        ("fund", 20_000),
        ("cash", 3000),
        ("correction", -3000),
    ]
    assert [(line.method, line.amount.amount) for line in day.lines] == [("cash", 3000), ("cash_correction", -3000)]
    assert (day.fund, day.takings, day.expected) == (Yen(20_000), Yen(0), Yen(20_000))
    with pytest.raises(NotCorrectable):
        correct(wrong, clerk)
    cash(right, clerk)
    cash(again.reference, clerk)
    with unit_of_work() as session:
        drawers.close(session, drawer, count={10_000: 2, 1_000: 6}, explanation="", clerk=clerk, now=clock.now())
        assert [slip.amount for slip in drawers.pay_in(session, place="koga", clerk=clerk, now=clock.now())] == [
            Yen(6000)
        ]
    assert correct_again(right, clerk) == "counted"


def test_what_is_asked_for_again_is_the_same_demand_with_a_term_that_can_be_met_and_told(
    clerk: Actor, mailbox: Mailbox, run_jobs: Callable[[], None], clock_at: Callable[[str], datetime]
):
    clock_at("2026-11-25 10:00")
    use = ChargeLine("会議室", Yen(3000), TaxClass.STANDARD, ORDINANCE, True, "sample", "Meeting room")
    cases = [
        # (the first demand ends, day of the use, what the second one's term is)
        ("2026-12-01 12:00", "2026-12-20", "2026-12-01 12:00:00"),
        ("2026-11-25 10:30", "2026-12-20", "2026-12-09 23:59:59"),
        ("2026-11-25 10:30", "2026-11-28", "2026-11-28 23:59:59"),
        ("2026-11-25 10:30", None, "2026-12-09 23:59:59"),
        (None, "2026-11-28", None),
    ]
    for number, (ends, used, expected) in enumerate(cases):
        first = charge(
            f"T{number}",
            use,
            alone=True,
            receipt=False,
            pay_until=moment(ends),
            performed_on=date.fromisoformat(used) if used else None,
        )
        cash(first, clerk)
        made = correct(first, clerk).again
        assert made is not None
        with unit_of_work() as session:
            again = session.scalars(select(Charge).where(Charge.reference == made.reference)).one()
            shown = queries.charge(session, made.reference)
        assert (again.alone, again.receipt, again.pay_until) == (True, False, moment(expected)), (ends, used)
        assert [(line.label, line.label_en, line.sample) for line in shown.lines] == [("会議室", "Meeting room", True)]
    run_jobs()
    mails = [each.get_body(("plain",)) for each in mailbox.to("hanako@example.jp") if "直しました" in each["Subject"]]
    texts = sorted(body.get_content() for body in mails if body is not None)
    assert [("11月28日(土) 23:59 まで" in text, "期限" in text) for text in texts].count((True, True)) == 1
    assert sum("期限" in text for text in texts) == len(cases) - 1


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=clock.TOKYO)


def correct_again(reference: str, clerk: Actor) -> str:
    with pytest.raises(NotCorrectable) as caught:
        correct(reference, clerk)
    return caught.value.reason


def test_a_card_slip_is_countered_without_cash_and_can_be_recorded_for_the_right_charge(clerk: Actor):
    wrong, right = charge("T1"), charge("T2")
    with unit_of_work() as session:
        services.take_terminal(session, wrong, slip_number="0012", clerk=clerk, place="koga", now=clock.now())
    assert correct(wrong, clerk, owed=False).again is None
    assert balances() == {AccountCode.RECEIVABLE: 3000, AccountCode.REVENUE: -3000}
    with unit_of_work() as session:
        services.take_terminal(session, right, slip_number="0012", clerk=clerk, place="koga", now=clock.now())
        (day,) = drawer_reports.daily(session, clock.today())
    assert [(line.method, line.amount.amount) for line in day.lines] == [("card", 6000), ("card_correction", -3000)]
    assert (day.cards, day.takings) == (Yen(3000), Yen(0))
    with unit_of_work() as session, pytest.raises(SlipKnown):
        services.take_terminal(session, charge("T3"), slip_number="0012", clerk=clerk, place="koga", now=clock.now())


def test_only_todays_payment_of_the_own_drawer_is_countered_and_a_large_one_by_somebody_else(
    clerk: Actor, office: tuple[Actor, Actor], clock_at: Callable[[str], datetime]
):
    clock_at("2026-11-24 10:00")
    small, large = charge("T1"), charge("T2", total=30_001)
    cash(small, clerk)
    cash(large, clerk)
    other = Actor(make_staff(Role.COUNTER, email="other@example.jp").id, "staff")
    with pytest.raises(NoSuchCharge):
        correct(small, other)
    with pytest.raises(SamePersonAgrees):
        correct(large, clerk)
    correct(large, office[0], by_finance=True)
    clock_at("2026-11-25 10:00")
    assert correct_again(small, clerk) == "another_day"


@pytest.fixture
def desk(koga: str, client: FlaskClient) -> FlaskClient:
    new_things()
    return client


def test_finance_gives_back_and_a_clerk_corrects_in_the_browser(
    desk: FlaskClient, client: FlaskClient, clock_at: Callable[[str], datetime]
):
    clock_at("2026-11-25 10:00")
    taker = make_staff(Role.COUNTER, email="taker@example.jp")
    sign_in(client, taker)
    first, second = charge("T1"), charge("T2")
    for reference in (first, second):
        post(client, f"/staff/payments/charges/{reference}/cash", {"received": "5000", "place": "koga"})
    page = client.get(f"/staff/payments/charges/{first}").get_data(as_text=True)
    assert f"/charges/{first}/correction" in page
    assert f"/charges/{first}/refund" not in page, "finance begins refunds"
    assert client.get(f"/staff/payments/charges/{first}/refund").status_code == 403
    correction = f"/staff/payments/charges/{first}/correction"
    assert "両方が出ます" in client.get(correction).get_data(as_text=True)
    assert post(client, correction, {"owed": "yes", "reason": ""}).status_code == 422
    assert post(client, correction, {"owed": "yes", "reason": "まちがえた"}).status_code == 303
    report = client.get("/staff/till/report").get_data(as_text=True)
    for words in ("現金の訂正", "-3,000円"):
        assert words in report, words
    with unit_of_work() as session:
        again = session.scalars(select(Charge.reference).where(Charge.purpose == "fee-again-1")).one()
    assert state_of(again) is ChargeState.OPEN

    client.delete_cookie("session")
    sign_in(client, make_staff(Role.FINANCE, email="office@example.jp"))
    page_of = f"/staff/payments/charges/{second}/refund"
    shown = client.get(page_of).get_data(as_text=True)
    for words in ("戻出", "2026年度", "窓口で、現金で返す", "3,000円"):
        assert words in shown, words
    seen = re.search(r'name="seen"[^>]*value="(\d+)"', shown)
    assert seen is not None
    form = {
        "seen": seen[1],
        "kind": "by_ordinance",
        "amount": "1,000",
        "ground": "",
        "article": "",
        "reason": "台風で使えなかった",
        "evidence": "申出書 5",
        "way": "usual",
    }
    assert post(client, page_of, form).status_code == 422, "an ordinance is named"
    named = {**form, "ground": "古河市手数料条例", "article": "第7条"}
    assert post(client, page_of, {**named, "amount": "3,001"}).status_code == 422
    assert post(client, page_of, named).status_code == 303
    post(client, page_of, named)
    (made,) = refunds_of(second)
    assert (made.amount, made.kind) == (Yen(1000), "by_ordinance")
    page = client.get(f"/staff/payments/charges/{second}").get_data(as_text=True)
    for words in ("台風で使えなかった", "申出書 5", "古河市手数料条例 第7条", "条例や規則による還付"):
        assert words in page, words


def test_a_refund_by_ordinance_names_it(clerk: Actor, office: tuple[Actor, Actor]):
    reference = charge("T1")
    cash(reference, clerk)
    with unit_of_work() as session, pytest.raises(ValueError, match="ordinance"):
        giving_back.start(
            session,
            reference,
            amount=Yen(1),
            kind=RefundKind.BY_ORDINANCE,
            ground=None,
            why=WHY,
            seen=Yen(3000),
            actor=office[0],
            now=clock.now(),
        )
    with unit_of_work() as session:
        made = giving_back.start(
            session,
            reference,
            amount=Yen(1),
            kind=RefundKind.BY_ORDINANCE,
            ground=Ground("古河市手数料条例", "第7条", date(2020, 4, 1)),
            why=WHY,
            seen=Yen(3000),
            actor=office[0],
            now=clock.now(),
        )
    assert made.kind == "by_ordinance"
