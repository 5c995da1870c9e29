"""The price that was accepted is the price that is charged; money that comes late finds its slot or goes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import checkout, dunning, joining, queries, settlement, till
from payments.errors import NotJoinable
from payments.models import Charge
from payments.states import ChargeState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from reservations import documents
from reservations.errors import HoldEnded, NoMoreTime, NotBookable, PriceChanged, SlotTaken, WrongState
from reservations.models import BookingState, RuleDocument
from reservations.queries import bookings
from reservations.rules import PayTerm, PayWhen, Refused
from reservations.services.holding import lapse
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import SATURDAY, Resident, booking, change_rules, charge_of, pay


def test_a_paid_booking_is_confirmed_and_keeps_its_slot(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    made = booking(reference)
    assert made.state == BookingState.CONFIRMED
    assert made.total == Yen(600)
    assert made.permit_code
    clock.move_to(clock.now() + timedelta(days=2))
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")


def test_the_sum_accepted_is_the_sum_charged_line_by_line(stranger: Resident) -> None:
    reference = stranger.hold("S01-90", "t1300", SATURDAY)
    details = stranger.details(reference, people=12, purpose="badminton", options={"air-half": 1})
    quote = stranger.say(reference, details)
    assert [(line.label, line.amount.amount) for line in quote.lines] == [
        ("半面 2時間", 1200),
        ("市外の方 5割増し", 600),
        ("土日祝 2割増し", 240),
        ("冷暖房 1時間500円", 1000),
    ]
    stranger.accept(reference, details, quote.digest)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.total == quote.total == Yen(3040)
    assert [line.amount for line in charge.lines] == [line.amount for line in quote.lines]
    assert all(line.sample for line in charge.lines)
    assert charge.lines[1].rule == "gym@2025-04-01#outsider"


def test_a_forged_price_is_refused_and_nothing_is_charged(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    with pytest.raises(PriceChanged):
        hanako.accept(reference, hanako.details(reference), "0000000000000000")
    assert charge_of(reference) is None
    assert booking(reference).accepted_at is None


def test_an_option_ticked_after_the_price_was_seen_is_shown_again_before_it_is_owed(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t1300")
    seen = hanako.say(reference, hanako.details(reference))
    with pytest.raises(PriceChanged):
        hanako.accept(reference, hanako.details(reference, options={"lights": 1}), seen.digest)
    assert charge_of(reference) is None


def test_an_option_that_is_not_offered_here_costs_nothing_and_is_not_kept(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    quote = hanako.say(reference, hanako.details(reference, options={"lights": 1, "free-lunch": 7}))
    assert quote.total == Yen(600)
    assert booking(reference).options == {}


def test_accepting_twice_owes_once(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    first = charge_of(reference)
    hanako.accept(reference, hanako.details(reference), "whatever a second click sends")
    again = charge_of(reference)
    assert first is not None
    assert again is not None
    assert first.reference == again.reference


def test_paying_takes_time_so_the_slot_is_kept_longer_while_it_lasts(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    assert booking(reference).held_until == clock.now() + timedelta(minutes=30)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.pay_until == booking(reference).held_until


def test_a_late_payer_gets_the_slot_if_it_is_still_free(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    clock.move_to(clock.now() + timedelta(hours=2))
    with unit_of_work() as session:
        lapse(session, reference, actor=SYSTEM, now=clock.now())
    assert booking(reference).state == BookingState.LAPSED
    charge = charge_of(reference)
    assert charge is not None
    assert charge.state == ChargeState.VOID
    _money_arrives(reference)
    assert booking(reference).state == BookingState.CONFIRMED
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")


def test_a_late_payer_gets_all_money_back_if_somebody_else_has_the_slot(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    clock.move_to(clock.now() + timedelta(minutes=31))
    winner = stranger.hold("S05-01", "t0900")
    assert _money_arrives(reference) == "refused"
    assert booking(reference).state == BookingState.LAPSED
    assert booking(winner).state == BookingState.HELD


def test_money_for_a_use_that_has_begun_is_refused(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    clock.move_to(booking(reference).starts_at)
    assert _money_arrives(reference) == "refused"


def test_money_told_twice_confirms_once(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    before = booking(reference)
    assert _money_arrives(reference) == "accepted"
    assert booking(reference).permit_code == before.permit_code


def _money_arrives(reference: str) -> str:
    """What payments asks when the provider says that the charge is paid."""
    from reservations.services import BookingPayable

    with unit_of_work() as session:
        verdict = BookingPayable().on_paid(session, reference, charge_ref="C", paid_at=clock.now(), now=clock.now())
    return verdict.value


def test_a_free_use_needs_no_payment(hanako: Resident) -> None:
    reference = hanako.book("G01-02", "am", date(2026, 12, 12), purpose="soccer")
    assert booking(reference).state == BookingState.REQUESTED
    assert charge_of(reference) is None


def test_nothing_is_accepted_after_the_hold_has_ended(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    details = hanako.details(reference)
    quote = hanako.say(reference, details)
    clock.move_to(clock.now() + timedelta(minutes=15))
    with pytest.raises(HoldEnded):
        hanako.accept(reference, details, quote.digest)
    assert charge_of(reference) is None


def test_more_people_than_the_place_holds_are_refused_with_the_limit(hanako: Resident) -> None:
    reference = hanako.hold("S05-01", "t0900")
    with pytest.raises(NotBookable) as refused:
        hanako.say(reference, hanako.details(reference, people=9))
    assert (refused.value.reason, refused.value.limit) == (Refused.TOO_MANY_PEOPLE, 8)


def test_letting_an_accepted_hold_go_withdraws_the_demand(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    hanako.release(reference)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.state == ChargeState.VOID


def test_a_paid_booking_is_not_released_but_cancelled(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    with pytest.raises(WrongState):
        hanako.release(reference)


def test_a_price_is_the_same_for_ever(hanako: Resident, session: Session) -> None:
    """The booking keeps the fee table that it was made under; a later version does not touch it."""
    from sqlalchemy import select

    from reservations import documents
    from reservations.models import RuleDocument

    reference = hanako.book("S05-01", "t0900")
    row = session.scalars(select(RuleDocument).where(RuleDocument.kind == "fees", RuleDocument.code == "court")).one()
    content = {**row.content, "rows": [{**entry, "amount": 9999} for entry in row.content["rows"]]}
    session.add(
        RuleDocument(
            kind="fees",
            code="court",
            valid_from=row.valid_from,
            revision=2,
            sample=True,
            content=content,
            digest=documents.digest(content),
            published_at=clock.now(),
        ),
    )
    session.commit()
    later = hanako.hold("S05-01", "t1100")
    assert hanako.say(later, hanako.details(later)).total == Yen(9999)
    assert booking(reference).total == Yen(600)
    quote = booking(reference).quote
    assert quote is not None
    assert quote["lines"][0]["amount"] == 600


def test_paying_is_idempotent_across_the_real_ledger(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    pay(reference)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.state == ChargeState.PAID


def test_a_booking_prices_the_same_after_a_later_table_and_a_correction_of_its_own(
    hanako: Resident, session: Session
) -> None:
    """What was accepted is what is charged, and pricing it again gives the same lines for ever."""
    reference = hanako.book(
        "C16-01",
        "am",
        date(2026, 12, 15),
        people=100,
        purpose="chorus",
        options={"mike": 3},
        admission=500,
        traits=frozenset({"profit"}),
    )
    made = booking(reference)
    assert made.total == Yen(2400 + 2400 + 1200 + 600)
    row = session.scalars(select(RuleDocument).where(RuleDocument.id == made.fees_id)).one()
    dearer = {**row.content, "rows": [{**one, "amount": one["amount"] * 2} for one in row.content["rows"]]}
    for day, revision in ((row.valid_from, 2), (date(2026, 12, 1), 1)):
        content = {**dearer, "valid_from": day.isoformat()}
        session.add(
            RuleDocument(
                kind=row.kind,
                code=row.code,
                valid_from=day,
                revision=revision,
                sample=True,
                content=content,
                digest=documents.digest(content),
                published_at=clock.now(),
            )
        )
    session.commit()
    with unit_of_work() as again:
        view = bookings.of_person(again, reference, hanako.person_id)
        assert view is not None
        assert made.quote is not None
        assert view.quote.digest == made.quote["digest"]
        assert view.charge is not None
        assert view.charge.total == view.quote.total == made.total
    new = hanako.say(other := hanako.hold("C16-01", "am", date(2026, 12, 16)), hanako.details(other, people=100))
    assert new.total == Yen(4800)


def test_m2_a_slot_whose_voucher_is_out_is_kept_until_it_cannot_have_been_paid_any_more(hanako: Resident) -> None:
    from reservations.services.paying import BookingPayable

    reference = hanako.book("S05-01", "t0900", paid=False)
    begins, held = booking(reference).starts_at, booking(reference).held_until
    until = clock.now() + timedelta(days=2)
    for _twice in range(2):
        with unit_of_work() as session:
            BookingPayable().on_waiting(session, reference, charge_ref="C-1", until=until, now=clock.now())
    assert held < booking(reference).held_until == min(until, begins)
    with unit_of_work() as session:
        assert not lapse(session, reference, actor=SYSTEM, now=held + timedelta(minutes=1))


def test_a_months_uses_are_paid_together_by_a_day_of_the_next_month(
    hanako: Resident, clock_at: Callable[[str], datetime], mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    """Rules of use, group 15: 口座振替月まとめ. Firm at once; due by the 31st, which February does not have."""
    change_rules("sports", payment=[{"when": "monthly", "month_day": 31}])
    first = hanako.book("S05-01", "t0900", paid=False)
    second = hanako.book("S05-01", "t1100", SATURDAY, paid=False)
    assert [booking(each).state for each in (first, second)] == [BookingState.CONFIRMED] * 2
    owed = [charge_of(each) for each in (first, second)]
    assert [one.due_on if one else None for one in owed] == [date(2027, 1, 31)] * 2
    with unit_of_work() as session:
        whole = joining.join(session, [one.reference for one in owed if one], actor=SYSTEM, now=clock.now())
        assert queries.charge(session, whole.reference).due_on == date(2027, 1, 31)
    clock_at("2027-02-07 09:00")
    with unit_of_work() as session:
        assert dunning.remind(session, today=date(2027, 2, 7), now=clock.now()) == 1
    run_jobs()
    assert any(whole.reference in str(mail) for mail in mailbox.to("hanako@example.com"))


@pytest.mark.parametrize(
    ("used", "due"), [("2026-12-04", "2027-01-31"), ("2027-01-31", "2027-02-28"), ("2028-01-01", "2028-02-29")]
)
def test_the_day_of_the_next_month_is_its_last_one_where_it_has_no_such_day(used: str, due: str) -> None:
    starts = datetime.fromisoformat(f"{used}T21:00").replace(tzinfo=clock.TOKYO)
    term = PayTerm(when=PayWhen.MONTHLY, month_day=31)
    until = term.due(starts=starts, ends=starts + timedelta(hours=2), now=starts)
    assert until is not None
    assert (until - timedelta(seconds=1)).astimezone(clock.TOKYO).date() == date.fromisoformat(due)


def test_a_use_that_is_paid_alone_is_in_no_sum_and_has_no_receipt_online(hanako: Resident, stranger: Resident) -> None:
    """Rules of use, group 15: カードは1枠ずつ, 併用不可, 領収書なし."""
    change_rules("sports", payment=[{"when": "within", "days": 3, "alone": True, "receipt": False}])
    references = [hanako.book("S05-01", slot, paid=False) for slot in ("t0900", "t1100")]
    owed = [charge_of(each) for each in references]
    with unit_of_work() as session, pytest.raises(NotJoinable) as refused:
        joining.join(session, [one.reference for one in owed if one], actor=SYSTEM, now=clock.now())
    assert refused.value.reason == "alone"
    assert owed[0] is not None
    assert owed[1] is not None
    with unit_of_work() as session:
        charge_id = session.scalars(select(Charge.id).where(Charge.reference == owed[0].reference)).one()
        arrival = settlement.Arrival("sandbox", "card", Yen(600), paid_at=clock.now(), provider_payment_id="pi_1")
        assert settlement.take_in(session, charge_id, arrival, now=clock.now()).accepted
    clerk = people.make_staff(Role.COUNTER, email="clerk@example.jp")
    with unit_of_work() as session:
        till.take_cash(
            session,
            owed[1].reference,
            received=Yen(1000),
            clerk=Actor(clerk.id, "staff"),
            place="koga",
            now=clock.now(),
        )
    online, counter = (charge_of(each) for each in references)
    assert online is not None
    assert (online.state, online.receipt_ref) == (ChargeState.PAID, None)
    assert counter is not None
    assert counter.receipt_ref


def _open_page(reference: str) -> str:
    charge = charge_of(reference)
    assert charge is not None
    back = "http://localhost/back"
    return checkout.open_page(charge.reference, return_url=back, cancel_url=back, locale="ja", now=clock.now())


def test_who_goes_to_the_payment_page_late_keeps_the_slot_while_3d_secure_takes_its_time(
    hanako: Resident, stranger: Resident
) -> None:
    reference = hanako.book("S05-01", "t0900", paid=False)
    first = booking(reference).held_until
    _open_page(reference)
    assert booking(reference).held_until == first, "there is time enough"
    clock.move_to(first - timedelta(minutes=2))
    _open_page(reference)
    kept = booking(reference).held_until
    assert kept == clock.now() + timedelta(minutes=30)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.pay_until == kept, "the demand may be paid as long as the slot is kept"
    clock.move_to(first + timedelta(minutes=10))
    with unit_of_work() as session:
        assert not lapse(session, reference, actor=SYSTEM, now=clock.now())
    with pytest.raises(SlotTaken):
        stranger.hold("S05-01", "t0900")
    _money_arrives(reference)
    assert booking(reference).state == BookingState.CONFIRMED


def test_the_time_for_paying_can_be_made_longer_as_often_as_the_rules_say(hanako: Resident) -> None:
    change_rules("sports", hold={"extensions": 1})
    reference = hanako.book("S05-01", "t0900", paid=False)
    clock.move_to(clock.now() + timedelta(minutes=20))
    until = hanako.extend(reference)
    assert until == clock.now() + timedelta(minutes=30)
    charge = charge_of(reference)
    assert charge is not None
    assert charge.pay_until == until == booking(reference).held_until
    with pytest.raises(NoMoreTime):
        hanako.extend(reference)
    clock.move_to(until - timedelta(minutes=1))
    _open_page(reference)
    assert booking(reference).held_until == until, "the page gives no more than the rules do"
    clock.move_to(until)
    with pytest.raises(WrongState):
        hanako.extend(reference)
