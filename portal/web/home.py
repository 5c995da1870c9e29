"""The pages of the shell: home, マイページ, 職員ホーム, the city's texts, the postal code look-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.directory import postal
from portal.kernel.database import unit_of_work
from portal.web import access, city, errors, locale, my, staff

bp = Blueprint("web", __name__)


@dataclass(frozen=True)
class _Tile:
    title: str
    url: str
    text: str = ""
    count: int | None = None


def _tiles(*entries: tuple[str, str, str]) -> list[_Tile]:
    return [
        _Tile(title, url_for(endpoint), text)
        for endpoint, title, text in entries
        if endpoint in current_app.view_functions
    ]


@bp.get("/")
@access.public
def home() -> ResponseReturnValue:
    """Where everybody starts: find a procedure, find a facility, my own things."""
    tiles = _tiles(
        ("forms.catalogue", gettext("手続きをさがす"), gettext("申請や届出を、スマートフォンから送れます。")),
        ("reservations.search", gettext("施設を予約する"), gettext("体育館、コート、会議室などの空きをさがせます。")),
        ("bills.enter", gettext("税金を払う"), gettext("納付書の番号かコードで払えます。登録はいりません。")),
        ("web.my_page", gettext("わたしの手続きと予約"), gettext("いまの状況と、つぎにすることを確認できます。")),
    )
    search_url = url_for("forms.catalogue") if "forms.catalogue" in current_app.view_functions else ""
    return render_template("web/home.html", tiles=tiles, search_url=search_url)


@bp.get("/my")
@access.resident
def my_page() -> ResponseReturnValue:
    """The visitor's own things, section by section."""
    who = access.visitor()
    sections: list[dict[str, Any]] = [
        {
            "title": str(section.title),
            "list": list(section.items(who)),
            "empty": str(section.empty),
            "more": url_for(section.more) if section.more in current_app.view_functions else "",
        }
        for section in my.sections()
    ]
    settings = [each for each in my.settings() if each.endpoint in current_app.view_functions]
    return render_template("web/my.html", sections=sections, settings=settings)


@bp.get("/staff")
@access.staff()
def staff_home() -> ResponseReturnValue:
    """The work of the visitor's roles."""
    who = access.visitor()
    tiles = [
        _Tile(str(tile.title), url_for(tile.endpoint), str(tile.text), tile.count(who) if tile.count else None)
        for tile in staff.tiles_for(who)
        if tile.endpoint in current_app.view_functions
    ]
    return render_template("web/staff.html", tiles=tiles)


def _text(slug: str, title: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        body = city.text_page(session, slug, locale.current())
    return render_template("web/text.html", title=title, body=body)


@bp.get("/privacy")
@access.public
def privacy() -> ResponseReturnValue:
    """The privacy notice."""
    return _text("privacy", gettext("個人情報の取り扱い"))


@bp.get("/terms")
@access.public
def terms() -> ResponseReturnValue:
    """The terms of use."""
    return _text("terms", gettext("利用規約"))


@bp.get("/contact")
@access.public
def contact() -> ResponseReturnValue:
    """Whom to ask."""
    return _text("contact", gettext("問い合わせ先"))


@bp.get("/about")
@access.public
def about() -> ResponseReturnValue:
    """What this site is."""
    return _text("about", gettext("このサイトについて"))


@bp.get("/postal")
@access.public
def find_postal() -> ResponseReturnValue:
    """The address of a postal code (?code=), as JSON for the look-up button."""
    with unit_of_work() as session:
        found = postal.lookup(session, request.args.get("code", ""))
    if found is None:
        return errors.problem("unknown_postal_code", 404)
    return jsonify(prefecture=found.prefecture, city=found.city, town=found.town)
