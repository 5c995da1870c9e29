"""The order file and its result: what is written is read again, and nothing else is taken for a result."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.bills.files import Findings
from payments.transfers import files, records
from payments.transfers.files import Account, Order, OrderFile, Outcome, Result
from payments.transfers.records import BadRecordError, NotBankTextError, bank_text
from portal.kernel.money import Yen

CITY = Account("0130", "ジョウヨウ", "012", "コガ", "1", "0000123", "ミホンシ カイケイカンリシャ")
_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワンガギグパピプッャュョーヴヲ 　"


def account(number: str = "0000001", holder: str = "コガ ハナコ") -> Account:
    return Account("9900", "ユウチョ", "018", "ゼロイチハチ", "1", number, holder)


def order(number: int, amount: int = 1500) -> Order:
    return Order(account(), Yen(amount), f"{number:020}", files.NEW)


def order_file(*orders: Order) -> OrderFile:
    return OrderFile("0000000001", CITY, date(2026, 12, 28), orders or (order(1, 1500), order(2, 700), order(3, 90)))


def problems(content: bytes, ordered: bytes) -> list[str]:
    findings = Findings("kekka.txt")
    files.read_result(content, ordered, findings)
    assert findings.count == len(findings.problems)
    return [f"{each.line}: {each.message}" for each in findings.problems]


def records_of(content: bytes) -> list[bytes]:
    return content.split(b"\r\n")[:-1]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("コガ ハナコ", "ｺｶﾞ ﾊﾅｺ"),
        ("キュウヨウ　ジョー", "ｷﾕｳﾖｳ ｼﾞﾖ-"),
        ("ｺｶﾞｼ ﾀﾛｳ", "ｺｶﾞｼ ﾀﾛｳ"),
        ("こが はなこ", "ｺｶﾞ ﾊﾅｺ"),
        ("カ)ミホンヲ・1ア", "ｶ)ﾐﾎﾝｵ.1ｱ"),
        ("ＡＢＣ abc", "ABC ABC"),
    ],
)
def test_names_become_what_the_banks_records_have(typed: str, written: str) -> None:
    assert bank_text(typed) == written


@pytest.mark.parametrize("typed", ["古河 花子", "ハナコ!", "é", "コガ、ハナコ"])
def test_a_character_that_the_records_do_not_have_is_refused_and_never_replaced(typed: str) -> None:
    with pytest.raises(NotBankTextError):
        bank_text(typed)


def test_each_layout_has_120_characters() -> None:
    for layout in (records.HEADER, records.DATA, records.TRAILER, records.LAST):
        assert sum(field.length for field in layout) == records.LENGTH


def test_a_file_is_header_orders_trailer_and_end_as_documented() -> None:
    header, first, second, third, trailer, end = records_of(files.write(order_file()))
    assert header.decode("shift_jis").startswith("19100000000001ﾐﾎﾝｼ ｶｲｹｲｶﾝﾘｼﾔ")
    assert header[54:58] == b"1228"
    assert header[58:62] == b"0130"
    assert header[95:103] == b"10000123"
    assert [len(record) for record in (header, first, second, third, trailer, end)] == [120] * 6
    assert first[80:90] == b"0000001500"
    assert first[90:112] == b"1" + b"0" * 19 + b"10"
    assert trailer[:19] == b"8" + b"000003" + b"000000002290"
    assert trailer[19:55] == b"0" * 36
    assert end == b"9" + b" " * 119


accounts = st.builds(
    Account,
    bank_code=st.from_regex(r"[0-9]{4}", fullmatch=True),
    bank=st.text(_KANA, max_size=20),
    branch_code=st.from_regex(r"[0-9]{3}", fullmatch=True),
    branch=st.text(_KANA, max_size=20),
    kind=st.sampled_from("1249"),
    number=st.from_regex(r"[0-9]{7}", fullmatch=True),
    holder=st.text(_KANA, min_size=1, max_size=40),
)


@st.composite
def order_files(draw: st.DrawFn) -> OrderFile:
    amounts = draw(st.lists(st.integers(1, 9_999_999), min_size=1, max_size=8))
    numbers = draw(st.lists(st.integers(0, 10**20 - 1), min_size=len(amounts), max_size=len(amounts), unique=True))
    orders = tuple(
        Order(draw(accounts), Yen(amount), f"{number:020}", draw(st.sampled_from("01")))
        for amount, number in zip(amounts, numbers, strict=True)
    )
    return OrderFile(draw(st.from_regex(r"[0-9]{10}", fullmatch=True)), draw(accounts), draw(st.dates()), orders)


@given(order_files())
def test_what_is_written_is_read_again_and_the_total_is_the_sum(file: OrderFile) -> None:
    content = files.write(file)
    found = files.read(content)
    assert files.write(found) == content
    assert [(each.customer, each.amount, each.account.number) for each in found.orders] == [
        (each.customer, each.amount, each.account.number) for each in file.orders
    ]
    assert found.total == file.total
    trailer = records.cut(records.TRAILER, records.decode(content)[-2])
    assert (int(trailer["合計件数"]), int(trailer["合計金額"])) == (len(file.orders), file.total.amount)
    assert all(len(record) == 120 for record in records_of(content))


@given(order_files(), st.data())
def test_a_banks_answer_gives_each_order_its_result(file: OrderFile, data: st.DataObject) -> None:
    ordered = files.write(file)
    said = {each.customer: data.draw(st.sampled_from(list(Result))) for each in file.orders}
    content = files.answer(ordered, said)
    findings = Findings("kekka.txt")
    outcomes = files.read_result(content, ordered, findings)
    assert not findings.count
    assert list(outcomes) == [Outcome(each.customer, each.amount, said[each.customer]) for each in file.orders]
    without_ends = b"".join(records_of(content))
    assert files.read_result(without_ends, ordered, findings) == outcomes
    assert not findings.count


@given(order_files(), st.data())
def test_one_changed_byte_never_becomes_another_sum(file: OrderFile, data: st.DataObject) -> None:
    """Whatever single byte is altered: refused, or every order has the amount that we wrote and a result in our books."""
    ordered = files.write(file)
    content = bytearray(files.answer(ordered, {file.orders[0].customer: Result.NO_FUNDS}))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    findings = Findings("kekka.txt")
    outcomes = files.read_result(bytes(content), ordered, findings)
    if not findings.count:
        assert {each.customer: each.amount for each in outcomes} == {each.customer: each.amount for each in file.orders}
        taken = sum(each.amount.amount for each in outcomes if each.result is Result.TAKEN)
        assert taken == file.total.amount - file.orders[0].amount.amount


def test_a_file_that_is_no_result_is_refused() -> None:
    ordered = files.write(order_file())
    for content in (
        b"",
        b"hello",
        ordered[:-1],
        ordered + b"x",
        ordered.replace(b"\r\n", b"\n"),
        "古河".encode(),
        ordered * 2,
    ):
        assert problems(content, ordered) == ["1: 口座振替の結果ファイルの形ではありません。"]
    lines = records_of(ordered)
    for mixed in (lines[1:], lines[:-1], [lines[0], *lines], [*lines[:2], lines[0], *lines[2:]]):
        assert problems(b"\r\n".join(mixed) + b"\r\n", ordered) == ["1: 口座振替の結果ファイルの形ではありません。"]


def test_each_way_of_not_being_our_result_is_said_with_its_record() -> None:
    ordered = files.write(order_file())
    good = files.answer(ordered, {f"{2:020}": Result.STOPPED_BY_PAYER})
    assert problems(good, ordered) == []
    lines = records_of(good)

    def said(*changed: bytes) -> list[str]:
        return problems(b"\r\n".join(changed) + b"\r\n", ordered)

    altered = lines[1][:80] + b"0000001501" + lines[1][90:]
    assert said(lines[0], altered, *lines[2:]) == ["2: 「引落金額」が依頼とちがいます。"]
    stranger = lines[1][:91] + b"9" * 20 + lines[1][111:]
    assert said(lines[0], stranger, *lines[2:]) == [f"2: 顧客番号 {'9' * 20} は、依頼していません。"]
    assert said(lines[0], lines[1], lines[1], *lines[3:])[0] == f"3: 顧客番号 {1:020} が2回出てきます。"
    assert said(*lines[:2], *lines[3:])[0] == "4: 結果のない依頼が1件あります。"
    odd = lines[1][:111] + b"7" + lines[1][112:]
    assert said(lines[0], odd, *lines[2:])[0] == "2: 振替結果コード 7 は決まりにありません。"
    turned = lines[1][:111] + b"1" + lines[1][112:]
    assert said(lines[0], turned, *lines[2:])[0].startswith("5: 合計の「振替済件数」が 2 で、数えると 1 です。")
    other_day = lines[0][:54] + b"1227" + lines[0][58:]
    assert said(other_day, *lines[1:]) == ["1: 「引落日」が依頼とちがいます。"]
    letters = lines[1][:80] + b"00000O1500" + lines[1][90:]
    assert said(lines[0], letters, *lines[2:])[0] == "2: 「引落金額」が数字ではありません。"


def test_orders_of_nothing_and_two_with_one_number_are_no_file() -> None:
    for bad in (order(1, 0), order(2)):
        with pytest.raises(ValueError, match=r"order file|above zero"):
            files.write(order_file(order(2), bad))
    with pytest.raises(BadRecordError):
        files.write(order_file(Order(account(number="12345678"), Yen(1), "1")))
    with pytest.raises(NotBankTextError):
        files.write(order_file(Order(account(holder="古河 花子"), Yen(1), "1")))
