"""Banks and branches by code and by reading."""

from __future__ import annotations

from portal.directory import banks


def test_a_bank_and_its_branch_are_found_by_code():
    found = banks.bank("0001")
    assert found is not None
    assert found.name == "みずほ"
    branch = banks.branch("0001", "001")
    assert branch is not None
    assert (branch.bank.code, branch.name) == ("0001", "東京営業部")


def test_codes_that_do_not_exist_are_none():
    assert banks.bank("0002") is None
    assert banks.branch("0001", "000") is None
    assert banks.branch("0002", "001") is None


def test_a_search_takes_kana_of_any_kind_and_names():
    for typed in ("ジヨウヨウ", "じようよう", "ｼﾞﾖｳﾖｳ", "常陽"):
        assert [bank.code for bank in banks.search_banks(typed)][:1] == ["0130"], typed
    assert banks.search_banks("  ") == []
    assert len(banks.search_banks("シ")) == banks.LIMIT


def test_branches_are_searched_within_one_bank():
    assert "古河" in [branch.name for branch in banks.search_branches("0130", "コガ")]
    assert banks.search_branches("9999", "コガ") == []
