"""Words for people in a definition: Japanese always, English where somebody wrote it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Base of every part of a definition: frozen, and an unknown key is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Words(Strict):
    """A text in Japanese and, where there is one, in English. A plain string in YAML is the Japanese one."""

    ja: str = Field(min_length=1)
    en: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return {"ja": given} if isinstance(given, str) else given

    def in_(self, locale: str) -> str:
        """The text for `locale` ("ja" or "en"); Japanese where English is missing."""
        return self.en if locale == "en" and self.en else self.ja
