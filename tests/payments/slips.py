"""Files of bills as the tax system writes them."""

from __future__ import annotations

import io
from datetime import date, timedelta

from payments.bills import files, importing, paying
from payments.bills.importing import Taken
from payments.contract import Payer
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work

CHECK = "135790"
HEADER = ",".join((*files.BILL_COLUMNS, *files.BILL_MORE))


def row(number: str, **facts: object) -> str:
    """One line of a file of bills; everything sound unless said otherwise."""
    today = clock.today()
    values = {
        "納付書番号": number,
        "確認番号": CHECK,
        "税目コード": "01",
        "相当年度": "2026",
        "期": "3",
        "金額": "24500",
        "納期限": (today + timedelta(days=6)).isoformat(),
        "使用期限": (today + timedelta(days=36)).isoformat(),
        "整理番号": "K-1",
        **{key: str(value) for key, value in facts.items()},
    }
    return ",".join(values.get(column, "") for column in HEADER.split(","))


def content(*rows: str, encoding: str = "utf-8") -> bytes:
    return ("\r\n".join([HEADER, *rows]) + "\r\n").encode(encoding)


def take(*rows: str, encoding: str = "utf-8", name: str = "bills.csv") -> Taken:
    """Take a file of bills in."""
    with unit_of_work() as session:
        return importing.take_bills(
            session,
            io.BytesIO(content(*rows, encoding=encoding)),
            file_name=name,
            actor=audit.SYSTEM,
            now=clock.now(),
        )


def elsewhere(*rows: str) -> Taken:
    """Take a file of payments in that were made elsewhere."""
    text = "\n".join([",".join(files.ELSEWHERE_COLUMNS), *rows]) + "\n"
    with unit_of_work() as session:
        return importing.take_elsewhere(
            session, io.BytesIO(text.encode()), file_name="elsewhere.csv", actor=audit.SYSTEM, now=clock.now()
        )


def paid_on(days: int = 0) -> date:
    return clock.today() - timedelta(days=days)


def ask(number: str) -> str:
    """The charge of a bill that somebody is about to pay."""
    with unit_of_work() as session:
        reference = paying.by_number(session, number)
        payer = Payer(None, None, "", "hanako@example.jp")
        return paying.ask_for(session, reference, payer=payer, now=clock.now()).reference


def state(number: str) -> str:
    with unit_of_work() as session:
        return paying.view(session, paying.by_number(session, number), today=clock.today()).state.value
