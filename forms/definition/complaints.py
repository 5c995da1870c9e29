"""What is said of a document that may not be published."""

from __future__ import annotations

from dataclasses import dataclass

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
