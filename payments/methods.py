"""The ways to pay online, what each takes, and which of them a charge is offered. Pure.

Amounts and times are decided here, before a provider is called. Sources (docs.stripe.com): /payments/konbini (¥120 to
¥300,000, voucher ends at 23:59:59 in Japan after 1 to 60 days), /payments/paypay (¥50 to ¥1,000,000, refunds for 365 days, no
connected accounts, no disputes), /currencies#minimum-and-maximum-charge-amounts (¥50), /webhooks (a notice is repeated for three days),
/api/checkout/sessions (22 characters in kana, 17 in kanji on a card's statement; 30 minutes to 24 hours).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from payments.contract import MAXIMUM, MoneyKind
from portal.kernel import clock
from portal.kernel.money import Yen


class Method(StrEnum):
    """A way to pay online; the words are the provider's."""

    CARD = "card"
    """Cards, JCB among them; Apple Pay and Google Pay are cards in a telephone and come with it."""
    PAYPAY = "paypay"
    KONBINI = "konbini"
    """A voucher, paid in a shop within days."""
    BANK_TRANSFER = "customer_balance"
    """A transfer to an account number made for this payer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one way to pay takes.

    Attributes:
        waits: the money comes hours or days after the payer has left the page.
        refunds_for: how long the provider can send money back the same way; None: never, a bank account is asked for;
            zero: no end.
        connected: whether accounts of other payees (`acct_…`) can have it.
    """

    smallest: Yen
    largest: Yen
    waits: bool = False
    refunds_for: timedelta | None = timedelta(0)
    connected: bool = True


RULES: Mapping[Method, Rule] = {
    Method.CARD: Rule(Yen(50), MAXIMUM),
    Method.PAYPAY: Rule(Yen(50), Yen(1_000_000), refunds_for=timedelta(days=365), connected=False),
    Method.KONBINI: Rule(Yen(120), Yen(300_000), waits=True, refunds_for=None),
    Method.BANK_TRANSFER: Rule(Yen(50), MAXIMUM, waits=True, refunds_for=None),
}

DEFAULT = (Method.CARD,)
"""What is switched on where nobody has said anything."""

VOUCHER_DAYS = 3
"""How many days a voucher is good for where no term ends earlier (the provider's own default)."""

LONGEST_NOTICE_DELAY = timedelta(days=3)
"""A notice is repeated for three days; what was paid in time may be told that much later (CASES M2)."""

STATEMENT: Mapping[MoneyKind, tuple[str, str]] = {
    MoneyKind.CITY_TAX: ("シゼイ", "市税"),
    MoneyKind.OFFICE_FEE: ("テスウリョウ", "手数料"),
    MoneyKind.FACILITY_FEE: ("シセツシヨウリョウ", "施設使用料"),
}
"""What follows the city's name on a card's statement: in kana (22 characters with the name) and in kanji (17)."""


@dataclass(frozen=True, slots=True)
class Offering:
    """What a charge is offered: the ways to pay, and how many days a voucher is good for (None: no voucher)."""

    methods: tuple[Method, ...]
    voucher_days: int | None = None


def voucher_end(now: datetime, days: int) -> datetime:
    """When a voucher taken now ends: 23:59:59 in Japan, so many days from today."""
    day = clock.local(now).date() + timedelta(days=days)
    return datetime.combine(day, time(23, 59, 59), clock.TOKYO)


def voucher_days(now: datetime, pay_until: datetime | None) -> int | None:
    """How many days a voucher may be good for so that it ends no later than the charge's term; None: it cannot."""
    for days in range(VOUCHER_DAYS, 0, -1):
        if pay_until is None or voucher_end(now, days) <= pay_until:
            return days
    return None


def kept_until(end: datetime) -> datetime:
    """Until when the thing behind a voucher is kept: its end and the longest delay of a notice (CASES M2)."""
    return end + LONGEST_NOTICE_DELAY


def offer(
    total: Yen,
    *,
    switched: Iterable[Method],
    served: Collection[Method],
    merchant: str,
    pay_until: datetime | None,
    now: datetime,
) -> Offering:
    """Which ways to pay a charge has now.

    Args:
        total: what is owed.
        switched: the ways that finance has switched on for this kind of money.
        served: the ways that the provider serves.
        merchant: the payee's account at the provider.
        pay_until: the end of the hold or of the term, aware; a voucher or a transfer never ends after it.
        now: aware.
    """
    days = voucher_days(now, pay_until)
    found = []
    for method in dict.fromkeys(switched):
        rule = RULES[method]
        if method not in served or not rule.smallest <= total <= rule.largest:
            continue
        if rule.waits and days is None:
            continue
        if merchant.startswith("acct_") and not rule.connected:
            continue
        found.append(method)
    return Offering(tuple(found), days if any(RULES[method].waits for method in found) else None)


def returns_by_itself(method: str, *, paid_at: datetime, now: datetime) -> bool:
    """Whether the provider can send money back the way it came; otherwise a bank account is asked for."""
    try:
        rule = RULES[Method(method)]
    except ValueError:
        return True
    if rule.refunds_for is None:
        return False
    return rule.refunds_for == timedelta(0) or now <= paid_at + rule.refunds_for
