"""From a postal code to a town: the pack first, then all of Japan."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy.orm import Session

from portal.directory.loading import load_city
from portal.directory.postal import PostalAddress, lookup, normalise
from portal.kernel import database as kernel_database
from tests.directory.packs import HANAMI


@pytest.mark.parametrize(
    "typed",
    ["306-0042", "3060042", "３０６－００４２", "３０６００４２", " 306 0042 ", "〒306-0042", "306ー0042", "306−0042"],
)
def test_a_code_is_read_as_people_type_it(koga: str, session: Session, typed: str) -> None:
    assert lookup(session, typed) == PostalAddress("茨城県", "古河市", "三和")


@pytest.mark.parametrize(
    "typed", ["", "306", "306-00421", "abcdefg", "306-004x", "٣٠٦٠٠٤٢", "9999999", "'; DROP TABLE"]
)
def test_what_is_no_code_gives_nothing(koga: str, session: Session, typed: str) -> None:
    assert lookup(session, typed) is None


def test_a_code_outside_the_city_is_found(koga: str, session: Session) -> None:
    assert lookup(session, "100-0001") == PostalAddress("東京都", "千代田区", "千代田")


def test_a_code_of_several_towns_names_none_of_them(session: Session) -> None:
    load_city(session, HANAMI)
    assert lookup(session, "999-0001") == PostalAddress("茨城県", "花見市", "")


def test_a_code_across_a_border_tells_only_what_all_places_share(koga: str, session: Session) -> None:
    assert lookup(session, "498-0000") == PostalAddress("", "", "")


def test_the_whole_city_has_its_code(koga: str, session: Session) -> None:
    assert lookup(session, "306-0000") == PostalAddress("茨城県", "古河市", "")


def test_threads_may_ask_at_the_same_time(koga: str) -> None:
    found: list[PostalAddress | None] = []

    def ask() -> None:
        with kernel_database.unit_of_work() as own:
            found.append(lookup(own, "100-0001"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [PostalAddress("東京都", "千代田区", "千代田")] * 4


def test_other_digits_are_no_code() -> None:
    assert normalise("①②③④⑤⑥⑦") == "1234567"
    assert normalise("三〇六〇〇四二") is None
