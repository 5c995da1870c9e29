"""How to get in and what to keep to stand on the page and in the mail as on the permit: the facility's own words come first."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import update

from portal.accounts.models import Account
from portal.kernel.database import unit_of_work
from reservations import messages
from reservations.models import Booking, Facility
from tests import people
from tests.conftest import Mailbox
from tests.reservations.conftest import Resident, booking


def test_b15_page_mail_and_permit_say_the_same_about_getting_in(
    client: FlaskClient, hanako: Resident, mailbox: Mailbox, run_jobs: Callable[[], None]
) -> None:
    own = {
        "entrance": "北の入口から入ってください。",
        "key": "鍵の箱の番号は当日の朝に送ります。",
        "parking": "第2駐車場です。",
    }
    with unit_of_work() as session:
        session.execute(update(Facility).where(Facility.code == "S05").values(access=own))
    reference = hanako.book("S05-01", "t0900")
    with unit_of_work() as session:
        session.execute(
            update(Booking).where(Booking.reference == reference).values(conditions=["土足で入らないでください。"])
        )
    run_jobs()
    with unit_of_work() as session:
        permit = messages.permit_context(session, messages.load(session, booking(reference).id))
        account = session.get_one(Account, hanako.account_id)
    people.sign_in(client, account)
    page = client.get(f"/bookings/{reference}").text
    assert 'href="/facilities/S05">' in page, "the way to its address, telephone and map"
    assert "<dt>住所</dt><dd>古河市下大野2528</dd>" in page
    for _kind, said in permit["access"]:
        assert said in page
    for said in (*own.values(), "土足で入らないでください。", "時間には準備と片付けが入ります。"):
        assert said in page
    bodies = [mail.get_body(("plain",)) for mail in mailbox.to("hanako@example.com")]
    assert any(body is not None and own["entrance"] in body.get_content() for body in bodies)
