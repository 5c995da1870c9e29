"""Procedures edited in the browser: a file with mistakes is told by line, a good one is published by a second person."""

from __future__ import annotations

import io
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from forms.models import ProcedureVersion
from portal.accounts.models import Account, Role
from tests import people

FILE = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga" / "procedures" / "road-damage.yaml"


def send(client: FlaskClient, text: str) -> tuple[int, str]:
    sent = {"file": (io.BytesIO(text.encode()), "a.yaml")}
    answer = people.post(client, "/staff/procedures", sent, content_type="multipart/form-data")
    return answer.status_code, answer.get_data(as_text=True)


def test_a_file_is_checked_and_published_by_a_second_person(client: FlaskClient, koga: str) -> None:
    first = people.make_staff(Role.EDITOR, "roads-rivers", email="first@example.jp")
    second = people.make_staff(Role.EDITOR, "roads-rivers", email="second@example.jp")
    people.sign_in(client, first)
    text = FILE.read_text("utf-8")
    status, page = send(client, text.replace("type: one_of", "type: one_off", 1))
    assert status == 422
    assert "行目" in page
    assert "one_of" in page
    changed = text.replace("slug: road-damage", "slug: road-damage-new")
    assert send(client, changed)[0] == 303
    url = "/staff/procedures/road-damage-new"
    assert "ほかの人が公開します" in client.get(url).get_data(as_text=True)
    sha256 = _sha(client, second, url)
    people.sign_in(client, first)
    refused = people.post(client, f"{url}/agree", {"sha256": sha256})
    assert refused.status_code == 403
    assert "自分では公開できません" in refused.get_data(as_text=True)
    assert "公開を待っています" in refused.get_data(as_text=True)
    assert client.get("/procedures/road-damage-new").status_code == 404
    people.sign_in(client, second)
    assert people.post(client, f"{url}/agree", {"sha256": sha256}).status_code == 303
    assert client.get("/procedures/road-damage-new").status_code == 200
    assert people.post(client, f"{url}/agree", {"sha256": sha256}).status_code == 404
    status, page = send(client, changed)
    assert status == 422
    assert "いま公開しているものと同じです" in page
    early = people.post(client, f"{url}/withdraw", {"from": "2020-01-01T09:00", "reason": "終わる制度"})
    assert early.status_code == 422
    assert "過ぎた日時は選べません" in early.get_data(as_text=True)
    assert "終わる制度</textarea>" in early.get_data(as_text=True), "what was typed stays"
    assert "slug: road-damage-new" in client.get(f"{url}/file").get_data(as_text=True)
    assert people.post(client, f"{url}/withdraw", {"reason": "終わる制度"}).status_code == 303
    page = client.get(url).get_data(as_text=True)
    assert "自分が出した案は、ほかの人が決めます" in page
    assert client.get("/procedures/road-damage-new").status_code == 200, "a wish takes nothing off"
    people.sign_in(client, first)
    assert "公開をやめることを、ほかの人が確かめます" in client.get("/staff/procedures").get_data(as_text=True)
    page = client.get(url).get_data(as_text=True)
    assert "終わる制度" in page
    number = page.partition("/withdrawals/")[2].partition("/")[0]
    assert people.post(client, f"{url}/withdrawals/{number}/agree").status_code == 303
    assert client.get("/procedures/road-damage-new").status_code == 404


def test_residents_are_told_until_when_it_is_taken_and_editors_that_nobody_sees_it_yet(
    client: FlaskClient, koga: str
) -> None:
    first = people.make_staff(Role.EDITOR, "roads-rivers", email="first@example.jp")
    second = people.make_staff(Role.EDITOR, "roads-rivers", email="second@example.jp")
    people.sign_in(client, first)
    send(client, FILE.read_text("utf-8").replace("slug: road-damage", "slug: road-damage-new"))
    url = "/staff/procedures/road-damage-new"
    people.post(client, f"{url}/agree", {"sha256": _sha(client, second, url), "from": "2026-12-10T00:00"})
    page = client.get(url).get_data(as_text=True)
    assert ("住民には、いまは見えません" in page, 'href="/procedures/road-damage-new"' in page) == (True, False)

    url = "/staff/procedures/road-damage"
    seen = client.get("/procedures/road-damage").get_data(as_text=True)
    assert "この手続きの受付は" not in seen
    people.post(client, f"{url}/withdraw", {"from": "2026-12-20T00:00", "reason": "終わる制度"})
    assert "この手続きの受付は" not in client.get("/procedures/road-damage").get_data(as_text=True), "only asked for"
    number = _withdrawal(client, first, url)
    people.post(client, f"{url}/withdrawals/{number}/agree")
    assert "この手続きの受付は、2026年12月20日(日) 0:00までです" in client.get("/procedures/road-damage").get_data(
        as_text=True
    )
    # A new version that takes its place is no end.
    send(client, FILE.read_text("utf-8").replace("道路がこわれているとき", "道路がこわれたとき"))
    sha256 = _sha(client, second, url)
    people.post(client, f"{url}/agree", {"sha256": sha256, "from": "2026-12-15T00:00"})
    assert "この手続きの受付は" not in client.get("/procedures/road-damage").get_data(as_text=True)


def test_in_an_emergency_one_person_withdraws_and_a_second_one_looks_afterwards(client: FlaskClient, koga: str) -> None:
    first = people.make_staff(Role.EDITOR, "roads-rivers", email="first@example.jp")
    second = people.make_staff(Role.EDITOR, "roads-rivers", email="second@example.jp")
    people.sign_in(client, first)
    url = "/staff/procedures/road-damage"
    refused = people.post(client, f"{url}/withdraw", {"alone": "y", "reason": ""})
    assert (refused.status_code, client.get("/procedures/road-damage").status_code) == (422, 200)
    assert people.post(client, f"{url}/withdraw", {"alone": "y", "reason": "手数料のまちがい"}).status_code == 303
    assert client.get("/procedures/road-damage").status_code == 404
    page = client.get(url).get_data(as_text=True)
    assert "ほかの人が、あとで確かめます" in page
    number = _withdrawal(client, second, url)
    for who, status in ((first, 403), (second, 303), (second, 404)):
        people.sign_in(client, who)
        assert people.post(client, f"{url}/withdrawals/{number}/agree").status_code == status
    page = client.get(url).get_data(as_text=True)
    assert "手数料のまちがい" in page
    assert "あとで確かめた人" in page


def test_a_file_of_another_section_is_told_with_its_line_and_the_sections_that_can_be_written(
    client: FlaskClient, koga: str
) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "roads-rivers", email="first@example.jp"))
    text = FILE.read_text("utf-8").replace("section: roads-rivers", "section: roads-river")
    line = text[: text.index("\nsection: roads-river")].count("\n") + 2
    status, page = send(client, text)
    assert status == 422
    assert f"{line}行目: section の「roads-river」は、自分の課ではありません。 自分の課: roads-rivers" in page


def test_a_new_procedure_says_that_there_is_nothing_to_compare_and_leads_to_its_page(
    client: FlaskClient, koga: str
) -> None:
    first = people.make_staff(Role.EDITOR, "roads-rivers", email="first@example.jp")
    second = people.make_staff(Role.EDITOR, "roads-rivers", email="second@example.jp")
    people.sign_in(client, first)
    send(client, FILE.read_text("utf-8").replace("slug: road-damage", "slug: road-damage-new"))
    url = "/staff/procedures/road-damage-new"
    assert "新しい手続きです" in client.get(url).get_data(as_text=True)
    sha256 = _sha(client, second, url)
    people.post(client, f"{url}/agree", {"sha256": sha256})
    assert 'href="/procedures/road-damage-new"' in client.get(url).get_data(as_text=True)


def test_the_page_says_from_when_and_until_when_each_version_is_in_use(client: FlaskClient, koga: str) -> None:
    first = people.make_staff(Role.EDITOR, "roads-rivers", email="first@example.jp")
    second = people.make_staff(Role.EDITOR, "roads-rivers", email="second@example.jp")
    people.sign_in(client, first)
    send(client, FILE.read_text("utf-8").replace("道路がこわれているとき", "道路がこわれたとき"))
    url = "/staff/procedures/road-damage"
    people.post(client, f"{url}/agree", {"sha256": _sha(client, second, url), "from": "2026-12-10T00:00"})
    page = client.get(url).get_data(as_text=True)
    assert "<td>2026年12月10日(木) 0:00から</td><td>これから公開します</td>" in page
    assert "2026年12月10日(木) 0:00まで</td><td>公開中</td>" in page
    people.post(client, f"{url}/withdraw", {"from": "2026-12-05T00:00", "reason": "終わる制度"})
    number = _withdrawal(client, first, url)
    people.post(client, f"{url}/withdrawals/{number}/agree")
    page = client.get(url).get_data(as_text=True)
    assert "使われませんでした" in page
    assert "2026年12月5日(土) 0:00まで</td><td>公開中</td>" in page


def test_what_is_refused_about_another_section_tells_nothing(client: FlaskClient, koga: str) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    for path in ("", "/file"):
        assert client.get(f"/staff/procedures/road-damage{path}").status_code == 404
    for action in ("agree", "withdraw"):
        assert people.post(client, f"/staff/procedures/road-damage/{action}").status_code == 404


def test_a_file_that_names_ones_own_section_does_not_take_over_anothers_procedure(
    client: FlaskClient, koga: str, session: Session
) -> None:
    people.sign_in(client, people.make_staff(Role.EDITOR, "citizen-counter"))
    stolen = FILE.read_text("utf-8").replace("section: roads-rivers", "section: citizen-counter")
    status, page = send(client, stolen)
    assert status == 422
    assert "ほかの課のものです" in page
    waits = select(func.count()).select_from(ProcedureVersion).where(ProcedureVersion.published_at.is_(None))
    assert session.scalar(waits) == 0


def _withdrawal(client: FlaskClient, second: Account, url: str) -> str:
    """The number of the withdrawal that waits, as the second person sees it."""
    people.sign_in(client, second)
    return client.get(url).get_data(as_text=True).partition("/withdrawals/")[2].partition("/")[0]


def _sha(client: FlaskClient, second: object, url: str) -> str:
    people.sign_in(client, second)  # type: ignore[arg-type]
    page = client.get(url).get_data(as_text=True)
    return page.partition('name="sha256" value="')[2][:64]
