"""Documents that the city gives: what stands on each (A9), names of every kind (A12), signature, verification."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader, PdfWriter
from sqlalchemy.orm import Session

from forms.services import casework
from forms.states import Outcome
from forms.web import verify
from payments import services as payments
from portal.accounts.models import Account
from portal.documents import pdf, signing
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from tests import people
from tests.forms.conftest import DOG, OWNER, TAG, case, filed, staff

LONG_NAME = "神\U000e0100" + "﨑" + "𠮷" + "長い名前" * 14 + "古"


def words(content: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).replace("\n", "")


def granted(
    session: Session,
    owner: Account,
    reviewer: Account,
    run_jobs: Callable[[], None],
    *,
    consent: bool = False,
    **changed: str,
) -> str:
    reference = filed(owner, steps={"owner": OWNER | changed, "dog": DOG, "tag": TAG}, consent=consent)
    with unit_of_work() as other:
        payments.void_charge(other, payable_kind="application", payable_ref=reference, reason="test", now=clock.now())
        casework.accept(other, reference=reference, actor=staff(reviewer), revision=None, now=clock.now())
    with unit_of_work() as other:
        casework.decide(
            other, reference=reference, outcome=Outcome.GRANTED, reasons=None, actor=staff(reviewer), revision=None,
            now=clock.now(),
        )  # fmt: skip
    run_jobs()
    return reference


def issued(client: FlaskClient, session: Session, reference: str) -> bytes:
    session.expire_all()
    paper = next(d for d in case(session, reference).documents if d.kind != "application")
    return client.get(f"/applications/{reference}/documents/{paper.id}").data


@pytest.fixture
def paper(
    client: FlaskClient, session: Session, hanako: Account, reviewer: Account, run_jobs: Callable[[], None]
) -> bytes:
    people.sign_in(client, hanako)
    return issued(client, session, granted(session, hanako, reviewer, run_jobs, consent=True))


def test_the_case_says_that_its_document_is_being_made_until_it_is_there(
    client: FlaskClient, session: Session, hanako: Account, reviewer: Account, run_jobs: Callable[[], None]
) -> None:
    people.sign_in(client, hanako)
    reference = granted(session, hanako, reviewer, lambda: None)
    page = client.get(f"/applications/{reference}").get_data(as_text=True)
    assert "書類を作っています" in page
    assert "書類ができました" not in page.partition("<details")[0]
    assert 'data-again="4" data-most="30"' in page, "looks again by itself, not for ever"
    assert f'href="/applications/{reference}">もう一度見る' in page, "without script"
    lists = {"/my": hanako, "/applications": hanako, "/staff/applications?show=done": reviewer}
    for where, who in lists.items():
        people.sign_in(client, who)
        seen = client.get(where).get_data(as_text=True)
        assert ("書類を作っています" in seen, "書類ができました" in seen) == (True, False), where
    run_jobs()
    for where, who in lists.items():
        people.sign_in(client, who)
        seen = client.get(where).get_data(as_text=True)
        assert ("書類を作っています" in seen, "書類ができました" in seen) == (False, True), where
    people.sign_in(client, hanako)
    page = client.get(f"/applications/{reference}").get_data(as_text=True)
    assert "書類ができました" in page
    assert "data-again" not in page


def test_without_the_consent_of_the_review_page_the_document_says_that_paper_is_handed_out_too(
    client: FlaskClient, session: Session, hanako: Account, reviewer: Account, run_jobs: Callable[[], None]
) -> None:
    people.sign_in(client, hanako)
    text = words(issued(client, session, granted(session, hanako, reviewer, run_jobs)))
    assert "同意の記録なし(紙でも交付します)" in text
    assert "同意あり" not in text


def test_a9_number_authority_seal_omitted_and_consent_are_on_every_document(paper: bytes) -> None:
    text = words(paper)
    for expected in (
        "第1号",
        "古河市長",
        "公印省略",
        "電子データでの受け取り",
        "同意あり",
        "電子署名",
        "教示" if "教示" in text else "受付番号",
    ):
        assert expected in text, expected


def test_a12_a_name_of_60_characters_with_variants_is_printed_whole(
    client: FlaskClient, session: Session, hanako: Account, reviewer: Account, run_jobs: Callable[[], None]
) -> None:
    name = LONG_NAME[:60]
    assert len(name) == 60
    people.sign_in(client, hanako)
    reference = granted(session, hanako, reviewer, run_jobs, owner_name=name)
    assert case(session, reference).applicant_name == name
    text = words(issued(client, session, reference)).replace(" ", "")
    for part in ("﨑", "𠮷", "長い名前" * 3):
        assert part in text, part
    with unit_of_work() as other:
        drawn, missing = pdf.from_html(f"<html lang='ja'><title>a</title><p>{name}</p></html>")
        assert drawn
        assert missing == 0, "every character has a shape"
        del other


def test_a_signed_document_is_verified_by_itself_by_its_number_and_found_altered(
    client: FlaskClient, session: Session, paper: bytes
) -> None:
    verdict = signing.verify(paper)
    assert (verdict.signed, verdict.intact, verdict.ours) == (True, True, True)
    stranger = client.application.test_client()

    def look(content: bytes, **more: str) -> str:
        sent = {"document": (io.BytesIO(content), "a.pdf")} if content else {}
        return people.post(stranger, "/documents/verify", {**sent, **more}).get_data(as_text=True)

    page = look(paper)
    assert "本物です" in page
    assert "市の電子署名も正しいです" in page
    assert "古河 花子" not in page, "whose it is stands on the paper alone"
    writer = PdfWriter(clone_from=io.BytesIO(paper))
    writer.add_blank_page(100, 100)
    changed = io.BytesIO()
    writer.write(changed)
    assert "市が出した書類ではありません" in look(changed.getvalue())
    assert "市が出した書類ではありません" in look(paper + b" ")
    assert "10 MBまでのPDF" in look(b"no pdf")
    number = next(d for d in case(session, case_of(session)).documents if d.kind != "application").number
    assert "市が出しています" in look(b"", number=number.replace(" ", "").replace("1", "１"))
    assert "この番号の書類はありません" in look(b"", number="令和8年度 古環対第99号")
    assert "文書番号を入れてください" in look(b"")


def test_nobody_counts_through_the_register(client: FlaskClient, koga: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_FROM_ONE_ADDRESS", 2)
    answers = [people.post(client, "/documents/verify", {"number": f"第{n}号"}).status_code for n in range(3)]
    assert answers == [200, 200, 429]
    elsewhere = people.post(
        client, "/documents/verify", {"number": "第1号"}, environ_base={"REMOTE_ADDR": "198.51.100.9"}
    )
    assert elsewhere.status_code == 200


def case_of(session: Session) -> str:
    from forms.models import Application

    return str(session.query(Application).one().reference)


def test_production_without_a_key_says_that_nothing_is_signed() -> None:
    try:
        signing.configure("", "", production=True)
        assert signing.available() is None
        with pytest.raises(signing.SigningKeyError):
            signing.sign(b"%PDF-", reason="")
        with pytest.raises(signing.SigningKeyError):
            signing.configure("not base64!", "", production=True)
    finally:
        signing.configure("", "", production=False)
    assert signing.available() == signing.TEST_NAME
