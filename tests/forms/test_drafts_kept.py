"""A draft is kept while it is typed; a value of a trusted source stays, or is opened with a reason."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from forms.models import Application
from forms.services import drafts
from forms.vocabulary import Known
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import OWNER, applicant, fields, resident


def begin(hanako: Account, *known: Known) -> str:
    with unit_of_work() as own:
        return drafts.start_draft(
            own, slug="dog-registration", applicant=applicant(hanako), actor=resident(hanako), now=clock.now(), known=known
        ).key  # fmt: skip


def test_what_is_typed_is_kept_without_a_complaint_and_found_on_another_device(
    client: FlaskClient, hanako: Account, session: Session
) -> None:
    key = begin(hanako)
    at = f"/apply/dog-registration/{key}/steps/owner"
    people.sign_in(client, hanako)
    sent = {**fields({"owner_name": "古河 花", "owner_phone": "02"}), "action": "autosave"}
    assert people.post(client, at, sent).status_code == 204
    other = client.application.test_client()
    people.sign_in(other, hanako)
    assert "dog-registration" in other.get("/my").get_data(as_text=True), "1: the page after signing in shows it"
    assert "続きを書く" in other.get("/apply/dog-registration").get_data(as_text=True), "2: opened"
    resumed = people.location(people.post(other, "/apply/dog-registration"))  # 3: go on
    page = other.get(resumed).get_data(as_text=True)
    assert 'value="古河 花"' in page
    assert 'value="02"' in page, "what cannot be read yet is kept as well"


def test_what_was_sent_in_the_background_and_arrives_late_undoes_nothing(
    client: FlaskClient, hanako: Account, session: Session
) -> None:
    key = begin(hanako)
    at = f"/apply/dog-registration/{key}/steps/owner"
    people.sign_in(client, hanako)

    def send(name: str, turn: str, action: str = "autosave") -> int:
        return people.post(
            client, at, {**fields({**OWNER, "owner_name": name}), "action": action, "turn": turn}
        ).status_code

    def kept() -> str:
        return str(_draft(session, key).answers["owner_name"])

    assert send("古河 花", "a1.2") == 204
    assert send("古河", "a1.1") == 204, "typed earlier, arrives later"
    assert send("古河 花", "a1.2") == 204, "arrives twice"
    assert kept() == "古河 花"
    assert send("古河 花子", "a1.4", "next") == 303
    assert send("古河 は", "a1.3") == 204, "sent before the button was pressed"
    assert send("古河 は", "a1.3", "refresh") == 204
    assert kept() == "古河 花子"
    assert send("古河 花江", "a1.1", "next") == 303, "a button counts whenever it arrives"
    assert kept() == "古河 花江"
    assert send("古河 花代", "b2.1") == 204, "another tab counts for itself"
    assert kept() == "古河 花代"
    for number in range(drafts.PAGES_NOTED + 3):
        assert send("古河 花子", f"c{number}.1") == 204
    assert len(_draft(session, key).turns) == drafts.PAGES_NOTED
    for forged in ("a1", "a1.-1", "a1.99999999", "<script>.1", "a1.１"):
        assert send("古河 花枝", forged) == 204, "no turn at all: it counts as it comes"
    assert kept() == "古河 花枝"


def test_a_locked_value_cannot_be_altered_and_this_is_wrong_opens_it_with_a_reason(
    client: FlaskClient, hanako: Account, session: Session
) -> None:
    key = begin(hanako, Known("person.name", "古河 花子", "card", clock.now(), locked=True))
    at = f"/apply/dog-registration/{key}/steps/owner"
    people.sign_in(client, hanako)
    forged = fields({**OWNER, "owner_name": "べつの人"})
    people.post(client, at, forged)
    assert _draft(session, key).answers["owner_name"] == "古河 花子"
    assert "ここがちがいます" in client.get(at).get_data(as_text=True)
    assert people.post(client, at, {**forged, "action": "wrong:owner_name"}).status_code == 422
    assert people.post(client, at, {**forged, "action": "wrong:owner_phone", "why.owner_phone": "x"}).status_code == 404
    opened = people.post(client, at, {**forged, "action": "wrong:owner_name", "why.owner_name": "結婚で変わった"})
    assert opened.status_code == 200
    assert people.post(client, at, fields({**OWNER, "owner_name": "古河 花江"})).status_code == 303
    found = _draft(session, key)
    assert found.answers["owner_name"] == "古河 花江"
    origin = found.prefill["owner_name"]
    assert (origin["value"], origin["source"], origin["disputed"]) == ("古河 花子", "card", "結婚で変わった")


def _draft(session: Session, key: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    session.expire_all()
    found = session.query(Application).filter_by(key=key).one().draft
    session.rollback()
    assert found is not None
    return found
