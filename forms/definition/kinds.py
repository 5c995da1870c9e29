"""What kind of thing each value is, and whether conditions and calculations fit together. Pure.

Kinds are `value_kind` of field types: number, date, time, text, yes_no, code, codes, …; the number of entries of a group is a number.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from forms.definition.conditions import Condition, Test, tests_of
from forms.definition.fields import CalculatedField, FieldSpec, GroupField
from forms.definition.procedure import Procedure
from forms.definition.values import (
    Age,
    ApplicantValue,
    Count,
    DateValue,
    Days,
    FieldValue,
    Joined,
    Later,
    Least,
    Most,
    Sum,
    operands,
)

Wrong = tuple[str, str]
"""What is wrong, what would be right."""
FACTS = {"residence": ("city", "outside"), "kind": ("person", "guest")}
ORDERED = {"number", "date", "time"}
_WORDS = {
    "number": "数",
    "date": "日付",
    "time": "時刻",
    "text": "文字",
    "yes_no": "はい・いいえ",
    "code": "選択肢",
    "codes": "いくつかの選択肢",
    "period": "期間",
}

_HOW = {
    "number": "数は 3 のように、引用符なしで書きます。",
    "date": "日付は 2026-04-01 のように書きます。",
    "time": "時刻は 09:30 のように書きます。",
    "text": "文字は引用符で囲みます。",
}


def near(wrong: str, names: Iterable[str]) -> str:
    """A suggestion: the name that was meant, or what there is."""
    choices = list(names)
    close = difflib.get_close_matches(wrong, choices, n=1, cutoff=0.6)
    if close:
        return f"「{close[0]}」ではありませんか。"
    return f"使えるもの: {'、'.join(choices[:8])}{'など' if len(choices) > 8 else ''}" if choices else ""


def kind_of(field: FieldSpec) -> str:
    """The kind of a field's answer."""
    if isinstance(field, CalculatedField):
        return "number" if field.result == "money" else field.result
    return "number" if isinstance(field, GroupField) else field.value_kind


class Checker:
    """Checks the conditions and values of one procedure."""

    def __init__(self, procedure: Procedure) -> None:
        self.places = procedure.places
        self.ids = [f for f, place in self.places.items() if place.field.has_value]

    def condition(self, condition: Condition | None, group: GroupField | None) -> Iterator[Wrong]:
        """What is wrong with a condition that stands in a group (or in none)."""
        for test in tests_of(condition):
            yield from self._test(test, group)

    def calculated(self, field: CalculatedField, group: GroupField | None) -> Iterator[Wrong]:
        """What is wrong with the values of a calculated field; conditions apart."""
        if not field.values:
            yield "計算のしかた(value)がありません。", "value か cases を書きます。"
        wanted = kind_of(field)
        for value in field.values:
            problems: list[Wrong] = []
            found = self.kind(value, group, problems)
            yield from problems
            if not problems and found is not None and not _fits(found, wanted, value):
                yield (
                    f"計算の結果は{_word(found)}ですが、result は {field.result} です。",
                    "result か value を直します。",
                )

    def _test(self, test: Test, group: GroupField | None) -> Iterator[Wrong]:
        place = self.places.get(test.field) if test.field is not None else None
        if test.field is not None and (place is None or not place.field.has_value):
            yield f"「{test.field}」という項目はありません。", near(test.field, self.ids)
            return
        # From outside a test may be about something in a group: then it asks for one entry of which it is true.
        here = place.group if place is not None and place.group is not None else group
        problems: list[Wrong] = []
        kind = self.kind(test.subject, here, problems, whole=test.answered is not None)
        yield from problems
        if problems or kind is None or test.answered is not None:
            return
        field = place.field if place is not None and test.part is None else None
        if test.contains is not None and kind != "codes":
            yield f"contains は many_of の項目に使います(「{test.field}」は{_word(kind)})。", "is を使います。"
            return
        if (test.at_least is not None or test.at_most is not None) and kind not in ORDERED:
            yield f"「{_name(test)}」は{_word(kind)}なので、大小をくらべられません。", "is か in を使います。"
            return
        for value in (*test.compared(), *((test.contains,) if test.contains is not None else ())):
            yield from self._comparison(test, value, kind, field, here)

    def _comparison(
        self, test: Test, value: Any, kind: str, field: FieldSpec | None, group: GroupField | None
    ) -> Iterator[Wrong]:
        if not isinstance(value, (bool, int, str)):
            problems: list[Wrong] = []
            other = self.kind(value, group, problems)
            yield from problems
            if not problems and other is not None and other != kind:
                yield f"{_word(kind)}と{_word(other)}はくらべられません。", "同じ種類のものとくらべます。"
            return
        equal = value in test.values() or value == test.contains
        offered = field.offers(value) if field is not None and equal else _constant(test, value, kind)
        if not offered:
            codes = _codes(field) if field is not None else list(FACTS.get(str(test.applicant), ()))
            hint = near(str(value), codes) or _HOW.get(kind, "書き方を見てください。")
            yield f"「{_name(test)}」が「{value}」になることはありません。", hint

    def kind(self, value: Any, group: GroupField | None, problems: list[Wrong], *, whole: bool = False) -> str | None:
        """The kind of a value; notes what is wrong with it. None: a text that may stand for several kinds."""
        if isinstance(value, FieldValue):
            return self._field(value, group, problems, whole=whole)
        if isinstance(value, Count) or (isinstance(value, Sum) and isinstance(value.sum, str)):
            return self._group(value, problems)
        return _known(value) or self._operation(value, group, problems)

    def _group(self, value: Count | Sum, problems: list[Wrong]) -> str:
        if isinstance(value, Count):
            if not isinstance(getattr(self.places.get(value.count), "field", None), GroupField):
                groups = [f for f in self.ids if isinstance(self.places[f].field, GroupField)]
                problems.append((f"「{value.count}」という group の項目はありません。", near(value.count, groups)))
            return "number"
        place = self.places.get(str(value.sum))
        if place is None or place.group is None or kind_of(place.field) != "number":
            inner = [f for f in self.ids if self.places[f].group and kind_of(self.places[f].field) == "number"]
            problems.append((f"「{value.sum}」という、group の中の数の項目はありません。", near(str(value.sum), inner)))
        return "number"

    def _field(self, value: FieldValue, group: GroupField | None, problems: list[Wrong], *, whole: bool) -> str | None:
        place = self.places.get(value.field)
        if place is None or not place.field.has_value:
            problems.append((f"「{value.field}」という項目はありません。", near(value.field, self.ids)))
            return None
        if place.group is not None and place.group is not group:
            problems.append(
                (
                    f"「{value.field}」は「{place.group.id}」の中の項目です。外からは1つに決まりません。",
                    f"{{sum: {value.field}}} か {{count: {place.group.id}}} を使います。",
                )
            )
            return None
        kind = kind_of(place.field)
        if value.part is not None:
            if kind != "period" or value.part not in {"from", "until"}:
                problems.append(
                    (f"「{value.field}」に part「{value.part}」はありません。", "period の from か until です。")
                )
            return "date"
        if not whole and kind not in {"number", "date", "time", "text", "yes_no", "code", "codes"}:
            hint = "part に from か until を書きます。" if kind == "period" else "answered を使います。"
            problems.append((f"「{value.field}」({place.field.kind})は、そのままではくらべられません。", hint))
        return kind

    def _operation(self, value: Any, group: GroupField | None, problems: list[Wrong]) -> str | None:
        found = [(operand, self.kind(operand, group, problems)) for operand in operands(value)]
        if isinstance(value, Joined):
            return "text"
        wanted = "number"
        if isinstance(value, (Days, Age, Later)):
            wanted = "date"
        elif isinstance(value, (Least, Most)):
            wanted = next((k for _o, k in found if k is not None), "number")
        last_is_number = isinstance(value, Later)
        for n, (operand, kind) in enumerate(found):
            need = "number" if last_is_number and n == 1 else wanted
            if kind is not None and kind != need:
                problems.append(
                    (f"ここは{_word(need)}です(今は{_word(kind)}: {_short(operand)})。", "項目を直します。")
                )
        if isinstance(value, (Least, Most)) and wanted not in ORDERED:
            problems.append((f"{_word(wanted)}の大小はくらべられません。", "数か日付にします。"))
        return "date" if isinstance(value, Later) else wanted if isinstance(value, (Least, Most)) else "number"


def _known(value: Any) -> str | None:
    """The kind of a constant or a fact; None: an operation."""
    if isinstance(value, bool):
        return "yes_no"
    if isinstance(value, int):
        return "number"
    if isinstance(value, str):
        return "date" if _is_date(value) else "time" if _is_time(value) else "text"
    if isinstance(value, ApplicantValue):
        return "number" if value.applicant == "age" else "code"
    if isinstance(value, DateValue):
        return "number" if value.date == "fiscal_year" else "date"
    return None


def _constant(test: Test, value: Any, kind: str) -> bool:
    """Whether a constant can be what a fact, a part or a bound is compared with."""
    if test.applicant in FACTS:
        return value in FACTS[test.applicant]
    if kind == "number":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "date":
        return isinstance(value, str) and _is_date(value)
    return isinstance(value, str) and _is_time(value) if kind == "time" else isinstance(value, str)


def _fits(found: str, wanted: str, value: Any) -> bool:
    return found == wanted or (wanted == "text" and (isinstance(value, str) or found in {"date", "time"}))


def _codes(field: FieldSpec) -> list[str]:
    """What can be written in a condition about a field of choices."""
    if field.kind in {"yes_no", "consent"}:
        return ["true", "false"]
    return [c.code for c in getattr(field, "choices", ())]


def _name(test: Test) -> str:
    return str(test.field or test.applicant or test.date)


def _word(kind: str) -> str:
    return _WORDS.get(kind, kind)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _is_time(text: str) -> bool:
    return re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text) is not None
