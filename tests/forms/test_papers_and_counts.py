"""The published schema and its page say what the program does; the plan's counts are truthful."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import get_args

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from forms import fees, measures, mistakes, presenting, queries, rules, vocabulary
from forms.definition import from_document
from forms.definition.fields import AnyField
from forms.definition.schema import FILE, json_schema
from portal.directory.plain import read
from portal.kernel import clock

KOGA = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga" / "procedures"
PROCEDURES = [from_document(read(file.read_text("utf-8"))[0]) for file in sorted(KOGA.glob("*.yaml"))]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "procedures.md"


def test_the_published_schema_is_the_one_that_is_used() -> None:
    assert FILE.read_text("utf-8") == json_schema(), "run: python -m forms.definition.schema"


def test_every_field_type_and_data_item_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    union = get_args(get_args(AnyField)[0])
    for field_type in union:
        (name,) = get_args(field_type.model_fields["type"].annotation)
        assert re.search(rf"`{name}`", text), name
    for item in vocabulary.ITEMS:
        assert f"`{item}`" in text, item


def test_here_elsewhere_and_prepared_are_counted_apart_and_truthfully(koga: str, session: Session) -> None:
    value = measures.online(session, clock.today())
    by_key = {item.key: item for item in value.evidence}
    here = {p.slug for p in PROCEDURES if p.channel.kind == "here"}
    assert {"dog-registration", "road-damage", "smartphone-class"} < here
    assert value.parts["here"] == value.value == len(here)
    assert value.parts["elsewhere"] == 0
    assert {k for k, e in by_key.items() if e.counted} == here
    assert by_key["resident-record"].part == "prepared"
    assert by_key["moving-out"].address == "https://myna.go.jp/"
    assert not by_key["moving-out"].counted, "since when is not known"


def test_the_writeless_procedures_are_those_that_the_counter_fills_in(koga: str, session: Session) -> None:
    value = measures.writeless(session, clock.today())
    assert {item.key for item in value.evidence} == {"resident-record", "seal-certificate"}
    assert value.value == 2


def test_what_asks_for_an_office_fee_here_is_told_to_payments(koga: str, session: Session) -> None:
    offer = measures.office_fees(session)
    paid = {p.slug for p in PROCEDURES if p.channel.kind == "here" and p.fee.kind != "none"}
    assert offer.count == len(paid)
    assert {e["address"] for e in offer.evidence} == {f"/procedures/{slug}" for slug in paid}
    assert "dog-registration" in paid


def test_nothing_is_counted_before_it_was_published(
    koga: str, session: Session, clock_at: Callable[[str], datetime]
) -> None:
    assert measures.online(session, date(2026, 3, 31)).value == 0


def test_the_example_in_the_documentation_is_a_sound_procedure_with_a_fee_a_branch_and_a_group() -> None:
    (example,) = re.findall(r"```yaml\n(# Where.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    procedure, problems = mistakes.read(read(example)[0])
    assert problems == []
    assert procedure is not None
    assert procedure.fee.kind == "by_copies"
    assert any(f.kind == "group" for f in procedure.fields())
    members = [{"_row": 1, "member_name": "古河 花子", "member_part": "high"}]
    answers = {"name": "古河 花子", "joined_on": "2020-04-01", "members": members, "copies": 2, "by": "desk"}
    filed = rules.to_file(procedure, answers)
    assert "send_to" not in filed
    assert filed["sum"] == fees.total(fees.lines(procedure, filed)).amount == 600
    assert "send_to" in rules.evaluate(procedure, {**answers, "by": "post"}).missing()
    assert set(rules.broken_limits(procedure, {**answers, "members": [*members, {**members[0], "_row": 2}] * 2})) == {
        "copies"
    }


def test_every_key_of_a_definition_is_documented() -> None:
    """A newcomer finds each key that the schema takes."""
    text = DOCS.read_text("utf-8")
    keys = {key for part in json.loads(json_schema())["$defs"].values() for key in part.get("properties", {})}
    keys |= set(json.loads(json_schema())["properties"])
    missing = {key for key in keys if not re.search(rf"\b{key}\b", text)}
    assert missing <= {"ja", "en"}, missing


def test_the_papers_that_belong_to_a_procedure_are_listed_with_the_ways_to_hand_them_in(
    client: FlaskClient, koga: str, session: Session
) -> None:
    road = client.get("/procedures/road-occupancy").get_data(as_text=True)
    for words in ("いっしょに出す書類", "位置図と図面", "申請の中で出す"):
        assert words in road, words
    club = queries.procedure(session, "after-school-club", now=clock.now()).procedure
    assert [paper.id for paper in presenting.on_paper(club, {"reason": "work"})] == ["work-proof"]
    assert presenting.on_paper(club, {"reason": "illness"}) == []
    nothing = client.get("/procedures/road-damage").get_data(as_text=True)
    assert "法律で決まった手続きではありません" in nothing
    assert "決まっていません" in nothing
    assert "その日のうち" in client.get("/procedures/resident-record").get_data(as_text=True)


def test_every_fillable_procedure_of_koga_is_whole_or_says_that_it_has_no_law(koga: str, session: Session) -> None:
    services_of_the_city = {"park-damage", "road-damage", "smartphone-class", "water-leak"}
    for entry in queries.catalogue(session, now=clock.now()):
        procedure = entry.procedure
        if not procedure.fillable:
            continue
        assert procedure.law is not None or procedure.slug in services_of_the_city, procedure.slug
        assert procedure.law is None or procedure.law.article or "見本" in procedure.law.name, procedure.slug
        handed_in = {paper.field for paper in procedure.attachments}
        assert {f.id for f in procedure.fields() if f.kind in {"file", "photo"}} <= handed_in, procedure.slug
