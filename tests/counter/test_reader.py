"""The card: what EF 0002 says, hostile bytes, PINs, and that the 個人番号 is never asked for."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.counter.reader import (
    AttributesCard,
    CardLocked,
    CardUnreadable,
    WrongPin,
    parse_attributes,
)
from forms.counter.samples import SAMPLE_CARDS, SimulatedReader, UnknownCard

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
NAME, ADDRESS = "渡邊\U000e0109 神\ufa19太郎", "茨城県古河市見本町二丁目15番地 𠮷野ハイツ203"


def entry(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        length = bytes([size])
    elif size < 0x100:
        length = bytes([0x81, size])
    else:
        length = b"\x82" + size.to_bytes(2, "big")
    return tag.to_bytes(2, "big") + length + value


def content(name: str = NAME, address: str = ADDRESS, birth: str = "19881231", sex: str = "1") -> bytes:
    inside = entry(0xDF21, bytes(8)) + entry(0xDF22, name.encode()) + entry(0xDF23, address.encode())
    return entry(0xFF20, inside + entry(0xDF24, birth.encode()) + entry(0xDF25, sex.encode()))


def test_every_character_of_the_card_is_kept() -> None:
    found = parse_attributes(content())
    assert (found.name, found.address, found.birth_date, found.sex) == (NAME, ADDRESS, date(1988, 12, 31), "male")


def test_padding_after_the_content_is_ignored() -> None:
    assert parse_attributes(content() + b"\xff" * 200).name == NAME


def test_a_birth_date_with_an_unknown_day_is_kept_as_text() -> None:
    found = parse_attributes(content(birth="19350000"))
    assert (found.birth_date, found.birth_date_text) == (None, "19350000")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\x20", "truncated"),
        (content()[:-1], "truncated"),
        (entry(0xFF21, b""), "tag"),
        (entry(0xFF20, b""), "missing"),
        (entry(0xFF20, entry(0xDF22, b"a") * 2), "twice"),
        (content(birth="19881332"), "birth_date"),
        (content(birth="１９８８１２３１"), "birth_date"),
        (content(sex="7"), "sex"),
        (content(name="  "), "content"),
        (content(name="a\x00b"), "content"),
        (content().replace(NAME.encode(), b"\xff" * len(NAME.encode())), "encoding"),
        (b"\xff\x20\x84\x00\x00\x00\x01a", "length"),
    ],
)
def test_a_broken_answer_is_refused_with_a_code(broken: bytes, reason: str) -> None:
    with pytest.raises(CardUnreadable) as refused:
        parse_attributes(broken)
    assert refused.value.reason == reason


@given(st.binary(max_size=600))
def test_hostile_bytes_are_read_or_refused_and_nothing_else(hostile: bytes) -> None:
    try:
        found = parse_attributes(hostile)
    except CardUnreadable:
        return
    assert found.name.strip()


@given(st.data())
def test_a_changed_byte_never_breaks_the_parser(data: st.DataObject) -> None:
    good = bytearray(content())
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse_attributes(bytes(good))
    except CardUnreadable:
        return
    assert found.name.strip()


_PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=60)


@given(name=_PRINTABLE, address=_PRINTABLE)
def test_what_is_written_on_a_card_is_what_is_read(name: str, address: str) -> None:
    found = parse_attributes(content(name=name, address=address))
    assert (found.name, found.address) == (name, address)


class Card:
    """A card that answers as the specification says, and remembers what it was asked."""

    def __init__(self, pin: str = "1234", tries: int = 3) -> None:
        self.pin, self.tries, self.selected = pin, tries, b""
        self.verified = False
        self.asked: list[bytes] = []

    def __call__(self, command: bytes) -> tuple[bytes, int]:
        self.asked.append(command)
        match command[1]:
            case 0xA4:
                self.selected = command[5:]
                return b"", 0x9000
            case 0x20:
                return b"", self._verify(command[5:].decode())
            case 0xB0 if self.verified and self.selected == b"\x00\x02":
                offset, size = int.from_bytes(command[2:4], "big"), command[4]
                return (content(address=ADDRESS * 9) + b"\xff" * 99)[offset : offset + size], 0x9000
        return b"", 0x6982

    def _verify(self, pin: str) -> int:
        if not self.tries:
            return 0x6983
        if pin == self.pin:
            self.verified, self.tries = True, 3
            return 0x9000
        self.tries -= 1
        return 0x63C0 | self.tries


def test_a_card_is_read_in_pieces_and_the_number_is_never_selected() -> None:
    card = Card()
    facts = AttributesCard(card).read("1234", now=NOW)
    assert (facts.name, facts.address, facts.source, facts.read_at) == (NAME, ADDRESS * 9, "card", NOW)
    selections = [command for command in card.asked if command[1] == 0xA4]
    assert not [command for command in selections if command.endswith(b"\x00\x01") and command[4] == 2]


def test_a_wrong_pin_says_how_many_tries_are_left_and_the_last_one_locks() -> None:
    card = Card(tries=2)
    with pytest.raises(WrongPin) as wrong:
        AttributesCard(card).read("9999", now=NOW)
    assert wrong.value.tries_left == 1
    with pytest.raises(CardLocked):
        AttributesCard(card).read("9999", now=NOW)
    with pytest.raises(CardLocked):
        AttributesCard(card).read("1234", now=NOW)


@pytest.mark.parametrize("pin", [None, "", "123", "12345", "12a4", "１２３４"])
def test_a_pin_of_another_shape_is_not_sent_and_costs_no_try(pin: str | None) -> None:
    card = Card()
    with pytest.raises(CardUnreadable):
        AttributesCard(card).read(pin, now=NOW)
    assert card.asked == []


def test_sample_cards_say_that_they_are_samples() -> None:
    for name, written in SAMPLE_CARDS.items():
        facts = SimulatedReader(name).read(None, now=NOW)
        assert facts.source == "sample-card"
        assert facts.name == written.name
        assert "見本" in facts.address
    with pytest.raises(UnknownCard):
        SimulatedReader("nobody").read(None, now=NOW)
