"""A form of 300 fields in 30 steps with 200 rules is answered in a fixed number of statements, however far one is."""

from __future__ import annotations

from flask.testing import FlaskClient

from forms import mistakes
from forms.services import publishing
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people
from tests.bench.forms import answer_all
from tests.forms import large

STATEMENTS = 15


def test_one_step_of_a_large_form_is_answered_in_fifteen_statements(client: FlaskClient, hanako: Account) -> None:
    procedure, problems = mistakes.read(large.large())
    assert problems == []
    assert procedure is not None
    first, second = (people.make_staff(Role.EDITOR, email=f"editor{n}@example.jp") for n in (1, 2))
    with unit_of_work() as session:
        made = publishing.propose(session, procedure=procedure, actor=Actor(first.id, "staff"), now=clock.now())
        publishing.agree(
            session, slug="large-form", sha256=made.sha256, actor=Actor(second.id, "staff"), now=clock.now()
        )
    people.sign_in(client, hanako)
    _taken, statements = answer_all(client, 1)
    assert max(statements) <= STATEMENTS
