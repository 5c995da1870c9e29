"""Paying several charges in one sum: which can be, and the charge that asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import joint, lines, settlement
from payments.contract import JOINT, MAXIMUM, ChargeRequest, MoneyKind, Payer
from payments.errors import NoSuchCharge, NotJoinable
from payments.models import (
    BudgetItem,
    Charge,
    ChargePart,
    ChargePayer,
    ChargeYear,
    GroundRow,
    Payee,
    PaymentAttempt,
)
from payments.services import raise_charge
from payments.states import AttemptState, ChargeState
from payments.transfers import standing
from portal.kernel import audit, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

FEWEST = 2


def join(session: Session, charge_refs: Sequence[str], *, actor: Actor, now: datetime) -> Charge:
    """Ask for several charges in one sum; asked again for the same ones, it is the same sum.

    They have one payer, one payee and one kind of money, and belong to one item and year of the books. The sum is to be paid by
    the earliest of their terms.

    Args:
        session: the caller's transaction.
        charge_refs: references of open charges; whether the visitor may pay them is the caller's question.
        actor: who wants it.
        now: aware.

    Raises:
        NoSuchCharge: an unknown reference.
        NotJoinable: they cannot be paid in one sum; nothing was changed.
    """
    wanted = sorted(set(charge_refs))
    ids = session.scalars(select(Charge.id).where(Charge.reference.in_(wanted)).order_by(Charge.id)).all()
    if len(ids) != len(wanted):
        raise NoSuchCharge(", ".join(wanted))
    if len(ids) < FEWEST:
        raise NotJoinable(", ".join(wanted), "too_few")
    parts = [settlement.lock_charge(session, each) for each in ids]
    standing = _standing(session, parts)
    if standing is not None:
        return standing
    _check(session, parts, now=now)
    whole = raise_charge(session, _request(session, parts), now=now)
    years = _years(session, [whole, *parts])
    if len(years) > 1:
        raise NotJoinable(parts[0].reference, "other_year")
    for part in parts:
        session.add(ChargePart(joint_id=whole.id, charge_id=part.id))
        joint.put_in(session, whole, part, now=now)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="charge.join",
        subject_kind="charge",
        subject_ref=whole.reference,
        detail={"parts": [part.reference for part in parts]},
    )
    return whole


def separate(session: Session, charge_ref: str, *, actor: Actor, now: datetime) -> bool:
    """Take a sum that is not paid apart again, because the payer wants to pay one by one. False where nothing was to do.

    Nor is there anything to do where the bank is about to take the sum from the payer's account.

    Raises:
        NoSuchCharge: unknown reference.
    """
    found = session.scalar(select(Charge.id).where(Charge.reference == charge_ref))
    if found is None:
        raise NoSuchCharge(charge_ref)
    whole = settlement.lock_charge(session, found)
    return not standing.is_ordered(session, found) and joint.separate(session, whole, actor=actor, now=now)


def _standing(session: Session, parts: Sequence[Charge]) -> Charge | None:
    """The sum that asks for exactly these already."""
    sums = {part.joined_to_id for part in parts if part.state == ChargeState.JOINED.value}
    if len(sums) != 1 or not all(part.state == ChargeState.JOINED.value for part in parts):
        return None
    whole = session.get_one(Charge, sums.pop())
    others = session.scalars(select(Charge.id).where(Charge.joined_to_id == whole.id)).all()
    return whole if set(others) == {part.id for part in parts} else None


def _check(session: Session, parts: Sequence[Charge], *, now: datetime) -> None:
    first = parts[0]
    over = [part for part in parts if part.pay_until is not None and part.pay_until <= now]
    payers = session.execute(
        select(ChargePayer.person_id, ChargePayer.account_id).where(
            ChargePayer.charge_id.in_([part.id for part in parts])
        )
    ).all()
    voucher = session.scalar(
        select(PaymentAttempt.id)
        .where(
            PaymentAttempt.charge_id.in_([part.id for part in parts]),
            PaymentAttempt.state == AttemptState.PENDING.value,
        )
        .limit(1)
    )
    reasons = {
        "not_open": bool(over)
        or any(
            part.state != ChargeState.OPEN.value
            or part.payable_kind == JOINT
            or part.money_kind == MoneyKind.CITY_TAX.value
            for part in parts
        ),
        "alone": any(part.alone for part in parts),
        "other_payer": len(payers) != len(parts)
        or len({payer.person_id for payer in payers}) != 1
        or payers[0].person_id is None,
        "other_payee": len({(part.payee_id, part.money_kind) for part in parts}) != 1,
        "too_large": sum((part.total for part in parts), start=Yen(0)) > MAXIMUM,
        "other_year": len(_years(session, parts)) > 1,
        "voucher_out": voucher is not None,
        "ordered": any(standing.is_ordered(session, part.id) for part in parts),
    }
    reason = next((name for name, holds in reasons.items() if holds), None)
    if reason is not None:
        raise NotJoinable(first.reference, reason)


def _years(session: Session, charges: Sequence[Charge]) -> set[tuple[int | None, str, int | None]]:
    """Budget item, timing and assessed year of the charges: what decides to which year their payment belongs."""
    rows = session.execute(
        select(ChargeYear.budget_item_id, ChargeYear.timing, ChargeYear.assessed_year).where(
            ChargeYear.charge_id.in_([charge.id for charge in charges])
        )
    )
    return {(row.budget_item_id, row.timing, row.assessed_year) for row in rows}


def _request(session: Session, parts: Sequence[Charge]) -> ChargeRequest:
    first = parts[0]
    payer = session.get_one(ChargePayer, first.id)
    item = session.scalar(
        select(BudgetItem.code)
        .join(ChargeYear, ChargeYear.budget_item_id == BudgetItem.id)
        .where(ChargeYear.charge_id == first.id)
    )
    named = {part.id: part.description for part in parts}
    named_en = {part.id: part.called("en") for part in parts}
    ends = [part.pay_until for part in parts if part.pay_until is not None]
    terms = session.scalars(
        select(ChargeYear.term_end).where(
            ChargeYear.charge_id.in_([part.id for part in parts]), ChargeYear.term_end.is_not(None)
        )
    ).all()
    return ChargeRequest(
        payable_kind=JOINT,
        payable_ref=references.new("J"),
        payer=Payer(payer.person_id, payer.account_id, payer.name, payer.email, payer.locale),
        payee=session.get_one(Payee, first.payee_id).code,
        money_kind=MoneyKind(first.money_kind),
        lines=[
            replace(
                line,
                # Where the line says what the charge is, it is said once.
                label=line.label if line.label == named[part] else f"{named[part]} {line.label}",
                label_en=f"{named_en[part]}: {line.label_en}"
                if line.label_en and line.label != named[part]
                else line.label_en,
            )
            for part, line in lines.of_charges(session, [part.id for part in parts])
        ],
        description=f"まとめて支払い {len(parts)}件",
        description_en=f"{len(parts)} items in one payment",
        ground=lines.stands_on(session.get_one(GroundRow, first.ground_id)),
        pay_until=min(ends) if ends else None,
        term_end=min((each for each in terms if each is not None), default=None),
        budget_item=item or "",
        receipt=all(part.receipt for part in parts),
        from_account=all(part.from_account for part in parts),
    )
