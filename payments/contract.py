"""What others say to payments, and what payments asks of them. Pure: no models, no database, no web.

A domain that wants money builds a `ChargeRequest`, hands it to `payments.services.raise_charge`, and registers one
`Payable` for its kind of thing. payments knows neither applications nor bookings: it knows a kind and a reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from portal.kernel.money import Yen

MAXIMUM = Yen(9_999_999)
"""The largest charge taken here: seven digits, the width of the city's payment slips; above it by invoice."""

DESCRIPTION_LENGTH = 22
"""Longest description, in characters: what a konbini voucher prints (Stripe, `product_description`)."""

CITY = "city"
"""Code of the payee that every city pack has: the city itself."""


JOINT = "charges"
"""`payable_kind` of a charge that asks for the sum of several others (`payments.joint`)."""


class TaxClass(StrEnum):
    """Consumption tax of one fee item (消費税法 別表第二; CASES M9). Amounts always include the tax."""

    STANDARD = "standard"
    """課税 10%: use of a facility, bulky waste."""
    REDUCED = "reduced"
    """軽減 8%: food and drink."""
    EXEMPT = "exempt"
    """非課税: fees for certificates, registrations, permits that a law or ordinance orders."""
    OUTSIDE = "outside"
    """不課税: taxes, deposits, penalties."""

    @property
    def percent(self) -> int:
        """The rate in percent; 0 where no tax is contained."""
        return {TaxClass.STANDARD: 10, TaxClass.REDUCED: 8}.get(self, 0)


class MoneyKind(StrEnum):
    """The kinds of public money that measure 1_12 counts."""

    CITY_TAX = "city_tax"
    OFFICE_FEE = "office_fee"
    FACILITY_FEE = "facility_fee"


class Verdict(StrEnum):
    """What a payable says to money that has arrived for it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Nothing can be given for it any more (the hold ended and the slot is gone): payments returns all of it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Why money may be asked for or given back: ordinance, article, in force since when (CASES M11)."""

    title: str
    article: str = ""
    since: date | None = None

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a ground names an ordinance, a law or a decision")

    def __str__(self) -> str:
        return f"{self.title} {self.article}".strip()


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One line of a charge.

    Attributes:
        label: words for the payer, in Japanese (city data).
        amount: whole yen, tax included; negative for a reduction.
        ground: the line's own ground.
        sample: True where no source gives the fee (shown as 見本).
        rule: which rule of which fee table made the line, for the person who checks it ("gym-2025/weekday-morning").
        label_en: the same words in English; empty where the city has none. Two lines that differ only in this are the same demand.
    """

    label: str
    amount: Yen
    tax: TaxClass
    ground: Ground
    sample: bool = False
    rule: str = ""
    label_en: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _whole_yen(self.amount)
        if not self.label.strip():
            raise ValueError("a line of a charge has words for the payer")


@dataclass(frozen=True, slots=True)
class Payer:
    """Who is asked to pay. The name is kept exactly as written (no normalisation)."""

    person_id: int | None
    account_id: int | None
    name: str
    email: str | None = None
    locale: str = "ja"


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A demand for money; (payable_kind, payable_ref, purpose) is asked for once, however often it is sent.

    Attributes:
        payable_kind: `Payable.kind` of a registered payable, such as "booking".
        payable_ref: the thing's own reference.
        purpose: "fee", or another word for a further charge on the same thing ("correction-1").
        payee: code of a payee (`CITY`, or one of the city pack's).
        description: at most 22 characters, shown by the provider; never a name or another personal fact.
        description_en: the same in English; "": the city has no English words for it.
        pay_until: aware; the end of the hold or the due date; None: no end.
        ground: ground of the whole charge.
        budget_item: code of a budget item of the city pack; "": the payee's usual one for this kind of money.
        term_end: last day of the term (納期の末日) of revenue by term such as taxes; of another charge the day by which it is to be
            paid where it does not end then.
        alone: it is never paid in one sum with others.
        receipt: whether there is a receipt for what is paid online; at a counter there always is one.
        from_account: whether it is taken, in the month in which it is due, from an account that the payer registered for such money.
        performed_on: the day of use or service that the money is for, where it is known (prepaid fees are handed over by it).
    """

    payable_kind: str
    payable_ref: str
    payer: Payer
    payee: str
    money_kind: MoneyKind
    lines: Sequence[ChargeLine]
    description: str
    ground: Ground
    purpose: str = "fee"
    pay_until: datetime | None = None
    budget_item: str = ""
    term_end: date | None = None
    performed_on: date | None = None
    alone: bool = False
    receipt: bool = True
    description_en: str = field(default="", compare=False)
    from_account: bool = False

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError("a charge has at least one line")
        if not 0 < len(self.description) <= DESCRIPTION_LENGTH:
            raise ValueError(f"the description has 1 to {DESCRIPTION_LENGTH} characters: {self.description!r}")
        if self.pay_until is not None and self.pay_until.tzinfo is None:
            raise ValueError("pay_until is aware")
        if not Yen(0) <= self.total <= MAXIMUM:
            raise ValueError(f"a charge is 0 to {MAXIMUM}: {self.total}")

    @property
    def total(self) -> Yen:
        """What is to be paid: the sum of the lines."""
        return sum((line.amount for line in self.lines), start=Yen(0))


class Payable(Protocol):
    """What a domain hands over so that its things can be paid.

    The functions run inside payments' transaction and may lock their own rows (order: person, group, units);
    payments locks its charge only afterwards. All of them are called again after a crash: the same call gives the same
    answer.
    """

    kind: str

    def on_paid(self, session: Any, ref: str, *, charge_ref: str, paid_at: datetime, now: datetime) -> Verdict:
        """Money for the whole charge is there. Confirm the thing, or refuse the money.

        Also called for a charge of 0 yen (by a job, at once), and for money that came after `void_charge`: take the
        slot again if it is free and say ACCEPTED, else say REFUSED and payments returns everything. A thing that this
        very charge has confirmed already answers ACCEPTED.

        Args:
            session: the running transaction (`sqlalchemy.orm.Session`).
            ref: the payable's reference.
            charge_ref: the charge's reference.
            paid_at: when the payer paid (委託日), aware.
            now: the moment of processing, aware.
        """
        ...

    def on_refunded(self, session: Any, ref: str, *, charge_ref: str, amount: Yen, now: datetime) -> None:
        """Money of an accepted payment went back to the payer; `amount` is this refund's.

        Not called for money that was refused or paid twice.
        """
        ...

    def page(self, ref: str) -> str:
        """The path (not the address) that a resident returns to."""
        ...


@runtime_checkable
class Waits(Protocol):
    """What a payable may also do: keep its thing while a voucher is out (CASES M2).

    One that does not is offered a voucher all the same, where the voucher ends within the charge's term.
    """

    def on_waiting(self, session: Any, ref: str, *, charge_ref: str, until: datetime, now: datetime) -> None:
        """A voucher or an account number was given out. Keep the thing until `until`: its end and the longest delay of a notice.

        Called again for the same voucher; a thing that is gone already stays gone.
        """
        ...


@runtime_checkable
class Prolongs(Protocol):
    """What a payable may also do: keep its thing longer while somebody pays (3-D Secure takes time; WCAG 2.2.1)."""

    def on_opening(self, session: Any, ref: str, *, charge_ref: str, now: datetime) -> datetime | None:
        """The payer goes to the payment page. Until when the thing is kept, and may be paid, from now on; None: as before."""
        ...


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter at which money is taken by hand; "" where something is not known. `open`: when the house is open."""

    name: str
    address: str = ""
    phone: str = ""
    open: str = ""


@runtime_checkable
class TakenAt(Protocol):
    """What a payable may also do: say at which counter its money is taken. One that does not is paid at the city's offices."""

    def counter(self, session: Any, ref: str, *, locale: str, now: datetime) -> Counter | None:
        """The counter, in the payer's language."""
        ...


_payables: dict[str, Payable] = {}


def register(payable: Payable) -> None:
    """Make one kind of thing payable. Registering a kind again replaces it (each app builds its own)."""
    _payables[payable.kind] = payable


def payable(kind: str) -> Payable:
    """The registered payable of a kind.

    Raises:
        LookupError: nobody registered the kind.
    """
    try:
        return _payables[kind]
    except KeyError:
        raise LookupError(f"no payable is registered for {kind!r}; known: {sorted(_payables)}") from None


@dataclass(frozen=True, slots=True)
class Offer:
    """What of one kind of money can be paid through payments now (measure 1_12).

    Attributes:
        count: how many published things ask for such money.
        evidence: one mapping for each, or for some: {"title": "犬の登録", "address": "/procedures/dog-registration"}.
    """

    count: int
    evidence: Sequence[Mapping[str, str]] = ()


OfferOf = Callable[[Any], Offer]
_offers: dict[MoneyKind, OfferOf] = {}


def offers(kind: MoneyKind, offer_of: OfferOf) -> None:
    """Hand over what is published of one kind of money: a function of the session."""
    _offers[kind] = offer_of


def offer_functions() -> Mapping[MoneyKind, OfferOf]:
    """What was handed over, by kind."""
    return dict(_offers)


def _whole_yen(amount: object) -> None:
    if not isinstance(amount, Yen):
        raise TypeError(f"an amount is Yen, not {type(amount).__name__}")
