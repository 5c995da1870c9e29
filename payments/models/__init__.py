"""Tables of payments; the tables of the development provider are in `payments.models.sandbox`."""

from payments.models.charges import Charge, ChargeLineRow, ChargePayer, GroundRow, Payee, PayeeKind
from payments.models.elsewhere import CashlessElsewhere
from payments.models.ledger import AccountCode, LedgerAccount, LedgerEntry, LedgerTransaction, TransactionKind
from payments.models.moves import (
    BookedAs,
    EventOutcome,
    Payment,
    PaymentAttempt,
    ProviderEvent,
    Receipt,
    ReceiptIssue,
    Recipient,
    Refund,
    RefundKind,
    WhyNotAccepted,
)
from payments.models.provider import (
    Dispute,
    LineKind,
    MethodSwitch,
    ProviderLine,
    ProviderPayout,
    Reconciliation,
    ReconciliationItem,
    RefundAccount,
)
from payments.models.sandbox import SandboxEvent, SandboxRefund, SandboxSession

__all__ = [
    "BookedAs",
    "Dispute",
    "LineKind",
    "MethodSwitch",
    "ProviderLine",
    "ProviderPayout",
    "Reconciliation",
    "ReconciliationItem",
    "RefundAccount",
    "Recipient",
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
