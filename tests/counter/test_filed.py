"""A case that is filed, and its person at the counter: the clerk types the correction or takes the case back (CASES A7, A10, A11)."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.case_models import ApplicationTypist
from forms.letters.models import Letter
from forms.services import casework, protection
from forms.services.common import OwnCase
from forms.states import Outcome
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import case, fields, staff
from tests.forms.test_letters import clerk, reference  # noqa: F401 - a case typed for somebody without mail
from tests.forms.test_review_pages import accept, ask

LICENCE = {"seen": "licence", "authority": "self"}


@pytest.fixture
def reviewer(koga: str) -> Account:
    return people.make_staff(Role.REVIEWER, "citizen-counter")


@pytest.fixture
def other_clerk(koga: str, client: FlaskClient) -> Account:
    """Another clerk than the one who typed the application, signed in."""
    found = people.make_staff(Role.COUNTER, email="counter2@example.jp")
    people.sign_in(client, found)
    return found


def revision(session: Session, number: str) -> str:
    session.expire_all()
    return str(case(session, number).revision)


def test_a_clerk_types_the_asked_correction_and_never_decides_the_case(
    client: FlaskClient,
    reference: str,  # noqa: F811
    reviewer: Account,
    other_clerk: Account,
    session: Session,
) -> None:
    ask(reference, reviewer, ("dog_kind", "犬種を、くわしく書いてください。"))
    opened = people.post(client, "/staff/counter/cases", {"c-number": reference.lower()})
    assert people.location(opened) == f"/staff/counter/cases/{reference}"
    page = client.get(people.location(opened)).get_data(as_text=True)
    for words in ("犬種を、くわしく", "柴犬", "2026年12月9日", "直した内容を入れる", "市民総合窓口"):
        assert words in page, words
    where = f"/staff/counter/cases/{reference}/correction"
    form = client.get(where).get_data(as_text=True)
    assert "いまの内容" in form
    assert "ポチ" not in form, "what was not asked is the section's"
    new = fields({"dog_kind": "豆柴"}) | {"revision": revision(session, reference), "action": "send"}
    unseen = people.post(client, where, new | {"authority": "self"})
    assert (unseen.status_code, "豆柴" in unseen.get_data(as_text=True)) == (422, True)
    weak = people.post(client, where, new | {"authority": "self", "seen": "insurance"})
    assert (weak.status_code, "ほかの書類を2つ" in weak.get_data(as_text=True)) == (422, True)
    empty = people.post(client, where, new | {"f.dog_kind": ""} | LICENCE)
    assert (empty.status_code, "ここに答えてください" in empty.get_data(as_text=True)) == (422, True)
    assert case(session, reference).state == "correction_asked"

    sent = people.post(client, where, new | {"authority": "proxy", "seen": "licence"})
    assert people.location(sent) == f"/staff/counter/cases/{reference}"
    session.expire_all()
    found = case(session, reference)
    assert (found.state, found.filings[-1].answers["dog_kind"]) == ("corrected", "豆柴")
    assert (found.corrections[0].old_value, found.corrections[0].new_value) == ("柴犬", "豆柴")
    events = [(e.action, e.actor_account_id, e.reason) for e in found.events[-2:]]
    assert events == [
        ("identity_seen", other_clerk.id, "運転免許証、代理人(委任状)"),
        ("correct", other_clerk.id, None),
    ]
    typists = select(ApplicationTypist.account_id).where(ApplicationTypist.application_id == found.id)
    assert other_clerk.id in session.scalars(typists).all()
    looks = session.scalars(select(AuditEntry).where(AuditEntry.action == "application.read")).all()
    assert {look.purpose for look in looks} == {"窓口に来た人の補正・取下げ"}
    accept(reference, reviewer)
    with pytest.raises(OwnCase), unit_of_work() as own:
        casework.decide(
            own, reference=reference, outcome=Outcome.REFUSED, reasons="x", actor=staff(other_clerk), revision=None,
            now=clock.now(),
        )  # fmt: skip


def test_a_clerk_takes_a_case_back_with_the_reason_that_the_person_gave(
    client: FlaskClient,
    reference: str,  # noqa: F811
    other_clerk: Account,
    session: Session,
) -> None:
    where = f"/staff/counter/cases/{reference}/withdraw"
    sent = LICENCE | {"revision": revision(session, reference)}
    assert people.post(client, where, sent).status_code == 422, "no reason"
    stale = people.post(client, where, sent | {"reason": "犬が死んだ", "revision": "1"})
    assert people.location(stale) == f"/staff/counter/cases/{reference}"
    assert case(session, reference).state == "filed", "somebody worked on it after the page was opened"
    assert people.post(client, where, sent | {"reason": "犬が死んだ"}).status_code == 303
    session.expire_all()
    found = case(session, reference)
    assert (found.state, found.events[-1].reason) == ("withdrawn", "犬が死んだ")
    assert found.events[-1].actor_account_id == other_clerk.id
    assert session.scalars(select(Letter).where(Letter.what == "withdrawn")).one().stage == "to_print"
    again = client.get(f"/staff/counter/cases/{reference}").get_data(as_text=True)
    assert "もう直すことも取り下げることもできません" in again


def test_the_section_types_it_too_and_another_section_sees_nothing(
    client: FlaskClient,
    reference: str,  # noqa: F811
    reviewer: Account,
    session: Session,
) -> None:
    people.sign_in(client, people.make_staff(Role.REVIEWER, "it-strategy"))
    for path in ("", "/correction", "/withdraw"):
        assert client.get(f"/staff/counter/cases/{reference}{path}").status_code == 404
    people.sign_out(client)
    people.sign_in(client, reviewer)
    assert f"/staff/counter/cases/{reference}" in client.get(f"/staff/applications/{reference}").get_data(as_text=True)
    ask(reference, reviewer, ("dog_kind", "くわしく"))
    new = fields({"dog_kind": "豆柴"}) | {"revision": revision(session, reference), "action": "send"} | LICENCE
    assert people.post(client, f"/staff/counter/cases/{reference}/correction", new).status_code == 303
    assert case(session, reference).state == "corrected"


def test_a10_for_a_protected_person_nobody_else_speaks_at_the_counter(
    client: FlaskClient,
    reference: str,  # noqa: F811
    other_clerk: Account,
    session: Session,
) -> None:
    hanako = people.make_resident()
    with unit_of_work() as own:
        case(own, reference).applicant_person_id = hanako.person_id
        protection.protect(
            own,
            person_id=hanako.person_id or 0,
            households=["306-0033|9-9"],
            until=date(2027, 3, 31),
            actor=staff(other_clerk),
            now=clock.now(),
        )
    where = f"/staff/counter/cases/{reference}/withdraw"
    assert "支援措置の対象の人です" in client.get(where).get_data(as_text=True)
    sent = {"revision": revision(session, reference), "reason": "やめる", "seen": "licence"}
    refused = people.post(client, where, sent | {"authority": "family"})
    assert (refused.status_code, "本人だけが" in refused.get_data(as_text=True)) == (403, True)
    assert case(session, reference).state == "filed"
    assert people.post(client, where, sent | {"authority": "self"}).status_code == 303


def test_a_number_that_is_no_filed_case_is_told_beside_the_number(client: FlaskClient, other_clerk: Account) -> None:
    for number in ("A-0000-0000-0", "こんにちは"):
        page = people.post(client, "/staff/counter/cases", {"c-number": number})
        assert (page.status_code, "まだ出ていません" in page.get_data(as_text=True)) == (422, True), number
