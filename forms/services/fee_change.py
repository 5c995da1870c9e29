"""The fee of a case over its corrections: what is charged, what is still open, and what a correction adds or gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from forms import fees
from forms.models import Application
from forms.services.common import definition, note
from forms.services.filing import PAYABLE, charge, tell
from payments import queries as payment_queries
from payments import services as payments
from payments.contract import ChargeLine
from payments.queries import ChargeView
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.money import Yen
from portal.kernel.texts import show_date

REPLACED = "fee_replaced"
"""Event: a demand that was not paid gave way to a smaller one; money that still comes for it goes back."""


def charges(session: Session, application: Application) -> list[ChargeView]:
    """Every demand of a case that stands: the fee, then what corrections added. Five statements for each."""
    purposes = ["fee", *(f"correction-{filing.number - 1}" for filing in application.filings[1:])]
    found = [payment_queries.charge_of(session, PAYABLE, str(application.reference), purpose) for purpose in purposes]
    return [view for view in found if view is not None]


def is_unpaid(session: Session, application: Application) -> bool:
    """Whether the case has a fee, or a further one, that is not paid yet."""
    return any(view.state == "open" and view.total for view in charges(session, application))


def drop_unpaid(session: Session, application: Application, *, now: datetime) -> None:
    """Nothing that is not paid is asked any more (the case was withdrawn)."""
    purposes = ["fee", *(f"correction-{filing.number - 1}" for filing in application.filings[1:])]
    for purpose in purposes:
        payments.void_charge(
            session,
            payable_kind=PAYABLE,
            payable_ref=str(application.reference),
            purpose=purpose,
            reason="withdrawn",
            now=now,
        )


def settle_difference(
    session: Session,
    application: Application,
    *,
    before: Sequence[ChargeLine],
    after: Sequence[ChargeLine],
    number: int,
    actor: Actor,
    now: datetime,
) -> None:
    """A correction changed the fee: a further demand, or money back. Nothing that was charged is rewritten (CASES M7, M8).

    Args:
        session: the transaction.
        application: locked.
        before: the fee as filed last.
        after: the fee as it is now.
        number: of this correction, from 1.
        actor: whose correction it is.
        now: aware.
    """
    old, new = fees.total(tuple(before)), fees.total(tuple(after))
    if new == old:
        return
    purpose = f"correction-{number}"
    if new > old:
        line = after[0]
        added = [replace(line, label=f"{line.label}(補正による追加)", amount=new - old)]
        charge(session, application, added, purpose=purpose, now=now)
        due = fees.pay_by(definition(application.version), local(now).date())
        day = None if due is None else show_date(due, application.contact.get("locale", "ja"))
        tell(session, application, "fee_changed", more=str(new - old), sample=line.sample, pay_by=day)
        return
    back = old - new
    for view in reversed(charges(session, application)):
        if view.state == "open" and view.total:
            back = _replace_unpaid(session, application, view, back=back, after=after, purpose=purpose, now=now)
        elif view.paid_at is not None and back:
            amount = min(back, view.total - view.refunded)
            if amount:
                payments.refund(
                    session,
                    charge_ref=view.reference,
                    amount=amount,
                    kind=payments.RefundKind.NOT_OWED,
                    ground="補正により手数料が減ったため",
                    requested_by=actor,
                    now=now,
                )
                back -= amount
    tell(session, application, "fee_changed", less=str(old - new), sample=any(line.sample for line in before))


def _replace_unpaid(
    session: Session,
    application: Application,
    view: ChargeView,
    *,
    back: Yen,
    after: Sequence[ChargeLine],
    purpose: str,
    now: datetime,
) -> Yen:
    """Take an open demand back and ask for what is left of it; what of `back` is not covered by it."""
    for other in ("fee", *(f"correction-{filing.number - 1}" for filing in application.filings[1:])):
        found = payment_queries.charge_of(session, PAYABLE, str(application.reference), other)
        if found is not None and found.reference == view.reference:
            payments.void_charge(
                session,
                payable_kind=PAYABLE,
                payable_ref=str(application.reference),
                purpose=other,
                reason="corrected",
                now=now,
            )
    note(session, application, REPLACED, actor=Actor(None, "system"), now=now, reason=view.reference)
    left = max(view.total - back, Yen(0))
    if left and after:
        charge(session, application, [replace(after[0], amount=left)], purpose=purpose, now=now)
    return max(back - view.total, Yen(0))


def was_replaced(application: Application, charge_ref: str) -> bool:
    """Whether a demand gave way to a smaller one: money for it goes back."""
    return any(event.action == REPLACED and event.reason == charge_ref for event in application.events)
