"""The visitor's card: name, address, birth date and sex, never the 個人番号.

A real card (マイナンバーカード) answers through its 券面事項入力補助 application (D3921000310001010408): SELECT it, VERIFY the
4-digit PIN (EF 0011), READ EF 0002. EF 0001 holds the 個人番号; no command here names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal, Protocol

from portal.kernel.errors import Conflict, Invalid, NotFound, Unavailable

Sex = Literal["male", "female", "other"]
#: DF25: ISO/IEC 5218 numbers, with 3 for other.
_SEXES: Mapping[str, Sex] = {"1": "male", "2": "female", "3": "other", "9": "other"}


@dataclass(eq=False)
class CardUnreadable(Invalid):
    """The card's answer is not what the specification says. `reason` is a code, never the card's content."""

    code: ClassVar[str] = "card_unreadable"
    reason: str


@dataclass(eq=False)
class WrongPin(Invalid):
    """The PIN does not fit; after `tries_left` more the card locks itself."""

    code: ClassVar[str] = "card_wrong_pin"
    tries_left: int


@dataclass(eq=False)
class CardLocked(Conflict):
    """Too many wrong PINs; the card has to be unlocked at the counter first."""

    code: ClassVar[str] = "card_locked"


@dataclass(eq=False)
class NoReader(Unavailable):
    """No card reader is set up here; everything can be typed."""

    code: ClassVar[str] = "card_no_reader"


@dataclass(eq=False)
class UnknownCard(NotFound):
    """There is no such sample card."""

    code: ClassVar[str] = "card_unknown"


@dataclass(frozen=True)
class Attributes:
    """What EF 0002 says, every character kept. `birth_date` is None where a part of it is unknown (不詳)."""

    name: str
    address: str
    birth_date: date | None
    birth_date_text: str
    sex: Sex


@dataclass(frozen=True)
class CardFacts:
    """What was read, when (aware), from where: `card`, or `sample-card` in development."""

    name: str
    address: str
    birth_date: date | None
    sex: Sex
    read_at: datetime
    source: str


class CardReader(Protocol):
    """Reads the card that lies on the reader now."""

    def read(self, pin: str | None, *, now: datetime) -> CardFacts:
        """The visitor's facts.

        Raises:
            WrongPin: the PIN does not fit.
            CardLocked: the card does not take a PIN any more.
            CardUnreadable: the answer is not what it should be.
        """
        ...


_CONTAINER = 0xFF20
_NAME, _ADDRESS, _BIRTH, _SEX = 0xDF22, 0xDF23, 0xDF24, 0xDF25
_LONG_TAG = 0x1F


def _length(content: bytes, at: int) -> tuple[int, int]:
    """A BER length at `at`: (length, where the value begins)."""
    if at >= len(content):
        raise CardUnreadable("truncated")
    first = content[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 2:
        raise CardUnreadable("length")
    if at + 1 + count > len(content):
        raise CardUnreadable("truncated")
    return int.from_bytes(content[at + 1 : at + 1 + count], "big"), at + 1 + count


def _entry(content: bytes, at: int) -> tuple[int, bytes, int]:
    """One entry with a two-byte tag: (tag, value, where the next begins)."""
    if at + 2 > len(content):
        raise CardUnreadable("truncated")
    if content[at] & _LONG_TAG != _LONG_TAG or content[at + 1] & 0x80:
        raise CardUnreadable("tag")
    length, start = _length(content, at + 2)
    if start + length > len(content):
        raise CardUnreadable("truncated")
    return int.from_bytes(content[at : at + 2], "big"), content[start : start + length], start + length


def _text(values: Mapping[int, bytes], tag: int) -> str:
    if tag not in values:
        raise CardUnreadable("missing")
    try:
        text = values[tag].decode("utf-8")
    except UnicodeDecodeError:
        raise CardUnreadable("encoding") from None
    if not text.strip() or not all(character.isprintable() or character == "\u3000" for character in text):
        raise CardUnreadable("content")
    return text


def _birth(text: str) -> date | None:
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        raise CardUnreadable("birth_date")
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if not (month and day):
        return None
    try:
        return date(year, month, day)
    except ValueError:
        raise CardUnreadable("birth_date") from None


def parse_attributes(content: bytes) -> Attributes:
    """EF 0002: TLV FF20 { DF21 offsets, DF22 name, DF23 address, DF24 birth date, DF25 sex }, UTF-8; padding may follow.

    Raises:
        CardUnreadable: it is not.
    """
    tag, inside, _end = _entry(content, 0)
    if tag != _CONTAINER:
        raise CardUnreadable("tag")
    values: dict[int, bytes] = {}
    at = 0
    while at < len(inside):
        tag, value, at = _entry(inside, at)
        if tag in values:
            raise CardUnreadable("twice")
        values[tag] = value
    birth, sex = _text(values, _BIRTH), _text(values, _SEX)
    if sex not in _SEXES:
        raise CardUnreadable("sex")
    return Attributes(_text(values, _NAME), _text(values, _ADDRESS), _birth(birth), birth, _SEXES[sex])


#: Sends one command to the card; gives the answer's data and its two status bytes as a number (0x9000: fine).
Transmit = Callable[[bytes], tuple[bytes, int]]
_APPLICATION = bytes.fromhex("D3921000310001010408")
_EF_PIN, _EF_ATTRIBUTES = b"\x00\x11", b"\x00\x02"
_FINE, _PIECE, _LARGEST = 0x9000, 0xF0, 4096


@dataclass(frozen=True)
class AttributesCard:
    """A card behind a reader, through the 券面事項入力補助 application."""

    transmit: Transmit

    def read(self, pin: str | None, *, now: datetime) -> CardFacts:
        """See `CardReader`. The PIN is four digits; it is sent to the card and kept nowhere."""
        if pin is None or len(pin) != 4 or not (pin.isascii() and pin.isdigit()):
            raise CardUnreadable("pin_shape")
        self._fine(b"\x00\xa4\x04\x0c" + bytes([len(_APPLICATION)]) + _APPLICATION)
        self._select(_EF_PIN)
        self._verify(pin)
        self._select(_EF_ATTRIBUTES)
        found = parse_attributes(self._content())
        return CardFacts(found.name, found.address, found.birth_date, found.sex, now, "card")

    def _fine(self, command: bytes) -> bytes:
        answer, status = self.transmit(command)
        if status != _FINE:
            raise CardUnreadable(f"status_{status:04x}")
        return answer

    def _select(self, file: bytes) -> None:
        self._fine(b"\x00\xa4\x02\x0c\x02" + file)

    def _verify(self, pin: str) -> None:
        _answer, status = self.transmit(b"\x00\x20\x00\x80\x04" + pin.encode("ascii"))
        if status & 0xFFF0 == 0x63C0 and status & 0xF:
            raise WrongPin(status & 0xF)
        if status in {0x63C0, 0x6983, 0x6984}:
            raise CardLocked
        if status != _FINE:
            raise CardUnreadable(f"status_{status:04x}")

    def _content(self) -> bytes:
        content = self._piece(0)
        length, start = _length(content, 2)
        if length > _LARGEST:
            raise CardUnreadable("length")
        while len(content) < start + length:
            piece = self._piece(len(content))
            if not piece:
                raise CardUnreadable("truncated")
            content += piece
        return content

    def _piece(self, offset: int) -> bytes:
        return self._fine(b"\x00\xb0" + offset.to_bytes(2, "big") + bytes([_PIECE]))
