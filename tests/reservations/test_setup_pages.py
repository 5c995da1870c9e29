"""A facility manager who did not build it sets up a gym in the browser."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from portal.accounts.models import Account, Role
from portal.directory.pack import Pack
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from reservations import loader
from reservations.models import Facility, FacilityName, Occupancy, RuleDocument
from reservations.studio.models import RuleDraft
from tests import people
from tests.conftest import KOGA
from tests.reservations.conftest import Resident, booking

FACTS = {
    "name": "見本北体育館",
    "kana": "みほんきたたいいくかん",
    "name_en": "Sample North Gym",
    "category": "sports",
    "address": "北町1",
    "latitude": "36.18",
    "longitude": "139.75",
    "barrier_free": ["ramp", "toilet"],
    "wifi": "yes",
}
HOURS = {
    "valid_from": "令和8年11月1日",
    "source": "見本の規則",
    "way": "grid",
    "start": "9:00",
    "end": "21:00",
    "minutes": "120",
    "closed_on": "mon",
    "when_holiday": "next_day",
    "year_end_from": "12-29",
    "year_end_until": "01-03",
}
RULES = {
    "valid_from": "2026-11-01",
    "source": "見本の規則",
    "months": "3",
    "outsider_months": "2",
    "opens_on": "same_day",
    "opens_at": "9:00",
    "closes_days": "0",
    "approval": "automatic",
    "full_days": "7",
    "half_days": "1",
    "telephone_days": "5",
    "overtime_days": "10",
    "cancel_ground": "見本の条例第9条",
    "authority": "古河市長",
    "ground": "見本の条例第3条",
    "review_by": "古河市長",
    "defendant": "古河市",
}
FEES = {
    "valid_from": "2026-11-01",
    "ground": "見本の条例 別表第1",
    "per": "slot",
    "amount_whole": "4,000",
    "weekend_whole": "4,800",
    "amount_half": "2000",
    "weekend_half": "",
    "outsider": "50",
    "lights": "300",
    "lights_from": "17:00",
    "rounding": "10",
}


@pytest.fixture
def manager(koga: str, client: FlaskClient) -> Account:
    account = people.make_staff(Role.FACILITY_MANAGER, "S01")
    people.sign_in(client, account)
    return account


@pytest.fixture
def admin(koga: str) -> Account:
    return people.make_staff(Role.FACILITY_ADMIN)


def new_gym(client: FlaskClient) -> str:
    made = people.post(client, "/staff/facilities/new", FACTS)
    assert made.status_code == 303, made.text
    base = people.location(made)
    floor = {"name": "アリーナ", "name_en": "Arena", "layout": "halves", "capacity": "60", "purposes": ["badminton"]}
    assert people.post(client, f"{base}/spaces/new", floor).status_code == 303
    return base


def written(client: FlaskClient, base: str, kind: str, values: dict[str, str]) -> str:
    made = people.post(client, f"{base}/documents/{kind}/new", values)
    assert made.status_code == 303, made.text
    return people.location(made)


def agreed(client: FlaskClient, draft: str, first: Account, second: Account) -> None:
    people.sign_in(client, first)
    assert people.post(client, f"{draft}/ask").status_code == 303
    people.sign_in(client, second)
    assert people.post(client, f"{draft}/agree").status_code == 303
    people.sign_in(client, first)


def test_a_manager_sets_up_a_gym_with_halves_and_a_resident_books_it(
    client: FlaskClient, manager: Account, admin: Account, hanako: Resident
) -> None:
    base = new_gym(client)
    code = base.rsplit("/", 1)[-1]
    for kind, values in (("timetable", HOURS), ("policy", RULES), ("fees", FEES)):
        draft = written(client, base, kind, values)
        page = client.get(draft)
        assert "間違いは見つかりません" in page.text, page.text
        agreed(client, draft, manager, admin)
    assert "予約を受けられます" in client.get(base).text
    half = hanako.book(f"{code}-02", "t1900", people=4, options={"lights": 1})
    assert booking(half).total.amount == 2000 + 600, "lights are by the hour"
    people.sign_out(client)
    day = client.get(f"/facilities/{code}/day/2026-12-04").text
    assert "全面" in day
    assert day.count("予約ずみ") == 2, "the whole floor and the half are taken, the other half is free"
    assert "月曜日の休み" in client.get(f"/facilities/{code}/day/2026-12-07").text


def test_nobody_agrees_to_what_they_wrote_or_asked_for(client: FlaskClient, manager: Account, admin: Account) -> None:
    draft = written(client, new_gym(client), "timetable", HOURS)
    assert people.post(client, f"{draft}/ask").status_code == 303
    assert people.post(client, f"{draft}/agree").status_code == 403
    people.sign_in(client, admin)
    assert people.post(client, f"{draft}/return", {"reason": "休みを確認してください"}).status_code == 303
    assert people.post(client, draft, {"text": client_text(client, draft) + "\n"}).status_code == 303
    people.sign_in(client, manager)
    assert people.post(client, f"{draft}/ask").status_code == 303
    people.sign_in(client, admin)
    assert people.post(client, f"{draft}/agree").status_code == 403, "whoever changed a comma has written it"


def client_text(client: FlaskClient, draft: str) -> str:
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", client.get(draft).text, re.DOTALL)
    assert found
    import html

    return html.unescape(found[1]).lstrip("\n")


def test_the_database_itself_refuses_one_person_for_both(client: FlaskClient, manager: Account, admin: Account) -> None:
    written(client, new_gym(client), "timetable", HOURS)
    with pytest.raises(IntegrityError, match="ck_rule_draft_two_persons"), unit_of_work() as session:
        session.execute(
            text("UPDATE rule_draft SET agreed_by = writers[1], asked_by = :other, agreed_at = now()"),
            {"other": admin.id},
        )


def test_mistakes_are_told_by_line_and_nothing_is_published(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "fees", FEES)
    wrong = client_text(client, draft).replace("percent: 50", "percent: 五割").replace("rows:", "row:")
    assert people.post(client, draft, {"text": wrong}).status_code == 303
    page = client.get(draft).text
    assert re.search(r"\d+行目", page)
    assert "という項目はありません" in page
    assert people.post(client, f"{draft}/ask").status_code == 422
    with unit_of_work() as session:
        assert session.scalars(select(RuleDocument).where(RuleDocument.code.like("f101%"))).all() == []


def test_a_hole_in_a_fee_table_is_a_mistake(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "fees", FEES)
    text_ = client_text(client, draft)
    holed = text_.replace("half", "third")
    assert people.post(client, draft, {"text": holed}).status_code == 303
    assert "直すところが" in client.get(draft).text
    assert people.post(client, f"{draft}/ask").status_code == 422


def test_a_document_comes_from_a_file_as_well(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "timetable", HOURS)
    sent = client_text(client, draft).replace("minutes: 120", "minutes: 60").encode()
    file = {"text": "", "upload": (io.BytesIO(sent), "hours.yaml")}
    assert people.post(client, draft, file, content_type="multipart/form-data").status_code == 303
    assert "60分ずつ" in client.get(draft).text
    bad = {"text": "", "upload": (io.BytesIO(b"\xff\xfe"), "hours.yaml")}
    assert people.post(client, draft, bad, content_type="multipart/form-data").status_code == 422


def test_loading_the_pack_again_leaves_what_two_people_agreed_on(
    client: FlaskClient, manager: Account, admin: Account
) -> None:
    """A revision from the browser, of the same day as the pack's own document."""
    with unit_of_work() as session:
        pack = session.scalars(
            select(RuleDocument).where(RuleDocument.kind == "fees", RuleDocument.code == "gym")
        ).one()
        made = RuleDocument(
            kind=pack.kind, code=pack.code, valid_from=pack.valid_from, revision=2, sample=True,
            content={**pack.content, "ground": "別表(直したもの)"}, digest="0" * 64, published_at=clock.now(),
        )  # fmt: skip
        session.add(made)
        session.flush()
        facility = session.scalars(select(Facility.id).where(Facility.code == "S01")).one()
        session.add(
            RuleDraft(
                facility_id=facility, kind="fees", code="gym", text="", writers=[manager.id], asked_by=manager.id,
                asked_at=clock.now(), agreed_by=admin.id, agreed_at=clock.now(), state="published",
                changed_at=clock.now(), document_id=made.id,
            )
        )  # fmt: skip
    with unit_of_work() as session:
        assert loader.load(session, Pack(KOGA)).touched == 0
        newest = select(RuleDocument.revision).where(RuleDocument.kind == "fees", RuleDocument.code == "gym")
        assert max(session.scalars(newest)) == 2


def test_a_draft_may_not_take_the_code_of_another_document(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "timetable", HOURS)
    stolen = client_text(client, draft).replace("f101-hours", "gym")
    people.post(client, draft, {"text": stolen})
    assert "f101-hours" in client.get(draft).text
    assert people.post(client, f"{draft}/ask").status_code == 422


def test_a_case_is_tried_without_saving_anything(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "fees", FEES)
    with unit_of_work() as session:
        before = session.scalar(select(RuleDraft.changed_at))
    case = "tariff=half&date=2026-12-04&start=19:00&end=21:00&category=outsider&people=4&options=lights&ask=1"
    page = client.get(f"{draft}?{case}")
    assert page.status_code == 200
    assert "3,600円" in page.text, "2,000 + 50% + lights 2 × 300"
    with unit_of_work() as session:
        assert session.scalar(select(RuleDraft.changed_at)) == before
        assert session.scalar(select(Occupancy)) is None


def test_a_table_by_kinds_of_users_is_tried_with_everything_it_asks(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "fees", FEES)
    by_kind = client_text(client, draft)
    start, end = by_kind.index("rows:"), by_kind.index("modifiers:")
    rows = """rows:
  - {id: each, by_user: {adult: 400, child: 150}, label: 1人}
users:
  - {code: adult, label: 大人}
  - {code: child, label: 子ども}
reductions:
  - {id: club, percent: 50, on_request: true, label: 登録団体}
"""
    assert people.post(client, draft, {"text": by_kind[:start] + rows + by_kind[end:]}).status_code == 303
    case = "tariff=half&date=2026-12-04&start=19:00&end=21:00&category=resident&users_adult=6&users_child=4&ask=1"
    page = client.get(f"{draft}?{case}").text
    assert "使う人数(子ども)" in page
    assert "3,000円" in page
    assert "1,500円" in client.get(f"{draft}?{case}&granted=club").text


def test_the_next_version_shows_what_is_different(client: FlaskClient, manager: Account, admin: Account) -> None:
    base = new_gym(client)
    agreed(client, written(client, base, "fees", FEES), manager, admin)
    made = people.post(client, f"{base}/documents/fees/copy", {"document": "f101-fees"})
    draft = people.location(made)
    changed = client_text(client, draft).replace("amount: 2000", "amount: 2200")
    people.post(client, draft, {"text": changed})
    page = client.get(draft).text
    assert "<del>2000</del>" in page
    assert "<ins>2200</ins>" in page
    early = client_text(client, draft).replace("2026-11-26", "2026-11-25")
    people.post(client, draft, {"text": early})
    refused = people.post(client, f"{draft}/ask")
    assert refused.status_code == 422
    assert "2026-11-26" in refused.text


def test_a_manager_of_another_facility_finds_no_such_page(client: FlaskClient, manager: Account) -> None:
    draft = written(client, new_gym(client), "fees", FEES)
    base = draft.rsplit("/", 2)[0]
    people.sign_in(client, people.make_staff(Role.FACILITY_MANAGER, "S02"))
    for path in (base, f"{base}/edit", f"{base}/spaces/new", f"{base}/documents/fees/new", draft):
        assert client.get(path).status_code == 404, path
    for path in (f"{draft}/ask", f"{draft}/agree", f"{base}/names"):
        assert people.post(client, path).status_code == 404, path


def test_a_shared_document_is_copied_for_the_facility_not_changed(client: FlaskClient, manager: Account) -> None:
    made = people.post(client, "/staff/facilities/S01/documents/fees/copy", {"document": "gym"})
    assert made.status_code == 303
    with unit_of_work() as session:
        draft = session.scalars(select(RuleDraft)).one()
        assert draft.code == "s01-fees"


def test_names_with_dates_and_naming_rights(client: FlaskClient, manager: Account) -> None:
    base = new_gym(client)
    sponsor = {"kind": "naming_rights", "name": "見本アリーナ", "valid_from": "2026-12-01", "valid_until": "2029-11-30"}
    assert people.post(client, f"{base}/names", sponsor).status_code == 303
    renamed = {"kind": "official", "name": "見本新体育館", "valid_from": "2027-04-01"}
    assert people.post(client, f"{base}/names", renamed).status_code == 303
    page = client.get(base).text
    assert "見本アリーナ" in page
    assert "2027年3月31日" in page, "the name before ends on the day before"
    backwards = {**sponsor, "valid_until": "2026-11-30"}
    assert people.post(client, f"{base}/names", backwards).status_code == 422


def test_a_naming_right_that_ends_early_gets_its_last_day(client: FlaskClient, manager: Account) -> None:
    base = new_gym(client)
    sponsor = {"kind": "naming_rights", "name": "見本アリーナ", "valid_from": "2026-12-01"}
    assert people.post(client, f"{base}/names", sponsor).status_code == 303
    with unit_of_work() as session:
        named = {name.kind: name.id for name in session.scalars(select(FacilityName)) if "見本" in name.name}
    number = named["naming_rights"]
    assert "「見本アリーナ」を終わりにする" in client.get(base).text
    for day, words in (("", "最後の日"), ("2026-11-30", "使い始める日")):
        refused = people.post(client, f"{base}/names/{number}/end", {f"name{number}-last_day": day})
        assert (refused.status_code, words in refused.text) == (422, True)
    official = named["official"]
    last = {f"name{official}-last_day": "2027-03-31"}
    assert people.post(client, f"{base}/names/{official}/end", last).status_code == 422, "it ends with the next one"
    assert (
        people.post(client, f"{base}/names/{number}/end", {f"name{number}-last_day": "令和9年3月31日"}).status_code
        == 303
    )
    with unit_of_work() as session:
        assert session.get_one(FacilityName, number).valid_until == date(2027, 3, 31)
        assert session.get_one(FacilityName, official).valid_until is None
    elsewhere = people.post(
        client, f"/staff/facilities/S01/names/{number}/end", {f"name{number}-last_day": "2028-01-31"}
    )
    assert elsewhere.status_code == 404


def test_a_picture_is_made_anew_and_has_words(client: FlaskClient, manager: Account) -> None:
    base = new_gym(client)
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    Image.new("RGB", (40, 30), "green").save(out, "JPEG", exif=exif)
    sent = {"alt": "緑の床", "picture": (io.BytesIO(out.getvalue()), "a.jpg")}
    made = people.post(client, f"{base}/pictures", sent, content_type="multipart/form-data")
    assert made.status_code == 303
    code = base.rsplit("/", 1)[-1]
    shown = client.get(f"/facilities/{code}/pictures/1")
    assert shown.mimetype == "image/webp"
    assert b"secret place" not in shown.data
    bad = {"alt": "x", "picture": (io.BytesIO(b"<svg onload=alert(1)>"), "a.svg")}
    assert people.post(client, f"{base}/pictures", bad, content_type="multipart/form-data").status_code == 422


def test_loading_the_city_again_leaves_alone_what_people_set_up(client: FlaskClient, manager: Account) -> None:
    from portal import app as composition

    new_gym(client)
    people.post(client, "/staff/facilities/S01/edit", {**FACTS, "name": "新しい名前の体育館"})
    ok, lines = composition.load_city(KOGA)
    assert ok, lines
    with unit_of_work() as session:
        assert session.scalars(select(Facility).where(Facility.code == "F101")).one().kana == FACTS["kana"]
    assert "新しい名前の体育館" in client.get("/staff/facilities/S01").text
