"""Tables of payments; the tables of the development provider are in `payments.models.sandbox`."""

from payments.models.bills import (
    Bill,
    BillElsewhere,
    BillExcess,
    BillExport,
    BillExportRow,
    BillImport,
    ExcessOutcome,
    ImportKind,
)
from payments.models.charges import Charge, ChargeLineRow, ChargePart, ChargePayer, GroundRow, Payee, PayeeKind
from payments.models.counter import CounterItem
from payments.models.drawers import Drawer, DrawerMove, DrawerMoveKind, DrawerState, PayingInSlip
from payments.models.dunning import (
    DemandLetter,
    DemandLetterFile,
    Reminder,
    WriteOff,
    WriteOffGround,
    WriteOffState,
)
from payments.models.elsewhere import CashlessElsewhere
from payments.models.explanations import ExplanationState, OddExplanation
from payments.models.ledger import AccountCode, LedgerAccount, LedgerEntry, LedgerTransaction, TransactionKind
from payments.models.moves import (
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
from payments.models.orders import TransferBatch, TransferCollector, TransferLine
from payments.models.provider import (
    Dispute,
    MethodSwitch,
    ProviderLine,
    ProviderPayout,
    Reconciliation,
    ReconciliationItem,
    RefundAccount,
)
from payments.models.sandbox import SandboxEvent, SandboxRefund, SandboxSession
from payments.models.transfers import TransferRegistration, TransferState
from payments.models.years import BudgetItem, CarryOver, ChargeYear, PayeeSuccession, PaymentYear

__all__ = [
    "AccountCode",
    "Bill",
    "BillElsewhere",
    "BillExcess",
    "BillExport",
    "BillExportRow",
    "BillImport",
    "BudgetItem",
    "CarryOver",
    "CashlessElsewhere",
    "Charge",
    "ChargeLineRow",
    "ChargePart",
    "ChargePayer",
    "ChargeYear",
    "CounterItem",
    "DemandLetter",
    "DemandLetterFile",
    "Dispute",
    "Drawer",
    "DrawerMove",
    "DrawerMoveKind",
    "DrawerState",
    "EventOutcome",
    "ExcessOutcome",
    "ExplanationState",
    "GroundRow",
    "ImportKind",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "MethodSwitch",
    "OddExplanation",
    "Payee",
    "PayeeKind",
    "PayeeSuccession",
    "PayingInSlip",
    "Payment",
    "PaymentAttempt",
    "PaymentYear",
    "ProviderEvent",
    "ProviderLine",
    "ProviderPayout",
    "Receipt",
    "ReceiptIssue",
    "Recipient",
    "Reconciliation",
    "ReconciliationItem",
    "Refund",
    "RefundAccount",
    "RefundKind",
    "Reminder",
    "SandboxEvent",
    "SandboxRefund",
    "SandboxSession",
    "TransactionKind",
    "TransferBatch",
    "TransferCollector",
    "TransferLine",
    "TransferRegistration",
    "TransferState",
    "WhyNotAccepted",
    "WriteOff",
    "WriteOffGround",
    "WriteOffState",
]
