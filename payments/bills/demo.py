"""Sample bills (見本) for development: one for each thing that can be the matter with a slip."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.bills import files, importing, paying
from payments.models import BillImport, BudgetItem
from portal.kernel import audit, clock

ELSEWHERE = "見本-他所納付.csv"
FILE = "見本-納付書.csv"
CHECK = "246810"


def seed(session: Session, *, now: datetime) -> list[str]:
    """Make the sample bills that are not there yet.

    Returns:
        A line for each: what it shows, number, check digits. Empty where the city pack names no tax.
    """
    if session.scalar(select(BudgetItem.id).where(BudgetItem.tax_code == "01")) is None:
        return []
    if session.scalar(select(BillImport.id).where(BillImport.sample).limit(1)) is None:
        today = clock.local(now).date()
        _take(session, _bills(today), now=now)
        importing.take_elsewhere(
            session, io.BytesIO(_elsewhere(today).encode()), file_name=ELSEWHERE, actor=audit.SYSTEM, now=now
        )
        _take(session, _cancelled(today), now=now)
    known = dict(_what())
    return [
        f"見本の納付書({known.get(number, '')}): 番号 {number} 確認番号 {check}"
        for number, check, _reference in paying.samples(session)
    ]


def _take(session: Session, text: str, *, now: datetime) -> None:
    importing.take_bills(session, io.BytesIO(text.encode()), file_name=FILE, actor=audit.SYSTEM, now=now, sample=True)


def _what() -> list[tuple[str, str]]:
    return [
        ("20260001", "払える"),
        ("20260002", "納期限を過ぎたが、まだ払える"),
        ("20260003", "使用期限を過ぎた"),
        ("20260004", "ほかの場所で支払い済み"),
        ("20260005", "取り消し"),
        ("20260006", "地方税お支払サイトだけ"),
        ("20260007", "払える(同じ人の次の期)"),
    ]


def _bills(today: date) -> str:
    header = ",".join((*files.BILL_COLUMNS, *files.BILL_MORE))
    year = today.year if today.month >= 4 else today.year - 1

    def line(number: str, tax: str, term: int, amount: int, until: tuple[int, int], el: str = "") -> str:  # noqa: PLR0917 - a row of a table
        days = [today + timedelta(days=offset) for offset in until]
        handling = files.ELTAX if el else ""
        key = "見本-2" if el else "見本-1"
        return f"{number},{CHECK},{tax},{year},{term},{amount},{days[0]},{days[1]},{today},{handling},{el},,{key},"

    rows = [
        line("20260001", "01", 3, 24_500, (20, 50)),
        line("20260002", "02", 2, 31_000, (-10, 20)),
        line("20260003", "02", 1, 31_000, (-60, -30)),
        line("20260004", "03", 1, 10_800, (20, 50)),
        line("20260005", "04", 4, 18_200, (20, 50)),
        line("20260006", "01", 2, 24_500, (20, 50), "138000000000000000000000000000"),
        line("20260007", "01", 4, 24_500, (60, 90)),
    ]
    return "\n".join([header, *rows]) + "\n"


def _elsewhere(today: date) -> str:
    return f"{','.join(files.ELSEWHERE_COLUMNS)}\n20260004,{today - timedelta(days=1)},10800,見本銀行\n"


def _cancelled(today: date) -> str:
    # The header has every column; a withdrawal needs the number only.
    header = ",".join((*files.BILL_COLUMNS, *files.BILL_MORE))
    return f"{header}\n20260005,,,,,,,,{today},,,,,{files.CANCEL}\n"
