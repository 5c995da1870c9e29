"""Load a city pack's data on money: payees, budget items, changes of manager, what is paid elsewhere (payments/*.yaml)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from sqlalchemy.orm import Session

from payments.contract import CITY, MoneyKind, TaxClass
from payments.methods import Method
from payments.models import (
    BudgetItem,
    CashlessElsewhere,
    CounterItem,
    PayeeKind,
    PayeeSuccession,
    TransferCollector,
)
from payments.services import Defined, define_payee
from payments.switches import begin_with
from payments.transfers.records import NotBankTextError, bank_text
from payments.years import Timing
from portal.directory import banks
from portal.directory.pack import Entry, Located, Pack, PackDate
from portal.directory.sync import LoadReport, remove, switch_off, sync
from portal.kernel import clock
from portal.kernel.money import Yen

PAYEES = "payments/payees.yaml"
ELSEWHERE = "payments/elsewhere.yaml"
BUDGET = "payments/budget.yaml"
SUCCESSIONS = "payments/successions.yaml"
METHODS = "payments/methods.yaml"
COUNTER = "payments/counter_items.yaml"
COLLECTORS = "payments/collectors.yaml"


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


class BudgetEntry(Entry):
    """One entry of budget.yaml."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    name_en: str = ""
    payee: str = CITY
    money_kind: Annotated[MoneyKind, BeforeValidator(MoneyKind)]
    timing: Annotated[Timing, BeforeValidator(Timing)]
    kan: str
    kou: str = ""
    moku: str = ""
    setsu: str = ""
    setsu_carried: str = ""
    tax_code: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,20}$")] | None = None
    ground: Annotated[str, Field(min_length=1)]
    default: bool = False
    sample: bool = False


class SuccessionEntry(Entry):
    """One entry of successions.yaml."""

    from_payee: str
    to_payee: str
    on_date: PackDate
    scope: Annotated[str, Field(min_length=1)]
    refunds_by: str
    ground: Annotated[str, Field(min_length=1)]
    sample: bool = False


class CounterEntry(Entry):
    """One entry of counter_items.yaml, in the order of the price list."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    name_en: str = ""
    unit: Annotated[str, Field(max_length=20)] = ""
    price: Annotated[int, Field(strict=True, ge=1, le=999_999)]
    payee: str = CITY
    money_kind: Annotated[MoneyKind, BeforeValidator(MoneyKind)]
    tax: Annotated[TaxClass, BeforeValidator(TaxClass)]
    ground: Annotated[str, Field(min_length=1)]
    article: str = ""
    budget_item: str = ""
    sample: bool = False


class CollectorEntry(Entry):
    """One entry of collectors.yaml: money of one budget item that is taken from accounts (口座振替)."""

    budget_item: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1, max_length=40)]
    name_en: str = ""
    code: Annotated[str, Field(pattern=r"^[0-9]{10}$")]
    name_kana: Annotated[str, Field(min_length=1, max_length=60)]
    bank_code: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    branch_code: Annotated[str, Field(pattern=r"^[0-9]{3}$")]
    account_kind: Annotated[str, Field(pattern=r"^[1249]$")]
    account_number: Annotated[str, Field(pattern=r"^[0-9]{7}$")]
    day: Annotated[int, Field(strict=True, ge=1, le=31)]
    lead: Annotated[int, Field(strict=True, ge=1, le=20)] = 7
    retry: Annotated[int, Field(strict=True, ge=1, le=60)] = 14
    sample: bool = False


class MethodsEntry(Entry):
    """One entry of methods.yaml: the ways to pay that are on for one kind of money at the start."""

    money_kind: Annotated[MoneyKind, BeforeValidator(MoneyKind)]
    methods: Annotated[list[Annotated[Method, BeforeValidator(Method)]], Field(min_length=1)]


def load(session: Session, pack: Pack) -> LoadReport:
    """Create or correct payees (none is ever removed: ledgers name them), and make the list of elsewhere as written.

    Switches of methods are written only where none stand: what finance decided on its page stays.

    Raises:
        PackError: with every mistake; nothing was written.
    """
    payees = pack.rows(PAYEES, PayeeEntry)
    elsewhere = pack.rows(ELSEWHERE, ElsewhereEntry) if pack.has(ELSEWHERE) else []
    switches = pack.rows(METHODS, MethodsEntry) if pack.has(METHODS) else []
    pack.unique(payees, "code")
    pack.unique(switches, "money_kind")
    pack.unique(elsewhere, "title")
    if payees and not any(entry.value.code == CITY for entry in payees):
        pack.problem(PAYEES, 1, "受取先 city(市そのもの)がありません。", "code: city を足してください。")
    budget = pack.rows(BUDGET, BudgetEntry) if pack.has(BUDGET) else []
    successions = pack.rows(SUCCESSIONS, SuccessionEntry) if pack.has(SUCCESSIONS) else []
    counter = pack.rows(COUNTER, CounterEntry) if pack.has(COUNTER) else []
    _check(pack, {entry.value.code for entry in payees}, budget, successions)
    _check_counter(pack, {entry.value.code for entry in payees}, {entry.value.code for entry in budget}, counter)
    collectors = pack.rows(COLLECTORS, CollectorEntry) if pack.has(COLLECTORS) else []
    _check_collectors(pack, {entry.value.code for entry in budget}, collectors)
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
    begin_with(session, {entry.value.money_kind: entry.value.methods for entry in switches}, now=clock.now())
    report = LoadReport(
        created=done.count(Defined.CREATED),
        changed=done.count(Defined.CHANGED),
        unchanged=done.count(Defined.UNCHANGED),
        name="payments",
    )
    report += _budget(session, budget) + _successions(session, successions) + _counter(session, counter)
    report += _collectors(session, collectors)
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


def _check(
    pack: Pack,
    payees: set[str],
    budget: list[Located[BudgetEntry]],
    successions: list[Located[SuccessionEntry]],
) -> None:
    pack.unique(budget, "code")
    pack.unique([entry for entry in budget if entry.value.tax_code], "tax_code")
    pack.unique(
        [entry for entry in budget if entry.value.default],
        "default",
        of=lambda value: (value.payee, value.money_kind.value),
    )
    for item in budget:
        pack.known(item, "payee", item.value.payee, payees, PAYEES)
    for change in successions:
        for key in ("from_payee", "to_payee"):
            pack.known(change, key, getattr(change.value, key), payees, PAYEES)
        both = {change.value.from_payee, change.value.to_payee}
        pack.known(change, "refunds_by", change.value.refunds_by, both, "from_payee, to_payee")


def _check_counter(pack: Pack, payees: set[str], budget: set[str], counter: list[Located[CounterEntry]]) -> None:
    pack.unique(counter, "code")
    for item in counter:
        pack.known(item, "payee", item.value.payee, payees, PAYEES)
        if item.value.budget_item:
            pack.known(item, "budget_item", item.value.budget_item, budget, BUDGET)


def _check_collectors(pack: Pack, budget: set[str], collectors: list[Located[CollectorEntry]]) -> None:
    pack.unique(collectors, "budget_item")
    for one in collectors:
        pack.known(one, "budget_item", one.value.budget_item, budget, BUDGET)
        if banks.branch(one.value.bank_code, one.value.branch_code) is None:
            pack.wrong(one, "branch_code", "この銀行か支店は見つかりません。", "銀行番号と支店番号を確かめます。")
        try:
            bank_text(one.value.name_kana)
        except NotBankTextError as error:
            pack.wrong(
                one,
                "name_kana",
                f"name_kana の「{error.character}」は、銀行の記録に書けません。",
                "カタカナで書きます。",
            )


def _collectors(session: Session, entries: list[Located[CollectorEntry]]) -> LoadReport:
    return sync(
        session,
        TransferCollector,
        {
            (entry.value.budget_item,): {**entry.value.model_dump(exclude={"budget_item"}), "active": True}
            for entry in entries
        },
        key=("budget_item",),
        retire=switch_off,
        name="payments",
    )


def _counter(session: Session, entries: list[Located[CounterEntry]]) -> LoadReport:
    return sync(
        session,
        CounterItem,
        {
            (entry.value.code,): {
                "name": entry.value.name,
                "name_en": entry.value.name_en,
                "unit": entry.value.unit,
                "price": Yen(entry.value.price),
                "payee_code": entry.value.payee,
                "money_kind": entry.value.money_kind.value,
                "tax": entry.value.tax.value,
                "ground": entry.value.ground,
                "article": entry.value.article,
                "budget_item": entry.value.budget_item,
                "position": position,
                "sample": entry.value.sample,
                "active": True,
            }
            for position, entry in enumerate(entries, start=1)
        },
        key=("code",),
        retire=switch_off,
        name="payments",
    )


def _budget(session: Session, entries: list[Located[BudgetEntry]]) -> LoadReport:
    return sync(
        session,
        BudgetItem,
        {
            (entry.value.code,): {
                "name": entry.value.name,
                "name_en": entry.value.name_en,
                "payee_code": entry.value.payee,
                "money_kind": entry.value.money_kind.value,
                "timing": entry.value.timing.value,
                "kan": entry.value.kan,
                "kou": entry.value.kou,
                "moku": entry.value.moku,
                "setsu": entry.value.setsu,
                "setsu_carried": entry.value.setsu_carried,
                "tax_code": entry.value.tax_code,
                "ground": entry.value.ground,
                "is_default": entry.value.default,
                "sample": entry.value.sample,
                "active": True,
            }
            for entry in entries
        },
        key=("code",),
        retire=switch_off,
        name="payments",
    )


def _successions(session: Session, entries: list[Located[SuccessionEntry]]) -> LoadReport:
    return sync(
        session,
        PayeeSuccession,
        {
            (entry.value.from_payee, entry.value.on_date, entry.value.scope): {
                "to_payee": entry.value.to_payee,
                "refunds_by": entry.value.refunds_by,
                "ground": entry.value.ground,
                "sample": entry.value.sample,
            }
            for entry in entries
        },
        key=("from_payee", "on_date", "scope"),
        retire=remove(session),
        name="payments",
    )
