"""What payments asks of forms: an application can be paid for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from forms.services import casework
from forms.services.common import locked, note
from forms.services.filing import PAYABLE
from payments.contract import Verdict
from portal.kernel.audit import SYSTEM
from portal.kernel.money import Yen


class ApplicationFee:
    """See `payments.contract.Payable`."""

    kind = PAYABLE

    def on_paid(self, session: Session, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:
        """Money for a case that was withdrawn goes back; else the case knows that it is paid."""
        del paid_at
        return (
            Verdict.ACCEPTED
            if casework.paid(session, reference=ref, charge_ref=charge_ref, now=now)
            else Verdict.REFUSED
        )

    def on_refunded(self, session: Session, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Write it into the case."""
        del charge_ref
        note(session, locked(session, reference=ref), "refunded", actor=SYSTEM, now=now, reason=str(amount))

    def page(self, ref: str) -> str:
        """Where the resident comes back to."""
        return f"/applications/{ref}"
