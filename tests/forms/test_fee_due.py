"""A fee of an application is due on a day: said everywhere, reminded of, listed by age and demanded when it does not come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from forms import deadlines, fees
from forms.definition.procedure import DAYS_TO_PAY, FixedFee
from forms.fees import pay_by
from forms.services.common import definition
from payments import dunning, queries, unpaid
from payments.states import ChargeState
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests import people
from tests.conftest import Mailbox
from tests.forms.conftest import case, filed


@pytest.mark.parametrize(
    ("asked", "days", "due"),
    [
        (date(2026, 11, 25), 14, date(2026, 12, 9)),
        (date(2026, 11, 25), 10, date(2026, 12, 7)),  # 12/5 is a Saturday
        (date(2026, 12, 20), 14, date(2027, 1, 4)),  # the turn of the year
    ],
)
def test_the_last_day_to_pay_is_never_a_closed_day(asked: date, days: int, due: date) -> None:
    assert deadlines.pay_by(asked, days) == due


def test_where_the_procedure_says_nothing_a_fee_is_due_after_the_stated_default() -> None:
    fee = {"kind": "fixed", "amount": 1, "label": {"ja": "手数料"}, "ordinance": "条例", "sample": True}
    assert FixedFee.model_validate(fee).days_to_pay == DAYS_TO_PAY
    assert FixedFee.model_validate(fee | {"pay_within": 30}).days_to_pay == 30
    for wrong in (0, -1, 366):
        with pytest.raises(ValueError, match="pay_within"):
            FixedFee.model_validate(fee | {"pay_within": wrong})


def test_the_due_day_of_a_fee_is_shown_reminded_of_listed_and_demanded(
    client: FlaskClient,
    hanako: Account,
    session: Session,
    clock_at: Callable[[str], datetime],
    run_jobs: Callable[[], None],
    mailbox: Mailbox,
) -> None:
    clock_at("2026-11-25 10:00")
    reference = filed(hanako)
    charge = queries.charge_of(session, "application", reference)
    assert charge is not None
    assert (charge.due_on, charge.pay_until) == (date(2026, 12, 9), None)
    assert pay_by(definition(case(session, reference).version), date(2026, 11, 25)) == charge.due_on
    run_jobs()
    text = mailbox.to("hanako@example.jp")[-1].get_body(("plain",))
    assert text is not None
    assert "支払いの期限: 2026年12月9日" in text.get_content()

    people.sign_in(client, hanako)
    for page in (f"/applications/{reference}", "/my", "/pay", f"/pay/{charge.reference}"):
        assert "2026年12月9日" in client.get(page).get_data(as_text=True), page
    assert "申請を出した日から14日まで" in client.get("/procedures/dog-registration").get_data(as_text=True)

    def remind() -> int:
        with unit_of_work() as own:
            return dunning.remind(own, today=clock.today(), now=clock.now())

    clock_at("2026-12-02 09:30")
    assert (remind(), remind()) == (1, 0)
    clock_at("2026-12-16 09:30")
    assert remind() == 1
    assert [row.reference for row in unpaid.overdue(session, today=clock.today())] == [charge.reference]
    assert {age.name: age.count for age in unpaid.by_age(session, today=clock.today())}["to_30"] == 1
    assert "期限をすぎました" in client.get(f"/applications/{reference}").get_data(as_text=True)

    finance = people.make_staff("finance", email="finance@example.jp")
    with unit_of_work() as own:
        letter = dunning.demand(
            own,
            charge.reference,
            pay_by=clock.today() + timedelta(days=10),
            costs=Yen(0),
            ground=None,
            actor=Actor(finance.id, "staff"),
            now=clock.now(),
        )
        assert letter.was_due_on == date(2026, 12, 9)
    clock_at("2027-02-01 09:30")
    session.expire_all()
    late = queries.charge_of(session, "application", reference)
    assert late is not None
    assert (late.state, late.payable_now(clock.now())) == (ChargeState.OPEN, True), "what is owed can always be paid"


def test_what_asks_for_no_fee_has_no_day(koga: str, session: Session) -> None:
    from forms.queries import procedure

    assert fees.pay_by(procedure(session, "road-damage", now=clock.now()).procedure, date(2026, 11, 25)) is None
