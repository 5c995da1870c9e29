"""A person explains something odd: why, on which evidence; above a limit a second person agrees. The odd thing stays listed.

What is explained is a line of the daily reconciliation, or a signed notice that did not fit the books. Nothing moves in the ledger:
where money has to move, a refund, a counter entry or the next comparison does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from payments import refunds
from payments.errors import ExplanationDecided, NothingOdd, SameSecondPerson
from payments.models import (
    Charge,
    EventOutcome,
    ExplanationState,
    OddExplanation,
    ProviderEvent,
    Reconciliation,
    ReconciliationItem,
)
from portal.accounts.models import Account
from portal.kernel import audit, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

NOTICE: Final = "notice"
"""The kind of a signed notice that did not fit our books; every other kind is a line of the reconciliation."""
LIVE: Final = (ExplanationState.PROPOSED.value, ExplanationState.STANDS.value)


@dataclass(frozen=True)
class Key:
    """Which odd thing: of which account at which provider (empty for a notice), of which kind, under which number."""

    provider: str
    merchant: str
    kind: str
    reference: str


@dataclass(frozen=True)
class Odd:
    """The thing as it was found last."""

    key: Key
    amount: Yen
    charge_ref: str | None
    days: Sequence[date]
    """The days that list it, newest first."""
    why: str = ""


@dataclass(frozen=True)
class Said:
    """One explanation, as a page shows it."""

    reference: str
    state: ExplanationState
    amount: Yen
    reason: str
    evidence: str
    by: str
    by_account_id: int
    at: datetime
    decided_by: str
    decided_at: datetime | None
    withdrawn_by: str
    withdrawn_at: datetime | None


def find(session: Session, key: Key) -> Odd:
    """What is to be explained. At most two statements.

    Raises:
        NothingOdd: no day and no notice lists it.
    """
    if key.kind == NOTICE:
        event = session.scalars(
            select(ProviderEvent).where(
                ProviderEvent.provider == key.provider,
                ProviderEvent.event_id == key.reference,
                ProviderEvent.outcome.in_([EventOutcome.REFUSED.value, EventOutcome.RECEIVED.value]),
            )
        ).one_or_none()
        if event is None or key.merchant:
            raise NothingOdd(key.reference)
        return Odd(key, said_amount(event) or Yen(0), None, (), event.reason or event.outcome)
    rows = session.execute(
        select(ReconciliationItem.amount, Charge.reference, Reconciliation.day)
        .join(Reconciliation, Reconciliation.id == ReconciliationItem.reconciliation_id)
        .outerjoin(Charge, Charge.id == ReconciliationItem.charge_id)
        .where(
            Reconciliation.provider == key.provider,
            Reconciliation.merchant == key.merchant,
            ReconciliationItem.kind == key.kind,
            ReconciliationItem.reference == key.reference,
        )
        .order_by(Reconciliation.day.desc())
    ).all()
    if not rows:
        raise NothingOdd(key.reference)
    amount, charge_ref, _day = rows[0]
    return Odd(key, amount, charge_ref, [row.day for row in rows])


def said_amount(event: ProviderEvent) -> Yen | None:
    """The yen that a notice speaks of; None where it names none."""
    found = event.payload.get("object")
    amount = found.get("amount_total", found.get("amount")) if isinstance(found, dict) else None
    return Yen(amount) if type(amount) is int else None


def explain(
    session: Session, key: Key, *, amount: Yen, reason: str, evidence: str, actor: Actor, now: datetime
) -> OddExplanation:
    """Say why something odd is as it is. Above the limit of refunds it waits for a second person.

    Args:
        session: the caller's transaction.
        key: which thing.
        amount: the yen that the person saw; another amount by now is refused.
        reason: why, without names of persons.
        evidence: the paper or file that shows it, and where it is kept.
        actor: a person.
        now: aware.

    Raises:
        NothingOdd: nothing lists it, or its amount is another one by now.
        ExplanationDecided: somebody was first.
        ValueError: no reason, no evidence, or nobody says so.
    """
    if actor.account_id is None or not reason.strip() or not evidence.strip():
        raise ValueError("an explanation is given by a person, with a reason and evidence")
    odd = find(session, key)
    if odd.amount != amount:
        raise NothingOdd(key.reference)
    alone = abs(odd.amount.amount) <= refunds.limit().amount
    state = ExplanationState.STANDS if alone else ExplanationState.PROPOSED
    made = session.scalars(
        insert(OddExplanation)
        .values(
            reference=references.new("X"),
            provider=key.provider,
            merchant=key.merchant,
            kind=key.kind,
            item_ref=key.reference,
            amount=odd.amount,
            reason=reason.strip(),
            evidence=evidence.strip(),
            needs_agreement=not alone,
            state=state.value,
            explained_by=actor.account_id,
            explained_at=now,
        )
        .on_conflict_do_nothing()
        .returning(OddExplanation)
    ).one_or_none()
    if made is None:
        raise ExplanationDecided(key.reference)
    _note(session, "odd.explain", made, actor)
    return made


def decide(session: Session, reference: str, *, agree: bool, actor: Actor, now: datetime) -> OddExplanation:
    """A second person agrees or refuses.

    Raises:
        NothingOdd: no such explanation.
        ExplanationDecided: it waits for nobody.
        SameSecondPerson: who explained it cannot decide on it.
    """
    found = _locked(session, reference)
    if found.state != ExplanationState.PROPOSED.value:
        raise ExplanationDecided(reference)
    if actor.account_id is None or actor.account_id == found.explained_by:
        raise SameSecondPerson(reference)
    found.state = (ExplanationState.STANDS if agree else ExplanationState.REFUSED).value
    found.decided_by, found.decided_at = actor.account_id, now
    session.flush()
    _note(session, "odd.agree" if agree else "odd.refuse", found, actor)
    return found


def withdraw(session: Session, reference: str, *, actor: Actor, now: datetime) -> OddExplanation:
    """It was wrong: the thing is unexplained again, and the words stay on record.

    Raises:
        NothingOdd: no such explanation.
        ExplanationDecided: it does not stand and waits for nobody.
    """
    found = _locked(session, reference)
    if found.state not in LIVE or actor.account_id is None:
        raise ExplanationDecided(reference)
    found.state = ExplanationState.WITHDRAWN.value
    found.withdrawn_by, found.withdrawn_at = actor.account_id, now
    session.flush()
    _note(session, "odd.withdraw", found, actor)
    return found


def said_of(session: Session, key: Key) -> Sequence[Said]:
    """Everything that was ever said of a thing, newest first. One statement."""
    second, third = aliased(Account), aliased(Account)
    rows = session.execute(
        select(
            OddExplanation,
            Account.display_name,
            second.display_name.label("second"),
            third.display_name.label("third"),
        )
        .join(Account, Account.id == OddExplanation.explained_by)
        .outerjoin(second, second.id == OddExplanation.decided_by)
        .outerjoin(third, third.id == OddExplanation.withdrawn_by)
        .where(
            OddExplanation.provider == key.provider,
            OddExplanation.merchant == key.merchant,
            OddExplanation.kind == key.kind,
            OddExplanation.item_ref == key.reference,
        )
        .order_by(OddExplanation.id.desc())
    )
    return [
        Said(
            reference=row.OddExplanation.reference,
            state=ExplanationState(row.OddExplanation.state),
            amount=row.OddExplanation.amount,
            reason=row.OddExplanation.reason,
            evidence=row.OddExplanation.evidence,
            by=row.display_name or "",
            by_account_id=row.OddExplanation.explained_by,
            at=row.OddExplanation.explained_at,
            decided_by=row.second or "",
            decided_at=row.OddExplanation.decided_at,
            withdrawn_by=row.third or "",
            withdrawn_at=row.OddExplanation.withdrawn_at,
        )
        for row in rows
    ]


def of_item() -> ColumnElement[bool]:
    """Joins the live explanation to a line of a reconciliation: the same thing with the same yen."""
    return and_(
        OddExplanation.provider == Reconciliation.provider,
        OddExplanation.merchant == Reconciliation.merchant,
        OddExplanation.kind == ReconciliationItem.kind,
        OddExplanation.item_ref == ReconciliationItem.reference,
        OddExplanation.amount == ReconciliationItem.amount,
        OddExplanation.state.in_(LIVE),
    )


def of_notice() -> ColumnElement[bool]:
    """Joins the live explanation to a notice."""
    return and_(
        OddExplanation.provider == ProviderEvent.provider,
        OddExplanation.kind == NOTICE,
        OddExplanation.item_ref == ProviderEvent.event_id,
        OddExplanation.state.in_(LIVE),
    )


def explained_yen(session: Session, *, day: date | None = None, merchant: str | None = None) -> dict[int, Yen]:
    """How many yen of each reconciliation people have explained. One statement."""
    query = (
        select(Reconciliation.id, func.sum(func.abs(ReconciliationItem.amount)))
        .join(ReconciliationItem, ReconciliationItem.reconciliation_id == Reconciliation.id)
        .join(OddExplanation, of_item())
        .where(OddExplanation.state == ExplanationState.STANDS.value)
        .group_by(Reconciliation.id)
    )
    if day is not None:
        query = query.where(Reconciliation.day == day)
    if merchant is not None:
        query = query.where(Reconciliation.merchant == merchant)
    rows: Any = session.execute(query)
    return {reconciliation_id: Yen(int(yen)) for reconciliation_id, yen in rows}


def _locked(session: Session, reference: str) -> OddExplanation:
    found = session.scalars(
        select(OddExplanation).where(OddExplanation.reference == reference).with_for_update()
    ).one_or_none()
    if found is None:
        raise NothingOdd(reference)
    return found


def _note(session: Session, action: str, found: OddExplanation, actor: Actor) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_kind="odd_explanation",
        subject_ref=found.reference,
        detail={"yen": found.amount.amount, "kind": found.kind, "of": found.item_ref},
    )
