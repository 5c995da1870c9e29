"""The sandbox provider's own books: its lines and payouts, made of what was paid and sent back. Development and tests only.

It keeps 3.6% (見本) and pays out each day what came in on the day before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from sqlalchemy import select

from payments.gateways.base import DisputeReport, Line, PayoutReport, RefusedError
from payments.models.sandbox import SandboxRefund, SandboxSession
from payments.states import AttemptState, LineKind, PayoutState, RefundState
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.money import Yen

FEE_PER_MILLE = 36
DAY = timedelta(days=1)


class SandboxBooks:
    """What of `Gateway` is about books."""

    def look_dispute(self, provider_id: str, *, merchant: str) -> DisputeReport:  # noqa: ARG002 - none
        """Nobody disputes anything here."""
        raise RefusedError("no_such_dispute")

    def disputes(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[DisputeReport]:  # noqa: ARG002 - none
        """None."""
        return iter(())

    def payouts(self, merchant: str, *, since: datetime, until: datetime) -> Iterator[PayoutReport]:
        """One a day at midnight in Japan, of the day before, where anything is left."""
        day = clock.local(since).date()
        while _midnight(day) < until:
            if _midnight(day) >= since:
                net = sum(line.amount - line.fee for line in _moves(merchant, _midnight(day) - DAY, _midnight(day)))
                if net > 0:
                    yield PayoutReport(_payout_id(merchant, day), Yen(net), PayoutState.PAID, day, _midnight(day))
            day += DAY

    def lines(
        self, merchant: str, *, since: datetime | None = None, until: datetime | None = None, payout: str | None = None
    ) -> Iterator[Line]:
        """The lines of a time, or of a payout."""
        if payout is not None:
            end = _midnight(date.fromisoformat(payout.rsplit("_", 1)[1]))
            yield from _moves(merchant, end - DAY, end)
            since, until = end, end + timedelta(seconds=1)
        elif since is not None and until is not None:
            yield from _moves(merchant, since, until)
        if since is None or until is None:
            return
        for made in self.payouts(merchant, since=since, until=until):
            yield Line(
                f"{made.provider_id}_line", LineKind.PAYOUT, -made.amount.amount, 0, made.created_at, made.provider_id
            )


def _moves(merchant: str, since: datetime, until: datetime) -> list[Line]:
    paid = select(SandboxSession).where(
        SandboxSession.merchant == merchant,
        SandboxSession.state == AttemptState.PAID.value,
        SandboxSession.paid_at >= since,
        SandboxSession.paid_at < until,
    )
    sent = (
        select(SandboxRefund, SandboxSession.payment_id)
        .join(SandboxSession, SandboxSession.id == SandboxRefund.session_id)
        .where(SandboxSession.merchant == merchant, SandboxRefund.created_at >= since, SandboxRefund.created_at < until)
    )
    found = []
    with unit_of_work() as session:
        for each in session.scalars(paid.order_by(SandboxSession.id)):
            assert each.payment_id is not None
            assert each.paid_at is not None
            amount = each.amount.amount
            fee = amount * FEE_PER_MILLE // 1000
            paid_with, name = each.payment_id, f"sbl_{each.payment_id}"
            found.append(Line(name, LineKind.PAYMENT, amount, fee, each.paid_at, paid_with, paid_with, each.attempt))
        for refund, payment_id in session.execute(sent.order_by(SandboxRefund.id)):
            amount, at = refund.amount.amount, refund.created_at
            name = f"sbl_{refund.provider_id}"
            found.append(Line(name, LineKind.REFUND, -amount, 0, at, refund.provider_id, payment_id))
            if refund.state == RefundState.FAILED.value:
                back = LineKind.REFUND_FAILURE
                found.append(Line(f"{name}_back", back, amount, 0, at, refund.provider_id, payment_id))
    return found


def _payout_id(merchant: str, day: date) -> str:
    return f"sbo_{merchant}_{day.isoformat()}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, clock.TOKYO)
