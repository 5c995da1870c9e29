"""Registrations of account transfers: begun by the person, valid by the bank's signed answer, ended by the person or the section."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from payments import sealing
from payments.errors import NoSuchTransfer, TransferAnswerRefused, TransfersOff, UnknownBank
from payments.models import BudgetItem, TransferCollector, TransferRegistration, TransferState
from payments.transfers import gateway
from payments.transfers.base import TransferAnswer, TransferOrder
from payments.transfers.records import NotBankTextError, bank_text
from portal.accounts.models import Person
from portal.directory import banks
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor

_NUMBER = re.compile(r"[0-9]{7}")
FRESH = timedelta(minutes=30)
"""An answer older than this is not taken: the person starts again."""
COLUMNS = (
    "受付番号",
    "氏名",
    "カナ",
    "税目コード",
    "税目",
    "銀行コード",
    "銀行",
    "支店コード",
    "支店",
    "口座の末尾",
    "銀行の承認番号",
    "状態",
    "確認日時",
    "終了日時",
)


@dataclass(frozen=True)
class TransferView:
    """One registration as pages show it."""

    reference: str
    tax: str
    tax_en: str
    tax_code: str
    bank_code: str
    bank: str
    branch_code: str
    branch: str
    last_digits: str
    mandate: str
    state: TransferState
    started_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    person_name: str
    person_kana: str


@dataclass(frozen=True)
class Kind:
    """Money that can be taken from an account. `ordered_here`: the orders to the bank are written here, not by the tax system."""

    code: str
    name: str
    name_en: str
    item_id: int
    ordered_here: bool


def kinds(session: Session) -> Sequence[Kind]:
    """What can be taken from an account: the taxes of the city pack, then the fees that have a collector. One statement."""
    rows = session.execute(
        select(BudgetItem, TransferCollector)
        .outerjoin(TransferCollector, and_(TransferCollector.budget_item == BudgetItem.code, TransferCollector.active))
        .where(BudgetItem.active, or_(BudgetItem.tax_code.is_not(None), TransferCollector.id.is_not(None)))
        .order_by(BudgetItem.tax_code.nulls_last(), BudgetItem.id)
    )
    return [_kind(row.BudgetItem, row.TransferCollector) for row in rows]


def _kind(item: BudgetItem, collector: TransferCollector | None) -> Kind:
    # What the payer is asked to agree to is called as the collector calls it, not as the budget does.
    name, english = (collector.name, collector.name_en) if collector is not None else (item.name, item.name_en)
    return Kind(item.tax_code or item.code, name, english or name, item.id, collector is not None)


def start(
    session: Session,
    *,
    person_id: int,
    kind_code: str,
    bank_code: str,
    branch_code: str,
    return_url: str,
    locale: str,
    actor: Actor,
    now: datetime,
) -> str:
    """Begin a registration; returns the address of the bank's page. Nothing is valid yet.

    Args:
        session: the transaction.
        person_id: whose account it is.
        kind_code: `Kind.code`.
        bank_code: 4 digits.
        branch_code: 3 digits.
        return_url: whole address that the answer is brought to.
        locale: language of the bank's page.
        actor: who begins it.
        now: aware.

    Raises:
        TransfersOff: no service for it is switched on.
        UnknownBank: no such bank or branch.
        NoSuchTransfer: no such kind of money.
    """
    service = gateway()
    if service is None:
        raise TransfersOff
    if banks.branch(bank_code, branch_code) is None:
        raise UnknownBank(bank_code, branch_code)
    kind = next((each for each in kinds(session) if each.code == kind_code), None)
    if kind is None:
        raise NoSuchTransfer(kind_code)
    made = TransferRegistration(
        reference=references.new("J"),
        person_id=person_id,
        account_id=actor.account_id,
        budget_item_id=kind.item_id,
        bank_code=bank_code,
        branch_code=branch_code,
        gateway=service.code,
        state=TransferState.STARTED.value,
        last_digits="",
        failure="",
        started_at=now,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor=actor, action="transfer.start", subject_kind="transfer", subject_ref=made.reference)
    return service.begin(
        TransferOrder(made.reference, bank_code, branch_code, kind.name, return_url, locale, account=kind.ordered_here)
    )


def take_answer(session: Session, answer: TransferAnswer, *, now: datetime) -> TransferRegistration:
    """Take the bank's answer (its signature was checked). The same answer again changes nothing.

    A confirmed one replaces an earlier registration of the person for the same money.

    Raises:
        NoSuchTransfer: unknown registration.
        TransferAnswerRefused: too old, another answer was taken before, or confirmed without the bank's number, or without the account
            where the orders are written here.
    """
    found = session.scalars(
        select(TransferRegistration).where(TransferRegistration.reference == answer.reference).with_for_update()
    ).one_or_none()
    if found is None:
        raise NoSuchTransfer(answer.reference)
    if found.state != TransferState.STARTED.value:
        if found.mandate and found.mandate == answer.mandate:
            return found
        raise TransferAnswerRefused(answer.reference, "answered")
    if not now - FRESH <= answer.at <= now + timedelta(minutes=5):
        raise TransferAnswerRefused(answer.reference, "stale")
    if not answer.confirmed:
        found.state, found.failure = TransferState.REFUSED.value, answer.reason
    elif not answer.mandate:
        raise TransferAnswerRefused(answer.reference, "no_mandate")
    else:
        sealed = _account(session, found, answer)
        earlier = session.scalars(
            select(TransferRegistration)
            .where(
                TransferRegistration.person_id == found.person_id,
                TransferRegistration.budget_item_id == found.budget_item_id,
                TransferRegistration.state == TransferState.CONFIRMED.value,
            )
            .with_for_update()
        ).one_or_none()
        if earlier is not None:
            _end(earlier, now)
            session.flush()
        found.state, found.confirmed_at = TransferState.CONFIRMED.value, now
        found.mandate, found.last_digits, found.sealed_account = answer.mandate, answer.last_digits, sealed
    session.flush()
    audit.record(
        session,
        actor=audit.SYSTEM,
        action=f"transfer.{found.state}",
        subject_kind="transfer",
        subject_ref=found.reference,
    )
    return found


def _account(session: Session, found: TransferRegistration, answer: TransferAnswer) -> bytes | None:
    """The account, sealed, where the orders are written here; whatever else an answer brings is not kept.

    Raises:
        TransferAnswerRefused: it is not there, or not one that the banks' records can hold.
    """
    if not any(each.item_id == found.budget_item_id and each.ordered_here for each in kinds(session)):
        return None
    account = answer.account
    known = {kind.zengin: kind for kind in sealing.AccountKind}
    if account is None or account.kind not in known or not _NUMBER.fullmatch(account.number):
        raise TransferAnswerRefused(answer.reference, "no_account")
    try:
        holder = bank_text(account.holder)
    except NotBankTextError as error:
        raise TransferAnswerRefused(answer.reference, "no_account") from error
    return sealing.seal(
        sealing.BankAccount(found.bank_code, found.branch_code, known[account.kind], account.number, holder)
    )


def _end(found: TransferRegistration, now: datetime) -> None:
    """The account leaves with the registration; an order that is with the bank has its own copy, in the file."""
    found.state, found.ended_at, found.sealed_account = TransferState.ENDED.value, now, None


def end_refused(session: Session, registration_id: int, *, result: str, now: datetime) -> bool:
    """End a registration that a bank no longer knows (the result of an order says so). Whether it was valid."""
    found = session.scalars(
        select(TransferRegistration).where(TransferRegistration.id == registration_id).with_for_update()
    ).one()
    if found.state != TransferState.CONFIRMED.value:
        return False
    _end(found, now)
    found.failure = f"result_{result}"
    session.flush()
    audit.record(
        session, actor=audit.SYSTEM, action="transfer.end", subject_kind="transfer", subject_ref=found.reference
    )
    return True


def end(session: Session, reference: str, *, person_id: int | None, actor: Actor, now: datetime) -> None:
    """End a registration that is valid.

    Args:
        session: the transaction.
        reference: the registration's.
        person_id: only one of this person's; None: staff.
        actor: who ends it.
        now: aware.

    Raises:
        NoSuchTransfer: unknown, somebody else's, or not valid.
    """
    found = session.scalars(
        select(TransferRegistration).where(TransferRegistration.reference == reference).with_for_update()
    ).one_or_none()
    if found is None or (person_id is not None and found.person_id != person_id):
        raise NoSuchTransfer(reference)
    if found.state != TransferState.CONFIRMED.value:
        raise NoSuchTransfer(reference)
    _end(found, now)
    session.flush()
    audit.record(session, actor=actor, action="transfer.end", subject_kind="transfer", subject_ref=reference)


def listed(session: Session, *, person_id: int | None = None, valid_only: bool = False) -> Sequence[TransferView]:
    """Registrations, newest first: one person's, or all (staff). One statement."""
    query = (
        select(TransferRegistration, BudgetItem, TransferCollector, Person.name, Person.kana)
        .join(BudgetItem, BudgetItem.id == TransferRegistration.budget_item_id)
        .outerjoin(TransferCollector, TransferCollector.budget_item == BudgetItem.code)
        .join(Person, Person.id == TransferRegistration.person_id)
        .order_by(TransferRegistration.id.desc())
        .limit(5000)
    )
    if person_id is not None:
        query = query.where(TransferRegistration.person_id == person_id)
    if valid_only:
        query = query.where(TransferRegistration.state == TransferState.CONFIRMED.value)
    return [
        _view(row.TransferRegistration, _kind(row.BudgetItem, row.TransferCollector), row.name, row.kana)
        for row in session.execute(query)
    ]


def as_csv(found: Sequence[TransferView]) -> str:
    """The list for the tax system and the banks."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each in found:
        writer.writerow(
            [
                each.reference,
                each.person_name,
                each.person_kana,
                each.tax_code,
                each.tax,
                each.bank_code,
                each.bank,
                each.branch_code,
                each.branch,
                each.last_digits,
                each.mandate,
                each.state.value,
                _moment(each.confirmed_at),
                _moment(each.ended_at),
            ]
        )
    return stream.getvalue()


def _moment(at: datetime | None) -> str:
    return clock.local(at).isoformat(timespec="seconds") if at else ""


def _view(row: TransferRegistration, kind: Kind, name: str, kana: str) -> TransferView:
    branch = banks.branch(row.bank_code, row.branch_code)
    return TransferView(
        reference=row.reference,
        tax=kind.name,
        tax_en=kind.name_en,
        tax_code=kind.code,
        bank_code=row.bank_code,
        bank=branch.bank.name if branch else row.bank_code,
        branch_code=row.branch_code,
        branch=branch.name if branch else row.branch_code,
        last_digits=row.last_digits,
        mandate=row.mandate or "",
        state=TransferState(row.state),
        started_at=row.started_at,
        confirmed_at=row.confirmed_at,
        ended_at=row.ended_at,
        person_name=name,
        person_kana=kana,
    )
