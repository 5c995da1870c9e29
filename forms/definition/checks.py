"""What a schema alone cannot say: dangling references, rule cycles, fields that can never be shown, a 個人番号 asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forms import vocabulary
from forms.definition import office
from forms.definition.bounds import bounds
from forms.definition.complaints import Complaint, Path
from forms.definition.conditions import Condition
from forms.definition.dependencies import conditions_of, order
from forms.definition.fields import CalculatedField, ChooseField, FieldSpec, GroupField, NumberField, OneOfField
from forms.definition.kinds import Checker, near
from forms.definition.procedure import Procedure
from forms.definition.values import FieldValue

PERSONAL_NUMBER = re.compile(
    r"個人番号(?!カード)|マイナンバー(?!カード)|my_?number|individual_number|kojin_?bango", re.IGNORECASE
)


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


def wordless(procedure: Procedure) -> list[Complaint]:
    """Which texts are missing; it can be asked of a document that is not sound as well."""
    return [*_plain_words(procedure), *(Complaint(*each) for each in office.untranslated(procedure))]


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
    for path, field, _group in every_field(procedure):
        if field.id in fields:
            yield Complaint((*path, "id"), f"項目の id「{field.id}」が2回あります。", "別の id にします。")
        fields.add(field.id)


def every_field(procedure: Procedure) -> Iterator[tuple[Path, FieldSpec, GroupField | None]]:
    """Every field with its place in the document, those inside repeated groups too."""
    for s, step in enumerate(procedure.steps):
        for f, field in enumerate(step.fields):
            path: Path = ("steps", s, "fields", f)
            yield path, field, None
            if isinstance(field, GroupField):
                yield from (((*path, "fields", n), inner, field) for n, inner in enumerate(field.fields))


def _conditions(procedure: Procedure) -> Iterator[tuple[Path, Condition, GroupField | None]]:
    for s, step in enumerate(procedure.steps):
        if step.show_if is not None:
            yield ("steps", s, "show_if"), step.show_if, None
    for path, field, group in every_field(procedure):
        yield from (((*path, *key), condition, group) for key, condition in conditions_of(field))
    for n, attachment in enumerate(procedure.attachments):
        if attachment.needed_if is not None:
            yield ("attachments", n, "needed_if"), attachment.needed_if, None


def _references(procedure: Procedure) -> Iterator[Complaint]:
    checker = Checker(procedure)
    for path, condition, group in _conditions(procedure):
        yield from (Complaint(path, *wrong) for wrong in checker.condition(condition, group))
    for path, field, group in every_field(procedure):
        if isinstance(field, CalculatedField):
            yield from (Complaint((*path, "value"), *wrong) for wrong in checker.calculated(field, group))
    ids = [f.id for f in procedure.fields() if f.has_value]
    for d, document in enumerate(procedure.documents):
        for n, field_id in enumerate(document.fields):
            if procedure.field(field_id) is None:
                yield Complaint(
                    ("documents", d, "fields", n), f"「{field_id}」という項目はありません。", near(field_id, ids)
                )


def _cycles(procedure: Procedure) -> Iterator[Complaint]:
    circle = order(procedure.places)[1]
    if circle:
        path = next(p for p, field, _group in every_field(procedure) if field.id == circle[0])
        yield Complaint(
            (*path, "show_if"),
            f"条件が輪になっています: {' → '.join(circle)}",
            "どれか1つの show_if、offer_if、value を消します。",
        )


def _fee(procedure: Procedure) -> Iterator[Complaint]:
    fee = procedure.fee
    if fee.kind == "by_choice":
        field = procedure.field(fee.field)
        if not isinstance(field, (OneOfField, ChooseField)):
            yield Complaint(
                ("fee", "field"),
                f"「{fee.field}」は one_of の項目ではありません。",
                near(fee.field, [f.id for f in procedure.fields() if isinstance(f, (OneOfField, ChooseField))]),
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
        counts = [f.id for f in procedure.fields() if isinstance(f, NumberField) or _is_count(f)]
        if field is None or field.id not in counts:
            yield Complaint(
                ("fee", "field"),
                f"「{fee.field}」は number の項目ではありません。",
                near(fee.field, counts),
            )
            return
        lowest = bounds(procedure, FieldValue(field=field.id))[0]
        if lowest is None or lowest < 0:
            yield Complaint(
                ("fee", "field"),
                f"「{fee.field}」が0より小さくなり、手数料がマイナスになります。",
                "minimum を 0 か 1 にします。計算の項目なら {most: [0, …]} で囲みます。",
            )


def _is_count(field: FieldSpec) -> bool:
    return isinstance(field, CalculatedField) and field.result in {"number", "money"}


def _personal_number(procedure: Procedure) -> Iterator[Complaint]:
    for path, field, _group in every_field(procedure):
        words = [field.id, field.label.ja, field.label.en or "", field.item or ""]
        if field.has_value and any(PERSONAL_NUMBER.search(w) for w in words):
            yield Complaint(
                path,
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
    for path, field, group in every_field(procedure):
        if procedure.bundled and group is None and isinstance(field, GroupField):
            yield Complaint(
                (*path, "type"),
                "書かない窓口の手続き(bundled)に group は使えません。",
                "bundled を消すか、項目を分けます。",
            )
        if field.item is None:
            continue
        item = vocabulary.ITEMS.get(field.item)
        if item is None:
            yield Complaint(
                (*path, "item"),
                f"「{field.item}」はデータ項目の一覧(forms/vocabulary.py)にありません。",
                near(field.item, vocabulary.ITEMS),
            )
        elif field.kind not in item.types:
            yield Complaint(
                (*path, "item"),
                f"「{field.item}」は {'、'.join(sorted(item.types))} の項目に結びつけます。",
                "type か item を直します。",
            )
