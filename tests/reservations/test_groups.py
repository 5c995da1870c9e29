"""Groups: registered on the phone, verified by staff, expired clearly; declared categories; the category's date (B9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal.accounts.models import Account, Person
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from reservations import services as booking_services
from reservations.errors import NotBookable
from reservations.groups import keeping, queries, services
from reservations.groups.models import BookingGroup
from reservations.groups.services import GroupDecided, GroupRequest, Member, TooEarlyToRenew, TooFewMembers
from reservations.policy.groups import GroupKind
from reservations.queries import bookings
from reservations.rules import Refused
from reservations.services import HoldRequest
from reservations.timetable import TOKYO
from reservations.web.groups import parse_member
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import FRIDAY, MANAGER, Resident, booking, change_rules
from tests.reservations.test_pages import sign_in, token

ROOM = "C02-01"


def request(members: int = 5, outside: int = 0, purposes: tuple[str, ...] = ("chorus",), *more: Member) -> GroupRequest:
    inside = [Member(f"古河 {n}子", "古河市") for n in range(members - outside)]
    others = [Member(f"小山 {n}郎", "小山市") for n in range(outside)]
    return GroupRequest("古河合唱の会", "コガガッショウノカイ", "club", purposes, (*inside, *others, *more))


def register(who: Resident, asked: GroupRequest) -> str:
    with unit_of_work() as session:
        return services.register(session, asked, person_id=who.person_id, actor=who.actor, now=clock.now())


def verify(reference: str, *, accept: bool = True, reason: str = "") -> BookingGroup:
    with unit_of_work() as session:
        services.decide(session, reference, accept=accept, reason=reason, actor=MANAGER, now=clock.now())
    return group(reference)


def group(reference: str) -> BookingGroup:
    with unit_of_work() as session:
        return session.scalars(select(BookingGroup).where(BookingGroup.reference == reference)).one()


def hold_as(who: Resident, reference: str, day: date = FRIDAY, slot: str = "am") -> str:
    with unit_of_work() as session:
        asked = HoldRequest(who.person_id, who.account_id, ROOM, day, slot, group=reference)
        return booking_services.hold(session, asked, actor=who.actor, now=clock.now())


def group_rules() -> None:
    """Groups pay half and book from three months before; persons from one."""
    categories = [
        {
            "code": "group",
            "name": "登録団体",
            "name_en": "Group",
            "groups": ["club"],
            "cities": ["古河市"],
            "members_percent": 50,
        },
        {
            "code": "resident",
            "name": "市内の方",
            "name_en": "In the city",
            "cities": ["古河市"],
            "bases": ["lives", "works"],
        },
        {"code": "outsider", "name": "市外の方", "name_en": "Outside"},
    ]
    opens = {"kind": "months_before", "months": 3}
    closes = {"kind": "before_start", "minutes": 0}
    windows = [
        {"who": "groups", "opens": opens, "closes": closes},
        {"opens": {"kind": "months_before", "months": 1}, "closes": closes},
    ]
    change_rules("room", categories=categories, windows=windows)


def test_a_group_is_registered_verified_until_the_end_of_the_year_and_books(hanako: Resident) -> None:
    group_rules()
    reference = register(hanako, request())
    with pytest.raises(NotBookable) as refused:
        hold_as(hanako, reference)
    assert refused.value.reason is Refused.GROUP_NOT_VERIFIED
    made = verify(reference)
    assert (made.state, made.valid_from, made.valid_until) == ("verified", date(2026, 11, 25), date(2027, 3, 31))
    with pytest.raises(GroupDecided):
        verify(reference)
    held = booking(hold_as(hanako, reference, date(2027, 2, 2)))
    assert (held.group_id, held.category) == (made.id, "group")
    with pytest.raises(NotBookable) as early:
        hanako.hold(ROOM, "pm", date(2027, 2, 2))
    assert early.value.reason is Refused.NOT_YET_OPEN


def test_an_expired_group_is_refused_and_told_until_when_it_held(hanako: Resident) -> None:
    group_rules()
    reference = register(hanako, request())
    verify(reference)
    clock.move_to(datetime(2027, 3, 20, 10, 0, tzinfo=TOKYO))
    with pytest.raises(NotBookable) as refused:
        hold_as(hanako, reference, date(2027, 4, 2))
    assert refused.value.reason is Refused.GROUP_EXPIRED
    assert refused.value.at == datetime(2027, 3, 31, tzinfo=TOKYO)
    with unit_of_work() as session:
        services.renew(session, reference, request(6), person_id=hanako.person_id, actor=hanako.actor, now=clock.now())
    assert hold_as(hanako, reference, date(2027, 3, 26))
    assert verify(reference).valid_until == date(2028, 3, 31)
    assert hold_as(hanako, reference, date(2027, 4, 2))


def test_a_renewal_too_early_says_from_when(hanako: Resident) -> None:
    reference = register(hanako, request())
    verify(reference)
    with unit_of_work() as session, pytest.raises(TooEarlyToRenew) as refused:
        services.renew(session, reference, request(), person_id=hanako.person_id, actor=hanako.actor, now=clock.now())
    assert refused.value.opens == date(2027, 1, 30)


@pytest.mark.parametrize(
    ("asked", "limit", "percent"),
    [
        (request(3), 4, 0),
        (request(8, 0, ("baseball",)), 9, 0),
        (request(5, 3), 4, 50),
    ],
)
def test_too_few_members_for_the_kind_the_sport_or_the_city(
    hanako: Resident, asked: GroupRequest, limit: int, percent: int
) -> None:
    with pytest.raises(TooFewMembers) as refused:
        register(hanako, asked)
    assert (refused.value.limit, refused.value.percent) == (limit, percent)


def test_only_the_representative_and_who_is_entrusted_book_for_a_group(hanako: Resident, stranger: Resident) -> None:
    reference = register(hanako, request(4, 0, (), Member("小山 太郎", "小山市", "works", "stranger@example.com")))
    verify(reference)
    assert hold_as(stranger, reference)
    other = Resident("他人 花子", "other@example.com")
    with pytest.raises(NotBookable) as refused:
        hold_as(other, reference, slot="pm")
    assert refused.value.reason is Refused.NO_SUCH_GROUP


def test_a_refused_registration_has_its_reason(hanako: Resident) -> None:
    reference = register(hanako, request())
    made = verify(reference, accept=False, reason="名簿がありません")
    assert (made.state, made.reason) == ("refused", "名簿がありません")


def test_who_works_in_the_city_is_inside_once_it_is_declared(stranger: Resident) -> None:
    group_rules()
    before = booking(stranger.hold(ROOM, "am"))
    with unit_of_work() as session:
        reference = services.declare(
            session,
            person_id=stranger.person_id,
            basis="works",
            city="古河市",
            detail="見本工業",
            valid_until=date(2026, 12, 10),
            actor=stranger.actor,
            now=clock.now(),
        )
    after = booking(stranger.hold(ROOM, "pm"))
    assert (before.category, after.category) == ("outsider", "resident")
    with unit_of_work() as session:
        services.decide_eligibility(
            session, reference, accept=False, reason="退職しています", actor=MANAGER, now=clock.now()
        )
        assert [one.state for one in queries.eligibilities_of(session, stranger.person_id)] == ["refused"]
    assert booking(stranger.hold(ROOM, "night")).category == "outsider"


def test_b9_a_move_out_of_the_city_before_the_use_changes_no_price_silently(hanako: Resident) -> None:
    """Ordinance: the category of the day of booking. The permit, its price and what goes back stay as they were."""
    reference = hanako.book(ROOM, "am", FRIDAY)
    clock.move_to(clock.now() + timedelta(hours=1))
    paid = booking(reference).total
    with unit_of_work() as session:
        session.get_one(Person, hanako.person_id).city = "小山市"
    assert booking(reference).category == "resident"
    with unit_of_work() as session:
        view = bookings.of_person(session, reference, hanako.person_id)
        assert view is not None
        assert view.quote.total == paid
    assert hanako.refund(reference) == Yen(300)
    assert booking(hanako.hold(ROOM, "pm")).category == "outsider"


@pytest.mark.parametrize(
    ("day", "until"),
    [
        (date(2026, 11, 25), date(2027, 3, 31)),
        (date(2027, 1, 29), date(2027, 3, 31)),
        (date(2027, 1, 31), date(2028, 3, 31)),
    ],
)
def test_near_its_end_a_year_is_the_next_one(day: date, until: date) -> None:
    assert GroupKind(code="club", name="団体").until(day) == until


TERMS = st.builds(
    GroupKind,
    code=st.just("club"),
    name=st.just("団体"),
    term=st.sampled_from(["fiscal_year", "months"]),
    months=st.integers(1, 60),
    renew_days=st.integers(0, 365),
)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@given(kind=TERMS, day=DAYS, left=st.integers(-400, 800))
def test_renewing_early_never_shortens_and_gives_one_term_after_the_running_one(
    kind: GroupKind, day: date, left: int
) -> None:
    running = day + timedelta(days=left)
    after = kind.renewed_until(day, running)
    assert after >= max(kind.until(day), running), "the rest of the running term is not lost"
    later = max(running, day)
    assert after <= kind.until(later + timedelta(days=1)), "at most one term after the later of decision and old end"
    assert after > running, "another term is later than the one before"


def test_a_company_that_renews_a_month_early_keeps_the_month() -> None:
    kind = GroupKind(code="company", name="会社", term="months", months=24)
    assert kind.renewed_until(date(2027, 3, 1), date(2027, 3, 31)) == date(2029, 3, 31)
    assert kind.renewed_until(date(2027, 4, 2), date(2027, 3, 31)) == date(2029, 4, 1), "late: from the decision"


def test_the_term_that_a_renewal_gives_is_the_one_on_the_page(
    client: FlaskClient, hanako: Resident, clock_at: Callable[[str], datetime]
) -> None:
    wish = replace(request(), kind="company", purposes=())
    reference = register(hanako, wish)
    first = verify(reference).valid_until
    assert first == date(2028, 11, 24)
    clock_at("2028-10-10 09:00")
    with unit_of_work() as session:
        who = hanako.person_id
        services.renew(session, reference, wish, person_id=who, actor=hanako.actor, now=clock.now())
    assert verify(reference).valid_until == date(2030, 11, 24), "24 months after the first term, not after the decision"
    with unit_of_work() as session:
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    assert "2030年11月24日(日)" in client.get("/my/groups").text


@pytest.mark.parametrize(
    ("line", "member"),
    [
        ("古河花子、古河市、在住", Member("古河花子", "古河市", "lives")),
        ("古河花子,古河市", Member("古河花子", "古河市", "lives")),
        ("小山太郎、古河市、在勤、taro@example.jp", Member("小山太郎", "古河市", "works", "taro@example.jp")),
        ("名前だけ", None),
        ("古河花子、古河市、知らない", None),
    ],
)
def test_a_line_of_the_list_of_members_is_read(line: str, member: Member | None) -> None:
    assert parse_member(line) == member


def test_a_group_is_registered_and_used_on_the_pages(koga: str, client: FlaskClient) -> None:
    browser = sign_in(client, people.make_resident())
    page = browser.get("/my/groups/new")
    members = "\n".join(f"古河{n}子、古河市、在住" for n in range(4))
    sent = {
        "csrf_token": token(page.text),
        "name": "合唱の会",
        "kana": "がっしょうのかい",
        "kind": "club",
        "purposes": ["chorus"],
    }
    few = browser.post("/my/groups/new", data={**sent, "members": "古河1子、古河市"})
    assert few.status_code == 422
    assert "4人以上" in few.text
    bad = browser.post("/my/groups/new", data={**sent, "members": members + "\nだれか"})
    assert bad.status_code == 422
    assert "5行目を読めません" in bad.text
    assert browser.post("/my/groups/new", data={**sent, "members": members}).status_code == 303
    mine = browser.get("/my/groups")
    assert "施設が確認しています" in mine.text
    with unit_of_work() as session:
        reference = session.scalars(select(BookingGroup.reference)).one()
    verify(reference)
    mine = browser.get("/my/groups")
    assert "2027年3月31日" in mine.text
    chosen = browser.post("/my/groups/as", data={"csrf_token": token(mine.text), "group": reference})
    assert chosen.status_code == 303
    assert "「合唱の会」の名前で予約します" in browser.get("/facilities").text


def renew(who: Resident, reference: str, asked: GroupRequest) -> None:
    with unit_of_work() as session:
        services.renew(session, reference, asked, person_id=who.person_id, actor=who.actor, now=clock.now())


def test_new_members_count_once_staff_have_verified_them_and_the_old_ones_until_then(hanako: Resident) -> None:
    """A group of the city that swaps its members keeps neither more nor less than what was verified."""
    group_rules()
    reference = register(hanako, request(4))
    verify(reference)
    clock.move_to(datetime(2027, 2, 10, 10, 0, tzinfo=TOKYO))
    change_groups(in_city_percent=0)
    outside = GroupRequest(
        "小山合唱の会",
        "オヤマガッショウノカイ",
        "club",
        ("chorus",),
        tuple(Member(f"小山{n}", "小山市") for n in range(4)),
    )
    renew(hanako, reference, outside)
    assert booking(hold_as(hanako, reference, date(2027, 2, 20))).category == "group"
    with unit_of_work() as session:
        kept = queries.one(session, reference)
        assert kept is not None
        assert (kept.name, {one.city for one in kept.members}) == ("古河合唱の会", {"古河市"})
        assert [one.reference for one in queries.groups_waiting(session)] == [reference]
    verify(reference)
    assert group(reference).name == "小山合唱の会"
    assert booking(hold_as(hanako, reference, date(2027, 2, 21))).category == "outsider", "no longer half of the city"


def change_groups(**changes: object) -> None:
    """The city's one kind of groups says something else."""
    with unit_of_work() as session:
        rules = queries.rules_on(session, clock.today())
        assert rules is not None
        kinds = [{**kind.model_dump(mode="json"), **changes} for kind in rules.kinds]
    change_rules("groups", kind="groups", kinds=kinds)


def test_a_renewal_that_is_refused_leaves_the_group_as_it_was(hanako: Resident) -> None:
    reference = register(hanako, request(4))
    before = verify(reference)
    clock.move_to(datetime(2027, 2, 10, 10, 0, tzinfo=TOKYO))
    renew(hanako, reference, request(6))
    after = verify(reference, accept=False, reason="名簿を見せてください")
    assert (after.state, after.valid_until, after.renewal) == ("verified", before.valid_until, None)
    with unit_of_work() as session:
        kept = queries.one(session, reference)
        assert kept is not None
        assert len(kept.members) == 4


def test_staff_find_a_group_and_end_it_with_a_reason(
    koga: str, client: FlaskClient, hanako: Resident, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    reference = register(hanako, request(4))
    verify(reference)
    people.sign_in(client, people.make_staff("facility_manager", "S01"))
    assert "古河合唱の会" in client.get("/staff/groups/all").text
    assert "古河合唱の会" in client.get("/staff/groups/all?words=こがが").text
    assert "古河合唱の会" in client.get("/staff/groups/all?words=合唱").text
    assert "合う団体がありません" in client.get("/staff/groups/all?words=野球").text
    empty = people.post(client, f"/staff/groups/{reference}/end", {"why": ""})
    assert empty.status_code == 422
    assert group(reference).state == "verified"
    ended = people.post(client, f"/staff/groups/{reference}/end", {"why": "活動がありません"})
    assert ended.status_code == 303
    assert (group(reference).state, group(reference).reason) == ("ended", "活動がありません")
    with pytest.raises(NotBookable):
        hold_as(hanako, reference)
    run_jobs()
    bodies = [mail.get_body(("plain",)) for mail in mailbox.to("hanako@example.com")]
    assert any("活動がありません" in body.get_content() for body in bodies if body is not None)


def test_another_member_represents_the_group_once_staff_agree(
    koga: str, client: FlaskClient, hanako: Resident, stranger: Resident
) -> None:
    reference = register(hanako, request(4, 0, (), Member("小山 太郎", "小山市", "works", "stranger@example.com")))
    verify(reference)
    other = Resident("他人 花子", "other@example.com")
    with unit_of_work() as session, pytest.raises(NotFound):
        keeping.offer(session, reference, person_id=other.person_id, actor=other.actor)
    with unit_of_work() as session:
        keeping.offer(session, reference, person_id=stranger.person_id, actor=stranger.actor)
    assert group(reference).representative_id == hanako.person_id, "nothing changes before staff agree"
    people.sign_in(client, people.make_staff("facility_manager", "S01"))
    assert "古河 はなこ → 小山 太郎" in client.get("/staff/groups").text
    where = f"/staff/groups/{reference}/hand-over"
    wrong = people.post(client, where, {"successor": str(other.person_id), "decision": "accept"})
    assert wrong.status_code == 409
    bare = people.post(client, where, {"successor": str(stranger.person_id), "decision": "refuse"})
    assert bare.status_code == 422
    done = people.post(client, where, {"successor": str(stranger.person_id), "decision": "accept"})
    assert done.status_code == 303
    assert (group(reference).representative_id, group(reference).successor_id) == (stranger.person_id, None)


def test_staff_say_that_a_group_pays_at_the_counter_only(koga: str, client: FlaskClient, hanako: Resident) -> None:
    reference = register(hanako, request(4))
    people.sign_in(client, people.make_staff("facility_manager", "S01"))
    assert "料金は窓口だけで受け取る" in client.get("/staff/groups").text
    sent = people.post(
        client, "/staff/groups", {"reference": reference, "decision": "accept", "counter_only": "y", "reason": ""}
    )
    assert sent.status_code == 303
    assert group(reference).counter_only


def test_a_mistake_in_a_declaration_is_told_and_what_was_typed_stays(koga: str, client: FlaskClient) -> None:
    people.sign_in(client, people.make_resident())
    answer = people.post(
        client, "/my/groups/declare", {"basis": "works", "city": "", "detail": "見本工業", "until": ""}
    )
    assert answer.status_code == 422
    assert 'value="見本工業"' in answer.text
    assert "その場所の市町村" in answer.text
    assert "error-summary" in answer.text
