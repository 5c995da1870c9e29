"""When another 指定管理者 takes over: what was prepaid for days after it, and who gives it back (CASES B10).

Which day money is for is `ChargeYear.performed_on`; who takes over from whom is city data (`payments/successions.yaml`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import paid as paid_for
from payments.errors import NoSuchSuccession
from payments.models import Charge, ChargeYear, Payee, PayeeSuccession, Payment
from payments.states import WAITING
from portal.kernel import clock
from portal.kernel.money import Yen

COLUMNS = (
    "支払番号",
    "予約などの番号",
    "利用日",
    "支払日",
    "受け取った人",
    "支払額",
    "返金済み",
    "残り",
    "返金する人",
    "引き継ぐ金額",
)


@dataclass(frozen=True)
class Takeover:
    """One change of manager as the pages list it."""

    id: int
    from_payee: str
    to_payee: str
    on_date: date
    scope: str
    refunds_by: str
    ground: str
    sample: bool


@dataclass(frozen=True)
class Prepaid:
    """One charge that was paid to the old manager for a day under the new one."""

    charge_ref: str
    payable_ref: str
    performed_on: date
    paid_on: date
    paid: Yen
    refunded: Yen
    received_by: str
    refunds_by: str
    passes_on: Yen

    @property
    def left(self) -> Yen:
        """What may still have to go back."""
        return self.paid - self.refunded


def takeovers(session: Session) -> Sequence[Takeover]:
    """Every change of manager that the city pack names, the newest first."""
    names = _names(session)
    rows = session.scalars(select(PayeeSuccession).order_by(PayeeSuccession.on_date.desc(), PayeeSuccession.id))
    return [_takeover(row, names) for row in rows]


def takeover(session: Session, takeover_id: int) -> Takeover:
    """One change of manager.

    Raises:
        NoSuchSuccession: there is none.
    """
    row = session.get(PayeeSuccession, takeover_id)
    if row is None:
        raise NoSuchSuccession(str(takeover_id))
    return _takeover(row, _names(session))


def statement(session: Session, takeover_id: int) -> Sequence[Prepaid]:
    """What the old manager was paid before the day for use on or after it, by day of use.

    Where the new manager gives refunds, what is left of each passes on to it.

    Raises:
        NoSuchSuccession: there is none.
    """
    row = session.get(PayeeSuccession, takeover_id)
    if row is None:
        raise NoSuchSuccession(str(takeover_id))
    names = _names(session)
    found = session.execute(
        select(
            Charge.reference,
            Charge.payable_ref,
            ChargeYear.performed_on,
            Payment.paid_at,
            Charge.total,
            paid_for.promised(),
        )
        .join(ChargeYear, ChargeYear.charge_id == Charge.id)
        .join(Payee, Payee.id == Charge.payee_id)
        .join(Payment, paid_for.of_charge() & Payment.accepted)
        .where(Payee.code == row.from_payee, ChargeYear.performed_on >= row.on_date)
        .order_by(ChargeYear.performed_on, Charge.id)
    ).all()
    lines = []
    for reference, payable_ref, performed_on, paid_at, paid, back in found:
        given_back = back if isinstance(back, Yen) else Yen(int(back))
        left = paid - given_back
        lines.append(
            Prepaid(
                reference,
                payable_ref,
                performed_on,
                clock.local(paid_at).date(),
                paid,
                given_back,
                names[row.from_payee],
                names[row.refunds_by],
                left if row.refunds_by == row.to_payee else Yen(0),
            )
        )
    return lines


def refund_payer(session: Session, charge_ref: str) -> str:
    """Who gives money of a charge back: its payee, or who took over by the day of use. Always a name.

    Raises:
        LookupError: no such charge.
    """
    row = session.execute(
        select(Payee.code, Payee.name, ChargeYear.performed_on)
        .join(Charge, Charge.payee_id == Payee.id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .where(Charge.reference == charge_ref)
    ).one_or_none()
    if row is None:
        raise LookupError(charge_ref)
    if row.performed_on is None:
        return str(row.name)
    named = session.scalar(
        select(Payee.name)
        .join(PayeeSuccession, PayeeSuccession.refunds_by == Payee.code)
        .where(PayeeSuccession.from_payee == row.code, PayeeSuccession.on_date <= row.performed_on)
        .order_by(PayeeSuccession.on_date.desc())
        .limit(1)
    )
    return str(named or row.name)


def as_csv(lines: Sequence[Prepaid]) -> str:
    """The statement as CSV, with a line of sums."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow(
            [
                line.charge_ref,
                line.payable_ref,
                line.performed_on.isoformat(),
                line.paid_on.isoformat(),
                line.received_by,
                line.paid.amount,
                line.refunded.amount,
                line.left.amount,
                line.refunds_by,
                line.passes_on.amount,
            ]
        )
    sums = [sum(getattr(line, part).amount for line in lines) for part in ("paid", "refunded", "left", "passes_on")]
    writer.writerow(["合計", "", "", "", "", sums[0], sums[1], sums[2], "", sums[3]])
    return stream.getvalue()


def open_after(session: Session, takeover_id: int) -> int:
    """How many charges of the old manager for days after the change are still unpaid.

    Raises:
        NoSuchSuccession: there is none.
    """
    row = session.get(PayeeSuccession, takeover_id)
    if row is None:
        raise NoSuchSuccession(str(takeover_id))
    return session.scalars(
        select(func.count())
        .select_from(Charge)
        .join(ChargeYear, ChargeYear.charge_id == Charge.id)
        .join(Payee, Payee.id == Charge.payee_id)
        .where(
            Payee.code == row.from_payee,
            ChargeYear.performed_on >= row.on_date,
            Charge.state.in_([state.value for state in WAITING]),
        )
    ).one()


def _names(session: Session) -> dict[str, str]:
    return {row.code: row.name for row in session.execute(select(Payee.code, Payee.name))}


def _takeover(row: PayeeSuccession, names: dict[str, str]) -> Takeover:
    return Takeover(
        row.id,
        names.get(row.from_payee, row.from_payee),
        names.get(row.to_payee, row.to_payee),
        row.on_date,
        row.scope,
        names.get(row.refunds_by, row.refunds_by),
        row.ground,
        row.sample,
    )
