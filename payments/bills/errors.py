"""What bills refuse, with the facts. The words are in `payments/web/error_texts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from payments.bills.rules import BillState
from portal.directory.pack import Problem
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.money import Yen


@dataclass(eq=False)
class NoSuchBill(NotFound):
    """No bill has this number and these check digits (which of them is wrong is not told)."""

    code: ClassVar[str] = "no_such_bill"


@dataclass(eq=False)
class BillNotPayable(Conflict):
    """The bill cannot be paid here: paid, past its term, withdrawn, or taken elsewhere."""

    code: ClassVar[str] = "bill_not_payable"
    reference: str
    state: BillState


@dataclass(eq=False)
class BillFileRefused(Invalid):
    """A file with mistakes: nothing of it was taken in. `count` is all of them, `problems` the first 200."""

    code: ClassVar[str] = "bill_file_refused"
    problems: Sequence[Problem]
    count: int


@dataclass(eq=False)
class BillFileKnown(Conflict):
    """The very same file was taken in before."""

    code: ClassVar[str] = "bill_file_known"
    reference: str
    imported_at: datetime


@dataclass(eq=False)
class NothingToExport(Conflict):
    """Nothing was paid or given back since the last payment file."""

    code: ClassVar[str] = "nothing_to_export"


@dataclass(eq=False)
class ExcessSettled(Conflict):
    """Somebody decided about this overpayment already."""

    code: ClassVar[str] = "excess_settled"
    reference: str


@dataclass(eq=False)
class NotApplicable(Conflict):
    """An overpayment cannot be applied to this bill: other person, other payee, larger, or not open (`reason`)."""

    code: ClassVar[str] = "not_applicable"
    reason: str
    amount: Yen
