"""What is wrong in a procedure file, in words, with the place in the file: pydantic's faults and our own complaints."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from forms.definition import Procedure, from_document
from forms.definition.checks import wordless
from forms.definition.complaints import Complaint, Path
from forms.definition.fields import AnyField
from forms.definition.procedure import (
    ApprovalStep,
    Attachment,
    Channel,
    Fee,
    IssuedKind,
    Law,
    Remedy,
    StandardDays,
    Texts,
)
from forms.definition.steps import Step
from forms.reach import never_shown
from forms.stand_ins import StandIns
from portal.directory.pack import near
from portal.directory.wording import explain

Mistake = tuple[Path, str, str]
"""Where in the document, what is wrong, what would be right ("" where nothing can be said)."""

_BY_KEY: dict[str, type[BaseModel]] = {
    "law": Law,
    "standard_days": StandardDays,
    "texts": Texts,
    "steps": Step,
    "remedy": Remedy,
    "documents": IssuedKind,
    "attachments": Attachment,
    "approval": ApprovalStep,
}


def _tagged(union: Any, tag: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for model in get_args(get_args(union)[0]):
        (name,) = get_args(model.model_fields[tag].annotation)
        yield name, model


_BY_TAG: dict[tuple[str, str], type[BaseModel]] = {
    **{("fields", name): model for name, model in _tagged(AnyField, "type")},
    **{("fee", name): model for name, model in _tagged(Fee, "kind")},
    **{("channel", name): model for name, model in _tagged(Channel, "kind")},
}


def read(data: Any) -> tuple[Procedure | None, list[Mistake]]:
    """A document as a procedure, and everything that is wrong with it; the procedure only where nothing is.

    What is not well formed is told, then left out or replaced by a stand-in, so that what it hides is told in the same run;
    what is only wrong because of a stand-in is not told.
    """
    found: list[Mistake] = []
    rest: Any = copy.deepcopy(data)
    aside = StandIns(rest)
    while True:
        complaints: list[Complaint] = []
        try:
            procedure = from_document(rest, complaints)
        except ValidationError as error:
            faults: list[Any] = list(error.errors(include_url=False))
            found += [m for fault in faults for m in _mistakes(fault) if m not in found]
            if not [fault for fault in faults if _left_out(rest, aside, fault)]:
                return None, found
            continue
        if not complaints:  # only asked of a sound document, and takes longer
            complaints += never_shown(procedure)
        complaints += wordless(procedure)
        found += [(c.path, c.message, c.suggestion) for c in complaints if not aside.explains(c)]
        return (None if found else procedure), found


def _left_out(rest: Any, aside: StandIns, fault: Any) -> bool:
    if fault["type"] == "extra_forbidden":
        return _drop(rest, fault["loc"])
    return aside.put(fault["loc"])


def _mistakes(fault: Any) -> Iterator[Mistake]:
    message, suggestion = explain(fault, Procedure)
    if fault["type"] == "union_tag_invalid":
        key, tag = fault["ctx"]["discriminator"].strip("'"), fault["ctx"]["tag"]
        tags = [tag.strip(" '") for tag in fault["ctx"]["expected_tags"].split(",")]
        yield (*fault["loc"], key), f"「{key}」の値「{tag}」は使えません。", near(tag, tags)
        return
    if fault["type"] == "union_tag_not_found":
        key = fault["ctx"]["discriminator"].strip("'")
        yield fault["loc"], f"「{key}」がありません。", f"{key} を書いてください。"
        return
    if fault["type"] == "extra_forbidden":
        owner = _owner(fault["loc"])
        key = str(fault["loc"][-1])
        message = f"「{key}」というキーはありません。"
        suggestion = near(key, [info.alias or name for name, info in owner.model_fields.items()])
    yield fault["loc"], message, suggestion


def _owner(loc: Path) -> type[BaseModel]:
    """The model whose key is at the end of a path."""
    owner: type[BaseModel] = Procedure
    before = ""
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        owner = _BY_TAG.get((before, part)) or _BY_KEY.get(part) or owner
        before = part
    return owner


def _drop(data: Any, loc: Path) -> bool:
    """Leave out the key at a path (pydantic puts the kind of a field between); False where it is not found."""
    *parents, key = loc
    node = data
    for part in parents:
        inside = node if isinstance(node, dict) else dict(enumerate(node)) if isinstance(node, list) else {}
        node = inside.get(part, node)
    if not isinstance(node, dict) or key not in node:
        return False
    del node[key]
    return True
