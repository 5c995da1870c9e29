"""What a schema alone cannot say: dangling references, rule cycles, fields that can never be shown, a 個人番号 asked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forms import vocabulary
from forms.definition import office
from forms.definition.conditions import Condition, tests_of
from forms.definition.fields import ChooseField, FieldSpec, NumberField, OneOfField

if TYPE_CHECKING:
    from forms.definition.procedure import Procedure

PERSONAL_NUMBER = re.compile(
    r"個人番号(?!カード)|マイナンバー(?!カード)|my_?number|individual_number|kojin_?bango", re.IGNORECASE
)
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong: where in the document, what, and what would be right; in Japanese for the people who edit it."""

    path: Path
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.message}"


class DocumentError(ValueError):
    """A document whose parts are well formed and that still may not be published."""

    def __init__(self, complaints: list[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(map(str, complaints)))


def complaints(procedure: Procedure) -> list[Complaint]:
    """Everything that is wrong with a document whose parts are each well formed; empty when it may be published."""
    return [
        *_ids(procedure),
        *_references(procedure),
        *_cycles(procedure),
        *_fee(procedure),
        *_personal_number(procedure),
        *_channel(procedure),
        *_items(procedure),
        *(Complaint(*each) for each in office.complaints(procedure)),
    ]


def remarks(procedure: Procedure) -> list[Complaint]:
    """What is wrong with a sound document and takes longer to find, or is about its words: asked before it is published."""
    from forms.definition.reach import never_shown

    missing = [Complaint(*each) for each in office.untranslated(procedure)]
    return [*never_shown(procedure), *_plain_words(procedure), *missing]


def _plain_words(procedure: Procedure) -> Iterator[Complaint]:
    if procedure.fillable and not procedure.texts.before_you_start:
        yield Complaint(
            ("texts",), "「はじめる前に」の文(before_you_start)がありません。", "かかる時間や、用意するものを書きます。"
        )


def _ids(procedure: Procedure) -> Iterator[Complaint]:
    fields: set[str] = set()
    steps: set[str] = set()
    for s, step in enumerate(procedure.steps):
        if step.id in steps:
            yield Complaint(("steps", s, "id"), f"ステップの id「{step.id}」が2回あります。", "別の id にします。")
        steps.add(step.id)
        for f, field in enumerate(step.fields):
            if field.id in fields:
                yield Complaint(
                    ("steps", s, "fields", f, "id"), f"項目の id「{field.id}」が2回あります。", "別の id にします。"
                )
            fields.add(field.id)


def _conditions(procedure: Procedure) -> Iterator[tuple[Path, Condition]]:
    for s, step in enumerate(procedure.steps):
        if step.show_if is not None:
            yield ("steps", s, "show_if"), step.show_if
        for f, field in enumerate(step.fields):
            for key, condition in (("show_if", field.show_if), ("require_if", field.require_if)):
                if condition is not None:
                    yield ("steps", s, "fields", f, key), condition


def _near(wrong: str, names: Iterable[str]) -> str:
    choices = list(names)
    close = difflib.get_close_matches(wrong, choices, n=1, cutoff=0.6)
    if close:
        return f"「{close[0]}」ではありませんか。"
    return f"使えるもの: {'、'.join(choices[:8])}{'など' if len(choices) > 8 else ''}" if choices else ""


def _codes(field: FieldSpec) -> list[str]:
    """What can be written in a condition about a field of choices."""
    if field.kind in {"yes_no", "consent"}:
        return ["true", "false"]
    return [c.code for c in getattr(field, "choices", ())]


def _references(procedure: Procedure) -> Iterator[Complaint]:
    ids = [f.id for f in procedure.fields() if f.has_value]
    for path, condition in _conditions(procedure):
        for test in tests_of(condition):
            target = procedure.field(test.field)
            if target is None or not target.has_value:
                yield Complaint(path, f"「{test.field}」という項目はありません。", _near(test.field, ids))
                continue
            for value in test.values():
                if not target.offers(value):
                    yield Complaint(
                        path,
                        f"「{test.field}」が「{value}」になることはありません。",
                        _near(str(value), _codes(target)),
                    )
    for d, document in enumerate(procedure.documents):
        for n, field_id in enumerate(document.fields):
            if procedure.field(field_id) is None:
                yield Complaint(
                    ("documents", d, "fields", n), f"「{field_id}」という項目はありません。", _near(field_id, ids)
                )


def _cycles(procedure: Procedure) -> Iterator[Complaint]:
    needs: dict[str, set[str]] = {}
    places: dict[str, Path] = {}
    for s, step in enumerate(procedure.steps):
        outer = {t.field for t in tests_of(step.show_if)}
        for f, field in enumerate(step.fields):
            needs[field.id] = outer | {t.field for t in tests_of(field.show_if)}
            places[field.id] = ("steps", s, "fields", f, "show_if")
    done: set[str] = set()
    for start in needs:
        # Depth first without recursion: a chain of rules may be as long as the document.
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            field_id, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(field_id)
                continue
            if field_id in path:
                circle = " → ".join([*path[path.index(field_id) :], field_id])
                yield Complaint(
                    places[field_id], f"条件が輪になっています: {circle}", "どれか1つの show_if を消します。"
                )
                return
            if field_id in done:
                continue
            path.append(field_id)
            stack.append((field_id, True))
            stack.extend((needed, False) for needed in sorted(needs.get(field_id, ())))


def _fee(procedure: Procedure) -> Iterator[Complaint]:
    fee = procedure.fee
    if fee.kind == "by_choice":
        field = procedure.field(fee.field)
        if not isinstance(field, (OneOfField, ChooseField)):
            yield Complaint(
                ("fee", "field"),
                f"「{fee.field}」は one_of の項目ではありません。",
                _near(fee.field, [f.id for f in procedure.fields() if isinstance(f, (OneOfField, ChooseField))]),
            )
            return
        codes = {c.code for c in field.choices}
        if codes != set(fee.amounts):
            yield Complaint(
                ("fee", "amounts"),
                f"金額は {sorted(fee.amounts)}、項目「{fee.field}」の選択肢は {sorted(codes)} です。",
                "選択肢の1つごとに金額を1つ書きます。",
            )
    elif fee.kind == "by_copies":
        field = procedure.field(fee.field)
        if not isinstance(field, NumberField):
            yield Complaint(
                ("fee", "field"),
                f"「{fee.field}」は number の項目ではありません。",
                _near(fee.field, [f.id for f in procedure.fields() if isinstance(f, NumberField)]),
            )
        elif field.minimum < 0:
            yield Complaint(
                ("fee", "field"),
                f"「{fee.field}」が0より小さくなり、手数料がマイナスになります。",
                "minimum を 0 か 1 にします。",
            )


def _personal_number(procedure: Procedure) -> Iterator[Complaint]:
    for s, step in enumerate(procedure.steps):
        for f, field in enumerate(step.fields):
            words = [field.id, field.label.ja, field.label.en or "", field.item or ""]
            if field.has_value and any(PERSONAL_NUMBER.search(w) for w in words):
                yield Complaint(
                    ("steps", s, "fields", f),
                    "個人番号(マイナンバー)を書く項目は作れません。窓口かぴったりサービスで受け付けます。",
                    "この項目を消すか、channel を elsewhere にします。",
                )


def _channel(procedure: Procedure) -> Iterator[Complaint]:
    channel = procedure.channel
    if channel.kind == "elsewhere":
        if procedure.steps:
            yield Complaint(("steps",), "ほかの場所でする手続きです。steps は書けません。", "steps を消します。")
        return
    if not procedure.steps:
        yield Complaint(("steps",), "ステップがありません。", "steps に、聞くことを1つ以上書きます。")
    if channel.kind == "here" and procedure.identity == "signature":
        yield Complaint(
            ("identity",),
            "電子署名が要る手続きは、署名の仕組みがないあいだは here にできません。",
            "channel の kind を prepared か elsewhere にします。",
        )
    if procedure.guests and procedure.identity != "none":
        yield Complaint(
            ("guests",),
            "本人の確認が要る手続きは、サインインなしでは出せません。",
            "guests を消すか、identity を none にします。",
        )
    if procedure.guests and procedure.fee.kind != "none":
        yield Complaint(
            ("guests",),
            "手数料がある手続きは、サインインなしでは出せません(支払いのページはサインインが要ります)。",
            "guests を消すか、fee を {kind: none} にします。",
        )
    if procedure.disposition and procedure.remedy is None:
        yield Complaint(
            ("disposition",), "処分には教示(remedy)が要ります。", "remedy に review_to と suit_against を書きます。"
        )
    if not procedure.disposition and procedure.remedy is not None:
        yield Complaint(
            ("remedy",), "処分でないものに教示は書けません。", "remedy を消すか、disposition を true にします。"
        )


def _items(procedure: Procedure) -> Iterator[Complaint]:
    for s, step in enumerate(procedure.steps):
        for f, field in enumerate(step.fields):
            if field.item is None:
                continue
            path = ("steps", s, "fields", f, "item")
            item = vocabulary.ITEMS.get(field.item)
            if item is None:
                yield Complaint(
                    path,
                    f"「{field.item}」はデータ項目の一覧(forms/vocabulary.py)にありません。",
                    _near(field.item, vocabulary.ITEMS),
                )
            elif field.kind not in item.types:
                yield Complaint(
                    path,
                    f"「{field.item}」は {'、'.join(sorted(item.types))} の項目に結びつけます。",
                    "type か item を直します。",
                )
