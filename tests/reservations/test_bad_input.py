"""Bad input at both doors, the page and the API: a clear refusal that says which rule and until when; nothing held, nothing charged."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from reservations.groups import services as groups
from reservations.groups.models import BookingGroup
from reservations.groups.services import Member
from reservations.models import Booking, Facility, RuleDocument
from reservations.web.public import PARTY
from tests import people
from tests.reservations.conftest import Resident, booking, change_rules
from tests.reservations.test_api import PERSON, System, problem, token
from tests.reservations.test_groups import register, request, verify
from tests.reservations.test_setup_pages import FEES, client_text, new_gym, written

#: What a booking or its money leaves behind, and what tells anybody of it.
KEPT = (
    *(
        "booking",
        "booking_event",
        "booking_move",
        "booking_series",
        "occupancy",
        "open_session",
        "session_place",
        "sound_claim",
        "closure",
        "rule_document",
    ),
    *("charge", "payment", "refund", "receipt", "notice", "procrastinate_jobs", "api_answer"),
)


def counts() -> dict[str, int]:
    with unit_of_work() as session:
        known = set(session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        assert set(KEPT) <= known, set(KEPT) - known
        return {name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in KEPT}


@dataclass(frozen=True)
class Bad:
    """A request that a rule stands against, and what both doors say.

    `says`: words of the page, which the API repeats as `detail`; `facts`: what the problem states for programs.
    """

    name: str
    says: tuple[str, ...]
    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    space: str = "C02-01"
    day: str = "2026-12-04"
    slots: tuple[str, ...] = ("am",)
    status: int = 422
    before: Callable[[], object] | None = None


def _fees_for_evenings_only() -> None:
    rows = [{"id": "night", "match": {"slots": ["night"]}, "amount": 100, "label": "夜間"}]
    change_rules("room", "fees", rows=rows, modifiers=[], options=[], reductions=[], wholes={})


def _closes_for_good() -> None:
    with unit_of_work() as session:
        session.scalars(select(Facility).where(Facility.code == "C02")).one().closed_on = date(2026, 11, 30)


CASES = [
    Bad(
        "a slot that has begun",
        ("11月25日 9:00 に始まりました",),
        "not_bookable",
        {"rule": "past", "at": "2026-11-25T09:00:00+09:00"},
        day="2026-11-25",
    ),
    Bad(
        "a day that is over",
        ("この日は、もう終わりました", "今日からあと"),
        "not_bookable",
        {"rule": "day_over"},
        day="2026-11-20",
    ),
    Bad(
        "a day before there were any rules",
        ("この日は、もう終わりました",),
        "not_bookable",
        {"rule": "day_over"},
        day="2020-01-05",
    ),
    Bad(
        "before the window opens",
        ("まだ予約できません", "3月1日 9:00 から予約できます"),
        "not_bookable",
        {"rule": "not_yet_open", "at": "2027-03-01T09:00:00+09:00"},
        day="2027-06-03",
    ),
    Bad(
        "after the window has closed",
        ("予約の受付は 11月24日 17:00 に終わりました",),
        "not_bookable",
        {"rule": "too_late", "at": "2026-11-24T17:00:00+09:00"},
        before=lambda: change_rules(
            "room",
            windows=[
                {
                    "opens": {"kind": "days_before", "days": 90},
                    "closes": {"kind": "days_before", "days": 10, "at": "17:00"},
                }
            ],
        ),
    ),
    Bad(
        "a closed day",
        ("月曜日の休み", "次に開くのは 12/8(火)"),
        "no_such_slot",
        {"rule": "closed", "opens": "2026-12-08"},
        day="2026-12-07",
    ),
    Bad(
        "the year end",
        ("年末年始の休み", "次に開くのは 1/5(火)"),
        "no_such_slot",
        {"rule": "closed", "opens": "2027-01-05"},
        day="2026-12-30",
    ),
    Bad(
        "across two bands",
        ("その時間はありません", "午前 9:00〜12:00", "午後 13:00〜17:00"),
        "no_such_slot",
        {"rule": "no_such_slot", "slots": ["am", "day", "pm", "night"]},
        slots=("t1000-1400",),
    ),
    Bad("29 February of a common year", ("2027年2月は28日までです",), "api_bad_input", day="2027-02-29"),
    Bad(
        "a facility that closes before", ("11/30(月) で終わります",), "not_offered", status=404, before=_closes_for_good
    ),
    Bad("no such space", ("オンラインでは予約できません",), "not_offered", space="C99-01", status=404),
    Bad(
        "a fee table with a hole",
        ("料金が、料金表にありません", "お金はかかっていません"),
        "not_bookable",
        {"rule": "no_fee"},
        before=_fees_for_evenings_only,
    ),
]


def plain(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_bad_input_is_refused_at_both_doors_and_nothing_is_held_or_charged(
    koga: str, client: FlaskClient, bad: Bad
) -> None:
    if bad.before is not None:
        bad.before()
    people.sign_in(client, people.make_resident())
    system = System(client.application.test_client(), token())
    before = counts()
    page = people.post(
        client, f"/spaces/{bad.space}/hold", {"date": bad.day, "slot": list(bad.slots), "purpose": "meeting"}
    )
    assert page.status_code == bad.status, page.text
    for words in bad.says:
        assert words in plain(page.text)
    assert "何も予約していません。お金もかかっていません。" in plain(page.text)
    asked = {"space": bad.space, "date": bad.day, "slot": bad.slots[0], "person": PERSON}
    told = problem(system.post("/holds", asked), bad.status, bad.code)
    if bad.code == "api_bad_input":
        assert [one["where"] for one in told["errors"]] == ["date"]
    else:
        assert all(words in told["detail"] for words in bad.says), told
    assert {name: told[name] for name in bad.facts} == bad.facts
    assert counts() == before


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_an_address_that_asks_for_what_there_is_not_says_why_before_anything_is_tapped(
    koga: str, client: FlaskClient, bad: Bad
) -> None:
    """The same by a link that somebody kept: the page that asks once more shows the slot as it stands, or says the rule."""
    people.sign_in(client, people.make_resident())
    page = client.get(f"/spaces/{bad.space}/hold/{bad.day}/{bad.slots[0]}")
    assert page.status_code in {200, 404, 422}
    if page.status_code != 200 and bad.before is None:
        assert bad.says[0] in plain(page.text)


def test_the_alternatives_of_a_refusal_in_english_name_the_rule_as_well(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_resident(locale="en"))
    page = people.post(
        client, "/spaces/C02-01/hold", {"date": "2026-12-07", "slot": "am"}, headers={"Accept-Language": "en"}
    )
    assert "It opens again on 8 Dec Tue" in plain(page.text)
    system = System(client.application.test_client(), token())
    answer = system.client.post(
        "/api/v1/holds",
        json={"space": "C02-01", "date": "2026-12-07", "slot": "am", "person": PERSON},
        headers={"Authorization": f"Bearer {system.secret}", "Idempotency-Key": "en", "Accept-Language": "en"},
    )
    assert "It opens again on 8 Dec Tue" in answer.get_json()["detail"]


def _ends(reference: str, on: date) -> None:
    with unit_of_work() as session:
        session.scalars(select(BookingGroup).where(BookingGroup.reference == reference)).one().valid_until = on


@pytest.mark.parametrize(
    ("state", "rule", "says"),
    [
        ("expired", "group_expired", "団体の登録は 12/3(木) まで"),
        ("ended", "group_ended", "団体の登録は、終わったか"),
        ("applied", "group_not_verified", "施設の担当者が確かめています"),
    ],
)
def test_a_group_that_expired_is_refused_at_both_doors(
    koga: str, client: FlaskClient, state: str, rule: str, says: str
) -> None:
    account = people.make_resident()
    assert account.person_id is not None
    with unit_of_work() as session:
        reference = groups.register(
            session,
            request(5, 0, ("chorus",), Member("古河 はなこ", "古河市", email="hanako@example.com")),
            person_id=account.person_id,
            actor=Actor(account.id, "resident"),
            now=clock.now(),
        )
    if state != "applied":
        verify(reference)
        _ends(reference, date(2026, 12, 3))
    if state == "ended":
        with unit_of_work() as session:
            session.scalars(select(BookingGroup).where(BookingGroup.reference == reference)).one().state = "ended"
    people.sign_in(client, account)
    with client.session_transaction() as cookie:
        cookie[PARTY] = reference
    system = System(client.application.test_client(), token())
    before = counts()
    page = people.post(client, "/spaces/C02-01/hold", {"date": "2026-12-04", "slot": "am"})
    assert page.status_code == 422
    assert says in plain(page.text)
    asked = {"space": "C02-01", "date": "2026-12-04", "slot": "am"}
    named = {**PERSON, "email": "hanako@example.com"}
    told = problem(system.post("/holds", {**asked, "group": reference, "person": named}), 422, "not_bookable")
    assert told["rule"] == rule
    assert says in told["detail"]
    stranger = {**PERSON, "subject": "u-2"}
    told = problem(system.post("/holds", {**asked, "group": reference, "person": stranger}), 422, "not_bookable")
    assert told["rule"] == "no_such_group"
    assert counts() == before


def test_whom_a_group_named_books_for_it_through_another_system(
    koga: str, client: FlaskClient, hanako: Resident
) -> None:
    reference = register(hanako, request(5, 0, ("chorus",), Member("古河 次郎", "古河市", email="jiro@example.com")))
    verify(reference)
    system = System(client, token())
    named = {**PERSON, "email": "Jiro@example.com"}
    held = system.post(
        "/holds", {"space": "C02-01", "date": "2026-12-04", "slot": "am", "group": reference, "person": named}
    )
    assert held.status_code == 201, held.text
    with unit_of_work() as session:
        assert session.scalars(select(BookingGroup.id)).all() == [booking(held.get_json()["reference"]).group_id]


def test_an_end_before_its_start_is_refused_at_both_doors(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    system = System(client.application.test_client(), token())
    before = counts()
    asked = {"kind": "closed", "spaces": ["C02-01"], "first": "2026-12-04", "reason": "点検"}
    for more, says in (
        ({"last": "2026-12-03"}, "「終わる日」は「始まる日」より前にはできません"),
        ({"last": "2026-12-04", "starts": "15:00", "ends": "13:00"}, "終わりを、始まりより後の"),
        ({"last": "2027-02-29"}, "ありません"),
    ):
        page = people.post(client, "/staff/closures", {**asked, **more})
        assert page.status_code == 422
        assert says in plain(page.text)
    told = problem(system.get("/spaces/C02-01/availability?from=2026-12-04&to=2026-12-03"), 422, "api_bad_input")
    assert told["errors"] == [{"where": "to", "message": "1 to 31 days, the last one included; not before `from`"}]
    told = problem(system.get("/spaces/C02-01/availability?from=2027-02-29&to=2027-03-03"), 422, "api_bad_input")
    assert [one["where"] for one in told["errors"]] == ["from"]
    assert counts() == before


def test_a_space_of_another_facility_is_refused_at_every_door(koga: str, client: FlaskClient) -> None:
    """A resident's move, a manager's move, closure and booking for somebody, a system's booking: never somebody else's place."""
    account = people.make_resident()
    people.sign_in(client, account)
    assert (
        people.post(
            client, "/spaces/C02-01/hold", {"date": "2026-12-04", "slot": "am", "purpose": "meeting"}
        ).status_code
        == 303
    )
    with unit_of_work() as session:
        reference = session.scalars(select(Booking.reference)).one()
        session.scalars(select(Booking)).one().state = "confirmed"
    before = counts()
    moved = people.post(client, f"/bookings/{reference}/move", {"space": "C03-01", "date": "2026-12-04", "slot": "pm"})
    assert moved.status_code == 422
    assert "そこは別の施設です" in plain(moved.text)
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "C02"))
    to = {"space": "C03-01", "day": "2026-12-04", "slot": "pm"}
    board = people.post(client, f"/staff/board/move/{reference}", to)
    assert board.status_code == 422
    assert "そこは別の施設です" in plain(board.text)
    closure = {"kind": "closed", "spaces": ["C03-01"], "first": "2026-12-04", "reason": "点検"}
    assert people.post(client, "/staff/closures", closure).status_code == 422
    assert client.get("/staff/board/C03/2026-12-04").status_code == 404
    system = System(client.application.test_client(), token())
    problem(system.get(f"/bookings/{reference}"), 404, "not_found")
    problem(system.post(f"/bookings/{reference}/cancel", {"expected_refund": 0}), 404, "not_found")
    assert counts() == before


def test_a_fee_file_with_a_hole_is_not_published_and_the_hole_is_named(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S01"))
    draft = written(client, new_gym(client), "fees", FEES)
    holed = client_text(client, draft).replace("half", "third")
    before = counts()
    assert people.post(client, draft, {"text": holed}).status_code == 303
    shown = plain(client.get(draft).text)
    assert "料金がない" in shown, shown
    assert people.post(client, f"{draft}/ask").status_code == 422
    assert counts() == before
    with unit_of_work() as session:
        assert (
            session.scalar(select(func.count()).select_from(RuleDocument).where(RuleDocument.code.like("f101%"))) == 0
        )


def test_a_category_or_purpose_that_the_place_does_not_have_is_no_price(koga: str, client: FlaskClient) -> None:
    """A word that the rules do not know would else be priced as another one."""
    system = System(client.application.test_client(), token())
    asked = {"space": "S01-92", "date": "2026-12-04", "slot": "t0900"}
    assert system.post("/quotes", {**asked, "category": "outsider", "purpose": "badminton"}).status_code == 200
    told = problem(
        system.post("/quotes", {**asked, "category": "foreigner", "purpose": "surfing"}), 422, "api_bad_input"
    )
    category, purpose = told["errors"]
    assert category["where"] == "category"
    assert category["message"].startswith("not here; known: resident")
    assert purpose == {"where": "purpose", "message": "not here; known: badminton, table-tennis"}
