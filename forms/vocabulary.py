"""The shared vocabulary: data items that forms bind their fields to, so that a fact is asked once (prefill, write-less counter).

Pure. A *source* (profile, card, earlier application) hands over values by item; `Known` keeps where each came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from forms.normalising import normal


@dataclass(frozen=True, slots=True)
class DataItem:
    """One fact that forms ask for.

    Attributes:
        id: such as `person.birth_date`.
        ja, en: label.
        types: field types that can hold it.
        normal: part → how what is typed is made equal (a key of `forms.normalising.NORMAL`); "": the one text. The field types read
            by the same. Codes of choices and files have nothing to make equal.
    """

    id: str
    ja: str
    en: str
    types: frozenset[str]
    normal: Mapping[str, str]

    @property
    def own(self) -> bool:
        """Whether it is a fact about the applicant, which stays true in their next application; not of others, nor of one visit."""
        return self.id == "person" or self.id.startswith("person.")

    def normalised(self, text: str, part: str = "") -> str:
        """A text of this item as it is kept.

        Raises:
            portal.kernel.dates.DateError: it is a day, and this is none.
        """
        return normal(self.normal.get(part, "as_typed"), text)


_PARTS: Mapping[str, Mapping[str, str]] = {
    "name": {"": "one_line"},
    "text": {"": "one_line"},
    "kana": {"": "katakana"},
    "phone": {"": "phone"},
    "date": {"": "day"},
    "person": {"name": "one_line", "kana": "katakana", "alias": "one_line", "birth_date": "day"},
    "address": {"postal_code": "postal_code"},
    "bank": {"number": "account_number", "holder": "account_holder"},
}
"""Field type → part → how it is made equal."""


def _item(item: str, ja: str, en: str, *types: str, how: str = "") -> tuple[str, DataItem]:
    return item, DataItem(item, ja, en, frozenset(types), {"": how} if how else _PARTS.get(types[0], {}))


ITEMS: Mapping[str, DataItem] = dict(
    (
        _item("person.name", "氏名", "Name", "name"),
        _item("person.kana", "フリガナ", "Name in katakana", "kana"),
        _item("person", "氏名・フリガナ・生年月日", "Name and date of birth", "person"),
        _item("person.alias", "通称", "Alias", "name", "text"),
        _item("person.account", "振込先の口座", "Account for payments", "bank"),
        _item("person.birth_date", "生年月日", "Date of birth", "date"),
        _item("person.sex", "性別", "Sex", "one_of"),
        _item("person.address", "住所", "Address", "address"),
        _item("person.phone", "電話番号", "Phone number", "phone"),
        _item("person.mail", "メールアドレス", "Mail address", "mail"),
        # People of the household, as a repeated group or one by one; children; what belongs to an organisation, a vehicle, an animal.
        _item("household.member", "世帯の人", "Household member", "person"),
        _item("household.member.name", "世帯の人の氏名", "Name of a household member", "name"),
        _item("household.member.kana", "世帯の人のフリガナ", "Name of a household member in katakana", "kana"),
        _item("household.member.birth_date", "世帯の人の生年月日", "Date of birth of a household member", "date"),
        _item("household.member.relation", "世帯の人との続柄", "Relation of a household member", "one_of", "text"),
        _item("child.name", "子どもの氏名", "Name of the child", "name"),
        _item("child.kana", "子どものフリガナ", "Name of the child in katakana", "kana"),
        _item("child.birth_date", "子どもの生年月日", "Date of birth of the child", "date"),
        _item("person.employer", "働いているところ", "Employer", "text"),
        _item("organisation.name", "会社・団体の名前", "Name of the company or group", "text"),
        _item("organisation.kana", "会社・団体の名前のフリガナ", "Name of the company or group in katakana", "kana"),
        _item("organisation.number", "法人番号", "Corporate number", "text", how="half_width"),
        _item("organisation.members", "会員の人数", "Number of members", "number"),
        _item("vehicle.number", "車の番号(ナンバープレート)", "Number plate", "text"),
        _item("vehicle.kind", "車の種類", "Kind of vehicle", "one_of", "choose", "text"),
        _item("vehicle.chassis", "車台番号", "Chassis number", "text", how="half_width"),
        # Who stands at the counter: choices `self` and `other`; the name only where it is somebody else.
        _item("visitor.is_applicant", "窓口に来た人が本人か", "Whether the applicant came", "one_of"),
        _item("visitor.name", "窓口に来た人の氏名", "Name of the visitor", "name"),
    )
)


@dataclass(frozen=True, slots=True)
class Known:
    """A value that is known beforehand, with its origin (DESIGN invariant 7).

    Attributes:
        item: data item.
        value: as the field type keeps it (dates ISO 8601, address as its parts).
        source: "profile", "card", "application", "identity".
        at: when the source said so (aware).
        locked: whether the person may not change it (a trusted source).
        original: the source's own words, where the value is taken apart; "": the value is.
    """

    item: str
    value: Any
    source: str
    at: datetime
    locked: bool = False
    original: str = ""


def from_person(facts: Mapping[str, Any], *, source: str, at: datetime, locked: bool = False) -> tuple[Known, ...]:
    """What a person's record knows.

    Args:
        facts: `name, kana, birth_date (date or ISO text), sex, phone, email, postal_code, prefecture, city, town, block, building`;
            what is missing or empty is simply not known.
        source: where the record comes from.
        at: when it was taken.
        locked: see `Known`.
    """
    values: dict[str, Any] = {}
    for item, key in (
        ("person.name", "name"),
        ("person.kana", "kana"),
        ("person.sex", "sex"),
        ("person.phone", "phone"),
        ("person.mail", "email"),
    ):
        if facts.get(key):
            values[item] = str(facts[key])
    born = facts.get("birth_date")
    if born:
        values["person.birth_date"] = born.isoformat() if isinstance(born, date) else str(born)
    if facts.get("postal_code") or facts.get("town") or facts.get("block"):
        values["person.address"] = {
            part: str(facts.get(part) or "")
            for part in ("postal_code", "prefecture", "city", "town", "block", "building")
        }
    if "person.name" in values:
        parts = {"name": "person.name", "kana": "person.kana", "birth_date": "person.birth_date"}
        values["person"] = {"alias": "", **{part: values.get(item, "") for part, item in parts.items()}}
    return tuple(Known(item, value, source, at, locked) for item, value in values.items())
