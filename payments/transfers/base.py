"""What a service for registering account transfers has to do: lead to the bank, and sign what the bank said. Pure.

No form of ours asks for an account number, and none makes a registration valid: only a signed answer does. Where the orders to the bank are
written here, that answer brings the account too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class NotSignedError(Exception):
    """The answer carries no valid signature."""


@dataclass(frozen=True)
class TransferOrder:
    """What the bank's page is opened with.

    Attributes:
        reference: our registration's; the answer names it.
        bank_code: 4 digits.
        branch_code: 3 digits.
        purpose: what will be taken, in words for the person.
        return_url: where the answer is brought to.
        locale: language of the page.
        account: whether the answer has to bring the account: the orders to the bank are written here.
    """

    reference: str
    bank_code: str
    branch_code: str
    purpose: str
    return_url: str
    locale: str
    account: bool = False


@dataclass(frozen=True)
class AnsweredAccount:
    """The account that the holder agreed with: kind as in 全銀 files ("1" 普通, "2" 当座, "4" 貯蓄), 7 digits, the holder in kana."""

    kind: str
    number: str
    holder: str


@dataclass(frozen=True)
class TransferAnswer:
    """What the bank said.

    Attributes:
        reference: our registration's.
        confirmed: whether the account holder was authenticated and agreed.
        mandate: the bank's own key of the agreement; "" where refused.
        last_digits: the last digits of the account, to tell it apart; at most 4.
        reason: why it was refused.
        at: when the bank said it, aware.
        account: where it was asked for.
    """

    reference: str
    confirmed: bool
    mandate: str
    last_digits: str
    reason: str
    at: datetime
    account: AnsweredAccount | None = None


class TransferGateway(Protocol):
    """A service that leads to the banks' own authentication."""

    code: str

    def begin(self, order: TransferOrder) -> str:
        """The whole address of the bank's page."""
        ...

    def read_answer(self, body: str, signature: str) -> TransferAnswer:
        """The answer, if its signature is right.

        Raises:
            NotSignedError: it is not, or the answer cannot be read.
        """
        ...
