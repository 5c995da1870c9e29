"""A repeated group that was prepared at home is changed at the counter; what came from home stays apart."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.case_models import CounterChange
from forms.definition import from_document, sha256_of, to_document
from forms.models import Application, ProcedureRow, ProcedureVersion
from forms.services import filing
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests.counter.conftest import OFFICE
from tests.counter.test_pages import HOME, As, desk, signed_in
from tests.counter.test_prepared import FUHYO, PERSON, REGISTER, hanako
from tests.forms.conftest import draft, resident, reviewed

__all__ = ["As", "desk", "hanako", "signed_in"]
GROUP = {
    "id": "others", "type": "group", "label": {"ja": "いっしょに住む人", "en": "Household"}, "minimum": 1, "maximum": 3,
    "entry": {"ja": "人目", "en": "Person"},
    "fields": [{"id": "mate", "type": "text", "label": {"ja": "名前", "en": "Name"}, "max_length": 20}],
}  # fmt: skip


@pytest.fixture
def number(hanako: Account) -> str:
    """Prepared at home, with two entries of a group."""
    with unit_of_work() as session:
        row = session.query(ProcedureRow).filter_by(slug=FUHYO).one()
        old, now = row.versions[-1], clock.now()
        steps = [dict(step) for step in old.document["steps"]]
        steps[-1] = {**steps[-1], "fields": [*steps[-1]["fields"], GROUP]}
        document = to_document(from_document({**old.document, "steps": steps}))
        old.valid_until = now
        session.add(
            ProcedureVersion(
                procedure_id=row.id, number=old.number + 1, document=document, sha256=sha256_of(document),
                published_at=now, valid_from=now,
            )
        )  # fmt: skip
    entries = {"others.row": "1", "others.seen": "1.mate", "others.1.mate": "見本 太郎"}
    key = draft(hanako, FUHYO, {"person": PERSON, "register": {**REGISTER, **entries}})
    with unit_of_work() as session:
        made = filing.prepare(session, key=key, reviewed_sha256=reviewed(key), actor=resident(hanako), now=clock.now())
        return str(made.reference)


def sent(*names: str, action: str = "next") -> dict[str, list[str]]:
    rows = [str(n) for n in range(1, len(names) + 1)]
    said = {f"f.others.{n}.mate": [name] for n, name in zip(rows, names, strict=True)}
    return {"action": [action], "f.others.row": rows, "f.others.seen": [f"{n}.mate" for n in rows], **said}


def test_entries_prepared_at_home_are_changed_at_the_counter_and_stay_apart(
    desk: FlaskClient, number: str, session: Session
) -> None:
    pulled = desk.post(f"{HOME}/prepared", data={"p-authority": "self", "p-office": OFFICE, "p-number": number})
    visit = pulled.location
    at = f"{visit}/prepared/{FUHYO}/entries/others"
    assert "「いっしょに住む人」を直す" in desk.get(visit).text
    assert 'value="見本 太郎"' in desk.get(at).text
    assert desk.get(f"{visit}/prepared/{FUHYO}/entries/head").status_code == 404, "no group"
    refused = desk.post(at, data=sent("x" * 30))
    assert (refused.status_code, "20文字以内" in refused.text) == (422, True)
    session.expire_all()
    kept = session.scalars(select(Application)).one().draft
    assert kept is not None
    assert kept.answers["others"][0]["mate"] == "見本 太郎", "what cannot be taken changes nothing"
    more = desk.post(at, data=sent("見本 太郎", action="add:others"))
    assert more.text.count('name="f.others.row"') == 2
    assert desk.post(at, data=sent("見本 太郎", "見本 次郎")).status_code == 303
    page = desk.get(visit).text
    assert "見本 次郎" in page
    assert "窓口で直しました(窓口 職員)。家で準備した内容: 1人目" in page
    [change] = session.scalars(select(CounterChange))
    assert [entry["mate"] for entry in change.before] == ["見本 太郎"]
    assert [entry["mate"] for entry in change.after] == ["見本 太郎", "見本 次郎"]
    assert desk.post(at, data=sent("見本 太郎", "見本 次郎", action="remove:others:2")).status_code == 200
    session.expire_all()
    assert session.scalars(select(CounterChange)).all() == [], "as it was at home: no change"
