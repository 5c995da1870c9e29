"""A procedure seen as on a phone and tried with sample answers: as in a real application, and nothing is stored; a proposal taken back."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, inspect, select, table

from forms.definition import Procedure
from forms.services import drafts
from forms.services.common import definition
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms import robot

HOME = "/staff/procedures"
DOG = f"{HOME}/dog-registration"
FILES = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga" / "procedures"
OWNER = {
    "asked": ["owner_name", "owner_kana", "owner_address", "owner_phone"],
    "step": "owner",
    "f.owner_name": "古河 花子",
    "f.owner_kana": "コガ ハナコ",
    "f.owner_address.postal_code": "306-0033",
    "f.owner_address.prefecture": "茨城県",
    "f.owner_address.city": "古河市",
    "f.owner_address.town": "中央町",
    "f.owner_address.block": "1-2-3",
    "f.owner_phone": "0280-22-5111",
}


def rows_of_everything() -> dict[str, int]:
    """How many rows each table has."""
    with unit_of_work() as session:
        names = inspect(session.connection()).get_table_names()
        return {n: session.scalar(select(func.count()).select_from(table(n))) or 0 for n in names}


def published(slug: str) -> Procedure:
    with unit_of_work() as session:
        return definition(drafts.open_version(session, slug, now=clock.now()))


def hidden(html: str) -> dict[str, list[str]]:
    """What a browser sends back unseen."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html):
        found.setdefault(unescape(name), []).append(unescape(value))
    found.pop("csrf_token", None)
    return found


def test_every_step_is_seen_as_on_a_phone_in_both_languages(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    before = rows_of_everything()
    page = client.get(f"{DOG}/preview").get_data(as_text=True)
    for step in published("dog-registration").steps:
        assert step.title.ja in page
        for spec in step.fields:
            assert spec.label.ja in page, spec.id
    assert page.count('class="phone"') == 3
    assert "次の質問は、答えによって出ます。" in page
    assert "公開しているものです。" in page
    english = client.get(f"{DOG}/preview?lang=en").get_data(as_text=True)
    assert "Name of the dog" in english
    assert "As seen on a phone" in english
    assert rows_of_everything() == before


def test_the_preview_shows_one_entry_of_a_group_with_all_its_questions(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "child-welfare"))
    page = client.get(f"{HOME}/nursery/preview").get_data(as_text=True)
    place = next(p for p in published("nursery").places.values() if p.group is not None)
    assert place.group is not None
    assert all(inner.label.ja in page for inner in place.group.fields)


def test_problems_stand_at_their_fields_and_questions_follow_the_answers(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    assert 'name="f.owner_name"' in client.get(f"{DOG}/try").get_data(as_text=True)
    wrong = people.post(client, f"{DOG}/try", {**OWNER, "f.owner_phone": "12"})
    assert wrong.status_code == 422
    assert 'id="f-owner_phone-error"' in wrong.get_data(as_text=True)
    assert 'id="f-owner_name-error"' not in wrong.get_data(as_text=True)
    second = people.post(client, f"{DOG}/try", OWNER)
    assert second.status_code == 200
    page = second.get_data(as_text=True)
    assert 'name="f.dog_name"' in page
    assert 'name="f.chip_number"' not in page
    kept = hidden(page)
    assert kept["f.owner_name"] == ["古河 花子"]
    assert kept["step"] == ["dog"]
    more = people.post(client, f"{DOG}/try", {**kept, "f.has_chip": "yes", "action": "refresh"}).get_data(as_text=True)
    assert 'name="f.chip_number"' in more
    back = people.post(client, f"{DOG}/try", {**hidden(more), "f.dog_name": "ポチ", "action": "back"})
    assert 'value="古河 花子"' in back.get_data(as_text=True)
    assert hidden(back.get_data(as_text=True))["f.dog_name"] == ["ポチ"]


@pytest.mark.parametrize(
    ("slug", "section", "price"),
    [
        ("dog-registration", "citizen-counter", "3,000"),
        ("family-register-addresses", "citizen-counter", "300"),
        ("nursery", "child-welfare", ""),
        ("road-damage", "roads-rivers", ""),
    ],
)
def test_the_end_is_what_would_be_filed_with_its_fee_and_nothing_is_stored(
    client: FlaskClient, koga: str, slug: str, section: str, price: str
) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, section))
    procedure, url = published(slug), f"{HOME}/{slug}/try"
    before = rows_of_everything()
    html, typed = client.get(url).get_data(as_text=True), dict[str, list[str]]()
    for _press in range(40):
        if 'id="trial-end"' in html:
            break
        page = robot.Page(html, procedure, clock.today())
        typed = {**hidden(html), **{k: v for k, v in page.sent(0).items() if k != "asked"}}
        typed |= {f"f.{f.id}": ["写真.jpg"] for f in page.fields() if f.stored}
        html = people.post(client, url, {**typed, "action": "next"}).get_data(as_text=True)
    assert 'id="trial-end"' in html
    assert "まだ答えていないところがあります" not in html
    assert ("合計" in html) is bool(price)
    assert price in html
    assert ("手数料はかかりません。" in html) is not bool(price)
    if slug == "road-damage":
        assert "写真.jpg" in html
    assert rows_of_everything() == before


def test_entries_are_added_and_taken_away_and_a_postal_code_is_looked_up(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "child-welfare"))
    procedure, url = published("nursery"), f"{HOME}/nursery/try"
    place = next(p for p in procedure.places.values() if p.group is not None)
    assert place.group is not None
    group, step = place.group.id, place.step.id

    def entries(data: dict[str, object]) -> tuple[list[str], dict[str, list[str]]]:
        html = people.post(client, url, data).get_data(as_text=True)
        return hidden(html).get(f"f.{group}.row", []), hidden(html)

    first, sent = entries({"action": f"step:{step}"})
    more, sent = entries({**sent, "action": f"add:{group}"})
    assert len(more) == len(first) + 1
    less, _sent = entries({**sent, "action": f"remove:{group}:{more[0]}"})
    assert less == more[1:]
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    code = {"step": "owner", "f.owner_address.postal_code": "3060033", "action": "look_up:owner_address"}
    assert 'value="中央町"' in people.post(client, f"{DOG}/try", code).get_data(as_text=True)


def test_a_form_without_its_token_and_another_section_are_refused(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    assert client.post(f"{DOG}/try", data=OWNER).status_code == 400
    assert client.post(f"{DOG}/drop").status_code == 400
    people.sign_in(client, people.make_staff(Role.EDITOR, "roads-rivers"))
    assert client.get(f"{DOG}/preview").status_code == 404
    assert client.get(f"{DOG}/try").status_code == 404
    assert people.post(client, f"{DOG}/try", OWNER).status_code == 404
    assert people.post(client, f"{DOG}/drop").status_code == 404
    people.sign_in(client, people.make_staff(Role.REVIEWER, "citizen-counter"))
    assert client.get(f"{DOG}/preview").status_code == 403
    assert people.post(client, f"{DOG}/try", OWNER).status_code == 403


def test_a_proposal_is_tried_before_it_is_published_and_taken_back(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter", email="first@example.jp"))
    text = (FILES / "dog-registration.yaml").read_text("utf-8").replace("ja: 犬の名前", "ja: 犬の呼び名")
    sent = {"file": (io.BytesIO(text.encode()), "a.yaml")}
    assert people.post(client, HOME, sent, content_type="multipart/form-data").status_code == 303
    page = client.get(f"{DOG}/preview").get_data(as_text=True)
    assert "公開を待っている案です。" in page
    assert "犬の呼び名" in page
    assert "犬の呼び名" in people.post(client, f"{DOG}/try", OWNER).get_data(as_text=True)
    sha256 = client.get(DOG).get_data(as_text=True).partition('name="sha256" value="')[2][:64]
    assert people.post(client, f"{DOG}/drop", {"sha256": "0" * 64}).status_code == 409
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter", email="second@example.jp"))
    assert people.post(client, f"{DOG}/drop", {"sha256": sha256}).status_code == 303
    assert "この案を取り下げる" not in client.get(DOG).get_data(as_text=True)
    assert "犬の呼び名" not in client.get(f"{DOG}/preview").get_data(as_text=True)
    assert people.post(client, f"{DOG}/drop", {"sha256": sha256}).status_code == 404


def test_a_new_procedure_whose_only_proposal_was_taken_back_is_gone(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    text = (FILES / "dog-registration.yaml").read_text("utf-8").replace("slug: dog-registration", "slug: cat")
    sent = {"file": (io.BytesIO(text.encode()), "a.yaml")}
    assert people.post(client, HOME, sent, content_type="multipart/form-data").status_code == 303
    sha256 = client.get(f"{HOME}/cat").get_data(as_text=True).partition('name="sha256" value="')[2][:64]
    answer = people.post(client, f"{HOME}/cat/drop", {"sha256": sha256})
    assert people.location(answer) == HOME
    assert client.get(f"{HOME}/cat").status_code == 404
    assert f"{HOME}/cat" not in client.get(HOME).get_data(as_text=True)


def test_a_personal_number_does_not_go_back_into_the_page(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    kept = hidden(people.post(client, f"{DOG}/try", OWNER).get_data(as_text=True))
    wrong = people.post(client, f"{DOG}/try", {**kept, "f.dog_kind": "123456789018", "action": "next"})
    assert wrong.status_code == 422
    assert 'id="f-dog_kind-error"' in wrong.get_data(as_text=True)
    assert "123456789018" not in wrong.get_data(as_text=True)


def test_as_whom_it_is_tried_decides_what_is_shown(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "it-strategy"))
    url = f"{HOME}/smartphone-class/try"
    old = people.post(client, url, {"action": "step:course", "as.age": "70"}).get_data(as_text=True)
    young = people.post(client, url, {"action": "step:course", "as.age": "30"}).get_data(as_text=True)
    assert "65歳以上の人が先です。" in young
    assert "65歳以上の人が先です。" not in old
    assert people.post(client, url, {"as.age": "9" * 5000}).status_code == 200
