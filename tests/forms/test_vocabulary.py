"""One vocabulary for all forms: each item says how it is made equal, and the field types read by exactly that."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from forms import normalising, vocabulary
from forms.definition import Moment
from forms.definition.fields import BankField, DateField, KanaField, NameField, PhoneField, TextField
from forms.definition.words import Words
from portal.kernel.dates import DateError

AT = Moment(date(2026, 11, 25))


def field(kind: type[Any], name: str, **more: Any) -> Any:
    return kind(id="x", type=name, label=Words(ja="質問"), **more)


@pytest.mark.parametrize(
    ("item", "spec", "typed", "kept"),
    [
        ("person.name", field(NameField, "name"), "神\U000e0100﨑\n𠮷子", "神\U000e0100﨑 𠮷子"),
        ("child.kana", field(KanaField, "kana"), "こが はなこ", "コガ\u3000ハナコ"),
        ("person.phone", field(PhoneField, "phone"), "(０２８０)22ー5111", "0280-22-5111"),
        ("household.member.birth_date", field(DateField, "date"), "令和2年4月1日", "2020-04-01"),
        ("organisation.name", field(TextField, "text"), "合唱団\nうぐいす", "合唱団 うぐいす"),
        ("organisation.number", field(TextField, "text", half_width=True), "１２３４ 5678-90123", "1234567890123"),
    ],
)
def test_an_item_is_made_equal_as_its_field_reads_it(item: str, spec: Any, typed: str, kept: str) -> None:
    assert spec.read({"": [typed]}, AT).value == kept
    assert vocabulary.ITEMS[item].normalised(typed) == kept


def test_the_parts_of_an_account_are_made_equal_in_the_same_place() -> None:
    typed = {
        "bank": ["0130"],
        "branch": ["101"],
        "kind": ["ordinary"],
        "number": ["１２３-4567"],
        "holder": ["こが はなこ"],
    }
    value = field(BankField, "bank").read(typed, AT).value
    item = vocabulary.ITEMS["person.account"]
    assert value["number"] == item.normalised(typed["number"][0], "number") == "1234567"
    assert value["holder"] == item.normalised(typed["holder"][0], "holder") == "コガ\u3000ハナコ"


def test_every_item_names_a_way_that_exists_and_both_labels() -> None:
    for item in vocabulary.ITEMS.values():
        assert item.ja, item.id
        assert item.en, item.id
        assert item.types, item.id
        assert set(item.normal.values()) <= set(normalising.NORMAL), item.id
    with pytest.raises(DateError):
        vocabulary.ITEMS["child.birth_date"].normalised("きのう")


def test_only_facts_about_the_applicant_are_carried_to_the_next_application() -> None:
    own = {item.id for item in vocabulary.ITEMS.values() if item.own}
    assert {"person", "person.name", "person.account", "person.employer"} <= own
    for other in ("visitor.name", "child.name", "household.member.name", "organisation.name", "vehicle.number"):
        assert other not in own, other
