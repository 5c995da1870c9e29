"""The fixed records of 口座振替 (全銀協, 預金口座振替): how a field is written, and how a record is cut into its fields. Pure.

Every field with its source stands in docs/account-transfers.md. A record has 120 characters of JIS X 0201, one byte each; numbers
stand to the right with zeros before them, text to the left with spaces behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jaconv

LENGTH: Final = 120
END: Final = b"\r\n"
ENCODING: Final = "shift_jis"
"""Half-width kana and ASCII are the same single bytes in Shift_JIS and JIS X 0201; nothing else gets as far as the encoder."""
_LARGE = str.maketrans("ァィゥェォッャュョヮヵヶヲ", "アイウエオツヤユヨワカケオ")
_SIGNS = str.maketrans({"ー": "-", "‐": "-", "−": "-", "–": "-", "・": ".", "\u3000": " "})
_KNOWN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ()-./" + "".join(map(chr, range(0xFF71, 0xFFA0))))


@dataclass
class NotBankTextError(ValueError):
    """A character that the banks' records do not have."""

    text: str
    character: str


@dataclass
class BadRecordError(ValueError):
    """A record that is not 120 characters of JIS X 0201, or a number that is none."""

    field: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record. `number`: to the right with zeros, digits only."""

    name: str
    length: int
    number: bool = False


def _number(name: str, length: int) -> Field:
    return Field(name, length, number=True)


HEADER: Final = (
    _number("データ区分", 1),
    _number("種別コード", 2),
    _number("コード区分", 1),
    _number("委託者コード", 10),
    Field("委託者名", 40),
    _number("引落日", 4),
    _number("取引銀行番号", 4),
    Field("取引銀行名", 15),
    _number("取引支店番号", 3),
    Field("取引支店名", 15),
    _number("預金種目", 1),
    _number("口座番号", 7),
    Field("ダミー", 17),
)
DATA: Final = (
    _number("データ区分", 1),
    _number("引落銀行番号", 4),
    Field("引落銀行名", 15),
    _number("引落支店番号", 3),
    Field("引落支店名", 15),
    Field("ダミー1", 4),
    _number("預金種目", 1),
    _number("口座番号", 7),
    Field("預金者名", 30),
    _number("引落金額", 10),
    _number("新規コード", 1),
    _number("顧客番号", 20),
    _number("振替結果コード", 1),
    Field("ダミー2", 8),
)
TRAILER: Final = (
    _number("データ区分", 1),
    _number("合計件数", 6),
    _number("合計金額", 12),
    _number("振替済件数", 6),
    _number("振替済金額", 12),
    _number("振替不能件数", 6),
    _number("振替不能金額", 12),
    Field("ダミー", 65),
)
LAST: Final = (_number("データ区分", 1), Field("ダミー", 119))


def bank_text(text: str) -> str:
    """Text as the banks' records have it: half-width kana without small ones, capital letters, digits and `()-./`.

    A long vowel mark is a hyphen, ヲ is オ, a middle dot a full stop.

    Raises:
        NotBankTextError: it has another character, a kanji for example.
    """
    full = jaconv.hira2kata(jaconv.h2z(text, kana=True, digit=False, ascii=False)).translate(_LARGE).translate(_SIGNS)
    half = str(jaconv.z2h(full, kana=True, digit=True, ascii=True)).upper()
    for character in half:
        if character not in _KNOWN:
            raise NotBankTextError(text, character)
    return half


def compose(fields: Sequence[Field], values: Mapping[str, str | int]) -> str:
    """One record; fields without a value are empty (spaces, or zeros).

    Raises:
        BadRecordError: a number that is too long or none. Text that is too long is cut, as the banks do.
        NotBankTextError: a character that the records do not have.
    """
    parts = []
    for field in fields:
        value = str(values.get(field.name, ""))
        if field.number:
            if len(value) > field.length or (value and not (value.isascii() and value.isdigit())):
                raise BadRecordError(field.name)
            parts.append(value.rjust(field.length, "0"))
        else:
            parts.append(bank_text(value)[: field.length].ljust(field.length))
    return "".join(parts)


def cut(fields: Sequence[Field], record: str) -> dict[str, str]:
    """A record's fields: numbers with their zeros, text without the spaces behind it.

    Raises:
        BadRecordError: a number that is none; the record's length is the caller's question.
    """
    found: dict[str, str] = {}
    at = 0
    for field in fields:
        value = record[at : at + field.length]
        at += field.length
        if field.number and not (value.isascii() and value.isdigit()):
            raise BadRecordError(field.name)
        found[field.name] = value if field.number else value.rstrip(" ")
    return found


def encode(records: Sequence[str]) -> bytes:
    """Records as the bytes of a file, each with CR and LF."""
    return b"".join(record.encode(ENCODING) + END for record in records)


def decode(content: bytes) -> list[str]:
    """The records of a file: each of 120 characters, all of them with CR and LF behind, or none.

    Raises:
        BadRecordError: another length, or a byte that is no character of JIS X 0201.
    """
    step = LENGTH + len(END) if content[LENGTH : LENGTH + len(END)] == END else LENGTH
    if not content or len(content) % step:
        raise BadRecordError("")
    records = []
    for start in range(0, len(content), step):
        record = content[start : start + LENGTH]
        if step > LENGTH and content[start + LENGTH : start + step] != END:
            raise BadRecordError("")
        if not all(0x20 <= byte <= 0x7E or 0xA1 <= byte <= 0xDF for byte in record):
            raise BadRecordError("")
        records.append(record.decode(ENCODING))
    return records
