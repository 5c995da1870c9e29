"""When a charge is not paid: friendly mails, 督促, 不納欠損.

A mail is no legal act. 督促 is one (地方自治法 第231条の3第1項; for taxes 地方税法): it has a date, a term, costs where an ordinance asks
for them, and renews the period of limitation, so it happens once for a charge and is never changed. A write-off needs its
ground and a second person; the ledger counters the claim, nothing is deleted.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import contract, ledger, lines, mails, settlement
from payments.contract import ChargeLine, ChargeRequest, Ground, MoneyKind, Payer, TaxClass, Verdict
from payments.errors import (
    ChargeSettled,
    DemandedAlready,
    NoSuchCharge,
    NotDueYet,
    SameSecondPerson,
    WriteOffDecided,
)
from payments.models import (
    AccountCode,
    Charge,
    ChargePayer,
    ChargeYear,
    DemandLetter,
    Payee,
    Reminder,
    TransactionKind,
    WriteOff,
    WriteOffGround,
    WriteOffState,
)
from payments.services import raise_charge
from payments.states import ChargeEvent, ChargeState
from payments.transfers import standing
from portal.kernel import audit, clock, jobs, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

KIND = "demand"
"""The payable kind of the costs of a 督促; `payable_ref` is the letter's number."""
SHORTEST_TERM = timedelta(days=2)
"""A hold of minutes gets no reminder: only terms that were longer than this when they were set."""
USUAL = {
    MoneyKind.CITY_TAX: Ground("地方税法"),
    MoneyKind.OFFICE_FEE: Ground("地方自治法", "第231条の3第1項"),
    MoneyKind.FACILITY_FEE: Ground("地方自治法", "第231条の3第1項"),
}
"""What a 督促 stands on where the person writes nothing else; for a tax the article is that of the tax."""


class _Rules:
    before: tuple[int, ...] = (7, 1)
    after: tuple[int, ...] = (7,)
    costs = Yen(0)


def configure(*, before: str, after: str, costs: str) -> None:
    """On which days mails go out (`7,1`), and what a 督促 costs.

    Raises:
        ValueError: not numbers.
    """
    _Rules.before = tuple(int(part) for part in before.split(",") if part.strip())
    _Rules.after = tuple(int(part) for part in after.split(",") if part.strip())
    _Rules.costs = Yen.parse(costs or "0")


def usual_costs() -> Yen:
    """督促手数料 of the city's ordinance."""
    return _Rules.costs


def due_on(charge: Charge, noted: ChargeYear | None) -> date | None:
    """When a charge is due: the last day of its term, else the end of the time to pay."""
    if noted is not None and noted.term_end is not None:
        return noted.term_end
    # A term that ends at midnight ends with the day before (12月18日 24:00).
    return None if charge.pay_until is None else clock.local(charge.pay_until - timedelta(microseconds=1)).date()


def remind(session: Session, *, today: date, now: datetime) -> int:
    """Mail (or post) about charges that are due in so many days or were due so many days ago; each once. Returns how many."""
    rows = session.execute(
        select(Charge, ChargeYear)
        .join(ChargePayer, ChargePayer.charge_id == Charge.id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .outerjoin(DemandLetter, DemandLetter.charge_id == Charge.id)
        .where(
            DemandLetter.id.is_(None),
            Charge.state == ChargeState.OPEN.value,
            Charge.total > Yen(0),
            or_(ChargePayer.email.is_not(None), ChargePayer.person_id.is_not(None)),
            or_(Charge.pay_until > Charge.created_at + SHORTEST_TERM, ChargeYear.term_end.is_not(None)),
        )
        .order_by(Charge.id)
    ).all()
    wanted = {**{days: -days for days in _Rules.before}, **{-days: days for days in _Rules.after}}
    sent = 0
    taken = standing.of_charges(session, [charge.reference for charge, _noted in rows if charge.from_account], now=now)
    for charge, noted in rows:
        due = due_on(charge, noted)
        by_bank = taken.get(charge.reference)
        if by_bank is not None:
            # What is taken from an account nobody has to pay; what the bank could not take has a term of its own.
            due = None if by_bank.by_account else by_bank.pay_by
        days = None if due is None else (due - today).days
        if days is None or due is None or days not in wanted:
            continue
        new = session.execute(
            insert(Reminder)
            .values(charge_id=charge.id, days=wanted[days], sent_at=now)
            .on_conflict_do_nothing()
            .returning(Reminder.charge_id)
        ).first()
        if new is not None:
            sent += mails.reminder(session, charge, due=due, late=days < 0)
    return sent


def demand(
    session: Session,
    charge_ref: str,
    *,
    pay_by: date,
    costs: Yen,
    ground: Ground | None,
    actor: Actor,
    now: datetime,
) -> DemandLetter:
    """督促: ask for an overdue charge with a term and costs. The letter and the mail are made by a job.

    Args:
        session: the transaction.
        charge_ref: the charge's reference.
        pay_by: the term (指定期限), after today.
        costs: 督促手数料, asked for as a charge of its own; 0: none.
        ground: what it stands on; None: the usual one of the kind of money.
        actor: who does it.
        now: aware.

    Raises:
        NoSuchCharge: unknown reference.
        ChargeSettled: nothing is owed.
        NotDueYet: the due date has not passed (it is taken from the payer's account, or the bank could not and its new term runs), or the
            term is not after today.
        DemandedAlready: there is a letter for this charge.
    """
    charge = _locked(session, charge_ref)
    if charge.state != ChargeState.OPEN.value or not charge.total:
        raise ChargeSettled(charge_ref, charge.state)
    known = session.scalar(select(DemandLetter.number).where(DemandLetter.charge_id == charge.id))
    if known is not None:
        raise DemandedAlready(charge_ref, known)
    today = clock.local(now).date()
    by_bank = standing.of_charge(session, charge.reference, now=now) if charge.from_account else None
    due = by_bank.pay_by if by_bank is not None else due_on(charge, session.get(ChargeYear, charge.id))
    if due is None or due >= today or pay_by <= today:
        raise NotDueYet(charge_ref)
    stands_on = ground or USUAL[MoneyKind(charge.money_kind)]
    number = references.new("L")
    cost_charge = (
        _costs(session, charge, number=number, costs=costs, ground=stands_on, pay_by=pay_by, now=now) if costs else None
    )
    letter = DemandLetter(
        number=number,
        charge_id=charge.id,
        cost_charge_id=cost_charge,
        costs=costs,
        was_due_on=due,
        issued_on=today,
        pay_by=pay_by,
        ground_id=ledger.ground_id(session, stands_on),
        account_id=actor.account_id,
        issued_at=now,
    )
    session.add(letter)
    # The charge can be paid online again until the new term; one that never stopped being payable goes on so.
    until = datetime.combine(pay_by, time(23, 59, 59), clock.TOKYO)
    if charge.pay_until is not None and charge.pay_until < until:
        charge.pay_until = until
    session.flush()
    jobs.defer(session, "payments.make_demand_letter", letter_id=letter.id)
    audit.record(
        session,
        actor=actor,
        action="charge.demand",
        subject_kind="charge",
        subject_ref=charge_ref,
        detail={"letter": number, "costs": costs.amount},
    )
    return letter


def propose_write_off(
    session: Session,
    charge_ref: str,
    *,
    ground: WriteOffGround,
    reason: str,
    evidence: str,
    actor: Actor,
    now: datetime,
) -> WriteOff:
    """Propose 不納欠損 of an unpaid charge. Nothing moves before a second person agrees.

    Raises:
        NoSuchCharge: unknown reference.
        ChargeSettled: nothing is owed.
        WriteOffDecided: one is proposed already.
        ValueError: no reason, or nobody proposes it.
    """
    if not reason.strip() or actor.account_id is None:
        raise ValueError("a write-off is proposed by a person with a reason")
    charge = _locked(session, charge_ref)
    if charge.state != ChargeState.OPEN.value or not charge.total:
        raise ChargeSettled(charge_ref, charge.state)
    live = session.scalar(
        select(WriteOff.reference).where(WriteOff.charge_id == charge.id, WriteOff.state != WriteOffState.REFUSED.value)
    )
    if live is not None:
        raise WriteOffDecided(live)
    made = WriteOff(
        reference=references.new("W"),
        charge_id=charge.id,
        amount=charge.total,
        ground=ground.value,
        reason=reason.strip(),
        evidence=evidence.strip(),
        state=WriteOffState.PROPOSED.value,
        proposed_by=actor.account_id,
        proposed_at=now,
    )
    session.add(made)
    session.flush()
    _note(session, "write_off.propose", made, actor)
    return made


def decide_write_off(session: Session, reference: str, *, agree: bool, actor: Actor, now: datetime) -> WriteOff:
    """A second person agrees or refuses. Agreed: the claim is countered in the ledger and nothing is asked for any more.

    Raises:
        NoSuchCharge: unknown reference.
        WriteOffDecided: decided already, or paid meanwhile.
        SameSecondPerson: who proposed it cannot decide on it.
    """
    found = session.scalars(select(WriteOff).where(WriteOff.reference == reference).with_for_update()).one_or_none()
    if found is None:
        raise NoSuchCharge(reference)
    if found.state != WriteOffState.PROPOSED.value:
        raise WriteOffDecided(reference)
    if actor.account_id is None or actor.account_id == found.proposed_by:
        raise SameSecondPerson(reference)
    charge = settlement.lock_charge(session, found.charge_id)
    if agree and charge.state != ChargeState.OPEN.value:
        raise WriteOffDecided(reference)
    found.state = (WriteOffState.AGREED if agree else WriteOffState.REFUSED).value
    found.decided_by, found.decided_at = actor.account_id, now
    session.flush()
    if agree:
        _give_up(session, charge, now=now)
    _note(session, "write_off.agree" if agree else "write_off.refuse", found, actor)
    if agree:
        _give_up_costs(session, found, actor=actor, now=now)
    return found


def _give_up(session: Session, charge: Charge, *, now: datetime) -> None:
    settlement.change_state(charge, ChargeEvent.WRITE_OFF, now)
    sides = ledger.pair(AccountCode.WRITTEN_OFF, AccountCode.RECEIVABLE, charge.ground_id, charge.total)
    ledger.post(session, TransactionKind.WRITTEN_OFF, charge, sides, at=now)
    settlement.end_attempts(session, charge.id)


def _give_up_costs(session: Session, found: WriteOff, *, actor: Actor, now: datetime) -> None:
    """督促手数料 follows its claim: written off with the same ground by the same two, unless it is paid or decided by itself."""
    cost_id = session.scalar(select(DemandLetter.cost_charge_id).where(DemandLetter.charge_id == found.charge_id))
    if cost_id is None:
        return
    costs = settlement.lock_charge(session, cost_id)
    live = select(WriteOff.id).where(WriteOff.charge_id == cost_id, WriteOff.state != WriteOffState.REFUSED.value)
    if costs.state != ChargeState.OPEN.value or session.scalar(live) is not None:
        return
    made = WriteOff(
        reference=references.new("W"),
        charge_id=cost_id,
        amount=costs.total,
        ground=found.ground,
        reason=found.reason,
        evidence=found.evidence,
        state=WriteOffState.AGREED.value,
        proposed_by=found.proposed_by,
        proposed_at=found.proposed_at,
        decided_by=found.decided_by,
        decided_at=now,
    )
    session.add(made)
    session.flush()
    _give_up(session, costs, now=now)
    _note(session, "write_off.agree", made, actor)


class DemandPayable:
    """Lets the costs of a 督促 be paid; nothing hangs on it."""

    kind = KIND

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:  # noqa: ARG002 - the protocol's signature
        """Costs are owed until they are paid."""
        return Verdict.ACCEPTED

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Nothing to do."""

    def page(self, ref: str) -> str:  # noqa: ARG002 - the protocol's signature
        """Where the payer's charges are."""
        return "/my"


def register() -> None:
    """Make the costs payable."""
    contract.register(DemandPayable())


def _costs(
    session: Session, charge: Charge, *, number: str, costs: Yen, ground: Ground, pay_by: date, now: datetime
) -> int:
    payer = session.get(ChargePayer, charge.id)
    payee = session.get_one(Payee, charge.payee_id)
    return raise_charge(
        session,
        ChargeRequest(
            payable_kind=KIND,
            payable_ref=number,
            payer=Payer(
                payer.person_id if payer else None,
                payer.account_id if payer else None,
                payer.name if payer else "",
                payer.email if payer else None,
                payer.locale if payer else "ja",
            ),
            payee=payee.code,
            money_kind=MoneyKind(charge.money_kind),
            # The costs of a claim that is made up (見本) are made up as well.
            lines=[
                ChargeLine(
                    "督促手数料",
                    costs,
                    TaxClass.OUTSIDE,
                    ground,
                    sample=any(line.sample for line in lines.of_charge(session, charge.id)),
                    label_en="Fee of the demand letter",
                )
            ],
            description="督促手数料",
            description_en="Fee of the demand letter",
            ground=ground,
            pay_until=datetime.combine(pay_by, time(23, 59, 59), clock.TOKYO),
            term_end=pay_by,
        ),
        now=now,
    ).id


def _locked(session: Session, reference: str) -> Charge:
    found = session.scalar(select(Charge.id).where(Charge.reference == reference))
    if found is None:
        raise NoSuchCharge(reference)
    return settlement.lock_charge(session, found)


def _note(session: Session, action: str, found: WriteOff, actor: Actor) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_kind="write_off",
        subject_ref=found.reference,
        detail={"yen": found.amount.amount, "ground": found.ground},
    )
