"""What was said in an earlier application is filled in again, with its source, and only for oneself."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.models import Application, ApplicationAnswers
from forms.services import drafts, earlier
from forms.services.common import Applicant
from forms.vocabulary import Known
from portal.accounts.models import Account, Person
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import filed


def said(account: Account) -> dict[str, Known]:
    with unit_of_work() as session:
        known = earlier.said_before(session, person_id=account.person_id or 0, account_id=account.id)
        return {one.item: one for one in known}


def test_the_newest_answer_is_known_with_its_source_and_time(
    hanako: Account, stranger: Account, session: Session
) -> None:
    assert said(hanako) == {}
    reference = filed(hanako)
    known = said(hanako)
    assert known["person.phone"].value == "0280-22-5111"
    assert {one.source for one in known.values()} == {"application"}
    at = session.scalars(select(ApplicationAnswers.at)).one()
    assert known["person.name"].at == at
    assert said(stranger) == {}, "nobody else's"
    case = session.scalars(select(Application).where(Application.reference == reference)).one()
    case.on_behalf = "parent"
    session.commit()
    assert said(hanako) == {}, "what was done for another person stays there"


def test_a_draft_is_filled_in_where_the_profile_says_nothing(hanako: Account) -> None:
    filed(hanako)
    profile = Known("person.name", "古河 華子", "profile", clock.now() - timedelta(days=1))
    with unit_of_work() as other:
        known = (profile, *earlier.said_before(other, person_id=hanako.person_id or 0, account_id=hanako.id))
        draft = drafts.start_draft(
            other,
            slug="dog-registration",
            applicant=Applicant(account_id=hanako.id, person_id=hanako.person_id, email=None, locale="ja"),
            actor=Actor(hanako.id, "resident"),
            now=clock.now(),
            known=known,
            channel="counter",
        ).draft
        assert draft is not None
        assert draft.prefill["owner_name"]["source"] == "profile"
        assert draft.prefill["owner_phone"]["source"] == "application"
        assert draft.answers["owner_phone"] == "0280-22-5111"


def test_the_page_says_where_it_comes_from(hanako: Account, client: FlaskClient) -> None:
    filed(hanako)
    with unit_of_work() as other:
        other.get_one(Person, hanako.person_id).phone = ""
    people.sign_in(client, hanako)
    step = people.location(people.post(client, "/apply/dog-registration"))
    page = client.get(step).text
    assert "前の申請から入れました" in page
    assert "0280-22-5111" in page
