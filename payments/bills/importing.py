"""Takes a file of the tax section in: all of it, or nothing.

Rows are checked one by one and streamed (COPY) into a temporary table; what only the database knows (a number that is there
already, a bill that was paid) is asked of all rows at once. Whoever calls decides about commit or rollback: a dry run is a
rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import settlement
from payments.bills import files
from payments.bills.errors import BillFileKnown, BillFileRefused
from payments.bills.files import BillRow, CancelRow, ElsewhereRow, Findings
from payments.models import Bill, BillElsewhere, BillExcess, BillImport, BudgetItem, Charge, ImportKind
from payments.states import ChargeState
from portal.kernel import audit, clock, references
from portal.kernel.audit import Actor
from portal.kernel.money import Yen

KIND = "bill"
"""The payable kind of a bill; `payable_ref` is its reference."""


SAMPLE = "見本"
"""What the name of a file of made-up bills begins with."""


@dataclass(frozen=True)
class Taken:
    """What a file brought."""

    reference: str
    encoding: str
    rows: int
    total: Yen
    withdrawn: int = 0
    excess: int = 0


def take_bills(
    session: Session, stream: BinaryIO, *, file_name: str, actor: Actor, now: datetime, sample: bool = False
) -> Taken:
    """Take a file of bills in.

    Args:
        session: the transaction; roll it back for a dry run.
        stream: a binary file that can be read twice.
        file_name: goes into the record and before each mistake.
        actor: who.
        now: aware.
        sample: the bills are made up (見本); those of a file whose name begins with 見本 always are.

    Raises:
        BillFileKnown: the same file was taken in before.
        BillFileRefused: mistakes, each with its line; nothing was taken in.
    """
    digest, encoding = _unknown(session, stream)
    items = {code: item for item, code in session.execute(_items())}
    findings = Findings(file_name)
    made = _note(
        session,
        ImportKind.BILLS,
        digest=digest,
        encoding=encoding,
        file_name=file_name,
        actor=actor,
        now=now,
        sample=sample or file_name.startswith(SAMPLE),
    )
    rows = files.bills(stream, encoding, tax_codes=items.keys(), today=clock.local(now).date(), findings=findings)
    cancels = _copy_bills(session, rows, items)
    _known_numbers(session, findings)
    _refuse(findings)
    totals = session.execute(text("SELECT count(*), coalesce(sum(amount), 0) FROM bill_staging")).one()
    if not totals[0] and not cancels:
        findings.wrong(1, "納付書が1件もありません。", "見出しの下に、1件ずつ書きます。")
        _refuse(findings)
    import_id = made(int(totals[0]) + len(cancels), Yen(int(totals[1])))
    session.execute(
        text(
            "INSERT INTO bill (reference, number, check_digits, budget_item_id, levy_year, term, amount, issued_on, due_on,"
            " usable_until, taken_here, el_number, barcode, subject_key, import_id, withdrawn_why)"
            " SELECT reference, number, check_digits, budget_item_id, levy_year, term, amount, issued_on, due_on,"
            " usable_until, taken_here, el_number, barcode, subject_key, :import_id, '' FROM bill_staging ORDER BY line"
        ),
        {"import_id": import_id},
    )
    withdrawn = _withdraw(session, cancels, findings, now)
    _refuse(findings)
    reference = session.get_one(BillImport, import_id).reference
    _audit(session, actor, "bills.import", reference, rows=int(totals[0]), more=withdrawn)
    return Taken(reference, encoding, int(totals[0]), Yen(int(totals[1])), withdrawn)


def take_elsewhere(session: Session, stream: BinaryIO, *, file_name: str, actor: Actor, now: datetime) -> Taken:
    """Take a file of payments in that were made at another place (CASES M3).

    A bill that nobody paid here is closed here. One that was paid here as well is an overpayment (過誤納): it is
    recorded and waits for the section to return or apply it.

    Raises:
        BillFileKnown: the same file was taken in before.
        BillFileRefused: mistakes, each with its line; nothing was taken in.
    """
    digest, encoding = _unknown(session, stream)
    findings = Findings(file_name)
    made = _note(
        session,
        ImportKind.ELSEWHERE,
        digest=digest,
        encoding=encoding,
        file_name=file_name,
        actor=actor,
        now=now,
    )
    rows = files.elsewhere(stream, encoding, today=clock.local(now).date(), findings=findings)
    _copy_elsewhere(session, rows)
    _unknown_bills(session, findings)
    _refuse(findings)
    totals = session.execute(text("SELECT count(*), coalesce(sum(amount), 0) FROM elsewhere_staging")).one()
    if not totals[0]:
        findings.wrong(1, "納付が1件もありません。", "見出しの下に、1件ずつ書きます。")
        _refuse(findings)
    import_id = made(int(totals[0]), Yen(int(totals[1])))
    session.execute(
        text(
            "INSERT INTO bill_elsewhere (bill_id, paid_on, amount, channel, import_id, reported_at)"
            " SELECT b.id, s.paid_on, s.amount, s.channel, :import_id, :now FROM elsewhere_staging s"
            " JOIN bill b ON b.number = s.number ORDER BY s.line"
            " ON CONFLICT ON CONSTRAINT uq_bill_elsewhere_bill_id_paid_on_amount_channel DO NOTHING"
        ),
        {"import_id": import_id, "now": now},
    )
    excess = _meet(session, import_id, now)
    reference = session.get_one(BillImport, import_id).reference
    _audit(session, actor, "bills.elsewhere", reference, rows=int(totals[0]), more=excess)
    return Taken(reference, encoding, int(totals[0]), Yen(int(totals[1])), excess=excess)


def _unknown(session: Session, stream: BinaryIO) -> tuple[str, str]:
    digest, encoding = files.digest_and_encoding(stream)
    known = session.scalars(select(BillImport).where(BillImport.sha256 == digest)).one_or_none()
    if known is not None:
        raise BillFileKnown(known.reference, known.imported_at)
    return digest, encoding


def _items() -> Any:
    return select(BudgetItem.id, BudgetItem.tax_code).where(BudgetItem.tax_code.is_not(None), BudgetItem.active)


def _note(
    session: Session,
    kind: ImportKind,
    *,
    digest: str,
    encoding: str,
    file_name: str,
    actor: Actor,
    now: datetime,
    sample: bool = False,
) -> Callable[[int, Yen], int]:
    def made(rows: int, total: Yen) -> int:
        row = BillImport(
            reference=references.new("F"),
            kind=kind.value,
            sha256=digest,
            file_name=file_name[:200],
            encoding=encoding,
            rows=rows,
            total=total,
            account_id=actor.account_id,
            imported_at=now,
            sample=sample,
        )
        session.add(row)
        session.flush()
        return row.id

    return made


def _copy_bills(session: Session, rows: Iterable[BillRow | CancelRow], items: dict[str, int]) -> list[CancelRow]:
    session.execute(
        text(
            "DROP TABLE IF EXISTS bill_staging; CREATE TEMPORARY TABLE bill_staging"
            " (line integer, reference text, number text, check_digits text,"
            " budget_item_id bigint, levy_year smallint, term smallint, amount bigint, issued_on date, due_on date,"
            " usable_until date, taken_here boolean, el_number text, barcode text, subject_key text) ON COMMIT DROP"
        )
    )
    cancels = []
    with _cursor(session) as cursor, cursor.copy("COPY bill_staging FROM STDIN") as copy:
        for row in rows:
            if isinstance(row, CancelRow):
                cancels.append(row)
                continue
            copy.write_row(
                (
                    row.line,
                    references.new("N"),
                    row.number,
                    row.check_digits,
                    items[row.tax_code],
                    row.levy_year,
                    row.term,
                    row.amount,
                    row.issued_on,
                    row.due_on,
                    row.usable_until,
                    row.taken_here,
                    row.el_number,
                    row.barcode,
                    row.subject_key,
                )
            )
    return cancels


def _copy_elsewhere(session: Session, rows: Iterable[ElsewhereRow]) -> None:
    session.execute(
        text(
            "DROP TABLE IF EXISTS elsewhere_staging; CREATE TEMPORARY TABLE elsewhere_staging"
            " (line integer, number text, paid_on date, amount bigint, channel text) ON COMMIT DROP"
        )
    )
    with _cursor(session) as cursor, cursor.copy("COPY elsewhere_staging FROM STDIN") as copy:
        for row in rows:
            copy.write_row((row.line, row.number, row.paid_on, row.amount, row.channel[:60]))


def _cursor(session: Session) -> Any:
    connection: Any = session.connection().connection.driver_connection
    return connection.cursor()


def _known_numbers(session: Session, findings: Findings) -> None:
    known = session.execute(
        text(
            "SELECT s.line, s.number, i.file_name FROM bill_staging s JOIN bill b ON b.number = s.number"
            " JOIN bill_import i ON i.id = b.import_id ORDER BY s.line"
        )
    )
    for line, number, file_name in known:
        findings.wrong(
            line,
            f"納付書番号 {number} は、もう取り込まれています({file_name})。",
            "金額などを直すときは、前の番号を 取消 にして、新しい番号で取り込みます。",
        )


def _unknown_bills(session: Session, findings: Findings) -> None:
    rows = session.execute(
        text(
            "SELECT s.line, s.number, s.amount, b.amount FROM elsewhere_staging s LEFT JOIN bill b ON b.number = s.number"
            " WHERE b.id IS NULL OR b.amount <> s.amount ORDER BY s.line"
        )
    )
    for line, number, amount, wanted in rows:
        if wanted is None:
            findings.wrong(
                line, f"納付書番号 {number} は取り込まれていません。", "先に納付書のファイルを取り込みます。"
            )
        else:
            findings.wrong(
                line, f"金額 {amount} が、納付書の金額 {wanted} とちがいます。", "納付された金額を確かめてください。"
            )


def _withdraw(session: Session, cancels: list[CancelRow], findings: Findings, now: datetime) -> int:
    for row in cancels:
        # The bill first, then its charge: the order in which a payment takes them.
        bill = session.scalars(select(Bill).where(Bill.number == row.number).with_for_update()).one_or_none()
        if bill is None:
            findings.wrong(
                row.line, f"納付書番号 {row.number} は取り込まれていません。", "取消は、取り込んだものだけです。"
            )
            continue
        charge = _charge(session, bill)
        if charge is not None and charge.state not in {ChargeState.OPEN.value, ChargeState.VOID.value}:
            findings.wrong(
                row.line,
                f"納付書番号 {row.number} は、もう支払われています。",
                "取り消すのではなく、還付の手続きをします。",
            )
            continue
        if charge is not None and charge.state == ChargeState.OPEN.value:
            settlement.void(session, charge, now=now)
        if bill.withdrawn_at is None:
            bill.withdrawn_at, bill.withdrawn_why = now, "file"
    session.flush()
    return len(cancels)


def _meet(session: Session, import_id: int, now: datetime) -> int:
    """Close what was paid elsewhere; note what was paid here as well. Returns how many overpayments are new."""
    rows = session.execute(
        select(BillElsewhere.id, BillElsewhere.bill_id, Charge.id.label("charge_id"))
        .join(Bill, Bill.id == BillElsewhere.bill_id)
        .join(
            Charge, (Charge.payable_kind == KIND) & (Charge.payable_ref == Bill.reference) & (Charge.purpose == "fee")
        )
        .where(BillElsewhere.import_id == import_id)
        .order_by(Charge.id)
    ).all()
    found = 0
    for row in rows:
        bill = session.scalars(select(Bill).where(Bill.id == row.bill_id).with_for_update()).one()
        charge = settlement.lock_charge(session, row.charge_id)
        if charge.state == ChargeState.OPEN.value:
            settlement.void(session, charge, now=now)
        elif charge.state in {ChargeState.PAID.value, ChargeState.PARTLY_REFUNDED.value}:
            session.add(
                BillExcess(
                    reference=references.new("E"),
                    bill_id=bill.id,
                    elsewhere_id=row.id,
                    charge_id=charge.id,
                    amount=bill.amount,
                    found_at=now,
                )
            )
            found += 1
    session.flush()
    return found


def _charge(session: Session, bill: Bill) -> Charge | None:
    found = session.scalar(
        select(Charge.id).where(
            Charge.payable_kind == KIND, Charge.payable_ref == bill.reference, Charge.purpose == "fee"
        )
    )
    return None if found is None else settlement.lock_charge(session, found)


def _refuse(findings: Findings) -> None:
    if findings.count:
        raise BillFileRefused(tuple(sorted(findings.problems)), findings.count)


def _audit(session: Session, actor: Actor, action: str, reference: str, *, rows: int, more: int) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_kind="bill_import",
        subject_ref=reference,
        detail={"rows": rows, "more": more},
    )
