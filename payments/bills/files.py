"""The tax section's CSV files: which columns they have, and every mistake with its line. No database.

The format is documented in docs/tax-bills.md. A file is UTF-8 (with or without BOM) or CP932 (Shift_JIS as Windows writes it), and
is read as a stream: a file of 100,000 bills never stands in memory as a whole.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import BinaryIO

from payments.bills import rules
from portal.directory.pack import Problem, near
from portal.kernel import dates

CHUNK = 1 << 20
MOST_PROBLEMS = 200
"""So many mistakes are told one by one; the rest is counted."""
BILL_COLUMNS = ("納付書番号", "確認番号", "税目コード", "相当年度", "期", "金額", "納期限")
BILL_MORE = ("使用期限", "発行日", "取扱", "eL番号", "バーコード", "整理番号", "処理")
ELSEWHERE_COLUMNS = ("納付書番号", "納付日", "金額", "収納場所")
NEW, CANCEL = "新規", "取消"
HERE, ELTAX = "当サイト", "eL"


@dataclass(frozen=True, slots=True)
class BillRow:
    """One bill of a file, read."""

    line: int
    number: str
    check_digits: str
    tax_code: str
    levy_year: int
    term: int
    amount: int
    issued_on: date
    due_on: date
    usable_until: date
    taken_here: bool
    el_number: str
    barcode: str
    subject_key: str


@dataclass(frozen=True, slots=True)
class CancelRow:
    """A bill that the section takes back."""

    line: int
    number: str


@dataclass(frozen=True, slots=True)
class ElsewhereRow:
    """A payment that came in at another place."""

    line: int
    number: str
    paid_on: date
    amount: int
    channel: str


@dataclass
class Findings:
    """The mistakes of one file. More than `MOST_PROBLEMS` are only counted."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def wrong(self, line: int, message: str, suggestion: str = "") -> None:
        """Note a mistake."""
        self.count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(self.file, line, message, suggestion))


def digest_and_encoding(stream: BinaryIO) -> tuple[str, str]:
    """The file's SHA-256 (hex) and its encoding, in one pass; the stream is at its start again.

    Returns:
        "utf-8-sig" where every byte is UTF-8, else "cp932".
    """
    digest = hashlib.sha256()
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        if decoder is not None:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                decoder = None
    if decoder is not None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            decoder = None
    stream.seek(0)
    return digest.hexdigest(), "utf-8-sig" if decoder is not None else "cp932"


def bills(
    stream: BinaryIO, encoding: str, *, tax_codes: Collection[str], today: date, findings: Findings
) -> Iterator[BillRow | CancelRow]:
    """The rows of a file of bills; what is wrong goes into `findings` and is left out."""
    seen: dict[str, int] = {}
    for line, cells in _records(stream, encoding, BILL_COLUMNS, BILL_MORE, findings):
        row = _bill(line, cells, tax_codes, today, findings)
        if row is None:
            continue
        if row.number in seen:
            findings.wrong(
                line, f"納付書番号 {row.number} は2回出てきます(1回目は{seen[row.number]}行目)。", "1行にしてください。"
            )
            continue
        seen[row.number] = line
        yield row


def elsewhere(stream: BinaryIO, encoding: str, *, today: date, findings: Findings) -> Iterator[ElsewhereRow]:
    """The rows of a file of payments made elsewhere."""
    for line, cells in _records(stream, encoding, ELSEWHERE_COLUMNS, (), findings):
        number = _number(line, cells, findings)
        paid_on = _day(line, "納付日", cells["納付日"], findings)
        amount = _amount(line, cells["金額"], findings)
        if paid_on is not None and paid_on > today:
            findings.wrong(line, f"納付日「{cells['納付日']}」が、今日より後です。", "実際に納付された日を書きます。")
            paid_on = None
        if number is not None and paid_on is not None and amount is not None:
            yield ElsewhereRow(line, number, paid_on, amount, cells["収納場所"])


def _bill(
    line: int, cells: Mapping[str, str], tax_codes: Collection[str], today: date, findings: Findings
) -> BillRow | CancelRow | None:
    number = _number(line, cells, findings)
    action = cells.get("処理", "") or NEW
    if action not in {NEW, CANCEL}:
        findings.wrong(line, f"処理「{action}」は使えません。", near(action, (NEW, CANCEL)))
        return None
    if action == CANCEL:
        return None if number is None else CancelRow(line, number)
    before = findings.count
    check = cells["確認番号"]
    if not rules.CHECK.fullmatch(check):
        hint = "先頭の0が落ちています。文字列として6桁で書き出してください。" if check.isdecimal() else "数字6桁です。"
        findings.wrong(line, f"確認番号「{check}」が6桁の数字ではありません。", hint)
    if cells["税目コード"] not in tax_codes:
        findings.wrong(
            line, f"税目コード「{cells['税目コード']}」は登録されていません。", near(cells["税目コード"], tax_codes)
        )
    year = _small(
        findings,
        line,
        "相当年度",
        cells["相当年度"],
        within=range(2000, 2101),
        hint="西暦4桁の年度です(令和8年度は 2026)。",
    )
    term = _small(findings, line, "期", cells["期"], within=range(13), hint="1から12。随時は 0 です。")
    amount = _amount(line, cells["金額"], findings)
    due = _day(line, "納期限", cells["納期限"], findings)
    usable = _day(line, "使用期限", cells["使用期限"], findings) if cells.get("使用期限") else due
    issued = _day(line, "発行日", cells["発行日"], findings) if cells.get("発行日") else today
    if due is not None and usable is not None and usable < due:
        findings.wrong(line, "使用期限が納期限より前です。", "使用期限は納期限と同じ日か、それより後にします。")
    handling = cells.get("取扱", "") or HERE
    el_number = rules.plain(cells.get("eL番号", ""))
    if handling not in {HERE, ELTAX}:
        findings.wrong(line, f"取扱「{handling}」は使えません。", near(handling, (HERE, ELTAX)))
    elif handling == ELTAX and not el_number:
        findings.wrong(line, "取扱が eL なのに、eL番号がありません。", "eL番号を書くか、取扱を 当サイト にします。")
    if findings.count > before or number is None:
        return None
    if year is None or term is None or amount is None or due is None or usable is None or issued is None:
        return None
    return BillRow(
        line,
        number,
        check,
        cells["税目コード"],
        year,
        term,
        amount,
        issued,
        due,
        usable,
        handling == HERE,
        el_number[:60],
        rules.plain(cells.get("バーコード", ""))[:120],
        cells.get("整理番号", "")[:40],
    )


def _number(line: int, cells: Mapping[str, str], findings: Findings) -> str | None:
    number = cells["納付書番号"]
    if rules.NUMBER.fullmatch(number):
        return number
    hint = "表計算ソフトで指数になっています。文字列として書き出してください。" if "E+" in number.upper() else ""
    findings.wrong(line, f"納付書番号「{number}」が6桁から20桁の数字ではありません。", hint or "数字だけを書きます。")
    return None


def _small(findings: Findings, line: int, name: str, text: str, *, within: range, hint: str) -> int | None:
    if text.isascii() and text.isdigit() and int(text) in within:
        return int(text)
    findings.wrong(line, f"{name}「{text}」が正しくありません。", hint)
    return None


def _amount(line: int, text: str, findings: Findings) -> int | None:
    plain = text.replace(",", "")
    if plain.isascii() and plain.isdigit() and 1 <= int(plain) <= 9_999_999:
        return int(plain)
    findings.wrong(line, f"金額「{text}」が正しくありません。", "1円から9,999,999円までの整数です。")
    return None


def _day(line: int, name: str, text: str, findings: Findings) -> date | None:
    found = _parsed(text)
    if found is None:
        findings.wrong(line, f"{name}「{text}」を日付として読めません。", "例: 2026-06-30、令和8年6月30日、20260630")
    return found


@lru_cache(maxsize=4096)
def _parsed(text: str) -> date | None:
    try:
        return dates.parse_date(text)
    except dates.DateError:
        return None


def _records(
    stream: BinaryIO, encoding: str, needed: Sequence[str], optional: Sequence[str], findings: Findings
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The lines of a CSV file by column name; nothing where the header is wrong or the file cannot be read."""
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not _header(header, needed, optional, findings):
            return
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                findings.wrong(
                    reader.line_num,
                    f"列の数が{len(cells)}です。見出しは{len(header)}列です。",
                    "「,」の数と引用符を見てください。",
                )
                continue
            yield reader.line_num, dict(zip(header, map(str.strip, cells), strict=True))
    except UnicodeDecodeError:
        findings.wrong(reader.line_num + 1, "文字を読めません。", "UTF-8 か Shift_JIS(CP932)で保存してください。")
    except csv.Error as error:
        findings.wrong(reader.line_num, f"CSV として読めません({error})。", "引用符が閉じているか見てください。")
    finally:
        text.detach()


def _header(header: Sequence[str], needed: Sequence[str], optional: Sequence[str], findings: Findings) -> bool:
    before = findings.count
    if not header:
        findings.wrong(1, "ファイルが空です。", "見出しの行から始めてください。")
    for name in needed:
        if name not in header:
            findings.wrong(1, f"列「{name}」がありません。", f"見出しに {name} を足してください。")
    for name in header:
        if name not in needed and name not in optional:
            findings.wrong(1, f"列「{name}」は使いません。", near(name, (*needed, *optional)))
        elif header.count(name) > 1:
            findings.wrong(1, f"列「{name}」が2回あります。", "1つにしてください。")
    return findings.count == before
