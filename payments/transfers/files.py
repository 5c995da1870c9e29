"""The order file for the bank, and the same file back with what became of each order. Pure.

A result is read against the very order file that it answers: whatever the bank may not change has to be as we wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from payments.bills.files import Findings
from payments.transfers import records
from payments.transfers.records import DATA, HEADER, LAST, TRAILER, BadRecordError
from portal.kernel.money import Yen

KIND: Final = "91"
"""種別コード: 預金口座振替."""
NEW, USUAL = "1", "0"
"""新規コード: the first order on a registration; every later one."""
_FREE = frozenset({"引落銀行名", "引落支店名", "ダミー1", "ダミー2", "振替結果コード", "新規コード"})
"""What a bank may fill in or change on its way back; everything else of a data record has to be as it was written."""
_HEADER_FREE = frozenset({"取引銀行名", "取引支店名", "ダミー"})


class Result(StrEnum):
    """振替結果コード."""

    TAKEN = "0"
    NO_FUNDS = "1"
    """資金不足."""
    NO_ACCOUNT = "2"
    """預金取引なし."""
    STOPPED_BY_PAYER = "3"
    """預金者の都合による振替停止."""
    NO_MANDATE = "4"
    """預金口座振替依頼書なし."""
    STOPPED_BY_COLLECTOR = "8"
    """委託者の都合による振替停止."""
    OTHER = "9"

    @property
    def ends_registration(self) -> bool:
        """Whether the next order on this registration would fail as well."""
        return self in {Result.NO_ACCOUNT, Result.STOPPED_BY_PAYER, Result.NO_MANDATE}


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account as the records name it: codes, names in kana, kind (1 普通, 2 当座 …), number of 7 digits, holder in kana."""

    bank_code: str
    bank: str
    branch_code: str
    branch: str
    kind: str
    number: str
    holder: str


@dataclass(frozen=True, slots=True)
class Order:
    """One debit. `customer`: our number for it, 20 digits, once in a file."""

    account: Account
    amount: Yen
    customer: str
    new_code: str = USUAL


@dataclass(frozen=True, slots=True)
class OrderFile:
    """Everything that one bank is to take on one day for one collector (委託者)."""

    collector_code: str
    account: Account
    debit_on: date
    orders: tuple[Order, ...]

    @property
    def total(self) -> Yen:
        """What is to be taken in all."""
        return sum((order.amount for order in self.orders), start=Yen(0))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one order."""

    customer: str
    amount: Yen
    result: Result


def write(file: OrderFile) -> bytes:
    """The file as bytes.

    Raises:
        NotBankTextError: a name has a character that the records do not have.
        BadRecordError: a number that does not fit its field.
        ValueError: nothing to order, a number of ours twice, or an amount that is not above zero.
    """
    if not file.orders or len({order.customer for order in file.orders}) != len(file.orders):
        raise ValueError("an order file has orders, each with a number of its own")
    if any(not Yen(0) < order.amount for order in file.orders):
        raise ValueError("every amount is above zero")
    own = file.account
    header: dict[str, str | int] = {
        "データ区分": 1,
        "種別コード": KIND,
        "コード区分": 0,
        "委託者コード": file.collector_code,
        "委託者名": own.holder,
        "引落日": f"{file.debit_on:%m%d}",
        "取引銀行番号": own.bank_code,
        "取引銀行名": own.bank,
        "取引支店番号": own.branch_code,
        "取引支店名": own.branch,
        "預金種目": own.kind,
        "口座番号": own.number,
    }
    lines = [records.compose(HEADER, header)]
    lines += [records.compose(DATA, _data(order)) for order in file.orders]
    lines.append(
        records.compose(TRAILER, {"データ区分": 8, "合計件数": len(file.orders), "合計金額": file.total.amount})
    )
    lines.append(records.compose(LAST, {"データ区分": 9}))
    return records.encode(lines)


def read(content: bytes) -> OrderFile:
    """An order file that was written here.

    Raises:
        BadRecordError: it is none.
    """
    header, data, _trailer = _shape(records.decode(content))
    kinds = "預金種目", "口座番号"
    head = records.cut(HEADER, header)
    day = head["引落日"]
    found = []
    for record in data:
        cut = records.cut(DATA, record)
        account = Account(
            cut["引落銀行番号"], cut["引落銀行名"], cut["引落支店番号"], cut["引落支店名"],
            cut[kinds[0]], cut[kinds[1]], cut["預金者名"],
        )  # fmt: skip
        found.append(Order(account, Yen(int(cut["引落金額"])), cut["顧客番号"], cut["新規コード"]))
    own = Account(
        head["取引銀行番号"], head["取引銀行名"], head["取引支店番号"], head["取引支店名"],
        head[kinds[0]], head[kinds[1]], head["委託者名"],
    )  # fmt: skip
    # The records name no year: whoever asks knows it; a leap year reads every day.
    return OrderFile(head["委託者コード"], own, date(2000, int(day[:2]), int(day[2:])), tuple(found))


def read_result(content: bytes, ordered: bytes, findings: Findings) -> Sequence[Outcome]:
    """What became of each order. Where `findings` has anything afterwards, nothing of the file may be used.

    Args:
        content: the bank's file.
        ordered: the order file that it answers.
        findings: gets every mistake with its record's number.
    """
    ours = records.decode(ordered)
    try:
        theirs = records.decode(content)
        header, data, trailer = _shape(theirs)
    except BadRecordError:
        findings.wrong(
            1,
            "口座振替の結果ファイルの形ではありません。",
            "1件120文字で、見出し・データ・合計・終わりの順に1つのファイルになったものを、そのまま取り込みます。",
        )
        return []
    _compare(HEADER, header, ours[0], free=_HEADER_FREE, at=1, findings=findings)
    written = {records.cut(DATA, record)["顧客番号"]: record for record in ours[1:-2]}
    outcomes = _outcomes(data, written, findings)
    missing = len(written.keys() - {each.customer for each in outcomes})
    if not findings.count and missing:
        findings.wrong(
            len(theirs) - 1, f"結果のない依頼が{missing}件あります。", "全部の結果が入ったファイルを取り込みます。"
        )
    _sums(trailer, outcomes, len(theirs) - 1, findings)
    return outcomes


def _outcomes(data: Sequence[str], written: Mapping[str, str], findings: Findings) -> list[Outcome]:
    known = {code.value for code in Result}
    outcomes: dict[str, Outcome] = {}
    for at, record in enumerate(data, start=2):
        try:
            cut = records.cut(DATA, record)
        except BadRecordError as error:
            findings.wrong(at, f"「{error.field}」が数字ではありません。")
            continue
        number, code = cut["顧客番号"], cut["振替結果コード"]
        if number not in written:
            findings.wrong(at, f"顧客番号 {number} は、依頼していません。")
        elif number in outcomes:
            findings.wrong(at, f"顧客番号 {number} が2回出てきます。")
        elif code not in known:
            findings.wrong(at, f"振替結果コード {code} は決まりにありません。")
        else:
            _compare(DATA, record, written[number], free=_FREE, at=at, findings=findings)
            outcomes[number] = Outcome(number, Yen(int(cut["引落金額"])), Result(code))
    return list(outcomes.values())


def _sums(trailer: str, outcomes: Sequence[Outcome], at: int, findings: Findings) -> None:
    if findings.count:
        return
    taken = [each.amount.amount for each in outcomes if each.result is Result.TAKEN]
    failed = [each.amount.amount for each in outcomes if each.result is not Result.TAKEN]
    counted = {
        "合計件数": len(outcomes),
        "合計金額": sum(taken) + sum(failed),
        "振替済件数": len(taken),
        "振替済金額": sum(taken),
        "振替不能件数": len(failed),
        "振替不能金額": sum(failed),
    }
    try:
        said = records.cut(TRAILER, trailer)
    except BadRecordError as error:
        findings.wrong(at, f"「{error.field}」が数字ではありません。")
        return
    for name, number in counted.items():
        if int(said[name]) != number:
            findings.wrong(at, f"合計の「{name}」が {int(said[name]):,} で、数えると {number:,} です。")


def _compare(
    fields: Sequence[records.Field], theirs: str, ours: str, *, free: frozenset[str], at: int, findings: Findings
) -> None:
    try:
        said, wrote = records.cut(fields, theirs), records.cut(fields, ours)
    except BadRecordError as error:
        findings.wrong(at, f"「{error.field}」が数字ではありません。")
        return
    for name, value in wrote.items():
        if name not in free and said[name] != value:
            findings.wrong(
                at, f"「{name}」が依頼とちがいます。", "依頼したファイルの結果かどうかを、銀行に確かめます。"
            )


def _shape(found: Sequence[str]) -> tuple[str, Sequence[str], str]:
    """Header, data and trailer of a file with one header.

    Raises:
        BadRecordError: the records do not come in this order.
    """
    kinds = "".join(record[0] for record in found)
    if len(found) < 4 or kinds != "1" + "2" * (len(found) - 3) + "89":
        raise BadRecordError("データ区分")
    return found[0], found[1:-2], found[-2]


def _data(order: Order) -> dict[str, str | int]:
    account = order.account
    return {
        "データ区分": 2,
        "引落銀行番号": account.bank_code,
        "引落銀行名": account.bank,
        "引落支店番号": account.branch_code,
        "引落支店名": account.branch,
        "預金種目": account.kind,
        "口座番号": account.number,
        "預金者名": account.holder,
        "引落金額": order.amount.amount,
        "新規コード": order.new_code,
        "顧客番号": order.customer,
    }


def answer(ordered: bytes, results: Mapping[str, Result]) -> bytes:
    """The order file with results, as a bank gives it back; who is not named was taken. For the development double and tests."""
    found = records.decode(ordered)
    _header, data, _trailer = _shape(found)
    cuts = [records.cut(DATA, record) for record in data]
    said = [results.get(cut["顧客番号"], Result.TAKEN) for cut in cuts]
    amounts = [int(cut["引落金額"]) for cut in cuts]
    taken = [amount for amount, result in zip(amounts, said, strict=True) if result is Result.TAKEN]
    trailer = {
        "データ区分": 8,
        "合計件数": len(cuts),
        "合計金額": sum(amounts),
        "振替済件数": len(taken),
        "振替済金額": sum(taken),
        "振替不能件数": len(cuts) - len(taken),
        "振替不能金額": sum(amounts) - sum(taken),
    }
    return records.encode(
        [
            found[0],
            *(
                records.compose(DATA, {**cut, "振替結果コード": result.value})
                for cut, result in zip(cuts, said, strict=True)
            ),
            records.compose(TRAILER, trailer),
            found[-1],
        ]
    )
