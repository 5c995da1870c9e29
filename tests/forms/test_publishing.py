"""A version is published by two persons, from a moment on; what is published never changes; the database says so as well."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from forms import queries
from forms.definition import Procedure, from_document, to_document
from forms.models import ProcedureVersion
from forms.services import publishing, withdrawing
from forms.services.drafts import open_version
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from tests import people


@pytest.fixture
def editors(koga: str, session: Session) -> tuple[Actor, Actor]:
    del koga
    first, second = (
        people.make_staff(Role.EDITOR, "citizen-counter", session=session, email=f"editor{n}@example.jp", commit=False)
        for n in (1, 2)
    )
    return Actor(first.id, "staff"), Actor(second.id, "staff")


@pytest.fixture
def renamed(session: Session) -> Procedure:
    entry = queries.procedure(session, "dog-registration", now=clock.now())
    return from_document({**to_document(entry.procedure), "plain_name": "いぬの登録"})


def name(session: Session, at: object = None) -> str:
    return str(open_version(session, "dog-registration", now=at or clock.now()).document["plain_name"]["ja"])  # type: ignore[arg-type]


def test_a_second_person_publishes_and_the_version_before_ends_at_that_moment(
    session: Session, editors: tuple[Actor, Actor], renamed: Procedure
) -> None:
    now = clock.now()
    before = open_version(session, "dog-registration", now=now)
    made = publishing.propose(session, procedure=renamed, actor=editors[0], now=now)
    assert name(session) == "犬の登録", "a proposal is no version that anybody gets"
    publishing.agree(session, slug="dog-registration", sha256=made.sha256, actor=editors[1], now=now)
    assert name(session) == "いぬの登録"
    assert before.valid_until == made.valid_from == now
    assert (made.proposed_by, made.agreed_by) == (editors[0].account_id, editors[1].account_id)


def test_nobody_publishes_what_they_proposed_and_the_database_refuses_it_too(
    session: Session, editors: tuple[Actor, Actor], renamed: Procedure
) -> None:
    now = clock.now()
    made = publishing.propose(session, procedure=renamed, actor=editors[0], now=now)
    for actor in (editors[0], Actor(None, "system")):
        with pytest.raises(publishing.SamePerson):
            publishing.agree(session, slug="dog-registration", sha256=made.sha256, actor=actor, now=now)
    made.agreed_by = editors[0].account_id
    with pytest.raises(IntegrityError, match="two_persons"):
        session.flush()


def test_a_version_can_begin_later_and_one_that_never_began_is_passed_over(
    session: Session, editors: tuple[Actor, Actor], renamed: Procedure
) -> None:
    now, monday = clock.now(), clock.now() + timedelta(days=5)
    made = publishing.propose(session, procedure=renamed, actor=editors[0], now=now)
    publishing.agree(session, slug="dog-registration", sha256=made.sha256, actor=editors[1], now=now, from_at=monday)
    assert (name(session), name(session, monday)) == ("犬の登録", "いぬの登録")
    other = from_document({**to_document(renamed), "plain_name": "ドッグ"})
    again = publishing.propose(session, procedure=other, actor=editors[1], now=now)
    publishing.agree(session, slug="dog-registration", sha256=again.sha256, actor=editors[0], now=now)
    assert (name(session), name(session, monday)) == ("ドッグ", "ドッグ")


def test_only_what_was_looked_at_is_published_and_never_in_the_past(
    session: Session, editors: tuple[Actor, Actor], renamed: Procedure
) -> None:
    now = clock.now()
    seen = publishing.propose(session, procedure=renamed, actor=editors[0], now=now).sha256
    other = from_document({**to_document(renamed), "plain_name": "ドッグ"})
    publishing.propose(session, procedure=other, actor=editors[0], now=now)
    with pytest.raises(publishing.ProposalChanged):
        publishing.agree(session, slug="dog-registration", sha256=seen, actor=editors[1], now=now)
    now_seen = publishing.waiting(session, "dog-registration")
    assert now_seen is not None
    with pytest.raises(publishing.TooEarly):
        publishing.agree(
            session,
            slug="dog-registration",
            sha256=now_seen.sha256,
            actor=editors[1],
            now=now,
            from_at=now - timedelta(1),
        )


def test_a_procedure_is_withdrawn_from_a_date_and_a_proposal_can_be_dropped(
    session: Session, editors: tuple[Actor, Actor], renamed: Procedure
) -> None:
    now, later = clock.now(), clock.now() + timedelta(days=30)
    publishing.propose(session, procedure=renamed, actor=editors[0], now=now)
    publishing.drop(session, slug="dog-registration", actor=editors[0])
    assert publishing.waiting(session, "dog-registration") is None
    asked = withdrawing.ask(
        session, slug="dog-registration", reason="終わる制度", actor=editors[0], now=now, from_at=later
    )
    assert name(session, later) == "犬の登録", "a wish takes nothing off"
    withdrawing.agree(session, slug="dog-registration", number=asked.id, actor=editors[1], now=now)
    assert name(session) == "犬の登録"
    with pytest.raises(NotFound):
        open_version(session, "dog-registration", now=later)
    # A planned end is undone by publishing the same document once more.
    same = queries.procedure(session, "dog-registration", now=now).procedure
    again = publishing.propose(session, procedure=same, actor=editors[1], now=now)
    publishing.agree(session, slug="dog-registration", sha256=again.sha256, actor=editors[0], now=now)
    assert name(session, later) == "犬の登録"


def test_nobody_withdraws_alone_but_in_an_emergency_with_a_reason_that_a_second_person_looks_at(
    session: Session, editors: tuple[Actor, Actor]
) -> None:
    now, slug = clock.now(), "dog-registration"
    asked = withdrawing.ask(session, slug=slug, reason="終わる制度", actor=editors[0], now=now)
    with pytest.raises(withdrawing.WaitsAlready):
        withdrawing.ask(session, slug=slug, reason="もう一度", actor=editors[1], now=now)
    with pytest.raises(withdrawing.OwnWish):
        withdrawing.agree(session, slug=slug, number=asked.id, actor=editors[0], now=now)
    with pytest.raises(withdrawing.NoReason):
        withdrawing.at_once(session, slug=slug, reason="  ", actor=editors[0], now=now)
    assert name(session) == "犬の登録"
    alone = withdrawing.at_once(session, slug=slug, reason="手数料のまちがい", actor=editors[0], now=now)
    with pytest.raises(NotFound):
        open_version(session, slug, now=now)
    assert (alone.reason, alone.agreed_by, withdrawing.waiting(session, slug)) == ("手数料のまちがい", None, None)
    with pytest.raises(withdrawing.OwnWish):
        withdrawing.agree(session, slug=slug, number=alone.id, actor=editors[0], now=now)
    withdrawing.agree(session, slug=slug, number=alone.id, actor=editors[1], now=now)
    assert [w.agreed_by for w in withdrawing.done(session, slug)] == [editors[1].account_id]
    alone.agreed_by = editors[0].account_id
    with pytest.raises(IntegrityError, match="two_persons"):
        session.flush()


def test_a_withdrawal_that_was_agreed_to_after_its_day_never_reaches_back(
    session: Session, editors: tuple[Actor, Actor]
) -> None:
    now, day = clock.now(), clock.now() + timedelta(days=1)
    late = now + timedelta(days=3)
    slug = "dog-registration"
    asked = withdrawing.ask(session, slug=slug, reason="終わる制度", actor=editors[0], now=now, from_at=day)
    withdrawing.agree(session, slug=slug, number=asked.id, actor=editors[1], now=late)
    assert asked.from_at == late
    assert name(session, day) == "犬の登録", "what was taken in between was taken rightly"


def test_the_same_document_again_is_no_new_version(session: Session, editors: tuple[Actor, Actor]) -> None:
    same = queries.procedure(session, "dog-registration", now=clock.now()).procedure
    with pytest.raises(publishing.NothingNew):
        publishing.propose(session, procedure=same, actor=editors[0], now=clock.now())
    assert session.query(ProcedureVersion).filter(ProcedureVersion.published_at.is_(None)).count() == 0
