"""Receipts: the first that is handed out is the original, every later one says copy."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import queries
from payments.errors import NoSuchCharge
from payments.models import Charge, ChargePayer, Payment, Receipt, ReceiptIssue
from payments.queries import ReceiptView
from portal.documents import pdf, qr
from portal.kernel import clock, dates
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work


class _Checked:
    secret = b""
    url = "http://localhost"


def view(session: Session, reference: str) -> ReceiptView:
    """What a receipt says.

    Raises:
        NoSuchCharge: no receipt has this reference.
    """
    row = session.execute(
        select(Receipt, Payment, Charge.reference, ChargePayer.name)
        .join(Payment, Payment.id == Receipt.payment_id)
        .join(Charge, Charge.id == Payment.charge_id)
        .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
        .where(Receipt.reference == reference)
    ).one_or_none()
    if row is None:
        raise NoSuchCharge(reference)
    receipt, payment = row.Receipt, row.Payment
    charge = queries.charge(session, row.reference)
    issued, wished = session.execute(
        select(
            func.coalesce(func.max(ReceiptIssue.serial), 0),
            func.max(ReceiptIssue.name).filter(ReceiptIssue.serial == 1),
        ).where(ReceiptIssue.receipt_id == receipt.id)
    ).one()
    return ReceiptView(
        receipt_id=receipt.id,
        reference=receipt.reference,
        number=receipt.number,
        issued_at=receipt.issued_at,
        issued_before=issued,
        payer_name=(row.name or "") if wished is None else wished,
        charge=charge,
        amount=payment.amount,
        method=payment.method,
        place=payment.place,
        paid_at=payment.paid_at,
        cash_received=payment.cash_received,
        groups=queries.tax_groups(charge.lines),
    )


def printed_number(receipt: ReceiptView) -> str:
    """The number on the paper: fiscal year of issue (令和) and a running number, such as R8-000123."""
    year = dates.fiscal_year(clock.local(receipt.issued_at).date()) - 2018
    return f"R{year}-{receipt.number:06}"


def configure(secret: str, public_url: str) -> None:
    """What the check words of receipts are made with, and where the page is that checks them."""
    _Checked.secret, _Checked.url = secret.encode(), public_url


def check_word(reference: str) -> str:
    """The short secret that is printed on a receipt: 8 characters (40 bits), made from its reference; nothing is stored."""
    digest = hmac.new(_Checked.secret, f"receipt:{reference}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:5]).decode()


def check_address(reference: str) -> str:
    """The address in the QR code of a receipt."""
    return f"{_Checked.url}/receipts/{reference}/{check_word(reference)}"


def is_real(session: Session, reference: str, word: str) -> ReceiptView:
    """The receipt, if reference and check word belong together.

    Raises:
        NoSuchCharge: they do not, or there is no such receipt (which of the two is not told).
    """
    if not hmac.compare_digest(check_word(reference).encode(), word.strip().upper().encode()):
        raise NoSuchCharge(reference)
    return view(session, reference)


def issue(
    reference: str, *, actor: Actor, locale: str, city_name: str, now: datetime, name: str | None = None
) -> tuple[bytes, str]:
    """Hand a receipt out as PDF; returns it with its file name.

    The hand-out is counted first, in a transaction of its own; the PDF is made outside of any (invariant 18).

    Args:
        reference: the receipt's.
        actor: who takes it.
        locale: language of the words.
        city_name: on top of the page.
        now: aware.
        name: the payer's name as wished (上様, a company); asked when the original is handed out, copies keep it. None: the
            name on the charge.

    Raises:
        NoSuchCharge: no receipt has this reference.
    """
    serial = transact(partial(_count, reference=reference, actor=actor, name=name, now=now))
    with unit_of_work() as session:
        found = view(session, reference)
    content = pdf.render(
        "payments/pdf/receipt.html",
        locale,
        receipt=found,
        charge=found.charge,
        title="領収書" if locale == "ja" else "Receipt",
        number=printed_number(found),
        city_name=city_name,
        issued_on=dates.both(clock.local(found.issued_at).date()),
        sample=found.charge.sample or found.charge.payee.sample,
        original=serial == 1,
        serial=serial,
        printed_at=now,
        taxable=any(group.tax.percent for group in found.groups),
        check_word=check_word(found.reference),
        check_page=f"{_Checked.url}/receipts",
        check_code=qr.data_uri(check_address(found.reference)),
    )
    return content, f"receipt-{found.reference}.pdf"


def _count(session: Session, *, reference: str, actor: Actor, name: str | None, now: datetime) -> int:
    # The receipt's row is locked, so two clicks at once give one original and one copy.
    receipt_id = session.scalar(
        select(Receipt.id).where(Receipt.reference == reference).with_for_update(key_share=True)
    )
    if receipt_id is None:
        raise NoSuchCharge(reference)
    before = session.scalars(
        select(func.coalesce(func.max(ReceiptIssue.serial), 0)).where(ReceiptIssue.receipt_id == receipt_id)
    ).one()
    wished = name.strip() if name is not None and not before else None
    session.add(
        ReceiptIssue(receipt_id=receipt_id, serial=before + 1, issued_at=now, account_id=actor.account_id, name=wished)
    )
    session.flush()
    return before + 1
