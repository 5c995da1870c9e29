"""Tables of payments; the tables of the development provider are in `payments.models.sandbox`."""

from payments.models.charges import Charge, ChargeLineRow, ChargePayer, GroundRow, Payee, PayeeKind
from payments.models.elsewhere import CashlessElsewhere
from payments.models.ledger import AccountCode, LedgerAccount, LedgerEntry, LedgerTransaction, TransactionKind
from payments.models.moves import (
    EventOutcome,
    Payment,
    PaymentAttempt,
    ProviderEvent,
    Receipt,
    ReceiptIssue,
    Refund,
    RefundKind,
    WhyNotAccepted,
)
from payments.models.sandbox import SandboxEvent, SandboxRefund, SandboxSession

__all__ = [
    "AccountCode",
    "CashlessElsewhere",
    "Charge",
    "ChargeLineRow",
    "ChargePayer",
    "EventOutcome",
    "GroundRow",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Payee",
    "PayeeKind",
    "Payment",
    "PaymentAttempt",
    "ProviderEvent",
    "Receipt",
    "ReceiptIssue",
    "Refund",
    "RefundKind",
    "SandboxEvent",
    "SandboxRefund",
    "SandboxSession",
    "TransactionKind",
    "WhyNotAccepted",
]
