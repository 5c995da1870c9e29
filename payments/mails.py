"""Mails of payments, or letters to those who have none.

They carry references, sums and addresses of pages; nothing of what was applied for or booked.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import contract, pay_links
from payments.contract import Counter, TakenAt
from payments.models import Charge, ChargePayer, Payee, Payment, Receipt, Refund
from portal.directory.models import Office
from portal.kernel import clock
from portal.kernel.texts import show_date, show_until
from portal.notices import post
from portal.notices import services as notices

ROOM = "payments"
"""Finance prints its letters."""


class _Portal:
    url = "http://localhost"


def configure(public_url: str) -> None:
    """Where the pages are, without a slash at the end."""
    _Portal.url = public_url


def paid(session: Session, charge: Charge, payment: Payment, receipt: Receipt | None) -> None:
    """Thank for a payment; the receipt, where there is one, is behind a sign-in, not in the mail."""
    _send(
        session,
        charge,
        template="payments/mail/paid.txt",
        key=f"payments.paid:{payment.reference}",
        more={
            "amount": payment.amount.amount,
            "at_counter": payment.place is not None,
            "from_account": payment.provider == "transfer",
            "receipt_url": f"{_Portal.url}/pay/receipts/{receipt.reference}" if receipt else "",
        },
        # Without mail one pays at the counter and gets the receipt there.
        on_paper=False,
    )


def sent_back(session: Session, charge: Charge, payment: Payment, refund: Refund) -> None:
    """Say that money came for nothing or twice, and goes back in full."""
    _send(
        session,
        charge,
        template="payments/mail/sent_back.txt",
        key=f"payments.sent_back:{payment.reference}",
        more={
            "amount": refund.amount.amount,
            "why": payment.why_not_accepted,
            "refund": refund.reference,
            "to_bank": refund.provider == "bank",
        },
    )


def refunded(session: Session, charge: Charge, refund: Refund) -> None:
    """Say that a refund is on its way."""
    _send(
        session,
        charge,
        template="payments/mail/refunded.txt",
        key=f"payments.refunded:{refund.reference}",
        more={"amount": refund.amount.amount, "refund": refund.reference, "method": refund.provider},
    )


def refund_decided(session: Session, charge: Charge, refund: Refund) -> None:
    """Say of a refund that staff began and that is promised how it goes. Where an account is asked for, that message says it."""
    if not refund.reason or refund.provider == "bank":
        return
    _send(
        session,
        charge,
        template="payments/mail/refund_decided.txt",
        key=f"payments.refund_decided:{refund.reference}",
        more={
            "amount": refund.amount.amount,
            "refund": refund.reference,
            "method": refund.provider,
            "reason": refund.reason,
        },
    )


def corrected(session: Session, charge: Charge, refund: Refund, *, again: Charge | None) -> None:
    """Say that a payment at the counter was recorded by mistake; `again`: the charge that asks for the money anew."""
    _send(
        session,
        charge,
        template="payments/mail/corrected.txt",
        key=f"payments.corrected:{refund.reference}",
        more={
            "amount": refund.amount.amount,
            "again": again.reference if again else None,
            "until": again.pay_until if again else None,
            "url": f"{_Portal.url}/pay/{(again or charge).reference}",
        },
    )


def account_key(refund_ref: str) -> str:
    """What the question for a refund's account is about, for the outbox and the letters."""
    return f"payments.account_wanted:{refund_ref}"


def account_wanted(session: Session, charge: Charge, refund: Refund) -> None:
    """Ask for the bank account that a refund is to be transferred to; the account itself is typed on the page, never mailed.

    Whoever has an account opens the page with it, everybody else by the secret in its address.
    """
    payer = session.get(ChargePayer, charge.id)
    signs_in = payer is not None and payer.account_id is not None
    page = f"{_Portal.url}/pay/refunds/{refund.reference}/account"
    _send(
        session,
        charge,
        template="payments/mail/account_wanted.txt",
        key=account_key(refund.reference),
        more={
            "amount": refund.amount.amount,
            "refund": refund.reference,
            "account_url": page if signs_in else pay_links.refund_address(refund.reference),
        },
    )


def reminder(session: Session, charge: Charge, *, due: date, late: bool) -> bool:
    """Say that something is due soon, or was due, and where it is paid when it cannot be online any more; no legal act.

    Returns:
        Whether there is a way to say it.
    """
    now = clock.now()
    offline = charge.pay_until is not None and charge.pay_until <= now
    payer = session.get(ChargePayer, charge.id)
    where = _counters(session, charge, payer.locale if payer else "ja", now=now) if offline else []
    return _send(
        session,
        charge,
        template="payments/mail/reminder.txt",
        key=f"payments.reminder:{charge.reference}:{due.isoformat()}:{'late' if late else 'soon'}:{clock.today()}",
        more={"amount": charge.total.amount, "due": due, "late": late, "offline": offline, "counters": where},
    )


def _counters(session: Session, charge: Charge, locale: str, *, now: datetime) -> list[dict[str, str]]:
    """Where the money of a charge is taken by hand: the payable's own counter, else the city's offices."""
    payable = contract.payable(charge.payable_kind)
    own = payable.counter(session, charge.payable_ref, locale=locale, now=now) if isinstance(payable, TakenAt) else None
    if own is not None:
        return [asdict(own)]
    offices = session.scalars(select(Office).where(Office.active).order_by(Office.position))
    return [asdict(Counter(one.name_en if locale == "en" else one.name, one.address or "")) for one in offices]


def demand(session: Session, charge: Charge, *, number: str, pay_by: date, costs: int) -> None:
    """Say that a 督促状 was issued; the letter itself goes by post or is fetched behind the sign-in."""
    _send(
        session,
        charge,
        template="payments/mail/demand.txt",
        key=f"payments.demand:{number}",
        more={"amount": charge.total.amount, "number": number, "pay_by": pay_by, "costs": costs},
        # The 督促状 itself is the letter; finance prints it where it was made.
        on_paper=False,
    )


def going_to_be_taken(session: Session, charge: Charge, *, order: str, debit_on: date, last_digits: str) -> None:
    """Say some days before that a sum is taken from the account. Not on paper: the bank book says it too."""
    _send(
        session,
        charge,
        template="payments/mail/going_to_be_taken.txt",
        key=f"payments.going_to_be_taken:{order}:{charge.reference}",
        more={"amount": charge.total.amount, "debit_on": debit_on, "last_digits": last_digits},
        on_paper=False,
    )


def not_taken(
    session: Session, charge: Charge, *, order: str, debit_on: date, result: str, pay_by: date, ended: bool
) -> None:
    """Say that the bank could not take a sum, why, and until when to pay in another way. `ended`: the registration is over."""
    _send(
        session,
        charge,
        template="payments/mail/not_taken.txt",
        key=f"payments.not_taken:{order}:{charge.reference}",
        more={
            "amount": charge.total.amount,
            "debit_on": debit_on,
            "result": result,
            "pay_by": pay_by,
            "ended": ended,
            "register_url": f"{_Portal.url}/my/transfers",
        },
    )


def _shown(value: object, locale: str) -> object:
    if isinstance(value, datetime):
        return show_until(value, locale)
    return show_date(value, locale) if isinstance(value, date) else value


def _send(
    session: Session, charge: Charge, *, template: str, key: str, more: dict[str, Any], on_paper: bool = True
) -> bool:
    payer = session.get(ChargePayer, charge.id)
    if payer is None or not (payer.email or on_paper):
        return False
    payee = session.get_one(Payee, charge.payee_id)
    context = {
        "name": payer.name,
        "reference": charge.reference,
        "description": charge.called(payer.locale),
        "payee": payee.name,
        "url": f"{_Portal.url}/pay/{charge.reference}",
        **{name: _shown(value, payer.locale) for name, value in more.items()},
    }
    return post.send_or_post(
        session,
        recipient=notices.Recipient(payer.email or "", payer.name, payer.locale, payer.account_id),
        person_id=payer.person_id,
        room=ROOM,
        about=charge.reference,
        template=template,
        context=context,
        key=key,
    )
