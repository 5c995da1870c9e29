"""日計表: what the drawers took on a day, by place and clerk, and the paying-in slips. Each in a fixed number of statements.

A day's report is made of the entries of that day, whenever their drawer was opened, and says how things stood at its end. So money is
on the report of the day on which it was taken, and what happens later changes no report of an earlier day.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from payments.contract import JOINT
from payments.errors import NoSuchDrawer
from payments.models import (
    Charge,
    Drawer,
    DrawerMove,
    DrawerMoveKind,
    Payee,
    PayingInSlip,
    Payment,
    Refund,
)
from portal.accounts.models import Account
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

COLUMNS = (
    "場所",
    "担当",
    "レジ",
    "状態",
    "つり銭準備金",
    "受取先",
    "お金の種類",
    "方法",
    "件数",
    "金額",
    "現金過不足",
    "説明",
    "開いた日",
    "前の日からの現金",
)
KINDS = {"city_tax": "市税", "office_fee": "手数料", "facility_fee": "施設使用料"}
_CARDS = ("card", "card_correction")
_FUND = (DrawerMoveKind.FUND.value, DrawerMoveKind.CORRECTION.value)
METHODS = {
    "cash": "現金",
    "card": "カード端末",
    "refund": "現金の払戻し",
    "cash_correction": "現金の訂正",
    "card_correction": "カード端末の訂正",
}


@dataclass(frozen=True)
class MoveView:
    """One entry of the journal."""

    id: int
    kind: str
    amount: Yen
    cash: Yen
    at: datetime
    note: str
    slip_number: str
    charge_ref: str | None
    description: str
    correctable: bool
    """A payment of today that nothing countered, in a drawer that is open, and that was not for several charges in one sum."""
    several: bool
    """A payment for several charges in one sum: finance gives each back by itself."""


@dataclass
class Line:
    """Takings of one drawer of one payee, kind of money and way."""

    payee: str
    money_kind: str
    method: str
    count: int = 0
    amount: Yen = field(default_factory=lambda: Yen(0))


@dataclass
class DrawerDay:
    """One drawer on the day's report."""

    reference: str
    place: str
    clerk: str
    own: bool
    open: bool
    fund: Yen
    expected: Yen
    counted: Yen | None
    difference: Yen
    explanation: str
    to_bank: Yen
    opened_at: datetime
    closed_at: datetime | None
    since: date | None = None
    """The day on which it was opened, where that was an earlier one; its cash of then is `carried`."""
    carried: Yen = field(default_factory=lambda: Yen(0))
    lines: list[Line] = field(default_factory=list)

    @property
    def takings(self) -> Yen:
        """Cash taken less cash handed back."""
        return sum((line.amount for line in self.lines if line.method not in _CARDS), start=Yen(0))

    @property
    def cards(self) -> Yen:
        """What the card terminal took."""
        return sum((line.amount for line in self.lines if line.method in _CARDS), start=Yen(0))


def daily(
    session: Session,
    day: date,
    *,
    place: str = "",
    within: Collection[str] | None = None,
    viewer: Actor | None = None,
) -> Sequence[DrawerDay]:
    """What the drawers took on a day (by the clock in Japan), by place and clerk. Two statements.

    A drawer is there that was opened, stood open or has an entry on that day. State, count and cash are those at the end of the day.

    Args:
        session: the transaction.
        day: the day; of one that has not begun there is nothing.
        place: only this one; "" for all.
        within: only these places; None: all.
        viewer: whose drawers are marked as their own.
    """
    if day > clock.today():
        return []
    start = datetime.combine(day, time.min, clock.TOKYO)
    end = start + timedelta(days=1)
    entry = select(DrawerMove.id).where(DrawerMove.drawer_id == Drawer.id, DrawerMove.at >= start, DrawerMove.at < end)
    query = (
        select(Drawer, Account.display_name)
        .outerjoin(Account, Account.id == Drawer.clerk_account_id)
        .where(
            Drawer.opened_at < end,
            or_(Drawer.opened_at >= start, Drawer.closed_at.is_(None), Drawer.closed_at >= start, entry.exists()),
        )
        .order_by(Drawer.place, Drawer.id)
    )
    if place:
        query = query.where(Drawer.place == place)
    if within is not None:
        query = query.where(Drawer.place.in_(within))
    found = {
        row.Drawer.id: _as_of(row.Drawer, row.display_name or "", start, end, viewer) for row in session.execute(query)
    }
    moves = session.execute(
        select(DrawerMove, Payee.name, Charge.money_kind)
        .outerjoin(Payee, Payee.id == DrawerMove.payee_id)
        .outerjoin(Charge, Charge.id == _charge_of())
        .where(DrawerMove.drawer_id.in_(found), DrawerMove.at < end)
        .order_by(DrawerMove.id)
    )
    for row in moves:
        drawer = found[row.DrawerMove.drawer_id]
        if row.DrawerMove.kind in _FUND and row.DrawerMove.payee_id is None:
            drawer.fund += row.DrawerMove.cash
        if drawer.open:
            drawer.expected += row.DrawerMove.cash
        if row.DrawerMove.at < start:
            drawer.carried += row.DrawerMove.cash
        else:
            _add(drawer, row.DrawerMove, row.name or "", row.money_kind or "")
    return list(found.values())


def _as_of(drawer: Drawer, clerk: str, start: datetime, end: datetime, viewer: Actor | None) -> DrawerDay:
    """A drawer as it stood at the end of a day, without its entries."""
    closed = drawer.closed_at is not None and drawer.closed_at < end
    return DrawerDay(
        reference=drawer.reference,
        place=drawer.place,
        clerk=clerk,
        own=viewer is not None and drawer.clerk_account_id == viewer.account_id,
        open=not closed,
        fund=Yen(0),
        expected=(drawer.expected or Yen(0)) if closed else Yen(0),
        counted=drawer.counted if closed else None,
        difference=Yen(0),
        explanation=drawer.explanation if closed else "",
        to_bank=Yen(0),
        opened_at=drawer.opened_at,
        closed_at=drawer.closed_at if closed else None,
        since=clock.local(drawer.opened_at).date() if drawer.opened_at < start else None,
    )


def journal(
    session: Session, reference: str, *, clerk: Actor, anybodys: bool = False
) -> tuple[Drawer, Sequence[MoveView]]:
    """One drawer of the clerk with its entries, newest first; any drawer where the clerk looks for finance.

    Raises:
        NoSuchDrawer: unknown, or another clerk's.
    """
    drawer = session.scalars(select(Drawer).where(Drawer.reference == reference)).one_or_none()
    if drawer is None or (drawer.clerk_account_id != clerk.account_id and not anybodys):
        raise NoSuchDrawer(reference)
    rows = session.execute(
        select(DrawerMove, Charge.reference, Charge.description, Charge.payable_kind)
        .outerjoin(Charge, Charge.id == _charge_of())
        .where(DrawerMove.drawer_id == drawer.id)
        .order_by(DrawerMove.id.desc())
    )
    countered = set(
        session.scalars(
            select(DrawerMove.corrects_id).where(DrawerMove.drawer_id == drawer.id, DrawerMove.corrects_id.is_not(None))
        )
    )
    return drawer, [
        MoveView(
            row.DrawerMove.id,
            row.DrawerMove.kind,
            row.DrawerMove.amount,
            row.DrawerMove.cash,
            row.DrawerMove.at,
            row.DrawerMove.note,
            row.DrawerMove.slip_number,
            row.reference,
            row.description or "",
            drawer.is_open
            and row.DrawerMove.payment_id is not None
            and row.DrawerMove.id not in countered
            and row.payable_kind != JOINT
            and clock.local(row.DrawerMove.at).date() == clock.today(),
            row.DrawerMove.payment_id is not None and row.payable_kind == JOINT,
        )
        for row in rows
    ]


@dataclass(frozen=True)
class SlipView:
    """One 払込書."""

    reference: str
    payee: str
    place: str
    business_day: date
    amount: Yen
    difference: Yen
    made_at: datetime
    clerk: str


def slips(session: Session, day: date, *, within: Collection[str] | None = None) -> Sequence[SlipView]:
    """The paying-in slips of a day; only of these places where they are named."""
    condition = PayingInSlip.business_day == day
    if within is not None:
        condition = and_(condition, PayingInSlip.place.in_(within))
    return [_slip(session, row) for row in _slip_rows(session, condition)]


def slip(session: Session, reference: str) -> SlipView:
    """One paying-in slip.

    Raises:
        NoSuchDrawer: unknown reference.
    """
    rows = _slip_rows(session, PayingInSlip.reference == reference)
    if not rows:
        raise NoSuchDrawer(reference)
    return _slip(session, rows[0])


def as_csv(drawers: Sequence[DrawerDay], places: dict[str, str]) -> str:
    """The daily report as CSV: one line for each drawer, payee, kind of money and way."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for drawer in drawers:
        head = [
            places.get(drawer.place, drawer.place),
            drawer.clerk,
            drawer.reference,
            "開いている" if drawer.open else "締めた",
            drawer.fund.amount,
        ]
        since = clock.local(drawer.opened_at).date().isoformat()
        tail = [drawer.difference.amount, drawer.explanation, since, drawer.carried.amount]
        for line in drawer.lines or [Line("", "", "")]:
            kind, method = KINDS.get(line.money_kind, ""), METHODS.get(line.method, "")
            writer.writerow([*head, line.payee, kind, method, line.count, line.amount.amount, *tail])
            tail = [0, "", since, 0]
    return stream.getvalue()


def _charge_of() -> ColumnElement[int]:
    """The charge that an entry is about, through its payment or its refund."""
    by_payment = select(Payment.charge_id).where(Payment.id == DrawerMove.payment_id).scalar_subquery()
    by_refund = select(Refund.charge_id).where(Refund.id == DrawerMove.refund_id).scalar_subquery()
    return func.coalesce(by_payment, by_refund)


def _add(drawer: DrawerDay, move: DrawerMove, payee: str, money_kind: str) -> None:
    kind = DrawerMoveKind(move.kind)
    if kind is DrawerMoveKind.TO_BANK:
        drawer.to_bank -= move.cash
    if kind is DrawerMoveKind.DIFFERENCE:
        drawer.difference += move.amount
    method = kind.value
    if kind is DrawerMoveKind.CORRECTION and move.payee_id is not None:
        method = "cash_correction" if move.cash else "card_correction"
    if method not in METHODS:
        return
    for line in drawer.lines:
        if (line.payee, line.money_kind, line.method) == (payee, money_kind, method):
            break
    else:
        line = Line(payee, money_kind, method)
        drawer.lines.append(line)
    line.count += 1
    line.amount += move.amount


def _slip_rows(session: Session, condition: ColumnElement[bool]) -> list[tuple[PayingInSlip, str, str]]:
    rows = session.execute(
        select(PayingInSlip, Payee.name, Account.display_name)
        .join(Payee, Payee.id == PayingInSlip.payee_id)
        .outerjoin(Account, Account.id == PayingInSlip.account_id)
        .where(condition)
        .order_by(PayingInSlip.id)
    )
    return [(row[0], row[1], row[2] or "") for row in rows]


def _slip(session: Session, row: tuple[PayingInSlip, str, str]) -> SlipView:
    found, payee, clerk = row
    drawers = select(DrawerMove.drawer_id).where(DrawerMove.slip_id == found.id)
    differences = session.scalars(
        select(DrawerMove.amount).where(
            DrawerMove.drawer_id.in_(drawers),
            DrawerMove.kind == DrawerMoveKind.DIFFERENCE.value,
            DrawerMove.payee_id == found.payee_id,
        )
    )
    return SlipView(
        found.reference,
        payee,
        found.place,
        found.business_day,
        found.amount,
        sum(differences, start=Yen(0)),
        found.made_at,
        clerk,
    )
