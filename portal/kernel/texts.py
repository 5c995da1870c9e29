"""Templates of mails and PDFs, outside any request.

`<package>/texts/mail/filed.txt` is named `<package>/mail/filed.txt`. `.html` is escaped, `.txt` is not.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined, select_autoescape

from portal.kernel import clock, dates
from portal.kernel.i18n import PACKAGES, ROOT, translations

_WEEKDAYS_JA = "月火水木金土日"


def show_date(value: date | datetime, locale: str = "ja") -> str:
    """2026年11月25日(水) or 25 November 2026 (Wed); a moment by the clock in Japan."""
    day = clock.local(value).date() if isinstance(value, datetime) else value
    if locale == "en":
        return f"{day.day} {day:%B} {day.year} ({day:%a})"
    return f"{day.year}年{day.month}月{day.day}日({_WEEKDAYS_JA[day.weekday()]})"


def show_time(value: datetime) -> str:
    """9:05, by the clock in Japan."""
    local = clock.local(value)
    return f"{local.hour}:{local.minute:02}"


def show_moment(value: datetime, locale: str = "ja") -> str:
    """2026年11月25日(水) 9:05."""
    return f"{show_date(value, locale)} {show_time(value)}"


def show_until(value: datetime, locale: str = "ja") -> str:
    """The last moment of a time limit; the end of a day is 24:00 of that day, which nobody takes for a day more."""
    if clock.local(value).time() != time():
        return show_moment(value, locale)
    return f"{show_date(value - timedelta(days=1), locale)} 24:00"


def show_both(value: date, locale: str = "ja") -> str:
    """2025年4月1日(令和7年) in Japanese; the western date in English."""
    return dates.both(value) if locale == "ja" else show_date(value, locale)


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=PrefixLoader({package: FileSystemLoader(ROOT / package / "texts") for package in PACKAGES}),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    environment.filters.update(
        # A mail's context is JSON: its days are ISO texts.
        date=lambda value: show_date(date.fromisoformat(value) if isinstance(value, str) else value, locale),
        time=show_time,
        moment=lambda value: show_moment(value, locale),
        until=lambda value: show_until(value, locale),
        both=lambda value: show_both(value, locale),
    )
    environment.globals["locale"] = locale
    return environment


def render(template: str, locale: str, **context: Any) -> str:
    """Render a mail or document template in one locale.

    Args:
        template: `<package>/<path below texts>`.
        locale: one of `i18n.LOCALES`.
        **context: what the template shows; a name that it misses is an error, not an empty place.
    """
    return _environment(locale).get_template(template).render(**context)
