"""Giving money back: by right or by an ordinance, with a second person's agreement, the same way or by bank transfer, to an heir.

A refund above `limit()` waits for a second person before anything is promised. Money goes back the way it came where the
provider can do that; otherwise (konbini, transfers, a refund that failed) the payer is asked for a bank account.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from payments import drawers, ledger, mails, sealing, settlement
from payments.contract import JOINT, Ground
from payments.errors import (
    AlreadyDisputed,
    BadBankAccount,
    ChargeSettled,
    NoSuchCharge,
    RefundByPart,
    RefundNotReady,
    RefundTooLarge,
    SamePersonAgrees,
)
from payments.models import Charge, Dispute, Payment, Recipient, Refund, RefundAccount, RefundKind, TransactionKind
from payments.sealing import BankAccount
from payments.settlement import Why
from payments.states import (
    NOT_PROMISED,
    ChargeEvent,
    DisputeState,
    IllegalRefundMoveError,
    RefundEvent,
    RefundState,
    move_refund,
)
from portal.directory import banks
from portal.kernel import audit, jobs, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


class _Limit:
    above = Yen(30_000)


def configure(above: Yen) -> None:
    """Above which sum a second person has to agree (the city's own rule; 財務規則)."""
    _Limit.above = above


def limit() -> Yen:
    """The largest refund that goes without a second person."""
    return _Limit.above


def refund(
    session: Session,
    *,
    charge_ref: str,
    amount: Yen,
    kind: RefundKind,
    ground: str | Ground,
    requested_by: Actor,
    now: datetime,
    why: Why | None = None,
    seen: Yen | None = None,
) -> Refund:
    """Give money of a paid charge back, all or in part; a job tells the provider, cash waits for a clerk.

    `Payable.on_refunded` is called when the money is on its way. Above `limit()` the refund waits for `agree`.

    Args:
        session: the caller's transaction.
        charge_ref: the charge's reference.
        amount: more than 0, at most what was paid and is not yet promised back.
        kind: not owed, or by an ordinance.
        ground: the ordinance and article, or the reason why it was not owed.
        requested_by: who decided.
        now: aware.
        why: what staff say of it, where they began it.
        seen: what could still go back when the person decided; where it is another sum by now, the decision does not count.

    Raises:
        NoSuchCharge: unknown reference.
        RefundByPart: several charges were paid in this one sum: each is given back by its own reference.
        ChargeSettled: nothing was paid.
        RefundTooLarge: `amount` is not within what can go back; nothing was promised.
        AlreadyDisputed: the payer's bank has taken the money back or may still do so.
    """
    charge, part = _locked_with_part(session, charge_ref)
    payment = session.scalars(
        select(Payment).where(Payment.charge_id == charge.id, Payment.accepted.is_(True))
    ).one_or_none()
    if payment is None:
        raise ChargeSettled(charge_ref, charge.state)
    if part is None and charge.payable_kind == JOINT:
        raise RefundByPart(charge_ref)
    refundable = (part or charge).total - promised_back(session, payment, part)
    if not Yen(0) < amount <= refundable or seen not in {None, refundable}:
        raise RefundTooLarge(charge_ref, refundable)
    if _disputed(session, payment):
        raise AlreadyDisputed(charge_ref)
    made = settlement.request_refund(
        session,
        charge,
        payment,
        amount=amount,
        kind=kind,
        ground=Ground(ground) if isinstance(ground, str) else ground,
        requested_by=requested_by,
        now=now,
        needs_agreement=amount > limit(),
        part=part,
        why=why,
    )
    if made.state != RefundState.AWAITING.value:
        _change_charges(session, charge, payment, part, now)
    return made


def agree(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """A second person agrees: the refund is promised and goes on.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: it does not wait for anybody's agreement.
        SamePersonAgrees: who asked for it cannot agree to it.
        AlreadyDisputed: the payer's bank took the money back meanwhile.
    """
    found = _locked(session, refund_ref)
    to_bank = found.provider == ledger.BANK_PROVIDER
    state = _moved(found, RefundEvent.AGREE_TO_TRANSFER if to_bank else RefundEvent.AGREE)
    if actor.account_id is None or actor.account_id == found.requested_by_account_id:
        raise SamePersonAgrees(refund_ref)
    payment = session.get_one(Payment, found.payment_id)
    if _disputed(session, payment):
        raise AlreadyDisputed(refund_ref)
    found.agreed_by_account_id, found.agreed_at = actor.account_id, now
    found.state, found.changed_at = state.value, now
    session.flush()
    if found.replaces_id is None:
        charge = settlement.lock_charge(session, found.charge_id)
        settlement.promise(session, charge, payment, found, now=now)
        part = settlement.lock_charge(session, found.part_id) if found.part_id is not None else None
        _change_charges(session, charge, payment, part, now)
        mails.refund_decided(session, charge, found)
    elif state is RefundState.REQUESTED:
        jobs.defer(session, "payments.send_refund", refund_id=found.id)
    _note(session, "refund.agree", found, actor)
    return found


def decline(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """A second person says no; the money stays where it is.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: it does not wait for anybody's agreement.
        SamePersonAgrees: who asked for it cannot decide on it.
    """
    found = _locked(session, refund_ref)
    state = _moved(found, RefundEvent.DECLINE)
    if actor.account_id is None or actor.account_id == found.requested_by_account_id:
        raise SamePersonAgrees(refund_ref)
    found.state, found.changed_at = state.value, now
    _note(session, "refund.decline", found, actor)
    return found


def name_account(
    session: Session, refund_ref: str, account: BankAccount, *, actor: Actor, now: datetime, evidence: str = ""
) -> Refund:
    """Where the money is to be transferred to; said again, it replaces what was said before.

    Args:
        session: the caller's transaction.
        refund_ref: the refund's reference; whether the visitor may name its account is the caller's question.
        account: a real bank and branch.
        actor: the payer, or a clerk on paper that the payer or the heir signed.
        now: aware.
        evidence: that paper, and under which number it is kept; no names.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: it does not go by transfer, or has gone already.
        BadBankAccount: no such bank or branch.
    """
    if banks.branch(account.bank_code, account.branch_code) is None:
        raise BadBankAccount(f"{account.bank_code}-{account.branch_code}")
    found = _locked(session, refund_ref)
    if found.provider != ledger.BANK_PROVIDER:
        raise RefundNotReady(refund_ref, found.state)
    found.state, found.changed_at = _moved(found, RefundEvent.NAME_ACCOUNT).value, now
    found.account_evidence = evidence.strip()[:200]
    session.execute(delete(RefundAccount).where(RefundAccount.refund_id == found.id))
    session.add(
        RefundAccount(
            refund_id=found.id,
            bank_code=account.bank_code,
            branch_code=account.branch_code,
            sealed=sealing.seal(account),
            given_at=now,
            given_by_account_id=actor.account_id,
        )
    )
    _note(session, "refund.name_account", found, actor)
    return found


def transferred(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """Finance has transferred the money; the account is forgotten.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: not a transfer that waits.
    """
    found = _locked(session, refund_ref)
    if found.provider != ledger.BANK_PROVIDER:
        raise RefundNotReady(refund_ref, found.state)
    _moved(found, RefundEvent.SEND)
    settlement.refund_gone(session, found, now=now)
    _note(session, "refund.transferred", found, actor)
    return found


def transfer_returned(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """The bank sent a transfer back: it is owed again, and the account is asked for anew.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: not a transfer that was made.
    """
    found = _locked(session, refund_ref)
    if found.provider != ledger.BANK_PROVIDER:
        raise RefundNotReady(refund_ref, found.state)
    state = _moved(found, RefundEvent.RETURN)
    settlement.post_refund_move(session, found, TransactionKind.REFUND_RETURNED, now)
    found.state, found.failure, found.changed_at = state.value, "transfer_returned", now
    session.flush()
    _note(session, "refund.returned", found, actor)
    return _replace(session, found, provider=ledger.BANK_PROVIDER, actor=actor, now=now)


def by_bank(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """A refund that could not go back the way the money came goes by transfer; the payer is asked for an account.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: it has not failed, or another one has taken its place.
    """
    return _replace(session, _failed(session, refund_ref), provider=ledger.BANK_PROVIDER, actor=actor, now=now)


def send_refund_again(session: Session, refund_ref: str, *, actor: Actor, now: datetime) -> Refund:
    """Send a refund that failed once more the same way: a new refund takes its place, what is owed stays the same.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: it has not failed, or was sent again already.
    """
    failed = _failed(session, refund_ref)
    return _replace(session, failed, provider=failed.provider, actor=actor, now=now)


def to_heir(session: Session, refund_ref: str, *, evidence: str, actor: Actor, now: datetime) -> Refund:
    """The payer died: what is owed goes to the heir, by transfer, once a second person has seen the papers (CASES M4).

    Args:
        session: the caller's transaction.
        refund_ref: a refund that waits for an account, failed, or waits to be transferred.
        evidence: which papers were seen and under which number they are kept; no names.
        actor: who saw them.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: the money is on its way or gone, or no papers are named.
    """
    found = _locked(session, refund_ref)
    if not evidence.strip():
        raise RefundNotReady(refund_ref, "no_evidence")
    if found.state != RefundState.FAILED.value:
        if found.provider != ledger.BANK_PROVIDER:
            raise RefundNotReady(refund_ref, found.state)
        found.state, found.failure = _moved(found, RefundEvent.GIVE_UP).value, "payer_died"
        found.changed_at = now
        session.execute(delete(RefundAccount).where(RefundAccount.refund_id == found.id))
        session.flush()
    return _replace(
        session, found, provider=ledger.BANK_PROVIDER, actor=actor, now=now, heir_evidence=evidence.strip()[:200]
    )


def pay_out_cash(session: Session, refund_ref: str, *, clerk: Actor, now: datetime, slip_number: str = "") -> Refund:
    """Hand a refund out at the counter, the way it was paid: in cash from the clerk's drawer, or cancelled at the terminal.

    The second call is refused.

    Args:
        session: the caller's transaction.
        refund_ref: the refund's reference.
        clerk: who hands it out.
        now: aware.
        slip_number: of the terminal's cancellation; the refund's own number where it is not given.

    Raises:
        NoSuchCharge: unknown reference.
        RefundNotReady: not a cash refund, or handed out already.
    """
    found = _locked(session, refund_ref)
    if found.provider not in ledger.BY_HAND:
        raise RefundNotReady(refund_ref, found.state)
    _moved(found, RefundEvent.SEND)
    settlement.refund_gone(session, found, now=now)
    place = session.scalars(select(Payment.place).where(Payment.id == found.payment_id)).one() or ""
    drawer = drawers.for_taking(session, clerk=clerk, place=place, now=now)
    drawers.take_out(session, drawer, found, clerk=clerk, now=now, slip_number=slip_number.strip())
    _note(session, "refund.pay_out", found, clerk)
    return found


def promised_back(session: Session, payment: Payment, part: Charge | None = None) -> Yen:
    """How much of a payment is promised back or waits for somebody's agreement; for one of several charges where asked for."""
    # A refund that failed is still owed; the one that replaces it is the same promise.
    query = select(func.sum(Refund.amount)).where(
        Refund.payment_id == payment.id,
        Refund.replaces_id.is_(None),
        Refund.state != RefundState.DECLINED.value,
    )
    promised = session.scalar(query if part is None else query.where(Refund.part_id == part.id))
    return Yen(0) if promised is None else promised


def _change_charges(session: Session, charge: Charge, payment: Payment, part: Charge | None, now: datetime) -> None:
    """The state of the charge, and of the part that was meant, after a promise on the accepted payment."""
    query = select(func.sum(Refund.amount)).where(
        Refund.payment_id == payment.id,
        Refund.replaces_id.is_(None),
        Refund.state.not_in([state.value for state in NOT_PROMISED]),
    )
    for each in (charge, part):
        if each is not None:
            promised = session.scalar(query if each is charge else query.where(Refund.part_id == each.id))
            event = ChargeEvent.REFUND_REST if promised == each.total else ChargeEvent.REFUND_PART
            settlement.change_state(each, event, now)
    session.flush()


def _replace(
    session: Session, old: Refund, *, provider: str, actor: Actor, now: datetime, heir_evidence: str = ""
) -> Refund:
    """Another refund takes the place of one that cannot be made; the promise, and so the ledger, stays the same."""
    if session.scalar(select(Refund.id).where(Refund.replaces_id == old.id)) is not None:
        raise RefundNotReady(old.reference, old.state)
    heir = bool(heir_evidence) or old.recipient == Recipient.HEIR.value
    state = RefundState.REQUESTED
    if provider == ledger.BANK_PROVIDER:
        state = RefundState.AWAITING if heir else RefundState.NEEDS_ACCOUNT
    again = Refund(
        reference=references.new("V"),
        payment_id=old.payment_id,
        charge_id=old.charge_id,
        amount=old.amount,
        kind=old.kind,
        ground_id=old.ground_id,
        state=state.value,
        provider=provider,
        replaces_id=old.id,
        part_id=old.part_id,
        requested_by_kind=actor.kind,
        requested_by_account_id=actor.account_id,
        requested_at=now,
        changed_at=now,
        checked_at=now,
        needs_agreement=heir,
        recipient=(Recipient.HEIR if heir else Recipient.PAYER).value,
        heir_evidence=heir_evidence or old.heir_evidence,
        reason=old.reason,
        evidence=old.evidence,
    )
    session.add(again)
    session.flush()
    if state is RefundState.REQUESTED and provider not in ledger.NEVER_CALLED:
        jobs.defer(session, "payments.send_refund", refund_id=again.id)
    if state is RefundState.NEEDS_ACCOUNT:
        settlement.ask_for_account(session, again)
    audit.record(
        session,
        actor=actor,
        action="refund.send_again",
        subject_kind="refund",
        subject_ref=again.reference,
        detail={"replaces": old.reference, "way": provider, "recipient": again.recipient},
    )
    return again


def _failed(session: Session, refund_ref: str) -> Refund:
    found = _locked(session, refund_ref)
    replaced = session.scalar(select(Refund.id).where(Refund.replaces_id == found.id))
    declined = found.state == RefundState.DECLINED.value and found.replaces_id is not None
    if (found.state != RefundState.FAILED.value and not declined) or replaced is not None:
        raise RefundNotReady(refund_ref, found.state)
    return found


def _locked(session: Session, refund_ref: str) -> Refund:
    found = session.scalars(
        select(Refund)
        .where(Refund.reference == refund_ref)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchCharge(refund_ref)
    return found


def _moved(found: Refund, event: RefundEvent) -> RefundState:
    try:
        return move_refund(RefundState(found.state), event)
    except IllegalRefundMoveError as error:
        raise RefundNotReady(found.reference, found.state) from error


def _disputed(session: Session, payment: Payment) -> bool:
    query = select(Dispute.id).where(
        Dispute.payment_id == payment.id,
        Dispute.state.not_in([DisputeState.WON.value, DisputeState.WARNING.value]),
    )
    return session.scalar(query.limit(1)) is not None


def _note(session: Session, action: str, found: Refund, actor: Actor) -> None:
    audit.record(session, actor=actor, action=action, subject_kind="refund", subject_ref=found.reference)


def _locked_with_part(session: Session, reference: str) -> tuple[Charge, Charge | None]:
    """The charge that was paid, and the part of it that the reference names; both locked, the sum first."""
    found = session.execute(select(Charge.id, Charge.joined_to_id).where(Charge.reference == reference)).one_or_none()
    if found is None:
        raise NoSuchCharge(reference)
    if found.joined_to_id is None:
        return settlement.lock_charge(session, found.id), None
    whole = settlement.lock_charge(session, found.joined_to_id)
    part = settlement.lock_charge(session, found.id)
    return (part, None) if part.joined_to_id is None else (whole, part)
