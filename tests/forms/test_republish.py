"""A breaking change is published under live drafts: every one finishes on its own version, with every answer."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.definition import from_document, to_document
from forms.models import Application, ProcedureVersion
from forms.services import changeover, filing, publishing
from forms.services.common import definition
from forms.services.drafts import open_version, save_step
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import DOG, OWNER, STEPS, TAG, draft, resident, reviewed, typed

DRAFTS = 30
"""Of the 100 of `make soak`."""
SLUG = "dog-registration"


def broken(document: dict[str, Any]) -> dict[str, Any]:
    """Another type, a field less, a choice less, a new question that must be answered, steps in another order."""
    owner, dog, tag = document["steps"]
    fields = [f for f in dog["fields"] if f["id"] != "dog_colour"]
    number = {"id": "dog_name", "type": "number", "label": {"ja": "犬の番号", "en": "Number of the dog"}}
    fields = [number if f["id"] == "dog_name" else f for f in fields]
    fields.append({"id": "vaccinated", "type": "yes_no", "label": {"ja": "注射", "en": "Vaccinated"}})
    documents = [{**d, "fields": ["owner_name"]} for d in document["documents"]]
    return {**document, "steps": [tag, {**dog, "fields": fields}, owner], "documents": documents}


def test_a_breaking_change_under_live_drafts_loses_no_answer(koga: str, session: Session) -> None:
    del koga
    assert lost_answers(session, DRAFTS) == 0


def lost_answers(session: Session, count: int) -> int:
    """Begin drafts, publish the breaking change, finish and file each; how many lost something."""
    residents = [people.make_resident(email=f"person{n}@example.jp", name=f"古河 {n}") for n in range(count)]
    # Some have begun, some are half-way, some have finished: all wait.
    parts = [{"owner": OWNER}, {"owner": OWNER, "dog": DOG}, STEPS]
    keys = [draft(account, SLUG, parts[n % 3]) for n, account in enumerate(residents)]
    before = {key: session.scalars(select(Application).where(Application.key == key)).one() for key in keys}
    kept = {key: (dict(a.draft.answers), dict(a.draft.typed)) for key, a in before.items() if a.draft is not None}
    assert len(kept) == count
    session.rollback()
    _publish(session, broken(to_document(from_document(open_version(session, SLUG, now=clock.now()).document))))
    session.commit()
    session.expire_all()
    lost = 0
    for n, (key, account) in enumerate(zip(keys, residents, strict=True)):
        with unit_of_work() as own:
            application = own.scalars(select(Application).where(Application.key == key)).one()
            assert application.draft is not None
            lost += (application.draft.answers, application.draft.typed) != kept[key]
            assert application.version.number == 1
            for step, answers in (("dog", DOG), ("tag", TAG)):
                if step not in parts[n % 3]:
                    saved = save_step(
                        own, key=key, step_id=step, typed=typed(answers), asked=list(typed(answers)), now=clock.now()
                    )
                    assert not saved.problems
            made = filing.review(own, key=key, now=clock.now())
            case, _secret = filing.file(
                own, key=key, reviewed_sha256=made.sha256, actor=resident(account), now=clock.now()
            )
            lost += any(case.filings[0].answers.get(f) != v for f, v in kept[key][0].items())
            assert case.filings[0].answers["dog_colour"] == "茶"
    return lost


def _publish(session: Session, document: dict[str, Any]) -> ProcedureVersion:
    one, two = (people.make_staff(Role.EDITOR, email=f"editor{n}@example.jp") for n in (1, 2))
    made = publishing.propose(session, procedure=from_document(document), actor=Actor(one.id, "staff"), now=clock.now())
    return publishing.agree(session, slug=SLUG, sha256=made.sha256, actor=Actor(two.id, "staff"), now=clock.now())


def test_who_began_before_goes_on_with_the_old_questions_and_who_begins_now_gets_the_new(
    client: FlaskClient, hanako: Account, stranger: Account, session: Session
) -> None:
    key = draft(hanako, SLUG, {"owner": OWNER})
    _publish(session, broken(to_document(from_document(open_version(session, SLUG, now=clock.now()).document))))
    session.commit()
    people.sign_in(client, hanako)
    assert "毛の色" in client.get(f"/apply/{SLUG}/{key}/steps/dog").get_data(as_text=True)
    people.sign_out(client)
    people.sign_in(client, stranger)
    where = people.location(people.post(client, f"/apply/{SLUG}"))
    assert "/steps/tag" in where, "the new order"
    assert "注射" in client.get(where.replace("/steps/tag", "/steps/dog")).get_data(as_text=True)


def test_live_drafts_that_go_over_to_a_breaking_version_lose_no_answer(koga: str, session: Session) -> None:
    """Each answer is in the new draft, or set aside with its question."""
    del koga
    accounts = [people.make_resident(email=f"over{n}@example.jp", name=f"古河 {n}") for n in range(DRAFTS)]
    parts = [{"owner": OWNER}, {"owner": OWNER, "dog": DOG}, STEPS, {"tag": TAG}]
    keys = [draft(account, SLUG, parts[n % 4]) for n, account in enumerate(accounts)]
    _publish(session, broken(to_document(from_document(open_version(session, SLUG, now=clock.now()).document))))
    session.commit()
    for key in keys:
        with unit_of_work() as own:
            before = own.scalars(select(Application).where(Application.key == key)).one()
            assert before.draft is not None
            old = definition(before.version)
            said = {
                f.id: f.show(before.draft.answers[f.id], "ja")
                for f in old.fields()
                if before.draft.answers.get(f.id) is not None
            }
            plan = changeover.plan(own, before, now=clock.now())
            actor = resident(accounts[keys.index(key)])
            changeover.go_over(own, key=key, sha256=plan.sha256, actor=actor, now=clock.now())
        with unit_of_work() as own:
            after = own.scalars(select(Application).where(Application.key == key)).one()
            assert after.draft is not None
            new = definition(after.version)
            assert after.version.number == 2
            for field_id, text in said.items():
                spec = new.field(field_id)
                value = after.draft.answers.get(field_id)
                carried = spec is not None and value is not None and spec.show(value, "ja") == text
                assert carried or after.draft.set_aside[field_id]["text"] == text, field_id


def test_the_page_says_question_by_question_what_changed_and_the_draft_is_finished_on_the_new_questions(
    client: FlaskClient, hanako: Account, stranger: Account, session: Session
) -> None:
    key = draft(hanako, SLUG, {"owner": OWNER, "dog": DOG})
    people.sign_in(client, hanako)
    page = f"/apply/{SLUG}/{key}/version"
    assert client.get(page).status_code == 303, "nothing is newer: on with the draft"
    _publish(session, broken(to_document(from_document(open_version(session, SLUG, now=clock.now()).document))))
    session.commit()
    assert "変わったところを見る" in client.get(f"/apply/{SLUG}/{key}/steps/dog").get_data(as_text=True)
    shown = client.get(page).get_data(as_text=True)
    for words in (
        "なくなった質問",
        "毛の色",
        "茶",
        "答えなおす質問",
        "犬の番号",
        "答え方",
        "ポチ",
        "新しい質問",
        "注射",
        "そのまま使う答え",
    ):
        assert words in shown, words
    sha256 = shown.partition('name="sha256" value="')[2][:64]
    assert people.post(client, page, {"sha256": "0" * 64}).status_code == 409
    assert people.post(client, page, {"sha256": sha256}).status_code == 303
    assert people.post(client, page, {"sha256": sha256}).status_code == 303, "a second click"
    step = client.get(f"/apply/{SLUG}/{key}/steps/dog").get_data(as_text=True)
    assert "注射" in step
    assert "前の質問への答え(2件)" in step
    assert "ポチ" in step
    assert "柴犬" in step, "carried over"
    people.sign_out(client)
    people.sign_in(client, stranger)
    assert client.get(page).status_code == 404
    assert people.post(client, page, {"sha256": sha256}).status_code == 404


def test_where_the_law_changed_a_draft_is_not_filed_on_the_old_questions(
    client: FlaskClient, hanako: Account, session: Session
) -> None:
    key = draft(hanako)
    sha256 = reviewed(key)
    document = to_document(from_document(open_version(session, SLUG, now=clock.now()).document))
    _publish(session, {**document, "earlier_drafts_go_over": True})
    session.commit()
    people.sign_in(client, hanako)
    for path in ("review", "steps/dog"):
        answer = client.get(f"/apply/{SLUG}/{key}/{path}")
        assert people.location(answer) == f"/apply/{SLUG}/{key}/version"
    answer = people.post(client, f"/apply/{SLUG}/{key}/review", {"sha256": sha256})
    assert people.location(answer) == f"/apply/{SLUG}/{key}/version", "nothing is filed"
    shown = client.get(f"/apply/{SLUG}/{key}/version").get_data(as_text=True)
    assert "前の質問では、もう受け付けていません" in shown
    assert "前の質問のまま続ける" not in shown
    new = shown.partition('name="sha256" value="')[2][:64]
    assert people.post(client, f"/apply/{SLUG}/{key}/version", {"sha256": new}).status_code == 303
    answer = people.post(client, f"/apply/{SLUG}/{key}/review", {"sha256": reviewed(key)})
    assert people.location(answer).startswith("/applications/"), "every answer fits: it is filed"
