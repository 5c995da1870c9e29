"""What is handed in as a file: papers, photos, a signature by hand.

The content is kept elsewhere (`forms.attachments`); the answer is a list of references that the server alone writes:
`[{"id", "name", "media_type", "size", "pages", "sha256"}]`. Whatever a browser sends as the text of such a field is dropped.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from pydantic import Field

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed

KINDS = {"application/pdf": ("PDF", "PDF"), "image/jpeg": ("写真・画像", "picture")}
_KEYS = {"id", "name", "media_type", "size", "pages", "sha256"}
_KIB = 1024


class Files(FieldSpec):
    """What the three have in common: references in, words out."""

    value_kind: ClassVar[str] = "files"
    inside_groups: ClassVar[bool] = False
    stored: ClassVar[bool] = True

    @property
    def takes(self) -> tuple[str, ...]:
        """Kinds of content that are taken: "pdf", "picture"."""
        return ("picture",)

    @property
    def most(self) -> int:
        """How many files at most."""
        return 1

    @property
    def limit(self) -> int:
        """The largest file that is taken, in bytes."""
        return 10 * _KIB * _KIB

    @property
    def page_limit(self) -> int:
        """How many pages a PDF may have."""
        return 1

    def read(self, typed: Typed, at: Moment) -> Reading:
        """References as `typed_of` writes them."""
        del at
        texts = [t for t in typed.get("") or () if t]
        if not texts:
            return Reading()
        try:
            found = [json.loads(text) for text in texts]
        except ValueError:
            return Reading(problems=(Problem("not_offered"),))
        if not all(isinstance(each, dict) and set(each) == _KEYS for each in found):
            return Reading(problems=(Problem("not_offered"),))
        if len(found) > self.most:
            return Reading(problems=(Problem("too_many_files", facts={"max": self.most}),))
        return Reading(found)

    def show(self, value: Any, locale: str) -> str:
        """A line for each file: name, kind, pages, size."""
        return "\n".join(line(each, locale) for each in value or ())

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {"": [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in value or ()]}

    def offers(self, value: Any) -> bool:
        """A file is not compared with a constant."""
        del value
        return False

    def keeps(self, part: str) -> bool:
        """Nothing that is typed belongs to a file."""
        del part
        return False


def line(reference: dict[str, Any], locale: str) -> str:
    """One file in words."""
    ja, en = KINDS.get(reference["media_type"], ("ファイル", "file"))
    size = max(1, round(reference["size"] / _KIB))
    if locale == "en":
        pages = f", {reference['pages']} pages" if reference["pages"] else ""
        return f"{reference['name']} ({en}{pages}, {size} KB)"
    pages = f"・{reference['pages']}ページ" if reference["pages"] else ""
    return f"{reference['name']}({ja}{pages}・{size} KB)"


class FileField(Files):
    """Papers: PDF or pictures of them."""

    type: Literal["file"]
    accept: tuple[Literal["pdf", "picture"], ...] = Field(default=("pdf", "picture"), min_length=1)
    max_files: int = Field(default=1, ge=1, le=10)
    max_mb: int = Field(default=10, ge=1, le=20)
    max_pages: int = Field(default=100, ge=1, le=500)

    @property
    def takes(self) -> tuple[str, ...]:
        """See `Files`."""
        return self.accept

    @property
    def most(self) -> int:
        """See `Files`."""
        return self.max_files

    @property
    def limit(self) -> int:
        """See `Files`."""
        return self.max_mb * _KIB * _KIB

    @property
    def page_limit(self) -> int:
        """See `Files`."""
        return self.max_pages


class PhotoField(Files):
    """Photos, taken now or before; where and when they were taken is removed from them."""

    type: Literal["photo"]
    max_files: int = Field(default=3, ge=1, le=10)
    max_mb: int = Field(default=15, ge=1, le=20)

    @property
    def most(self) -> int:
        """See `Files`."""
        return self.max_files

    @property
    def limit(self) -> int:
        """See `Files`."""
        return self.max_mb * _KIB * _KIB


class SignatureField(Files):
    """A signature by hand: drawn with a finger, or a photo of one on paper."""

    type: Literal["signature"]
