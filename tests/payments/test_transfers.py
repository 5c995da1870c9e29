"""口座振替: valid only by the bank's signed answer."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from payments import transfers
from payments.errors import NoSuchTransfer, TransferAnswerRefused, TransfersOff, UnknownBank
from payments.models import TransferRegistration
from payments.transfers import services
from payments.transfers.base import NotSignedError, TransferAnswer
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.settings import Settings, SettingsError
from tests.people import location, make_resident, make_staff, post, sign_in

pytestmark = pytest.mark.usefixtures("koga", "app")
JOYO, BRANCH = "0130", "012"


@pytest.fixture
def hanako() -> Account:
    return make_resident()


def begin(who: Account, *, tax: str = "01", bank: str = JOYO, branch: str = BRANCH) -> str:
    assert who.person_id is not None
    with unit_of_work() as session:
        return services.start(
            session,
            person_id=who.person_id,
            kind_code=tax,
            bank_code=bank,
            branch_code=branch,
            return_url="http://localhost/transfers/answer",
            locale="ja",
            actor=Actor(who.id, "resident"),
            now=clock.now(),
        )


def says(address: str, *, confirmed: bool = True) -> TransferAnswer:
    """What the double's bank says on the page that was opened."""
    asked = parse_qs(urlsplit(address).query)
    bank = transfers.double()
    assert bank is not None
    order = bank.order(asked["order"][0], asked["signature"][0])
    return bank.read_answer(*bank.answer(order, confirmed=confirmed, now=clock.now()))


def take(answer: TransferAnswer) -> str:
    with unit_of_work() as session:
        return services.take_answer(session, answer, now=clock.now()).state


def states() -> list[str]:
    with unit_of_work() as session:
        return list(session.scalars(select(TransferRegistration.state).order_by(TransferRegistration.id)))


def test_a_registration_is_valid_only_after_the_banks_answer_and_the_same_answer_again_changes_nothing(hanako: Account):
    answer = says(begin(hanako))
    assert states() == ["started"]
    assert take(answer) == take(answer) == "confirmed"
    with unit_of_work() as session:
        (found,) = services.listed(session, person_id=hanako.person_id)
    assert (found.bank_code, found.last_digits, bool(found.mandate)) == (JOYO, "4321", True)


def test_an_answer_that_is_forged_stale_or_contradicts_the_first_is_refused(hanako: Account):
    bank = transfers.double()
    assert bank is not None
    with pytest.raises(NotSignedError):
        bank.read_answer('{"reference":"J-1","confirmed":true}', "0" * 64)
    answer = says(begin(hanako))
    with pytest.raises(TransferAnswerRefused):
        take(replace(answer, at=clock.now() - timedelta(hours=1)))
    with pytest.raises(TransferAnswerRefused):
        take(replace(answer, mandate=""))
    take(replace(answer, confirmed=False, reason="refused_by_holder"))
    with pytest.raises(TransferAnswerRefused):
        take(answer)
    assert states() == ["refused"]
    with pytest.raises(NoSuchTransfer):
        take(replace(answer, reference="J-0000-0000-0"))


def test_the_database_knows_no_confirmed_registration_without_the_banks_number(hanako: Account):
    begin(hanako)
    with pytest.raises((DBAPIError, IntegrityError), match="confirmed_by_bank"), unit_of_work() as session:
        session.execute(text("UPDATE transfer_registration SET state = 'confirmed'"))


def test_a_new_registration_for_the_same_tax_replaces_the_earlier_one(hanako: Account):
    take(says(begin(hanako)))
    take(says(begin(hanako, tax="02")))
    take(says(begin(hanako)))
    assert states() == ["ended", "confirmed", "confirmed"]


def test_unknown_banks_and_taxes_are_refused_and_so_is_everything_where_no_service_is_on(hanako: Account):
    with pytest.raises(UnknownBank):
        begin(hanako, branch="999")
    with pytest.raises(NoSuchTransfer):
        begin(hanako, tax="99")
    chosen = transfers.gateway()
    transfers.use(None)
    try:
        with pytest.raises(TransfersOff):
            begin(hanako)
    finally:
        transfers.use(chosen)


def test_production_refuses_the_double():
    with pytest.raises(SettingsError, match="double"):
        transfers.configure(Settings(environment="production", transfer_gateway="double"))
    assert any(
        "TRANSFER_GATEWAY" in line for line in Settings(environment="production", transfer_gateway="double").problems()
    )


def test_a_resident_registers_in_the_browser_by_way_of_the_banks_page_and_ends_it(client: FlaskClient, hanako: Account):
    sign_in(client, hanako)
    page = client.get("/my/transfers?tax=01&bank_name=じょうよう").get_data(as_text=True)
    assert "常陽" in page
    page = client.get(f"/my/transfers?tax=01&bank={JOYO}&branch_name={BRANCH}").get_data(as_text=True)
    assert "銀行のページに進む" in page
    answered = post(client, "/my/transfers", {"tax": "01", "bank": JOYO, "branch": BRANCH})
    bank = client.get(location(answered)).get_data(as_text=True)
    assert "本物の銀行ではありません" in bank
    values = re.findall(r'name="(answer|signature)" value="([^"]*)"', bank)
    answer, signature = values[0][1].replace("&#34;", '"'), values[1][1]
    forged = client.post("/transfers/answer", data={"answer": answer, "signature": "0" * 64})
    assert forged.status_code == 303
    assert states() == ["started"], "our own form makes nothing valid"
    client.post("/transfers/answer", data={"answer": answer, "signature": signature})
    assert states() == ["confirmed"]
    assert "登録済み" in client.get("/my/transfers").get_data(as_text=True)
    with unit_of_work() as session:
        reference = session.scalars(select(TransferRegistration.reference)).one()
    assert post(client, f"/my/transfers/{reference}/end").status_code == 303
    assert states() == ["ended"]


def test_somebody_elses_registration_is_not_ended(client: FlaskClient, hanako: Account):
    take(says(begin(hanako)))
    with unit_of_work() as session:
        reference = session.scalars(select(TransferRegistration.reference)).one()
    sign_in(client, make_resident(email="taro@example.jp"))
    assert post(client, f"/my/transfers/{reference}/end").status_code == 404
    assert states() == ["confirmed"]


def test_the_section_has_the_list_and_a_csv(client: FlaskClient, hanako: Account):
    take(says(begin(hanako)))
    sign_in(client, make_staff(Role.FINANCE))
    assert "古河 花子" in client.get("/staff/transfers").get_data(as_text=True)
    rows = client.get("/staff/transfers.csv").get_data(as_text=True).splitlines()
    assert len(rows) == 2
    assert "0130" in rows[1]
