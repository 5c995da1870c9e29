"""A file that was prepared at home is exchanged at the counter; what came from home stays apart and with the case."""

from __future__ import annotations

import io
import uuid

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.attachments import services as attachments
from forms.attachments.models import Attachment
from forms.case_models import CounterChange
from forms.definition import from_document, sha256_of, to_document
from forms.definition.fields.files import Files
from forms.models import Application, ProcedureRow, ProcedureVersion
from forms.services import drafts, filing
from forms.services.common import definition, locked
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.counter.conftest import OFFICE
from tests.counter.test_pages import HOME, As, desk, signed_in
from tests.counter.test_prepared import FUHYO, PERSON, REGISTER, hanako
from tests.forms.conftest import draft, resident, reviewed, typed
from tests.forms.uploads import jpeg, pdf

__all__ = ["As", "desk", "hanako", "signed_in"]
PHOTO = {"id": "proof", "type": "photo", "label": {"ja": "写真", "en": "Photo"}, "max_files": 1, "max_mb": 5}
PAPERS = {
    "id": "papers", "type": "file", "label": {"ja": "書類", "en": "Papers"}, "accept": ["pdf"], "max_files": 2,
    "max_mb": 5, "max_pages": 5, "required": False,
}  # fmt: skip


@pytest.fixture
def number(hanako: Account) -> str:
    """Prepared at home, with a photo."""
    with unit_of_work() as session:
        row = session.query(ProcedureRow).filter_by(slug=FUHYO).one()
        old, now = row.versions[-1], clock.now()
        steps = [dict(step) for step in old.document["steps"]]
        steps[-1] = {**steps[-1], "fields": [*steps[-1]["fields"], PHOTO, PAPERS]}
        document = to_document(from_document({**old.document, "steps": steps}))
        old.valid_until = now
        session.add(
            ProcedureVersion(
                procedure_id=row.id, number=old.number + 1, document=document, sha256=sha256_of(document),
                published_at=now, valid_from=now,
            )
        )  # fmt: skip
    key = draft(hanako, FUHYO, {"person": PERSON})
    with unit_of_work() as session:
        found = locked(session, key=key)
        spec = definition(found.version).field("proof")
        assert isinstance(spec, Files)
        ready = attachments.prepare(spec, name="home.jpg", content=jpeg())
        assert isinstance(ready, attachments.Ready)
        assert attachments.add(session, found, spec, ready, actor=resident(hanako), now=clock.now()) is None
    draft_again(key)
    with unit_of_work() as session:
        made = filing.prepare(session, key=key, reviewed_sha256=reviewed(key), actor=resident(hanako), now=clock.now())
        return str(made.reference)


def draft_again(key: str) -> None:
    """The step with the files, of the same draft."""
    sent = typed(REGISTER)
    with unit_of_work() as session:
        saved = drafts.save_step(
            session, key=key, step_id="register", typed=sent, asked=[*sent, "proof", "papers"], now=clock.now()
        )
        assert not saved.problems, saved.problems


def visit_of(desk: FlaskClient, number: str) -> str:
    return desk.post(f"{HOME}/prepared", data={"p-authority": "self", "p-office": OFFICE, "p-number": number}).location


def send(desk: FlaskClient, page: str, name: str, content: bytes, field: str) -> int:
    sent = {f"f.{field}": (io.BytesIO(content), name), "action": f"send_file:{field}"}
    return desk.post(page, data=sent, content_type="multipart/form-data").status_code


def stands(session: Session, number: str, field: str) -> list[str]:
    session.expire_all()
    found = session.query(Application).filter_by(reference=number).one()
    assert found.draft is not None
    return [each["name"] for each in found.draft.answers.get(field) or ()]


def test_a_photo_from_home_is_exchanged_at_the_counter_and_both_stay_on_record(
    desk: FlaskClient, number: str, session: Session
) -> None:
    visit = visit_of(desk, number)
    assert "「写真」のファイルを見る・かえる" in desk.get(visit).get_data(as_text=True)
    page = f"{visit}/prepared/{FUHYO}/files/proof"
    assert "home.jpg" in desk.get(page).get_data(as_text=True)
    assert desk.post(page, data={"action": "send_file:proof"}).status_code == 422, "no file was chosen"
    assert send(desk, page, "a.jpg", b"no picture", "proof") == 422
    assert stands(session, number, "proof") == ["home.jpg"]

    assert send(desk, page, "counter.jpg", jpeg((400, 300)), "proof") == 303
    assert stands(session, number, "proof") == ["counter.jpg"]
    [change] = session.scalars(select(CounterChange)).all()
    assert ([each["name"] for each in change.before], change.source) == (["home.jpg"], "answer")
    assert "家で準備した内容: home.jpg" in desk.get(visit).get_data(as_text=True)
    shown = desk.get(page).get_data(as_text=True)
    link = shown.partition(f'href="{page}/')[2].partition('"')[0]
    assert desk.get(f"{page}/{link}").mimetype == "image/jpeg"
    assert desk.get(f"{page}/{uuid.uuid4()}").status_code == 404
    last = desk.post(page, data={"action": f"remove_file:{link}"})
    assert last.status_code == 422, "what must be answered stays answered"

    with unit_of_work() as own:
        found = own.query(Application).filter_by(reference=number).one()
        assert found.draft is not None
        # As `filing` leaves it: what stands is filed, the rest is tidied.
        names = {each.name for each in own.scalars(select(Attachment).filter_by(application_id=found.id))}
    assert names == {"home.jpg", "counter.jpg"}


def test_a_paper_is_added_and_taken_out_again_and_letting_go_leaves_what_came_from_home(
    desk: FlaskClient, number: str, session: Session
) -> None:
    visit = visit_of(desk, number)
    page = f"{visit}/prepared/{FUHYO}/files/papers"
    for name in ("one.pdf", "two.pdf"):
        assert send(desk, page, name, pdf(), "papers") == 303
    assert send(desk, page, "three.pdf", pdf(), "papers") == 422, "two at most"
    assert stands(session, number, "papers") == ["one.pdf", "two.pdf"]
    first = session.scalars(select(Attachment).filter_by(name="one.pdf")).one()
    assert desk.post(page, data={"action": f"remove_file:{first.id}"}).status_code == 303
    assert stands(session, number, "papers") == ["two.pdf"]
    proof = page.replace("papers", "proof")
    assert send(desk, proof, "counter.jpg", jpeg((400, 300)), "proof") == 303

    assert desk.post(f"{visit}/cancel").status_code == 303
    assert (stands(session, number, "proof"), stands(session, number, "papers")) == (["home.jpg"], [])
    assert [each.name for each in session.scalars(select(Attachment))] == ["home.jpg"]
    assert session.scalars(select(CounterChange)).all() == []


def test_what_is_no_file_of_a_preparation_is_not_found(desk: FlaskClient, number: str) -> None:
    visit = visit_of(desk, number)
    for slug, field in ((FUHYO, "copies"), (FUHYO, "nothing"), ("dog-registration", "proof")):
        assert desk.get(f"{visit}/prepared/{slug}/files/{field}").status_code == 404
