"""An application through its pages asks the database so many times and not more; a locked case is not read again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from forms.services.common import locked
from portal.accounts.models import Account
from portal.kernel import database as kernel_database
from tests import people
from tests.forms.conftest import STEPS, draft, fields, sha_on


@pytest.fixture
def asked(database: str) -> Iterator[list[str]]:
    """The statements that were sent."""
    found: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(kernel_database.engine(), "before_cursor_execute", note)
    yield found
    event.remove(kernel_database.engine(), "before_cursor_execute", note)


def _apply(browser: FlaskClient, asked: list[str]) -> dict[str, int]:
    """Statements of each page of one application."""
    counted = {}

    def count(name: str) -> None:
        counted[name] = len(asked)
        asked.clear()

    asked.clear()
    where = people.location(people.post(browser, "/apply/dog-registration"))
    count("begin")
    for step, values in STEPS.items():
        assert browser.get(where).status_code == 200
        count(f"see {step}")
        where = people.location(people.post(browser, where, fields(values)))
        count(f"send {step}")
    review = browser.get(where)
    count("review")
    case = people.location(people.post(browser, where, {"sha256": sha_on(review)}))
    count("file")
    assert browser.get(case).status_code == 200
    count("case")
    return counted


def test_an_application_through_its_pages_costs_few_statements(
    client: FlaskClient, hanako: Account, asked: list[str]
) -> None:
    people.sign_in(client, hanako)
    _apply(client, asked)  # documents are read once a process
    counted = _apply(client, asked)
    most = {"begin": 13, "review": 4, "file": 27, "case": 16}
    for page, statements in counted.items():
        assert statements <= most.get(page, 2 if page.startswith("see") else 6), (page, counted)


def test_a_case_is_locked_and_read_once_in_a_transaction(hanako: Account, session: Session, asked: list[str]) -> None:
    key = draft(hanako)
    first = locked(session, key=key)
    asked.clear()
    assert locked(session, key=key) is first
    assert asked == []
    session.commit()
    assert locked(session, key=key) is first
    assert len(asked) == 1, "another transaction has to lock it again"
    session.rollback()
    with session.begin_nested() as inner:
        locked(session, key=key)
        inner.rollback()
    asked.clear()
    locked(session, key=key)
    assert len(asked) == 1, "what a savepoint locked is free after it was rolled back"
