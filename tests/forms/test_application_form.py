"""The application on paper looks like an official form and leaves nothing out."""

from __future__ import annotations

import io
from collections.abc import Callable

from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session

from forms import application_form
from portal.accounts.models import Account
from tests import people
from tests.forms.conftest import OWNER, STEPS, case, filed

SIXTY = "葛\U000e0100城 𠮷﨑" + "髙" * 55


def _paper(client: FlaskClient, session: Session, account: Account, reference: str) -> PdfReader:
    people.sign_in(client, account)
    paper = next(d for d in case(session, reference).documents if d.kind == "application")
    return PdfReader(io.BytesIO(client.get(f"/applications/{reference}/documents/{paper.id}").data))


def test_the_form_has_number_addressee_day_applicant_stamp_and_pages(
    client: FlaskClient, hanako: Account, session: Session, run_jobs: Callable[[], None]
) -> None:
    reference = filed(hanako)
    run_jobs()
    paper = _paper(client, session, hanako, reference)
    first = paper.pages[0].extract_text()
    for said in (
        "様式 dog-registration 第1版", "狂犬病予防法", "犬の登録の申請書", "(宛先)古河市長", "令和8年11月25日", "申請者", "住所",
        "古河 花子", "コガ ハナコ", "0280-22-5111", reference,
    ):  # fmt: skip
        assert said.replace(" ", "") in first.replace(" ", "").replace("\u3000", ""), said
    assert "受付" in first.replace(" ", "")
    whole = "".join(page.extract_text() for page in paper.pages)
    for said in ("受付票", "だれが書いたか", "だれの申請か", "合計"):
        assert said in whole, said
    count = len(paper.pages)
    for number, page in enumerate(paper.pages, start=1):
        assert f"{number} / {count}" in page.extract_text()


def test_a_name_of_60_characters_with_shapes_beyond_jis_and_a_long_text_are_whole_on_it(
    client: FlaskClient, hanako: Account, session: Session, run_jobs: Callable[[], None]
) -> None:
    message = "\n".join(f"{n}行目です。" for n in range(1, 90))
    reference = filed(
        hanako,
        steps={**STEPS, "owner": {**OWNER, "owner_name": SIXTY}, "tag": {**STEPS["tag"], "message": message[:480]}},
    )
    run_jobs()
    whole = "".join(page.extract_text() for page in _paper(client, session, hanako, reference).pages).replace("\n", "")
    assert "髙" * 55 in whole.replace(" ", "")
    assert "字形確認" in whole
    for line in message[:480].split("\n"):
        assert line in whole


def test_a_form_is_named_as_offices_name_it() -> None:
    assert application_form.title("犬の登録の申請") == "犬の登録の申請書"
    assert application_form.title("転出届") == "転出届"
