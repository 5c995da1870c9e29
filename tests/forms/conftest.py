"""A dog to register, and the ways to fill in the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from forms.definition import IdentityLevel
from forms.models import Application
from forms.services import drafts, filing
from forms.services.common import Applicant
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people

OWNER = {
    "owner_name": "古河 花子",
    "owner_kana": "コガ ハナコ",
    "owner_address.postal_code": "306-0033",
    "owner_address.prefecture": "茨城県",
    "owner_address.city": "古河市",
    "owner_address.town": "中央町",
    "owner_address.block": "1-2-3",
    "owner_address.building": "",
    "owner_phone": "0280-22-5111",
}
DOG = {
    "dog_name": "ポチ",
    "dog_kind": "柴犬",
    "dog_born": "令和6年5月1日",
    "dog_sex": "male",
    "dog_colour": "茶",
    "has_chip": "yes",
    "chip_number": "３９２１４９０１２３４５６７８",
}
TAG = {"receive_by": "counter", "receive_office": "sowa", "message": ""}
STEPS = {"owner": OWNER, "dog": DOG, "tag": TAG}


def typed(values: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """`{"address.block": "1"}` as the services take it."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, text in values.items():
        field, _dot, part = name.partition(".")
        found.setdefault(field, {})[part] = [text]
    return found


def fields(values: Mapping[str, str]) -> dict[str, Any]:
    """The same as a browser sends it, with every field of the page named as asked."""
    asked = list(dict.fromkeys(name.partition(".")[0] for name in values))
    return {"asked": asked, **{f"f.{name}": text for name, text in values.items()}}


@pytest.fixture
def hanako(koga: str) -> Account:
    return people.make_resident()


@pytest.fixture
def stranger(koga: str) -> Account:
    return people.make_resident(email="stranger@example.jp", name="他人 太郎")


@pytest.fixture
def reviewer(koga: str) -> Account:
    return people.make_staff(Role.REVIEWER, "citizen-counter")


def resident(account: Account) -> Actor:
    return Actor(account.id, "resident")


def staff(account: Account) -> Actor:
    return Actor(account.id, "staff")


def applicant(account: Account) -> Applicant:
    return Applicant(account.id, account.person_id, account.email, identity=IdentityLevel.CONFIRMED_MAIL)


def draft(account: Account, slug: str = "dog-registration", steps: Mapping[str, Mapping[str, str]] = STEPS) -> str:
    """The key of a draft with every step filled in; committed."""
    now = clock.now()
    with unit_of_work() as session:
        begun = drafts.start_draft(session, slug=slug, applicant=applicant(account), actor=resident(account), now=now)
        for step_id, values in steps.items():
            sent = typed(values)
            saved = drafts.save_step(session, key=begun.key, step_id=step_id, typed=sent, asked=sent, now=now)
            assert not saved.problems, saved.problems
        return begun.key


def reviewed(key: str) -> str:
    """The hash that the review page carries."""
    with unit_of_work() as session:
        made = filing.review(session, key=key, now=clock.now())
        assert not made.problems, made.problems
        return made.sha256


def filed(
    account: Account,
    slug: str = "dog-registration",
    steps: Mapping[str, Mapping[str, str]] = STEPS,
    *,
    consent: bool = False,
) -> str:
    """The reference of a filed case; committed."""
    key = draft(account, slug, steps)
    sha256 = reviewed(key)
    with unit_of_work() as session:
        case, _secret = filing.file(
            session,
            key=key,
            reviewed_sha256=sha256,
            actor=resident(account),
            now=clock.now(),
            electronic_consent=consent,
        )
        assert case.reference
        return case.reference


def case(session: Session, reference: str) -> Application:
    return session.query(Application).filter_by(reference=reference).one()


def fill(client: FlaskClient, slug: str = "dog-registration", steps: Mapping[str, Mapping[str, str]] = STEPS) -> str:
    """Fill in a form through its pages; the path of the review page."""
    where = people.location(people.post(client, f"/apply/{slug}"))
    for values in steps.values():
        answer = people.post(client, where, fields(values))
        assert answer.status_code == 303, answer.get_data(as_text=True)
        where = people.location(answer)
    assert where.endswith("/review"), where
    return where


def sha_on(answer: TestResponse) -> str:
    """The hash in a review page."""
    return answer.get_data(as_text=True).partition('name="sha256" value="')[2][:64]
