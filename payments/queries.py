"""What pages show of payments, each in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, case, select
from sqlalchemy.orm import Session, aliased

from payments import gateways, ledger, lines, switches
from payments.contract import JOINT, MoneyKind, TaxClass
from payments.errors import NoSuchCharge
from payments.methods import Method
from payments.models import (
    Charge,
    ChargePayer,
    ChargeYear,
    GroundRow,
    Payee,
    Payment,
    PaymentAttempt,
    Receipt,
    Recipient,
    Refund,
)
from payments.paid import going, of_charge, of_purpose, on_the_way
from payments.states import LIVE_ATTEMPTS, ON_THE_WAY, WAITING, AttemptState, ChargeState, RefundState
from portal.kernel import clock
from portal.kernel.money import Yen


@dataclass(frozen=True)
class LineView:
    """One line as the payer sees it."""

    label: str
    amount: Yen
    tax: TaxClass
    ground: str
    sample: bool
    rule: str
    label_en: str = ""


@dataclass(frozen=True)
class RefundView:
    """One refund; a failed one that was sent again is shown as the one that replaces it."""

    reference: str
    amount: Yen
    kind: str
    ground: str
    state: RefundState
    in_cash: bool
    to_bank: bool
    to_heir: bool
    requested_at: datetime
    payment_accepted: bool
    at_terminal: bool = False
    booked_as: str | None = None
    reason: str = ""
    evidence: str = ""
    account_evidence: str = ""


@dataclass(frozen=True)
class PayeeView:
    """Who receives the money."""

    code: str
    kind: str
    name: str
    name_en: str
    registration_number: str | None
    sample: bool


@dataclass(frozen=True)
class PartView:
    """One of several charges that a sum is made of; `description` in Japanese, `description_en` "" where there is none."""

    reference: str
    description: str
    description_en: str
    total: Yen
    state: ChargeState
    payable_kind: str
    payable_ref: str
    back: RefundState | None = None
    """As `ChargeView.back`, without its particulars."""

    def called(self, locale: str) -> str:
        """What it is for, in the reader's language where the city has the words."""
        return self.description_en if locale == "en" and self.description_en else self.description


@dataclass(frozen=True)
class ChargeView:
    """A charge with everything that a page shows of it.

    Attributes:
        receipt: whether there is a receipt for what is paid online.
        from_account: whether it is taken from an account that the payer registered.
        due_on: the last day of its term (納期限) where it has one; it may be paid until `pay_until`.
        joined_to: the charge that asks for the sum of this and others; None: it is paid by itself.
        parts: the charges that this one asks for the sum of; those that left it are not among them.
    """

    reference: str
    payable_kind: str
    payable_ref: str
    total: Yen
    state: ChargeState
    description: str
    money_kind: MoneyKind
    ground: str
    payee: PayeeView
    pay_until: datetime | None
    created_at: datetime
    lines: Sequence[LineView]
    refunds: Sequence[RefundView]
    paid_at: datetime | None
    paid_by: str | None
    receipt_ref: str | None
    sent_back: Yen
    attempt: AttemptState | None
    not_online_because: str | None
    methods: Sequence[Method]
    voucher_until: datetime | None
    payer_account_id: int | None
    payer_person_id: int | None
    payer_locale: str
    due_on: date | None = None
    receipt: bool = True
    joined_to: str | None = None
    parts: Sequence[PartView] = ()
    description_en: str = ""
    alone: bool = False
    from_account: bool = False

    @property
    def waits(self) -> bool:
        """Whether money is asked for, by itself or in one sum with others."""
        return self.state in WAITING

    @property
    def pay_ref(self) -> str:
        """The charge on whose page this one is paid."""
        return self.joined_to if self.joined_to is not None else self.reference

    def called(self, locale: str) -> str:
        """What it is for; in English the city's English words, or those of its first line before the Japanese ones."""
        if locale == "en" and self.description_en:
            return self.description_en
        english = self.lines[0].label_en if self.lines and self.payable_kind != JOINT else ""
        return f"{english} ({self.description})" if locale == "en" and english else self.description

    @property
    def sample(self) -> bool:
        """Whether any line is sample data (見本)."""
        return any(line.sample for line in self.lines)

    @property
    def refunded(self) -> Yen:
        """What was promised back of the accepted payment."""
        return sum((refund.amount for refund in self.refunds if refund.payment_accepted), start=Yen(0))

    @property
    def back(self) -> RefundState | None:
        """Where the money stands that was promised back and is not with the payer yet; None: nothing is on the way."""
        open_ = {refund.state for refund in self.refunds if refund.payment_accepted}
        return next((state for state in ON_THE_WAY if state in open_), None)

    def payable_now(self, now: datetime) -> bool:
        """Whether money is asked for and the term has not ended."""
        return self.state is ChargeState.OPEN and (self.pay_until is None or now < self.pay_until)


def charge_of(session: Session, payable_kind: str, payable_ref: str, purpose: str = "fee") -> ChargeView | None:
    """The charge of something payable, the newest where it was raised anew; None where nothing was charged. Six statements."""
    newest = (
        select(Charge.id)
        .where(Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref, of_purpose(purpose))
        .order_by(Charge.id.desc())
        .limit(1)
    )
    return _view(session, _charges().where(Charge.id == newest.scalar_subquery()))


def current_charge(session: Session, payable_kind: str, payable_ref: str) -> ChargeView | None:
    """The charge that matters now: the newest one that waits for money, else the first. Five statements."""
    waiting = Charge.state.in_([state.value for state in WAITING])
    wanted = (
        select(Charge.id)
        .where(Charge.payable_kind == payable_kind, Charge.payable_ref == payable_ref)
        .order_by(
            waiting.desc(), (Charge.state == ChargeState.VOID.value), case((waiting, -Charge.id), else_=Charge.id)
        )
        .limit(1)
    )
    return _view(session, _charges().where(Charge.id == wanted.scalar_subquery()))


def open_charges(session: Session, payable_kind: str, payable_ref: str) -> list[tuple[str, str]]:
    """(reference, purpose) of every charge on a thing that waits for money, oldest first. One statement."""
    rows = session.execute(
        select(Charge.reference, Charge.purpose)
        .where(
            Charge.payable_kind == payable_kind,
            Charge.payable_ref == payable_ref,
            Charge.state.in_([state.value for state in WAITING]),
        )
        .order_by(Charge.id)
    )
    return [(row.reference, row.purpose) for row in rows]


def charge(session: Session, reference: str) -> ChargeView:
    """A charge by its reference. Six statements.

    Raises:
        NoSuchCharge: unknown reference.
    """
    found = _view(session, _charges().where(Charge.reference == reference))
    if found is None:
        raise NoSuchCharge(reference)
    return found


def _charges() -> Select[Charge, Payee, GroundRow, ChargePayer, str | None, date | None]:
    whole = aliased(Charge)
    return (
        select(Charge, Payee, GroundRow, ChargePayer, whole.reference.label("joined_to"), ChargeYear.term_end)
        .outerjoin(whole, whole.id == Charge.joined_to_id)
        .join(Payee, Payee.id == Charge.payee_id)
        .join(GroundRow, GroundRow.id == Charge.ground_id)
        .outerjoin(ChargePayer, ChargePayer.charge_id == Charge.id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
    )


def _view(
    session: Session, query: Select[Charge, Payee, GroundRow, ChargePayer, str | None, date | None]
) -> ChargeView | None:
    row = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        return None
    found, payee, ground, payer = row.Charge, row.Payee, row.GroundRow, row.ChargePayer
    payments = session.execute(
        select(Payment, Receipt.reference)
        .join(Charge, of_charge())
        .outerjoin(Receipt, Receipt.payment_id == Payment.id)
        .where(Charge.id == found.id)
        .order_by(Payment.id)
    ).all()
    settled = next((each for each in payments if each.Payment.accepted), None)
    attempt = session.execute(
        select(PaymentAttempt.state, PaymentAttempt.voucher_until).where(
            PaymentAttempt.charge_id == found.id, PaymentAttempt.state.in_([state.value for state in LIVE_ATTEMPTS])
        )
    ).one_or_none()
    why_not, offering = switches.why_not_online(
        session,
        total=found.total,
        money_kind=MoneyKind(found.money_kind),
        merchant=payee.merchant,
        pay_until=found.pay_until,
        now=clock.now(),
    )
    return ChargeView(
        reference=found.reference,
        payable_kind=found.payable_kind,
        payable_ref=found.payable_ref,
        total=found.total,
        state=ChargeState(found.state),
        description=found.description,
        description_en=found.description_en,
        money_kind=MoneyKind(found.money_kind),
        ground=str(ground),
        payee=_payee(payee),
        pay_until=found.pay_until,
        created_at=found.created_at,
        lines=_lines(session, found.id),
        refunds=_refunds(session, found.id),
        paid_at=settled.Payment.paid_at if settled else None,
        paid_by=settled.Payment.method if settled else None,
        receipt_ref=settled.reference if settled else None,
        sent_back=sum((each.Payment.amount for each in payments if not each.Payment.accepted), start=Yen(0)),
        attempt=AttemptState(attempt.state) if attempt else None,
        not_online_because=why_not,
        methods=offering.methods,
        voucher_until=attempt.voucher_until if attempt else None,
        payer_account_id=payer.account_id if payer else None,
        payer_person_id=payer.person_id if payer else None,
        payer_locale=payer.locale if payer else "ja",
        due_on=row.term_end,
        receipt=found.receipt,
        joined_to=row.joined_to,
        parts=_parts(session, found) if found.payable_kind == JOINT else (),
        alone=found.alone,
        from_account=found.from_account,
    )


def _parts(session: Session, found: Charge) -> list[PartView]:
    rows = session.execute(
        select(Charge, on_the_way().label("back")).where(Charge.joined_to_id == found.id).order_by(Charge.id)
    )
    return [
        PartView(
            each.reference,
            each.description,
            each.description_en,
            each.total,
            ChargeState(each.state),
            each.payable_kind,
            each.payable_ref,
            going(back=back),
        )
        for each, back in rows
    ]


def _payee(payee: Payee) -> PayeeView:
    return PayeeView(
        payee.code, payee.kind, payee.name, payee.name_en or payee.name, payee.registration_number, payee.sample
    )


def _lines(session: Session, charge_id: int) -> list[LineView]:
    return [
        LineView(line.label, line.amount, line.tax, str(line.ground), line.sample, line.rule, line.label_en)
        for line in lines.of_charge(session, charge_id)
    ]


def _refunds(session: Session, charge_id: int) -> list[RefundView]:
    rows = session.execute(
        select(Refund, GroundRow, Payment)
        .join(GroundRow, GroundRow.id == Refund.ground_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where((Refund.charge_id == charge_id) | (Refund.part_id == charge_id))
        .order_by(Refund.id)
    ).all()
    replaced = {row.Refund.replaces_id for row in rows}
    return [
        RefundView(
            reference=row.Refund.reference,
            amount=row.Refund.amount,
            kind=row.Refund.kind,
            ground=str(row.GroundRow),
            state=RefundState(row.Refund.state),
            in_cash=row.Refund.provider == ledger.CASH_PROVIDER,
            to_bank=row.Refund.provider == ledger.BANK_PROVIDER,
            to_heir=row.Refund.recipient == Recipient.HEIR.value,
            requested_at=row.Refund.requested_at,
            payment_accepted=row.Payment.accepted,
            at_terminal=row.Refund.provider == ledger.TERMINAL_PROVIDER,
            booked_as=row.Refund.booked_as,
            reason=row.Refund.reason,
            evidence=row.Refund.evidence,
            account_evidence=row.Refund.account_evidence,
        )
        for row in rows
        if row.Refund.id not in replaced
    ]


@dataclass(frozen=True)
class TaxGroup:
    """The lines of one tax class on a receipt: amount with tax, and the tax in it, rounded once (down) per rate."""

    tax: TaxClass
    amount: Yen
    contained: Yen


def tax_groups(lines: Sequence[LineView]) -> list[TaxGroup]:
    """One group per tax class, in the order of the classes (消費税法 施行令70条の10: one rounding per rate)."""
    groups = []
    for tax in TaxClass:
        amounts = [line.amount for line in lines if line.tax is tax]
        if amounts:
            amount = sum(amounts, start=Yen(0))
            # Integer arithmetic on the absolute value: a group that reductions made negative rounds the same way.
            contained = abs(amount.amount) * tax.percent // (100 + tax.percent)
            groups.append(TaxGroup(tax, amount, Yen(contained if amount.amount >= 0 else -contained)))
    return groups


@dataclass(frozen=True)
class ReceiptView:
    """A receipt with what is printed on it."""

    receipt_id: int
    reference: str
    number: int
    issued_at: datetime
    issued_before: int
    payer_name: str
    charge: ChargeView
    amount: Yen
    method: str
    place: str | None
    paid_at: datetime
    cash_received: Yen | None
    groups: Sequence[TaxGroup]


def provider_name() -> str | None:
    """The code of the provider that opens new pages; None where there is none."""
    gateway = gateways.online()
    return gateway.code if gateway else None


def open_refs(session: Session, payable_kind: str, payable_refs: Sequence[str]) -> set[str]:
    """Which of these things wait for their fee to be paid (lists of cases and bookings). One statement."""
    found = session.scalars(
        select(Charge.payable_ref).where(
            Charge.payable_kind == payable_kind,
            Charge.payable_ref.in_(payable_refs),
            of_purpose("fee"),
            Charge.state.in_([state.value for state in WAITING]),
        )
    )
    return set(found)


def receipt_of(session: Session, charge_ref: str) -> str | None:
    """The receipt of a charge's accepted payment; None where there is none. One statement."""
    return session.scalar(
        select(Receipt.reference)
        .join(Payment, Payment.id == Receipt.payment_id)
        .join(Charge, of_charge() & Payment.accepted)
        .where(Charge.reference == charge_ref)
    )
