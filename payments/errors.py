"""What payments refuses, with the facts. The words are in `payments/web/error_texts.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from portal.kernel.errors import Conflict, Forbidden, Gone, Invalid, NotFound, PortalError, Unavailable
from portal.kernel.money import Yen


@dataclass(eq=False)
class NoSuchCharge(NotFound):
    """No charge, refund or receipt has this reference, or it is somebody else's."""

    code: ClassVar[str] = "no_such_charge"
    reference: str


@dataclass(eq=False)
class NoSuchPayee(Invalid):
    """The city pack names no such payee."""

    code: ClassVar[str] = "no_such_payee"
    payee: str


@dataclass(eq=False)
class NoSuchBudgetItem(Invalid):
    """The city pack has no such budget item for the payee."""

    code: ClassVar[str] = "no_such_budget_item"
    budget_item: str


@dataclass(eq=False)
class NoSuchSuccession(NotFound):
    """The city pack names no such change of manager."""

    code: ClassVar[str] = "no_such_succession"
    reference: str


@dataclass(eq=False)
class ChargeDiffers(Conflict):
    """The same thing was charged already for the same purpose, with another sum, payee or lines."""

    code: ClassVar[str] = "charge_differs"
    reference: str


@dataclass(eq=False)
class ChargeSettled(Conflict):
    """There is nothing (more) to pay for this charge."""

    code: ClassVar[str] = "charge_settled"
    reference: str
    state: str


@dataclass(eq=False)
class NotJoinable(Conflict):
    """These charges cannot be paid in one sum.

    `reason` is too_few, other_payer, other_payee (money of two payees is two payments), not_open, too_large, other_year,
    voucher_out or ordered (from an account).
    """

    code: ClassVar[str] = "not_joinable"
    reference: str
    reason: str


@dataclass(eq=False)
class RefundByPart(Conflict):
    """Several charges were paid in this one sum: each is given back by its own reference."""

    code: ClassVar[str] = "refund_by_part"
    reference: str


@dataclass(eq=False)
class PayTermOver(Gone):
    """The time to pay has ended."""

    code: ClassVar[str] = "pay_term_over"
    reference: str


@dataclass(eq=False)
class NotPayableOnline(Conflict):
    """This charge can be paid at the counter only: `reason` is provider_off, payee_offline, too_small or too_large."""

    code: ClassVar[str] = "not_payable_online"
    reference: str
    reason: str


@dataclass(eq=False)
class ProviderDown(Unavailable):
    """The provider did not answer in time. Nothing was paid; trying again opens the same page."""

    code: ClassVar[str] = "provider_down"
    provider: str


@dataclass(eq=False)
class CashTooLittle(Invalid):
    """The clerk typed less cash than the charge."""

    code: ClassVar[str] = "cash_too_little"
    total: Yen
    received: Yen


@dataclass(eq=False)
class SlipMissing(Invalid):
    """A payment at the card terminal without the number of its slip."""

    code: ClassVar[str] = "slip_missing"
    reference: str


@dataclass(eq=False)
class SlipKnown(Conflict):
    """The slip of the card terminal was recorded for another payment."""

    code: ClassVar[str] = "slip_known"
    slip_number: str


@dataclass(eq=False)
class NoSuchDrawer(NotFound):
    """No drawer, paying-in slip or report has this reference, or it is another clerk's."""

    code: ClassVar[str] = "no_such_drawer"
    reference: str


@dataclass(eq=False)
class DrawerOpen(Conflict):
    """The clerk has a drawer open at this place."""

    code: ClassVar[str] = "drawer_open"
    reference: str


@dataclass(eq=False)
class DrawerClosed(Conflict):
    """The drawer was counted and closed."""

    code: ClassVar[str] = "drawer_closed"
    reference: str


@dataclass(eq=False)
class DifferenceUnexplained(Invalid):
    """The count differs from the journal (or an entry is put right), and nothing says why."""

    code: ClassVar[str] = "difference_unexplained"
    reference: str
    difference: Yen


@dataclass(eq=False)
class NothingOdd(NotFound):
    """No day and no notice lists this, or there is no such explanation."""

    code: ClassVar[str] = "nothing_odd"
    reference: str


@dataclass(eq=False)
class ExplanationDecided(Conflict):
    """Somebody has explained it already, or has decided on the explanation."""

    code: ClassVar[str] = "explanation_decided"
    reference: str


@dataclass(eq=False)
class NothingToPayIn(Conflict):
    """No closed drawer of the place holds money for the bank."""

    code: ClassVar[str] = "nothing_to_pay_in"
    place: str


@dataclass(eq=False)
class NotDueYet(Conflict):
    """督促 before the due date has passed, or with a term that is not after today."""

    code: ClassVar[str] = "not_due_yet"
    reference: str


@dataclass(eq=False)
class DemandedAlready(Conflict):
    """There is a 督促 for this charge: it is a legal act and happens once."""

    code: ClassVar[str] = "demanded_already"
    reference: str
    letter: str


@dataclass(eq=False)
class WriteOffDecided(Conflict):
    """The write-off is proposed or decided already, or the charge was settled meanwhile."""

    code: ClassVar[str] = "write_off_decided"
    reference: str


@dataclass(eq=False)
class SameSecondPerson(Conflict):
    """Nobody decides on a write-off that they proposed."""

    code: ClassVar[str] = "same_second_person"
    reference: str


@dataclass(eq=False)
class TransfersOff(Unavailable):
    """No service for registering account transfers is switched on: on paper only."""

    code: ClassVar[str] = "transfers_off"


@dataclass(eq=False)
class NoSuchTransfer(NotFound):
    """No such registration or tax, or it is somebody else's or not valid."""

    code: ClassVar[str] = "no_such_transfer"
    reference: str


@dataclass(eq=False)
class UnknownBank(Invalid):
    """No such bank or branch."""

    code: ClassVar[str] = "unknown_bank"
    bank_code: str
    branch_code: str


@dataclass(eq=False)
class TransferAnswerRefused(Conflict):
    """A bank's answer that is signed and cannot be taken: `reason` is stale, answered or no_mandate."""

    code: ClassVar[str] = "transfer_answer_refused"
    reference: str
    reason: str


@dataclass(eq=False)
class RefundTooLarge(Conflict):
    """More would go back than was paid and not yet promised back."""

    code: ClassVar[str] = "refund_too_large"
    reference: str
    refundable: Yen


@dataclass(eq=False)
class RefundNotReady(Conflict):
    """The refund is not in the state that this step needs."""

    code: ClassVar[str] = "refund_not_ready"
    reference: str
    state: str


@dataclass(eq=False)
class NotSold(Invalid):
    """Nothing was sold at the counter.

    `reason` is nothing (no number of anything), unknown (an item that is not on the list), mixed (money of two payees or kinds is two
    sales), too_many or price (the list changed since it was shown).
    """

    code: ClassVar[str] = "not_sold"
    reason: str


@dataclass(eq=False)
class NotCorrectable(Conflict):
    """A payment cannot be countered at the counter.

    `reason` is not_at_counter, several (paid in one sum with others), another_day, given_back (in part) or counted (the drawer was closed).
    """

    code: ClassVar[str] = "taking_not_correctable"
    reference: str
    reason: str


@dataclass(eq=False)
class AlreadyDisputed(Conflict):
    """The payer's bank has taken the money back, or is about to decide: a refund would pay twice."""

    code: ClassVar[str] = "already_disputed"
    reference: str


@dataclass(eq=False)
class SamePersonAgrees(Forbidden):
    """Who asked for a refund cannot be the one who agrees to it."""

    code: ClassVar[str] = "same_person_agrees"
    reference: str


@dataclass(eq=False)
class BadBankAccount(Invalid):
    """There is no such bank or branch."""

    code: ClassVar[str] = "bad_bank_account"
    account: str


@dataclass(eq=False)
class BadNotice(PortalError):
    """A notice without a valid, fresh signature. Nothing is kept of it."""

    code: ClassVar[str] = "bad_notice"
    status: ClassVar[int] = 400
    provider: str


@dataclass(eq=False)
class ChargeOrdered(Conflict):
    """The bank is about to take this charge from the payer's account; nobody takes the money in another way meanwhile."""

    code: ClassVar[str] = "charge_ordered"
    reference: str
