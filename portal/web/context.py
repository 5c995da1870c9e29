"""What every template may use: the visitor, the languages, menus, assets, dates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_babel import gettext
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from portal.kernel import dates, texts
from portal.kernel.money import Yen
from portal.settings import Settings
from portal.web import access, city, forms, locale, staff


@dataclass(frozen=True)
class MenuItem:
    """A link in a menu; `current` as `aria-current` has it: "page" on its own page, "true" on one below it, else ""."""

    title: str
    url: str
    current: str = ""


@cache
def _version(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


def asset(filename: str) -> str:
    """The address of a static file, with a version so that it may be kept for good."""
    file = Path(current_app.static_folder or "") / filename
    if not file.is_file():
        return url_for("static", filename=filename)
    return url_for("static", filename=filename, v=_version(file, file.stat().st_mtime_ns))


#: The first pages of an area, below which everything else stands: they are current on their own only.
_ROOTS = {"web.home", "web.staff_home"}


def _item(title: str, endpoint: str) -> MenuItem | None:
    if endpoint not in current_app.view_functions:
        return None
    url = url_for(endpoint)
    if request.endpoint == endpoint:
        return MenuItem(title, url, "page")
    below = endpoint not in _ROOTS and request.path.startswith(url.rstrip("/") + "/")
    return MenuItem(title, url, "true" if below else "")


def _items(*pairs: tuple[str, str]) -> list[MenuItem]:
    items = [item for item in (_item(title, endpoint) for title, endpoint in pairs) if item is not None]
    # A page below two of them is shown under the nearer one only.
    nearest = max((item.url for item in items if item.current), key=len, default="")
    return [replace(item, current=item.current if item.url == nearest else "") for item in items]


def resident_menu() -> list[MenuItem]:
    """The menu of the residents' pages: what there is."""
    return _items(
        (gettext("手続き"), "forms.catalogue"),
        (gettext("施設の予約"), "reservations.search"),
        (gettext("マイページ"), "web.my_page"),
    )


def staff_menu() -> list[MenuItem]:
    """The menu of the staff pages: the tiles that the visitor may use."""
    who = access.visitor()
    if not who.is_staff or who.second_factor_due:
        return []
    tiles = [tile for tile in staff.tiles_for(who) if tile.in_menu]
    return _items((gettext("職員ホーム"), "web.staff_home"), *((str(tile.title), tile.endpoint) for tile in tiles))


def footer_links() -> list[MenuItem]:
    """The links at the end of every page."""
    return _items(
        (gettext("このサイトについて"), "web.about"),
        (gettext("個人情報の取り扱い"), "web.privacy"),
        (gettext("利用規約"), "web.terms"),
        (gettext("問い合わせ先"), "web.contact"),
        (gettext("計画の進みぐあい"), "plan.public"),
        (gettext("職員の方"), "web.staff_home"),
    )


def _url_or_nothing(endpoint: str) -> str:
    return url_for(endpoint) if endpoint in current_app.view_functions else ""


def _page() -> dict[str, Any]:
    """Read once for a page: who, which language, which city."""
    settings: Settings = current_app.extensions["portal"]
    now_in = locale.current()
    return {
        "visitor": access.visitor(),
        "locale": now_in,
        "city_name": city.name().in_locale(now_in),
        "district_name": partial(city.name().district_in, now_in),
        "language_links": locale.links() if request.method == "GET" else locale.links_from_post(),
        "is_demo": not settings.production,
        "sign_in_url": _url_or_nothing("security.login"),
        "guest_way": access.guest_way,
        "page_has_errors": bool(g.get("page_has_errors")),
    }


def sum_in_words(value: object) -> object:
    """An amount of money as the reader's language writes it: 3,000円, in English 3,000 yen; all else as it is."""
    return f"{value.amount:,} yen" if isinstance(value, Yen) and locale.current() == "en" else value


def _with_sums(function: Any) -> Callable[..., Any]:
    """The template's gettext, for which amounts of money in a sentence are written in the reader's language."""

    @pass_context
    def translate(context: Context, *texts: Any, **values: Any) -> Any:
        return function(context, *texts, **{name: sum_in_words(value) for name, value in values.items()})

    return translate


def init_app(app: Flask) -> None:
    """Put the helpers into every template, macros included; after the languages."""
    app.jinja_env.finalize = sum_in_words
    for name in ("gettext", "ngettext"):
        app.jinja_env.globals[name] = _with_sums(app.jinja_env.globals[name])
    app.context_processor(_page)
    app.jinja_env.globals.update(
        asset=asset,
        resident_menu=resident_menu,
        staff_menu=staff_menu,
        footer_links=footer_links,
        sign_out_url=lambda: _url_or_nothing("security.logout"),
        postal_lookup_url=lambda: _url_or_nothing("web.find_postal"),
        flat_errors=forms.flat_errors,
    )
    app.jinja_env.filters.update(
        date=lambda value: texts.show_date(value, locale.current()),
        time=texts.show_time,
        moment=lambda value: texts.show_moment(value, locale.current()),
        until=lambda value: texts.show_until(value, locale.current()),
        both=lambda value: texts.show_both(value, locale.current()),
        wareki=dates.wareki,
        or_english=lambda japanese, english: english if english and locale.current() == "en" else japanese,
        breaks=lambda value: Markup("<br>").join(str(value).splitlines()),
    )
