"""CASES A10 inside other people's cases: where a protected person lives is on no page, paper, letter or file, and each look alarms."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import export, masking
from forms.case_models import ProtectionAlarm
from forms.letters import services as letters
from forms.masking import MASK, Home
from forms.services import protection
from portal.accounts.models import Account, Person, Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import DOG, OWNER, STEPS, case, filed, staff
from tests.forms.test_review_pages import ask

HOME = "7-8-9"
HERS = {
    "owner_address.postal_code": "306-0033",
    "owner_address.block": "７−８−９",
    "owner_address.building": "青空荘201",
}


@pytest.fixture
def head(koga: str) -> Account:
    return people.make_staff(Role.APPROVER, "citizen-counter", email="head@example.jp")


@pytest.fixture
def father(koga: str) -> Account:
    return people.make_resident(email="father@example.jp", name="古河 一郎")


def protect(hanako: Account, head: Account) -> None:
    """はなこ lives at 中央町7-8-9; the household at 9-9 must not learn of it."""
    with unit_of_work() as own:
        person = own.get_one(Person, hanako.person_id)
        person.postal_code, person.town, person.block = "3060033", "中央町", "7丁目8番9号"
        protection.protect(
            own, person_id=person.id, households=["3060033|9-9"], until=date(2027, 1, 1),
            actor=staff(head), now=clock.now(),
        )  # fmt: skip


@pytest.fixture
def his(hanako: Account, father: Account) -> str:
    """A case of her father that names her home twice: as an address and in a message."""
    steps = {
        **STEPS,
        "owner": {**OWNER, **HERS, "owner_name": "古河 一郎"},
        "tag": {**STEPS["tag"], "message": "娘は中央町7丁目8番9号に住んでいます"},
    }
    return filed(father, steps=steps)


def words(content: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_a_home_is_known_however_it_is_spelled_and_a_neighbour_is_not() -> None:
    home = masking.home(postal_code="306-0033", town="中央町", block_="7丁目8番9号")
    assert home == Home("3060033", "中央町", "7-8-9")
    assert home.at({"postal_code": "３０６－００３３", "block": "７−８−９"})
    assert home.at({"postal_code": "3060033", "block": "7-8-9-201"})
    assert not home.at({"postal_code": "3060033", "block": "7-8-90"})
    assert home.within("茨城県古河市中央町 7番地8-9に住んでいます")
    assert not home.within("中央町7-8-90")
    assert masking.home(postal_code="3060033", town="中央町", block_="") is None


def test_a10_an_address_inside_another_persons_case_is_masked_on_pages_papers_files_and_letters(
    client: FlaskClient, hanako: Account, father: Account, head: Account, reviewer: Account, his: str,
    session: Session, run_jobs: Callable[[], None], clock_at: Callable[[str], datetime],
) -> None:  # fmt: skip
    clock_at("2026-11-26 10:00")
    people.sign_in(client, father)
    run_jobs()
    paper = next(d for d in case(session, his).documents if d.kind == "application")
    assert "青空荘" in words(client.get(f"/applications/{his}/documents/{paper.id}").data)
    clock_at("2026-11-26 10:01")
    protect(hanako, head)
    page = client.get(f"/applications/{his}").get_data(as_text=True)
    assert MASK in page
    assert "青空荘" not in page
    assert "7丁目8番9号" not in page
    answer = client.get(f"/applications/{his}/documents/{paper.id}")
    assert answer.status_code == 303, "the paper from before is not given out"
    clock_at("2026-11-26 10:02")
    run_jobs()
    made = words(client.get(f"/applications/{his}/documents/{paper.id}").data)
    assert "青空荘" not in made
    assert "7丁目8番9号" not in made
    assert "ポチ" in made, "everything else is on it"
    people.sign_in(client, reviewer)
    page = client.get(f"/staff/applications/{his}").get_data(as_text=True)
    assert "青空荘" not in page
    assert "7丁目8番9号" not in page
    for kind in export.FORMATS:
        content = client.get(f"/staff/figures/dog-registration/cases?format={kind}").data
        assert "青空荘".encode(export.FORMATS[kind].removesuffix("-sig")) not in content, kind
        assert his.encode() in content
    with unit_of_work() as own:
        to = letters.address_of(own, case(own, his), now=clock.now())
        assert to is None or "青空荘" not in to.building
    session.expire_all()
    alarms = [a.what for a in session.scalars(select(ProtectionAlarm))]
    assert alarms.count("inside") >= 2, "each look of his and of the section"


def test_a10_exports_hide_her_home_in_her_own_case_too_and_alarm_and_a_search_alarms(
    client: FlaskClient, hanako: Account, head: Account, reviewer: Account, session: Session
) -> None:
    reference = filed(hanako, steps={**STEPS, "owner": {**OWNER, **HERS}, "dog": DOG})
    protect(hanako, head)
    people.sign_in(client, reviewer)
    assert "青空荘" not in client.get("/staff/figures/dog-registration/cases?format=json").get_data(as_text=True)
    assert reference in client.get("/staff/applications?q=古河").get_data(as_text=True)
    assert "青空荘" in client.get(f"/staff/applications/{reference}").get_data(as_text=True), "the section works on it"
    alarms = [a.what for a in session.scalars(select(ProtectionAlarm))]
    assert alarms == ["export", "search", "look"]


def test_a10_a_correction_shows_neither_the_old_nor_the_new_home(
    client: FlaskClient, hanako: Account, father: Account, head: Account, reviewer: Account, his: str
) -> None:
    ask(his, reviewer, ("owner_address", "番地を確かめてください"))
    protect(hanako, head)
    people.sign_in(client, father)
    page = client.get(f"/applications/{his}/correction").get_data(as_text=True)
    assert MASK in page
    assert "青空荘" not in page
    people.sign_in(client, reviewer)
    assert "青空荘" not in client.get(f"/staff/applications/{his}").get_data(as_text=True)


def test_a10_a_visit_that_concerns_a_protected_person_is_told_to_the_clerk_and_alarms_once(
    client: FlaskClient, hanako: Account, head: Account, session: Session
) -> None:
    protect(hanako, head)
    with unit_of_work() as own:
        own.get_one(Person, hanako.person_id).name = "見本 花子"
    clerk = people.make_staff(Role.COUNTER, email="clerk2@example.jp")
    people.sign_in(client, clerk)
    where = people.location(
        people.post(client, "/staff/counter", {"slugs": ["resident-record"], "office": "sowa", "authority": "family"})
    )
    before = client.get(where).get_data(as_text=True)
    assert "支援措置" not in before
    assert people.post(client, f"{where}/card", {"card": "hanako"}).status_code == 303
    for _look in range(2):
        assert "支援措置に関係する手続きかもしれません" in client.get(where).get_data(as_text=True)
    assert [a.what for a in session.scalars(select(ProtectionAlarm))] == ["visit"]
