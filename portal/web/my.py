"""マイページ: sections that the domains hand over (`my.register(my.Section(…))` in portal.app)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from portal.web.access import Visitor


@dataclass(frozen=True)
class Item:
    """One thing of the visitor's: what it is, where it stands, what comes next and until when."""

    title: str
    url: str
    status: str = ""
    #: neutral, wait, act, good or bad
    status_kind: str = "neutral"
    next_step: str = ""
    due: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: `items` reads what belongs to the visitor, newest first."""

    key: str
    title: Any
    items: Callable[[Visitor], Sequence[Any]]
    order: int = 50
    empty: Any = ""
    #: The endpoint of the list with all of them, where there is one.
    more: str = ""


@dataclass(frozen=True)
class Setting:
    """A link under 登録と設定 that a domain hands over."""

    title: Any
    endpoint: str


_settings: dict[str, Setting] = {}


def register_setting(setting: Setting) -> None:
    """Add a link; one to the same endpoint is replaced."""
    _settings[setting.endpoint] = setting


def settings() -> list[Setting]:
    """All links that were handed over, in the order of their coming."""
    return list(_settings.values())


_sections: dict[str, Section] = {}


def register(section: Section) -> None:
    """Add a section; one of the same key is replaced."""
    _sections[section.key] = section


def sections() -> list[Section]:
    """All sections in their order."""
    return sorted(_sections.values(), key=lambda section: (section.order, section.key))
