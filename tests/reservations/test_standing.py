"""Who may book how often: caps, ages, points, rings of accounts; and what a category is at which date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Person
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations.errors import NotBookable, TooManyHolds
from reservations.rules import Applicant, Asker, Cap, Days, Fault, Party, Penalty, Refused, Taken, Tie
from reservations.timetable import TOKYO, Slot
from tests.reservations.conftest import FRIDAY, Resident, change_rules
from tests.reservations.test_rules import policy, slot

NOW = datetime(2026, 11, 25, 10, tzinfo=TOKYO)


def no_holiday(_day: date) -> bool:
    return False


def taken(day: date, hour: int = 9, hours: int = 2, **more: Any) -> Taken:
    start = datetime(day.year, day.month, day.day, hour, tzinfo=TOKYO)
    where = {"policy": "gym", "facility": "S01", "space": "S01-01", **more}
    return Taken(Slot(start, start + timedelta(hours=hours), f"t{hour:02}00", ""), **where)


def asker(*, category: str = "resident", group: bool = False, now: datetime = NOW) -> Asker:
    return Asker(category, group, no_holiday, now)


def against(cap: dict[str, Any], wanted: Taken, have: Sequence[Taken] = (), **who: Any) -> Refused | None:
    refusal = Cap.model_validate(cap).against([wanted], have, asker=asker(**who))
    return None if refusal is None else refusal.reason


MONDAY = date(2026, 12, 7)


@pytest.mark.parametrize(
    ("cap", "have", "refused"),
    [
        ({"per": "day", "at_most": 2}, [taken(MONDAY, 11)], None),
        ({"per": "day", "at_most": 2}, [taken(MONDAY, 11), taken(MONDAY, 13)], Refused.CAP_DAY),
        ({"per": "day", "of": "hours", "at_most": 4}, [taken(MONDAY, 11, 3)], Refused.CAP_DAY),
        ({"per": "week", "at_most": 1}, [taken(MONDAY + timedelta(days=6))], Refused.CAP_WEEK),
        ({"per": "week", "at_most": 1}, [taken(MONDAY + timedelta(days=7))], None),
        ({"per": "month", "at_most": 1}, [taken(date(2026, 12, 31))], Refused.CAP_MONTH),
        ({"per": "month", "at_most": 1}, [taken(date(2027, 1, 1))], None),
        ({"per": "month", "of": "days", "at_most": 1}, [taken(MONDAY, 11)], None),
        ({"per": "consecutive", "at_most": 3}, [taken(MONDAY + timedelta(days=n)) for n in (-1, 1)], None),
        ({"per": "consecutive", "at_most": 3}, [taken(MONDAY + timedelta(days=n)) for n in (-2, -1, 1)], Refused.CAP_CONSECUTIVE),
        ({"per": "consecutive", "at_most": 3}, [taken(MONDAY + timedelta(days=n)) for n in (-3, -2, 2, 3)], None),
        ({"per": "ahead", "at_most": 2}, [taken(date(2026, 11, 2)), taken(date(2027, 5, 1))], None),
        ({"per": "ahead", "at_most": 2}, [taken(date(2027, 6, 1)), taken(date(2027, 5, 1))], Refused.CAP_AHEAD),
        ({"per": "unpaid", "at_most": 1}, [taken(date(2027, 5, 1), unpaid=True)], Refused.CAP_UNPAID),
        ({"per": "unpaid", "at_most": 1}, [taken(date(2027, 5, 1))], None),
        ({"per": "day", "at_most": 1, "parts": ["evening"]}, [taken(MONDAY, 18)], None),
        ({"per": "day", "at_most": 1, "weekend": True}, [taken(MONDAY, 18)], None),
        ({"per": "day", "at_most": 1}, [taken(MONDAY, 18, policy="hall")], None),
        ({"per": "day", "at_most": 1, "within": "facility"}, [taken(MONDAY, 18, policy="hall")], Refused.CAP_DAY),
        ({"per": "day", "at_most": 1, "within": "space"}, [taken(MONDAY, 18, space="S01-02")], None),
        ({"per": "day", "at_most": 1, "categories": ["outsider"]}, [taken(MONDAY, 18)], None),
        ({"per": "day", "at_most": 1, "who": "groups"}, [taken(MONDAY, 18)], None),
    ],
)  # fmt: skip
def test_a_cap_counts_what_it_says(cap: dict[str, Any], have: list[Taken], refused: Refused | None) -> None:
    assert against(cap, taken(MONDAY), have) is refused


def test_night_and_day_have_caps_of_their_own() -> None:
    """豊川: 土日祝昼は月1回、ナイターは月4面まで (rules.md L13)."""
    night = {"per": "month", "at_most": 4, "parts": ["evening"]}
    have = [taken(MONDAY + timedelta(days=n), 18) for n in range(4)]
    assert against(night, taken(date(2026, 12, 20), 18), have) is Refused.CAP_MONTH
    assert against(night, taken(date(2026, 12, 20), 9), have) is None


def test_what_is_free_on_the_day_itself_goes_beyond_the_cap() -> None:
    """豊川: 当日の空きは制限なし."""
    cap = {"per": "month", "at_most": 1, "same_day_free": True}
    today = taken(NOW.date(), 18)
    assert against(cap, today, [taken(date(2026, 11, 3))]) is None
    assert against({**cap, "same_day_free": False}, today, [taken(date(2026, 11, 3))]) is Refused.CAP_MONTH


def test_the_refusal_says_from_when_there_is_room_again() -> None:
    refusal = Cap.model_validate({"per": "month", "at_most": 1}).against(
        [taken(MONDAY)], [taken(date(2026, 12, 20))], asker=asker()
    )
    assert refusal is not None
    assert (refusal.at, refusal.limit) == (datetime(2027, 1, 1, tzinfo=TOKYO), 1)


@given(
    st.lists(st.integers(0, 60), max_size=12, unique=True),
    st.integers(0, 60),
    st.sampled_from(["day", "week", "month", "consecutive", "ahead"]),
    st.integers(1, 5),
)
def test_a_cap_that_allows_one_more_allows_it_with_less_taken(
    days: list[int], wanted: int, per: str, most: int
) -> None:
    cap, start = {"per": per, "at_most": most}, date(2026, 12, 1)
    have = [taken(start + timedelta(days=day), 11) for day in days]
    more = taken(start + timedelta(days=wanted))
    if against(cap, more, have) is None:
        assert all(against(cap, more, have[:n] + have[n + 1 :]) is None for n in range(len(have)))


@pytest.mark.parametrize(
    ("faults", "until"),
    [
        ([], None),
        ([(1, True), (2, True)], None),
        ([(1, True), (2, True), (3, True)], 29),
        ([(3, False), (40, True), (41, True)], 27),
        ([(40, True), (41, True), (42, True)], None),
        ([(1, True), (2, True), (400, True)], None),
    ],
)
def test_not_coming_three_times_in_a_year_has_an_end(faults: list[tuple[int, bool]], until: int | None) -> None:
    rules = Penalty(no_show=1, late_cancel=1, late_days=3, limit=3, within_days=365, block_days=30)
    found = rules.blocked_until([Fault(NOW - timedelta(days=ago), came_not) for ago, came_not in faults], now=NOW)
    assert found == (None if until is None else NOW + timedelta(days=until))


# -- categories -----------------------------------------------------------------------------------------------------

CATEGORIES = [
    {"code": "club", "name": "登録団体", "name_en": "Group", "groups": ["club"], "cities": ["古河市"], "members_percent": 51},
    {
        "code": "resident", "name": "市内", "name_en": "In the city", "cities": ["古河市"], "bases": ["lives", "works", "studies"],
        "unless_purposes": ["sale"], "unless_traits": ["profit"],
    },
    {"code": "region", "name": "圏域", "name_en": "Region", "cities": ["境町", "坂東市"], "proof": True},
    {"code": "outsider", "name": "市外", "name_en": "Outside"},
]  # fmt: skip
WINDOWS = [{"opens": {"kind": "days_before", "days": 60}, "closes": {"kind": "before_start", "minutes": 0}}]
RULES = policy(categories=CATEGORIES, windows=WINDOWS)
ON = date(2026, 12, 4)


def party(lives: int, others: int, until: date = date(2027, 3, 31)) -> Party:
    members = [Tie("lives", "古河市", verified=True)] * lives + [Tie("lives", "小山市", verified=True)] * others
    return Party("club", True, date(2026, 4, 1), until, tuple(members))


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (Applicant.living_in("古河市"), "resident"),
        (Applicant.living_in("小山市"), "outsider"),
        (Applicant((Tie("lives", "小山市"), Tie("works", "古河市"))), "resident"),
        (Applicant((Tie("lives", "小山市"), Tie("studies", "古河市", False, None, date(2026, 11, 30)))), "outsider"),
        (Applicant.living_in("境町"), "outsider"),
        (Applicant((Tie("lives", "茨城県猿島郡境町", verified=True),)), "region"),
        (Applicant(party=party(6, 5)), "club"),
        (Applicant(party=party(5, 5)), "resident"),
        (Applicant(party=party(1, 9)), "outsider"),
        (Applicant((Tie("lives", "古河市"),), party(6, 5, date(2026, 11, 30))), "resident"),
    ],
)
def test_a_category_by_what_ties_somebody_to_the_city(who: Applicant, code: str) -> None:
    assert RULES.category(who, on=ON).code == code


@pytest.mark.parametrize("use", [{"purpose": "sale"}, {"traits": frozenset({"profit"})}])
def test_a_use_for_profit_falls_out_of_the_inside_rate(use: dict[str, Any]) -> None:
    """県央9市町村: 営利・宣伝は市外扱いに戻る (rules.md §2)."""
    assert RULES.category(Applicant.living_in("古河市"), on=ON, **use).code == "outsider"


def test_the_date_that_the_ordinance_names_decides_the_category() -> None:
    moving = Applicant(
        (Tie("lives", "古河市", True, None, date(2026, 12, 1)), Tie("lives", "小山市", True, date(2026, 12, 2)))
    )
    for rule, code in (("booking", "resident"), ("use", "outsider")):
        rules = policy(categories=CATEGORIES, windows=WINDOWS, category_on=rule)
        day = rules.category_day(use=ON, made=date(2026, 11, 25))
        assert rules.category(moving, on=day).code == code


@pytest.mark.parametrize(
    ("who", "rules", "reason"),
    [
        (Applicant(), {"who": "groups"}, Refused.GROUPS_ONLY),
        (Applicant(party=party(6, 5)), {"who": "persons"}, Refused.PERSONS_ONLY),
        (Applicant(party=party(6, 5, date(2026, 12, 3))), {}, Refused.GROUP_EXPIRED),
        (Applicant(party=Party("club", False, None, None)), {}, Refused.GROUP_NOT_VERIFIED),
        (Applicant(), {"ages": {"book_from": 18}}, Refused.NO_BIRTH_DATE),
        (Applicant(birth_date=date(2008, 11, 26)), {"ages": {"book_from": 18}}, Refused.TOO_YOUNG),
        (Applicant(birth_date=date(2008, 11, 25)), {"ages": {"book_from": 18}}, None),
    ],
)
def test_who_may_apply_at_all(who: Applicant, rules: dict[str, Any], reason: Refused | None) -> None:
    made = policy(categories=CATEGORIES, windows=WINDOWS, **rules)
    refusal = made.may_apply(who, day=ON, now=NOW)
    assert (refusal.reason if refusal else None) is reason
    if reason is Refused.GROUP_EXPIRED:
        assert refusal is not None
        assert refusal.at == datetime(2026, 12, 3, tzinfo=TOKYO)


# -- windows --------------------------------------------------------------------------------------------------------


def closed_on(*days: date) -> Days:
    return Days(lambda day: day == date(2027, 1, 1), lambda day: day in days)


@pytest.mark.parametrize(
    ("opens", "day", "expected"),
    [
        ({"kind": "months_before", "months": 2, "on": 20, "at": "5:00"}, date(2027, 2, 9), "2026-12-20 05:00"),
        ({"kind": "months_before", "months": 1, "on": 31}, date(2027, 3, 9), "2027-02-28 09:00"),
        ({"kind": "months_before", "months": 1, "on": "first", "plus_days": 6}, date(2027, 1, 9), "2026-12-07 09:00"),
        ({"kind": "months_before", "months": 1, "on": "first"}, date(2027, 2, 9), "2027-01-01 09:00"),
        ({"kind": "months_before", "months": 1, "on": "first", "instead": {"01-01": "01-04"}}, date(2027, 2, 9), "2027-01-04 09:00"),
        ({"kind": "months_before", "months": 1, "on": "first", "when_closed": "next_day"}, date(2027, 2, 9), "2027-01-02 09:00"),
        ({"kind": "months_before", "months": 1, "on": "first", "when_closed": "next_weekday"}, date(2027, 2, 9), "2027-01-04 09:00"),
        ({"kind": "months_before", "months": 1, "on": "first", "when_closed": "next_open"}, date(2027, 2, 9), "2027-01-05 09:00"),
        ({"kind": "yearly", "on": "02-01"}, date(2027, 4, 1), "2027-02-01 09:00"),
        ({"kind": "yearly", "on": "02-01"}, date(2027, 3, 31), "2026-02-01 09:00"),
    ],
)  # fmt: skip
def test_a_window_opens_where_the_ordinance_says_also_on_a_closed_day(
    opens: dict[str, Any], day: date, expected: str
) -> None:
    """休館日なら翌日・翌平日・直後の開館日、1/1→1/4 (rules.md L14, L17)."""
    rules = policy(windows=[{"opens": opens, "closes": {"kind": "before_start", "minutes": 0}}])
    new_year = closed_on(*(date(2027, 1, n) for n in (1, 2, 3, 4)))
    moment = rules.windows[0].opens.opens(day, new_year)
    assert f"{moment:%Y-%m-%d %H:%M}" == expected
    refusal = rules.may_book(slot(day), "region", now=moment - timedelta(seconds=1), days=new_year)
    assert refusal is not None
    assert (refusal.reason, refusal.at) == (Refused.NOT_YET_OPEN, moment)
    assert rules.may_book(slot(day), "region", now=moment, days=new_year) is None


def test_groups_have_windows_of_their_own() -> None:
    """北区: 団体の種別で窓が違う (rules.md L8)."""
    group = {
        "who": "groups",
        "opens": {"kind": "months_before", "months": 6},
        "closes": {"kind": "before_start", "minutes": 0},
    }
    rules = policy(windows=[group, *WINDOWS])
    far = slot(date(2027, 5, 1))
    assert rules.may_book(far, "region", now=NOW, group=True) is None
    refusal = rules.may_book(far, "region", now=NOW, group=False)
    assert refusal is not None
    assert refusal.reason is Refused.NOT_YET_OPEN


# -- through the database -------------------------------------------------------------------------------------------


def hold_and_let_go(who: Resident, times: int) -> None:
    for _round in range(times):
        who.hold("S05-01", "t0900")
        clock.move_to(clock.now() + timedelta(minutes=16))


def test_b7_a_ring_of_accounts_with_one_telephone_is_refused_after_a_limit(koga: str) -> None:
    """Hold, let lapse, hold again all evening, by turns: each stays under ten, together they reach the limit."""
    ring = [Resident(f"輪 {n}郎", f"ring{n}@example.com") for n in range(3)]
    phone(ring, "0280-11-2222", "0280(11)2222", "0280112222")
    for who, times in zip(ring, (7, 7, 6), strict=True):
        hold_and_let_go(who, times)
    with pytest.raises(TooManyHolds) as refused:
        ring[2].hold("S05-01", "t0900")
    assert (refused.value.limit, refused.value.lapsed, refused.value.together) == (20, True, True)
    neighbour = Resident("隣 花子", "neighbour@example.com")
    phone([neighbour], "0280-33-4444")
    assert neighbour.hold("S05-01", "t0900")


def test_b7_a_family_at_one_address_is_one_household_and_its_neighbour_is_not(koga: str) -> None:
    home = {"postal_code": "3060033", "town": "中央町", "block": "1-2-3", "building": "古河ハイツ"}
    people = [Resident(name, f"home{n}@example.com") for n, name in enumerate(("山田 一", "山田　二", "鈴木 三"))]
    phone(people, "", "", "")
    with unit_of_work() as session:
        for one in people:
            person = session.get_one(Person, one.person_id)
            for key, value in home.items():
                setattr(person, key, value)
    for one in people[:2]:
        for hour in ("t0900", "t1100", "t1300"):
            one.hold("S05-01" if one is people[0] else "S08-01", hour)
    late = Resident("山田 四", "home4@example.com")
    phone([late], "")
    with unit_of_work() as session:
        person = session.get_one(Person, late.person_id)
        for key, value in home.items():
            setattr(person, key, value)
    with pytest.raises(TooManyHolds) as refused:
        late.hold("S09-01", "t0900")
    assert (refused.value.limit, refused.value.together) == (6, True)
    assert people[2].hold("S09-01", "t0900")


def phone(people: Sequence[Resident], *numbers: str) -> None:
    with unit_of_work() as session:
        for one, number in zip(people, numbers, strict=True):
            session.get_one(Person, one.person_id).phone = number


def test_a_cap_holds_against_what_is_held_and_booked_and_a_cancelled_one_does_not_count(hanako: Resident) -> None:
    change_rules("sports", caps=[{"per": "day", "at_most": 2}])
    first = hanako.book("S05-01", "t0900")
    hanako.hold("S05-01", "t1100")
    with pytest.raises(NotBookable) as refused:
        hanako.hold("S05-01", "t1300")
    assert refused.value.reason is Refused.CAP_DAY
    assert refused.value.at == datetime(2026, 12, 5, tzinfo=TOKYO)
    hanako.cancel(first, hanako.refund(first))
    assert hanako.hold("S05-01", "t1300", FRIDAY)


def test_two_slots_in_one_booking_count_as_two(hanako: Resident) -> None:
    change_rules("sports", caps=[{"per": "day", "at_most": 2}])
    with pytest.raises(NotBookable):
        hanako.hold("S05-01", "t0900", FRIDAY, "t1100", "t1300")
