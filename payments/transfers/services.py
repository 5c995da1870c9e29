"""Registrations of account transfers: begun by the person, valid by the bank's signed answer, ended by the person or the section."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import NoSuchTransfer, TransferAnswerRefused, TransfersOff, UnknownBank
from payments.models import BudgetItem, TransferRegistration, TransferState
from payments.transfers import gateway
from payments.transfers.base import TransferAnswer, TransferOrder
from portal.accounts.models import Person
from portal.directory import banks
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor

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


def taxes(session: Session) -> Sequence[BudgetItem]:
    """What can be taken from an account: the taxes of the city pack."""
    query = select(BudgetItem).where(BudgetItem.tax_code.is_not(None), BudgetItem.active)
    return list(session.scalars(query.order_by(BudgetItem.tax_code)))


def start(
    session: Session,
    *,
    person_id: int,
    tax_code: str,
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
        tax_code: `tax_code` of a budget item.
        bank_code: 4 digits.
        branch_code: 3 digits.
        return_url: whole address that the answer is brought to.
        locale: language of the bank's page.
        actor: who begins it.
        now: aware.

    Raises:
        TransfersOff: no service for it is switched on.
        UnknownBank: no such bank or branch.
        NoSuchTransfer: no such tax.
    """
    service = gateway()
    if service is None:
        raise TransfersOff
    if banks.branch(bank_code, branch_code) is None:
        raise UnknownBank(bank_code, branch_code)
    item = session.scalars(select(BudgetItem).where(BudgetItem.tax_code == tax_code)).one_or_none()
    if item is None:
        raise NoSuchTransfer(tax_code)
    made = TransferRegistration(
        reference=references.new("J"),
        person_id=person_id,
        account_id=actor.account_id,
        budget_item_id=item.id,
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
    return service.begin(TransferOrder(made.reference, bank_code, branch_code, item.name, return_url, locale))


def take_answer(session: Session, answer: TransferAnswer, *, now: datetime) -> TransferRegistration:
    """Take the bank's answer (its signature was checked). The same answer again changes nothing.

    A confirmed one replaces an earlier registration of the person for the same tax.

    Raises:
        NoSuchTransfer: unknown registration.
        TransferAnswerRefused: too old, another answer was taken before, or confirmed without the bank's number.
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
            earlier.state, earlier.ended_at = TransferState.ENDED.value, now
            session.flush()
        found.state, found.confirmed_at = TransferState.CONFIRMED.value, now
        found.mandate, found.last_digits = answer.mandate, answer.last_digits
    session.flush()
    audit.record(
        session,
        actor=audit.SYSTEM,
        action=f"transfer.{found.state}",
        subject_kind="transfer",
        subject_ref=found.reference,
    )
    return found


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
    found.state, found.ended_at = TransferState.ENDED.value, now
    session.flush()
    audit.record(session, actor=actor, action="transfer.end", subject_kind="transfer", subject_ref=reference)


def listed(session: Session, *, person_id: int | None = None, valid_only: bool = False) -> Sequence[TransferView]:
    """Registrations, newest first: one person's, or all (staff). One statement."""
    query = (
        select(TransferRegistration, BudgetItem, Person.name, Person.kana)
        .join(BudgetItem, BudgetItem.id == TransferRegistration.budget_item_id)
        .join(Person, Person.id == TransferRegistration.person_id)
        .order_by(TransferRegistration.id.desc())
        .limit(5000)
    )
    if person_id is not None:
        query = query.where(TransferRegistration.person_id == person_id)
    if valid_only:
        query = query.where(TransferRegistration.state == TransferState.CONFIRMED.value)
    return [_view(row.TransferRegistration, row.BudgetItem, row.name, row.kana) for row in session.execute(query)]


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


def _view(row: TransferRegistration, item: BudgetItem, name: str, kana: str) -> TransferView:
    branch = banks.branch(row.bank_code, row.branch_code)
    return TransferView(
        reference=row.reference,
        tax=item.name,
        tax_en=item.name_en or item.name,
        tax_code=item.tax_code or "",
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
