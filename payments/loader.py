"""Load payees and what is paid elsewhere from a city pack: payments/payees.yaml, payments/elsewhere.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from sqlalchemy.orm import Session

from payments.contract import CITY, MoneyKind
from payments.models import CashlessElsewhere, PayeeKind
from payments.services import Defined, define_payee
from portal.directory.pack import Entry, Pack, PackDate
from portal.directory.sync import LoadReport, remove, sync

PAYEES = "payments/payees.yaml"
ELSEWHERE = "payments/elsewhere.yaml"


class PayeeEntry(Entry):
    """One entry of payees.yaml."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    kind: Annotated[PayeeKind, BeforeValidator(PayeeKind)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    name_en: str = ""
    registration_number: Annotated[str, Field(pattern=r"^T[0-9]{13}$")] | None = None
    merchant: Annotated[str, Field(pattern=r"^(main|acct_[A-Za-z0-9]+)$")] | None = None
    sample: bool = False


class ElsewhereEntry(Entry):
    """One entry of elsewhere.yaml."""

    money_kind: Annotated[MoneyKind, BeforeValidator(MoneyKind)]
    title: Annotated[str, Field(min_length=1)]
    title_en: str = ""
    address: str = ""
    since: PackDate | None = None
    evidence: Annotated[str, Field(min_length=1)]
    note: str = ""


def load(session: Session, pack: Pack) -> LoadReport:
    """Create or correct payees (none is ever removed: ledgers name them), and make the list of elsewhere as written.

    Raises:
        PackError: with every mistake; nothing was written.
    """
    payees = pack.rows(PAYEES, PayeeEntry)
    elsewhere = pack.rows(ELSEWHERE, ElsewhereEntry) if pack.has(ELSEWHERE) else []
    pack.unique(payees, "code")
    pack.unique(elsewhere, "title")
    if payees and not any(entry.value.code == CITY for entry in payees):
        pack.problem(PAYEES, 1, "受取先 city(市そのもの)がありません。", "code: city を足してください。")
    pack.check()
    done = [
        define_payee(
            session,
            code=entry.value.code,
            kind=entry.value.kind,
            name=entry.value.name,
            name_en=entry.value.name_en,
            registration_number=entry.value.registration_number,
            merchant=entry.value.merchant,
            sample=entry.value.sample,
        )
        for entry in payees
    ]
    report = LoadReport(
        created=done.count(Defined.CREATED),
        changed=done.count(Defined.CHANGED),
        unchanged=done.count(Defined.UNCHANGED),
        name="payments",
    )
    return report + sync(
        session,
        CashlessElsewhere,
        {
            (entry.value.money_kind.value, entry.value.title): {
                "title_en": entry.value.title_en,
                "address": entry.value.address,
                "since": entry.value.since,
                "evidence": entry.value.evidence,
                "note": entry.value.note,
            }
            for entry in elsewhere
        },
        key=("money_kind", "title"),
        retire=remove(session),
        name="payments",
    )
