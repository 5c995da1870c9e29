"""A correction that changes the fee: more is asked, or money goes back; nothing that was charged is rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.orm import Session

from forms.payable import ApplicationFee
from forms.services import casework, fee_change
from payments.contract import Verdict
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen
from tests.forms.conftest import case, filed, resident, typed
from tests.forms.test_casework import as_if
from tests.forms.test_review_pages import ask, pay


@contextmanager
def fee_by_sex(reference: str, female: int) -> Iterator[None]:
    fee = {
        "kind": "by_choice", "field": "dog_sex", "amounts": {"male": 3000, "female": female},
        "label": {"ja": "手数料"}, "ordinance": "見本", "sample": True,
    }  # fmt: skip
    with as_if(reference, fee=fee):
        yield


@pytest.fixture
def reference(hanako: Account) -> str:
    return filed(hanako)


def correct(reference: str, hanako: Account, reviewer: Account, *, female: int) -> None:
    ask(reference, reviewer, ("dog_sex", "もう一度"))
    with fee_by_sex(reference, female), unit_of_work() as own:
        casework.submit_correction(
            own,
            reference=reference,
            typed=typed({"dog_sex": "female"}),
            seen=[],
            actor=resident(hanako),
            now=clock.now(),
        )


def money(reference: str) -> list[tuple[str, Yen, Yen]]:
    with unit_of_work() as own:
        found = fee_change.charges(own, case(own, reference))
        return [(str(view.state), view.total, view.refunded) for view in found]


def test_a_higher_fee_is_a_further_demand_and_the_case_waits_for_it(
    hanako: Account, reviewer: Account, reference: str, session: Session
) -> None:
    pay(session, reference)
    correct(reference, hanako, reviewer, female=5000)
    assert money(reference) == [("paid", Yen(3000), Yen(0)), ("open", Yen(2000), Yen(0))]
    with unit_of_work() as own:
        assert fee_change.is_unpaid(own, case(own, reference))
    assert case(session, reference).filings[-1].fee[0]["amount"] == 5000


def test_a_lower_fee_that_was_paid_goes_back_in_part(
    hanako: Account, reviewer: Account, reference: str, session: Session
) -> None:
    pay(session, reference)
    correct(reference, hanako, reviewer, female=1000)
    assert money(reference) == [("partly_refunded", Yen(3000), Yen(2000))]


def test_a_lower_fee_that_was_not_paid_replaces_the_demand_and_late_money_for_the_old_one_goes_back(
    hanako: Account, reviewer: Account, reference: str, session: Session
) -> None:
    with unit_of_work() as own:
        old = fee_change.charges(own, case(own, reference))[0].reference
    correct(reference, hanako, reviewer, female=1000)
    assert [(state, total) for state, total, _back in money(reference)][1:] == [("open", Yen(1000))]
    now = clock.now()
    with unit_of_work() as own:
        paid = ApplicationFee().on_paid(own, reference, charge_ref=old, paid_at=now, now=now)
        assert paid is Verdict.REFUSED
        assert ApplicationFee().on_paid(own, reference, charge_ref="C-other", paid_at=now, now=now) is Verdict.ACCEPTED
