"""What a payer sees of a 督促: that there was one, its term (指定期限), and its costs, which are a charge of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from payments.models import Charge, ChargeLineRow, DemandLetter
from payments.states import WAITING, ChargeState
from portal.kernel.money import Yen


@dataclass(frozen=True)
class Demand:
    """The 督促 of one charge.

    Attributes:
        number: of the letter.
        issued_on: the day of the act.
        pay_by: the last day of its term (指定期限).
        costs: 督促手数料; 0: none.
        cost_ref: the charge of the costs; None where there are none.
        cost_state: where that charge stands.
        sample: the claim is made up (見本), and so are its costs.
    """

    number: str
    issued_on: date
    pay_by: date
    costs: Yen
    cost_ref: str | None
    cost_state: ChargeState | None
    sample: bool = False

    @property
    def costs_wait(self) -> bool:
        """Whether the costs are still to be paid."""
        return self.cost_state in WAITING


def of_charge(session: Session, charge_ref: str) -> Demand | None:
    """The 督促 of a charge; None where there was none. One statement."""
    costs = aliased(Charge)
    made_up = exists().where(ChargeLineRow.charge_id == Charge.id, ChargeLineRow.sample)
    row = session.execute(
        select(DemandLetter, costs.reference, costs.state, made_up.label("sample"))
        .join(Charge, Charge.id == DemandLetter.charge_id)
        .outerjoin(costs, costs.id == DemandLetter.cost_charge_id)
        .where(Charge.reference == charge_ref)
    ).one_or_none()
    if row is None:
        return None
    letter: DemandLetter = row.DemandLetter
    state = None if row.state is None else ChargeState(row.state)
    return Demand(letter.number, letter.issued_on, letter.pay_by, letter.costs, row.reference, state, row.sample)


def terms_of(session: Session, charge_refs: Sequence[str]) -> dict[str, date]:
    """The 指定期限 of those of these charges that were demanded. One statement."""
    rows = session.execute(
        select(Charge.reference, DemandLetter.pay_by)
        .join(DemandLetter, DemandLetter.charge_id == Charge.id)
        .where(Charge.reference.in_(charge_refs))
    )
    return {row.reference: row.pay_by for row in rows}
