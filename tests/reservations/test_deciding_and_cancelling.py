"""The manager decides, the resident cancels, and the money follows the rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from payments.states import ChargeState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from reservations import services
from reservations.errors import ReasonMissing, RefundChanged, SlotTaken, WrongState
from reservations.models import BookingState
from reservations.queries import bookings
from tests.reservations.conftest import FRIDAY, MANAGER, Resident, booking, charge_of

HALL = "C16-01"
DAY = date(2027, 1, 15)


def approve(reference: str, *facilities: str) -> None:
    with unit_of_work() as session:
        services.approve(session, reference, facilities=facilities, actor=MANAGER, now=clock.now())


def refuse(reference: str, reason: str, *facilities: str) -> None:
    with unit_of_work() as session:
        services.refuse(session, reference, reason=reason, facilities=facilities, actor=MANAGER, now=clock.now())


def test_a_hall_waits_for_its_manager_and_keeps_the_slot(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book(HALL, "am", DAY, people=100, purpose="chorus")
    assert booking(reference).state == BookingState.REQUESTED
    assert booking(reference).permit_code is None
    clock.move_to(clock.now() + timedelta(days=3))
    with pytest.raises(SlotTaken):
        stranger.hold(HALL, "am", DAY)
    with unit_of_work() as session:
        assert [line.reference for line in bookings.waiting(session, ["C16"])] == [reference]
        assert bookings.waiting(session, ["S01"]) == []
    approve(reference, "C16")
    approve(reference, "C16")
    assert booking(reference).state == BookingState.CONFIRMED
    assert booking(reference).permit_code


def test_a_manager_of_another_facility_finds_nothing(hanako: Resident) -> None:
    reference = hanako.book(HALL, "am", DAY, people=100)
    with pytest.raises(NotFound):
        approve(reference, "S01", "S14")
    with pytest.raises(NotFound):
        refuse(reference, "使えません", "S01")
    assert booking(reference).state == BookingState.REQUESTED


def test_a_refusal_needs_a_reason_and_gives_everything_back(
    hanako: Resident, stranger: Resident, run_jobs: Callable[[], None], mailbox: Any
) -> None:
    reference = hanako.book(HALL, "am", DAY, people=100)
    with pytest.raises(ReasonMissing):
        refuse(reference, "  ", "C16")
    refuse(reference, "その日は市の行事に使います。", "C16")
    refuse(reference, "二度目のクリック", "C16")
    assert booking(reference).state == BookingState.REFUSED
    charge = charge_of(reference)
    assert charge is not None
    assert [refund.amount for refund in charge.refunds] == [Yen(2400)]
    assert stranger.hold(HALL, "am", DAY)
    run_jobs()
    mail = next(m for m in mailbox.to("hanako@example.com") if "許可できませんでした" in m["Subject"])
    text = mail.get_body().get_content()
    assert "その日は市の行事に使います。" in text
    assert "3か月以内に、古河市長に審査請求" in text
    assert "6か月以内に、古河市(代表者は市長)を被告" in text
    assert "全額お返しします" in text


@pytest.mark.parametrize(
    ("days_before", "refund"),
    [(9, 600), (7, 600), (6, 300), (1, 300)],
)
def test_the_refund_follows_the_steps(hanako: Resident, days_before: int, refund: int) -> None:
    reference = hanako.book("S05-01", "t0900")
    at = booking(reference).starts_at - timedelta(days=days_before)
    clock.move_to(max(at, clock.now() + timedelta(minutes=16)))
    quote = hanako.cancel(reference, Yen(refund))
    assert quote.amount == Yen(refund)
    assert booking(reference).state == BookingState.CANCELLED
    charge = charge_of(reference)
    assert charge is not None
    assert [given.amount for given in charge.refunds] == [Yen(refund)]
    assert "日前まで" in charge.refunds[0].ground  # people read it: words, not the rule's code


def test_a_request_that_nobody_has_decided_is_withdrawn_in_full(hanako: Resident) -> None:
    """Ten days before, the hall's rule would give back half; but nothing was permitted yet."""
    reference = hanako.book(HALL, "am", DAY, people=100)
    clock.move_to(booking(reference).starts_at - timedelta(days=10))
    assert hanako.cancel(reference, Yen(2400)).rule == "withdrawn"
    charge = charge_of(reference)
    assert charge is not None
    assert [given.amount for given in charge.refunds] == [Yen(2400)]


def test_on_the_day_nothing_goes_back_but_the_slot_is_free_again(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t1500")
    clock.move_to(booking(reference).starts_at - timedelta(hours=5))
    assert hanako.cancel(reference, Yen(0)).rule == "too_late"
    charge = charge_of(reference)
    assert charge is not None
    assert charge.state == ChargeState.PAID
    assert list(charge.refunds) == []
    assert stranger.hold("S05-01", "t1500")


def test_a_wrong_day_is_undone_within_fifteen_minutes_without_fault(hanako: Resident) -> None:
    clock.move_to(clock.now() + timedelta(days=8))
    reference = hanako.book("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(minutes=14))
    assert hanako.cancel(reference, Yen(600)).rule == "undo"


def test_another_sum_than_shown_cancels_nothing(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock.move_to(clock.now() + timedelta(days=5))
    with pytest.raises(RefundChanged):
        hanako.cancel(reference, Yen(600))
    assert booking(reference).state == BookingState.CONFIRMED


def test_a_second_click_cancels_and_refunds_once(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    hanako.cancel(reference, Yen(600))
    hanako.cancel(reference, Yen(600))
    charge = charge_of(reference)
    assert charge is not None
    assert len(charge.refunds) == 1


def test_somebody_elses_booking_cannot_be_cancelled(hanako: Resident, stranger: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    with pytest.raises(NotFound):
        stranger.cancel(reference, Yen(600))


def test_a_use_that_has_begun_cannot_be_cancelled(hanako: Resident) -> None:
    reference = hanako.book("S05-01", "t0900")
    clock.move_to(booking(reference).starts_at)
    with pytest.raises(WrongState):
        hanako.cancel(reference, Yen(0))


def test_the_permit_is_made_and_mailed_once(
    hanako: Resident, run_jobs: Callable[[], None], mailbox: Any, tmp_path: Any
) -> None:
    from pypdf import PdfReader

    from portal.kernel import files

    reference = hanako.book("S01-92", "t0900", FRIDAY, purpose="badminton")
    run_jobs()
    run_jobs()
    mails = [m for m in mailbox.to("hanako@example.com") if "予約が決まりました" in m["Subject"]]
    assert len(mails) == 1
    made = booking(reference)
    assert made.permit_file_id is not None
    with unit_of_work() as session:
        content = files.get(session, made.permit_file_id).content
    (tmp_path / "permit.pdf").write_bytes(content)
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "permit.pdf").pages)
    assert "使用許可書" in text
    assert "古河 はなこ" in text
    assert "2026年12月4日(金) 9:00〜11:00" in text
    assert made.permit_code in text
    assert "公印は省略" in text
    assert "見本" in text


def test_tidying_marks_what_is_over_and_voids_what_was_owed(hanako: Resident) -> None:
    from reservations.jobs import tidy

    decided, held = hanako.book("S05-01", "t0900", paid=False), hanako.hold("S05-01", "t1100")
    clock.move_to(clock.now() + timedelta(minutes=31))
    tidy(0)
    tidy(0)
    assert (booking(decided).state, booking(held).state) == (BookingState.LAPSED, BookingState.LAPSED)
    charge = charge_of(decided)
    assert charge is not None
    assert charge.state == ChargeState.VOID
