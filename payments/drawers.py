"""The drawers of the counter: opened with a change fund, counted at the end, handed to the bank. The journal only grows.

A drawer's cash is the sum of its entries. A difference found by counting is an entry of its own (現金過不足): the charges stay as
they are (CASES M10). Locks: the drawer is locked after the charge, shared while money moves, for itself while it closes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from payments.contract import CITY
from payments.errors import (
    DifferenceUnexplained,
    DrawerClosed,
    DrawerOpen,
    NoSuchDrawer,
    NothingToPayIn,
)
from payments.ledger import TERMINAL_PROVIDER
from payments.models import (
    Charge,
    Drawer,
    DrawerMove,
    DrawerMoveKind,
    DrawerState,
    Payee,
    PayingInSlip,
    Payment,
    Refund,
)
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

DENOMINATIONS = (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10, 5, 1)
"""Notes and coins in circulation (通貨の単位及び貨幣の発行等に関する法律 第5条; 日本銀行券), in yen."""
TAKINGS = (
    DrawerMoveKind.CASH.value,
    DrawerMoveKind.REFUND.value,
    DrawerMoveKind.CORRECTION.value,
    DrawerMoveKind.DIFFERENCE.value,
)
"""What belongs to a payee. A correction of a change fund has none."""


def find(session: Session, *, clerk: Actor, place: str) -> Drawer | None:
    """The clerk's open drawer at a place."""
    return session.scalars(
        select(Drawer).where(
            Drawer.clerk_account_id.is_not_distinct_from(clerk.account_id),
            Drawer.place == place,
            Drawer.state == DrawerState.OPEN.value,
        )
    ).one_or_none()


def open_(session: Session, *, clerk: Actor, place: str, fund: Yen, now: datetime) -> Drawer:
    """Open a drawer with its change fund (つり銭準備金).

    Raises:
        DrawerOpen: the clerk has one open there.
    """
    drawer = _opened(session, clerk=clerk, place=place, fund=fund, now=now)
    if drawer is None:
        found = find(session, clerk=clerk, place=place)
        raise DrawerOpen(found.reference if found else place)
    audit.record(session, actor=clerk, action="drawer.open", subject_kind="drawer", subject_ref=drawer.reference)
    return drawer


def for_taking(session: Session, *, clerk: Actor, place: str, now: datetime) -> Drawer:
    """The clerk's drawer at a place, kept open until the transaction ends; opened without change fund where none is."""
    drawer = find(session, clerk=clerk, place=place) or _opened(session, clerk=clerk, place=place, fund=Yen(0), now=now)
    if drawer is None:
        drawer = find(session, clerk=clerk, place=place)
    locked = None if drawer is None else _shared(session, drawer.id)
    if locked is None or locked.state != DrawerState.OPEN.value:
        raise DrawerClosed(place)
    return locked


def put_in(
    session: Session, drawer: Drawer, payment: Payment, *, clerk: Actor, now: datetime, slip_number: str = ""
) -> None:
    """Write down that a payment came over the counter: cash into the drawer, or a card with its slip number."""
    card = payment.provider == TERMINAL_PROVIDER
    _note(
        session,
        drawer,
        DrawerMoveKind.CARD if card else DrawerMoveKind.CASH,
        amount=payment.amount,
        cash=Yen(0) if card else payment.amount,
        payee_id=_payee_of(session, payment.charge_id),
        payment_id=payment.id,
        slip_number=slip_number,
        clerk=clerk,
        now=now,
    )


def take_out(
    session: Session, drawer: Drawer, refund: Refund, *, clerk: Actor, now: datetime, slip_number: str = ""
) -> None:
    """Write down that a refund went out over the counter."""
    card = refund.provider == TERMINAL_PROVIDER
    _note(
        session,
        drawer,
        DrawerMoveKind.CARD if card else DrawerMoveKind.REFUND,
        amount=-refund.amount,
        cash=Yen(0) if card else -refund.amount,
        payee_id=_payee_of(session, refund.charge_id),
        refund_id=refund.id,
        slip_number=(slip_number or refund.reference) if card else "",
        clerk=clerk,
        now=now,
    )


def taken_with(session: Session, payment_id: int) -> tuple[DrawerMove | None, Drawer | None]:
    """The entry with which a payment came over a counter, and its drawer; None where it did not."""
    row = session.execute(
        select(DrawerMove, Drawer)
        .join(Drawer, Drawer.id == DrawerMove.drawer_id)
        .where(
            DrawerMove.payment_id == payment_id,
            DrawerMove.kind.in_((DrawerMoveKind.CASH.value, DrawerMoveKind.CARD.value)),
        )
    ).one_or_none()
    return (None, None) if row is None else (row.DrawerMove, row.Drawer)


def countered(session: Session, payment_ids: Sequence[int]) -> set[int]:
    """Which of these payments were countered."""
    move = aliased(DrawerMove)
    found = session.scalars(
        select(move.payment_id)
        .join(DrawerMove, DrawerMove.corrects_id == move.id)
        .where(move.payment_id.in_(payment_ids))
    )
    return {each for each in found if each is not None}


def counter(session: Session, payment: Payment, refund: Refund, *, reason: str, clerk: Actor, now: datetime) -> None:
    """Counter the entry of a payment that was taken by mistake, in the drawer that took it.

    Raises:
        NoSuchDrawer: the payment did not come over a counter.
        DrawerClosed: it was counted already.
    """
    move, found = taken_with(session, payment.id)
    if move is None or found is None:
        raise NoSuchDrawer(payment.reference)
    drawer = _shared(session, found.id)
    if not drawer.is_open:
        raise DrawerClosed(drawer.reference)
    note = f"{reason.strip()} ({move.slip_number})" if move.slip_number else reason.strip()
    _note(
        session,
        drawer,
        DrawerMoveKind.CORRECTION,
        amount=-move.amount,
        cash=-move.cash,
        payee_id=move.payee_id,
        refund_id=refund.id,
        corrects_id=move.id,
        note=note,
        clerk=clerk,
        now=now,
    )


def correct_fund(session: Session, reference: str, *, fund: Yen, reason: str, clerk: Actor, now: datetime) -> None:
    """Put a change fund right that was typed wrongly: the entry is countered and written anew.

    Raises:
        NoSuchDrawer: unknown, or another clerk's.
        DrawerClosed: it was counted already.
        DifferenceUnexplained: no reason.
    """
    drawer = _locked(session, reference, clerk)
    if drawer.state != DrawerState.OPEN.value:
        raise DrawerClosed(reference)
    if not reason.strip():
        raise DifferenceUnexplained(reference, fund)
    corrected = select(DrawerMove.corrects_id).where(DrawerMove.corrects_id.is_not(None))
    entry = session.scalars(
        select(DrawerMove)
        .where(
            DrawerMove.drawer_id == drawer.id,
            DrawerMove.kind == DrawerMoveKind.FUND.value,
            DrawerMove.id.not_in(corrected),
        )
        .order_by(DrawerMove.id.desc())
        .limit(1)
    ).one()
    _note(
        session,
        drawer,
        DrawerMoveKind.CORRECTION,
        amount=-entry.amount,
        cash=-entry.cash,
        corrects_id=entry.id,
        note=reason.strip(),
        clerk=clerk,
        now=now,
    )
    _note(session, drawer, DrawerMoveKind.FUND, amount=fund, cash=fund, clerk=clerk, now=now)
    audit.record(session, actor=clerk, action="drawer.correct", subject_kind="drawer", subject_ref=reference)


def fund_of(session: Session, drawer_id: int) -> Yen:
    """The change fund as it stands after corrections."""
    kinds = (DrawerMoveKind.FUND.value, DrawerMoveKind.CORRECTION.value)
    found = session.scalar(
        select(func.sum(DrawerMove.cash)).where(
            DrawerMove.drawer_id == drawer_id, DrawerMove.kind.in_(kinds), DrawerMove.payee_id.is_(None)
        )
    )
    return found or Yen(0)


def cash_in(session: Session, drawer_id: int) -> Yen:
    """What must lie in a drawer: the sum of its entries."""
    found = session.scalar(select(func.sum(DrawerMove.cash)).where(DrawerMove.drawer_id == drawer_id))
    return found or Yen(0)


def close(
    session: Session,
    reference: str,
    *,
    count: Mapping[int, int],
    explanation: str,
    clerk: Actor,
    now: datetime,
) -> Drawer:
    """Close a drawer by its count. A difference is booked as 現金過不足 with its explanation; the change fund is taken out.

    Args:
        session: the transaction.
        reference: the drawer's.
        count: how many of each note and coin (`DENOMINATIONS`).
        explanation: why it differs; asked for where it does.
        clerk: who counts.
        now: aware.

    Raises:
        NoSuchDrawer: unknown, or another clerk's.
        DrawerClosed: closed already.
        DifferenceUnexplained: the count differs and nothing explains it; nothing was closed.
    """
    drawer = _locked(session, reference, clerk)
    if drawer.state != DrawerState.OPEN.value:
        raise DrawerClosed(reference)
    counted = Yen(sum(value * pieces for value, pieces in count.items()))
    expected = cash_in(session, drawer.id)
    difference = counted - expected
    if difference and not explanation.strip():
        raise DifferenceUnexplained(reference, difference)
    if difference:
        city = session.scalar(select(Payee.id).where(Payee.code == CITY))
        _note(
            session,
            drawer,
            DrawerMoveKind.DIFFERENCE,
            amount=difference,
            cash=difference,
            payee_id=city,
            note=explanation.strip(),
            clerk=clerk,
            now=now,
        )
    fund = fund_of(session, drawer.id)
    if fund:
        _note(session, drawer, DrawerMoveKind.FUND_BACK, amount=-fund, cash=-fund, clerk=clerk, now=now)
    drawer.state, drawer.closed_at = DrawerState.CLOSED.value, now
    drawer.expected, drawer.counted = expected, counted
    drawer.count = {str(value): pieces for value, pieces in count.items() if pieces}
    drawer.explanation = explanation.strip()
    session.flush()
    audit.record(
        session,
        actor=clerk,
        action="drawer.close",
        subject_kind="drawer",
        subject_ref=reference,
        detail={"difference": difference.amount},
    )
    return drawer


def pay_in(session: Session, *, place: str, clerk: Actor, now: datetime) -> list[PayingInSlip]:
    """Hand the takings of every closed drawer of a place to the bank: one 払込書 for each payee.

    The city's slip carries the differences: what lies there is what is paid in.

    Raises:
        NothingToPayIn: no closed drawer holds anything.
    """
    drawers = session.scalars(
        select(Drawer)
        .where(Drawer.place == place, Drawer.state == DrawerState.CLOSED.value)
        .order_by(Drawer.id)
        .with_for_update()
    ).all()
    sums = session.execute(
        select(DrawerMove.drawer_id, DrawerMove.payee_id, func.sum(DrawerMove.cash))
        .where(
            DrawerMove.drawer_id.in_([drawer.id for drawer in drawers]),
            DrawerMove.kind.in_((*TAKINGS, DrawerMoveKind.TO_BANK.value)),
            DrawerMove.payee_id.is_not(None),
        )
        .group_by(DrawerMove.drawer_id, DrawerMove.payee_id)
        .order_by(DrawerMove.payee_id, DrawerMove.drawer_id)
    ).all()
    by_payee: dict[int, list[tuple[int, Yen]]] = {}
    for drawer_id, payee_id, left in sums:
        if left and payee_id is not None:
            by_payee.setdefault(payee_id, []).append((drawer_id, left))
    known = {drawer.id: drawer for drawer in drawers}
    made = []
    for payee_id, parts in by_payee.items():
        total = sum((left for _drawer, left in parts), start=Yen(0))
        if not Yen(0) < total:
            # More went out than came in: the rest is carried to the next handing over.
            continue
        slip = PayingInSlip(
            reference=references.new("H"),
            payee_id=payee_id,
            place=place,
            business_day=_day(now),
            amount=total,
            account_id=clerk.account_id,
            made_at=now,
        )
        session.add(slip)
        session.flush()
        for drawer_id, left in parts:
            _note(
                session,
                known[drawer_id],
                DrawerMoveKind.TO_BANK,
                amount=-left,
                cash=-left,
                payee_id=payee_id,
                slip_id=slip.id,
                clerk=clerk,
                now=now,
            )
        audit.record(session, actor=clerk, action="cash.pay_in", subject_kind="slip", subject_ref=slip.reference)
        made.append(slip)
    if not made:
        raise NothingToPayIn(place)
    return made


def _opened(session: Session, *, clerk: Actor, place: str, fund: Yen, now: datetime) -> Drawer | None:
    made = session.scalar(
        insert(Drawer)
        .values(
            reference=references.new("D"),
            place=place,
            clerk_account_id=clerk.account_id,
            fund=fund,
            state=DrawerState.OPEN.value,
            opened_at=now,
            explanation="",
        )
        .on_conflict_do_nothing()
        .returning(Drawer.id)
    )
    if made is None:
        return None
    drawer = session.get_one(Drawer, made)
    _note(session, drawer, DrawerMoveKind.FUND, amount=fund, cash=fund, clerk=clerk, now=now)
    return drawer


def _shared(session: Session, drawer_id: int) -> Drawer:
    query = select(Drawer).where(Drawer.id == drawer_id).with_for_update(read=True)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _locked(session: Session, reference: str, clerk: Actor) -> Drawer:
    query = select(Drawer).where(Drawer.reference == reference).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if found is None or found.clerk_account_id != clerk.account_id:
        raise NoSuchDrawer(reference)
    return found


def _payee_of(session: Session, charge_id: int) -> int:
    return session.scalars(select(Charge.payee_id).where(Charge.id == charge_id)).one()


def _day(now: datetime) -> date:
    return clock.local(now).date()


def _note(
    session: Session,
    drawer: Drawer,
    kind: DrawerMoveKind,
    *,
    amount: Yen,
    cash: Yen,
    clerk: Actor,
    now: datetime,
    payee_id: int | None = None,
    payment_id: int | None = None,
    refund_id: int | None = None,
    slip_id: int | None = None,
    corrects_id: int | None = None,
    slip_number: str = "",
    note: str = "",
) -> None:
    session.add(
        DrawerMove(
            drawer_id=drawer.id,
            kind=kind.value,
            amount=amount,
            cash=cash,
            payee_id=payee_id,
            payment_id=payment_id,
            refund_id=refund_id,
            slip_id=slip_id,
            corrects_id=corrects_id,
            slip_number=slip_number[:40],
            note=note[:400],
            account_id=clerk.account_id,
            at=now,
        )
    )
    session.flush()
