"""Cases from administration (A1, A2, A3, A6, A12): what the city's procedures must say and do."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import measures
from forms.definition import IdentityLevel, from_document, to_document
from forms.definition.complaints import DocumentError
from forms.models import Application
from forms.services.common import IdentityTooLow, NotTakenHere
from forms.services.drafts import start_draft
from portal.accounts.models import Account
from portal.kernel import clock
from tests import people
from tests.forms.conftest import applicant, resident, sha_on
from tests.forms.test_robot import ALL, fill_in, flat

NEEDS_SIGNATURE = {"resident-record", "seal-certificate", "family-register-addresses", "moving-out", "absentee-ballot"}
CARRIES_A_NUMBER = {"child-allowance", "care-cost-limit"}


@pytest.fixture
def browser(client: FlaskClient, hanako: Account) -> FlaskClient:
    people.sign_in(client, hanako)
    return client


@pytest.mark.parametrize("slug", sorted(NEEDS_SIGNATURE))
def test_a1_what_needs_a_signature_is_prepared_here_or_done_elsewhere_and_never_filed_here(slug: str) -> None:
    procedure = ALL[slug]
    assert procedure.identity is IdentityLevel.SIGNATURE
    assert procedure.channel.kind in {"prepared", "elsewhere"}
    with pytest.raises(DocumentError, match="電子署名"):
        from_document({**to_document(ALL["patronage"]), "identity": "signature"})


def test_a1_every_procedure_states_its_level_and_a_weaker_proof_is_refused(session: Session, hanako: Account) -> None:
    assert all(p.identity is not IdentityLevel.SIGNATURE for p in ALL.values() if p.channel.kind == "here")
    assert {s for s, p in ALL.items() if p.guests} == {"road-damage", "park-damage", "water-leak"}
    from dataclasses import replace

    guest = replace(applicant(hanako), identity=IdentityLevel.NONE)
    with pytest.raises(IdentityTooLow):
        start_draft(session, slug="patronage", applicant=guest, actor=resident(hanako), now=clock.now())


def test_a2_here_elsewhere_and_prepared_are_counted_apart(koga: str, session: Session) -> None:
    del koga
    value = measures.online(session, clock.today())
    here = {s for s, p in ALL.items() if p.channel.kind == "here"}
    assert {e.key for e in value.evidence if e.part == "here" and e.counted} == here
    assert {e.key for e in value.evidence if e.part == "prepared"} == {
        s for s, p in ALL.items() if p.channel.kind == "prepared"
    }
    assert not any(e.counted for e in value.evidence if e.part == "prepared")
    elsewhere = [e for e in value.evidence if e.part == "elsewhere"]
    assert all(e.counted == (e.since is not None and bool(e.source)) for e in elsewhere)
    assert value.value == value.parts["here"] + value.parts["elsewhere"]


@pytest.mark.parametrize("slug", sorted(CARRIES_A_NUMBER))
def test_a3_a_form_that_carries_the_personal_number_leads_elsewhere_and_says_why(
    session: Session, hanako: Account, slug: str
) -> None:
    procedure = ALL[slug]
    assert procedure.channel.kind == "elsewhere"
    assert "マイナンバー" in procedure.texts.guide.ja
    with pytest.raises(NotTakenHere):
        start_draft(session, slug=slug, applicant=applicant(hanako), actor=resident(hanako), now=clock.now())


def test_a3_no_question_of_any_procedure_asks_for_the_number_and_a_typed_one_is_never_kept(
    browser: FlaskClient, session: Session
) -> None:
    where = people.location(people.post(browser, "/apply/nursery"))
    sent = {
        "asked": ["guardian"],
        "f.guardian.name": "古河 花子",
        "f.guardian.kana": "コガ ハナコ",
        "f.guardian.alias": "1234 5678 9018",
    }
    answer = people.post(browser, where, sent)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'id="f-guardian-alias-error"' in page
    draft = session.scalars(select(Application)).one().draft
    assert draft is not None
    assert "9018" not in str(draft.typed)
    assert draft.typed["guardian"]["name"] == ["古河 花子"], "the rest is kept"


def test_a6_every_disposition_says_who_reviews_and_who_is_sued_and_nothing_else_does() -> None:
    dispositions = {s for s, p in ALL.items() if p.disposition}
    assert {"dog-registration", "road-occupancy", "park-activity", "nursery", "information-disclosure"} <= dispositions
    for procedure in ALL.values():
        assert (procedure.remedy is not None) == procedure.disposition
        assert "古河市" in procedure.authority.ja, procedure.slug
    assert not ALL["patronage"].disposition, "a consent that nobody has a right to"


SINGLE = "スカルノ"
LONG = "長" * 58 + "󠄀名"
ODD = "神󠄀󠄁 﨑𠮷󠄀"


@pytest.mark.parametrize(("name", "alias"), [(SINGLE, ""), (LONG, "通称 " + "名" * 57), (ODD, "サトウ 花子")])
def test_a12_a_single_name_an_alias_and_a_name_of_sixty_characters_are_taken_and_printed(
    browser: FlaskClient, session: Session, run_jobs: Callable[[], None], name: str, alias: str
) -> None:
    procedure = ALL["disaster-damage-certificate"]
    path = fill_in(browser, procedure, 0)
    step = path.replace("/review", "/steps/person")
    person = {
        "f.applicant.name": name,
        "f.applicant.kana": "コガ ハナコ" if " " in name else "スカルノ",
        "f.applicant.alias": alias,
        "f.applicant.birth_date": "1980-05-01",
    }
    assert people.post(browser, step, {"asked": ["applicant"], **person}).status_code == 303
    answer = people.post(browser, path, {"sha256": sha_on(browser.get(path))})
    assert answer.status_code == 303
    case = session.scalars(select(Application)).one()
    assert (case.filings[0].answers["applicant"]["name"], case.applicant_name) == (name, name), "every character"
    run_jobs()
    session.expire_all()
    paper = next(d for d in case.documents if d.kind == "application")
    content = browser.get(f"/applications/{case.reference}/documents/{paper.id}").data
    text = flat("".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))
    bare = "".join(c for c in name if not 0xE0100 <= ord(c) <= 0xE01EF)
    assert flat(bare) in "".join(c for c in text if not 0xE0100 <= ord(c) <= 0xE01EF)
    if alias:
        assert flat(alias) in text


def test_an_account_is_never_registered_by_the_form_alone_it_hands_over_to_the_bank(
    browser: FlaskClient, session: Session
) -> None:
    procedure = ALL["account-transfer"]
    path = fill_in(browser, procedure, 0)
    answer = people.post(browser, path, {"sha256": sha_on(browser.get(path))})
    page = browser.get(people.location(answer)).get_data(as_text=True)
    assert "まだ終わりではありません" in page
    assert 'href="/my/transfers"' in page
    assert browser.get("/my/transfers").status_code == 200, "the step of payments is there"
    assert not any(f.kind == "bank" for f in procedure.fields()), "no account number is asked here"
    assert session.scalars(select(Application)).one().state == "filed"
