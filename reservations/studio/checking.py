"""A rule document as somebody typed it: every mistake with its line, and the checked document where there is none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from portal.directory.pack import Pack, Problem
from reservations import documents, fee_files
from reservations.documents import AnyDocument
from reservations.models import DocumentKind
from reservations.pricing import FeeTable
from reservations.pricing.check import check as findings_of
from reservations.pricing.worlds import Use

_NAME = "document.yaml"
LONGEST = 200_000
"""Characters of a document; the longest real table has some 30,000."""


@dataclass(frozen=True)
class Checked:
    """A document that was looked at; `document` and `content` are None where `problems` keep it from being read.

    `problems` of a fee table may also name holes and overlaps: it can be read, but not published.
    """

    document: AnyDocument | None
    content: dict[str, Any] | None
    problems: tuple[Problem, ...]


def check(kind: str, text: str, *, code: str, uses: Sequence[Use] = ()) -> Checked:
    """Read and check a document.

    Args:
        kind: of document.
        text: YAML, one document (a list of one is read as well).
        code: the code that it has to have: nobody writes over another document.
        uses: what the spaces need of a fee table.
    """
    if len(text) > LONGEST:
        return Checked(None, None, (Problem(_NAME, 1, "文書が長すぎます。", f"{LONGEST:,}文字までです。"),))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, _NAME).write_text(text, encoding="utf-8")
        pack = Pack(Path(folder))
        data, lines = pack.raw(_NAME)
    if data is None:
        return Checked(None, None, tuple(pack.problems))
    if isinstance(data, list) and len(data) == 1:
        data, lines = data[0], {path[1:]: line for path, line in lines.items() if path[:1] == (0,)}
    if not isinstance(data, dict):
        pack.problem(_NAME, 1, "文書ではありません。", "code: で始まる1つの文書にします。")
        return Checked(None, None, tuple(pack.problems))
    try:
        document = documents.read(kind, data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            message, suggestion = fee_files.explained(fault, documents.schema(kind))
            pack.problem(_NAME, fee_files.line_of(lines, fault["loc"]), message, suggestion)
        return Checked(None, None, _sorted(pack))
    if document.code != code:
        pack.problem(
            _NAME, fee_files.line_of(lines, ("code",)), f"code が「{document.code}」です。", f"「{code}」にします。"
        )
    if kind == DocumentKind.FEES and isinstance(document, FeeTable):
        for finding in findings_of(document, uses):
            pack.problem(_NAME, fee_files.line_of(lines, finding.path), finding.message, finding.suggestion)
    return Checked(document, documents.canonical(document), _sorted(pack))


def _sorted(pack: Pack) -> tuple[Problem, ...]:
    return tuple(sorted(set(pack.problems), key=lambda problem: (problem.line, problem.message)))
