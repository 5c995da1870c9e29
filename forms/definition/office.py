"""Checks of what the office needs besides the questions: papers to hand in, steps of approval, promised translations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from forms.definition.complaints import Path
from forms.definition.procedure import Procedure
from forms.definition.words import Words

Found = tuple["Path", str, str]
"""Where, what is wrong, what would be right."""


def complaints(procedure: Procedure) -> Iterator[Found]:
    """What is wrong with attachments and approval."""
    yield from _twice(procedure)
    for n, attachment in enumerate(procedure.attachments):
        path: Path = ("attachments", n)
        if "here" in attachment.ways and attachment.field is None:
            yield (
                (*path, "field"),
                "ここで受け取る添付書類には、受け取る項目(field)が要ります。",
                "file か photo の項目の id を書きます。",
            )
        field = procedure.field(attachment.field) if attachment.field else None
        if attachment.field and field is None:
            ids = [f.id for f in procedure.fields() if f.kind in {"file", "photo"}]
            yield (*path, "field"), f"「{attachment.field}」という項目はありません。", f"使えるもの: {'、'.join(ids)}"
        elif field is not None and field.kind not in {"file", "photo"}:
            yield (
                (*path, "field"),
                f"「{field.id}」は file か photo の項目ではありません。",
                "ファイルを受け取る項目にします。",
            )
    steps = procedure.approval
    if steps and steps[-1].by != "approver":
        yield (
            ("approval", len(steps) - 1, "by"),
            "最後の段階は決裁です。reviewer は決裁できません。",
            "by を approver にします。",
        )


def _twice(procedure: Procedure) -> Iterator[Found]:
    for key, ids in (
        ("attachments", [part.id for part in procedure.attachments]),
        ("approval", [part.id for part in procedure.approval]),
        ("documents", [part.id for part in procedure.documents]),
    ):
        for n, part_id in enumerate(ids):
            if part_id in ids[:n]:
                yield (key, n, "id"), f"id「{part_id}」が2回あります。", "別の id にします。"


def untranslated(procedure: Procedure) -> Iterator[Found]:
    """Texts that the document promises in English and does not have."""
    if "en" not in procedure.translations:
        return
    for path, words in words_of(procedure):
        if not words.en:
            short = words.ja if len(words.ja) <= 20 else words.ja[:20] + "…"
            yield path, f"「{short}」の英語がありません。", "en を書くか、translations から en を消します。"


def words_of(part: Any, path: Path = ()) -> Iterator[tuple[Path, Words]]:
    """Every text for people in a part of a document, with its place."""
    if isinstance(part, Words):
        yield path, part
    elif isinstance(part, BaseModel):
        for name, info in type(part).model_fields.items():
            yield from words_of(getattr(part, name), (*path, info.alias or name))
    elif isinstance(part, tuple):
        for n, each in enumerate(part):
            yield from words_of(each, (*path, n))
