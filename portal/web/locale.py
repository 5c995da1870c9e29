"""The language of a page: asked for (?lang=), else chosen before, else the account's, else the browser's, else Japanese."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, current_app, request, session
from flask_babel import Babel, Domain

from portal.kernel.i18n import LOCALES, folders
from portal.web import access

_KEEPER = "portal.locale_keeper"
TITLES = {"ja": "日本語", "en": "English"}


@dataclass(frozen=True)
class LanguageLink:
    """This page in another language."""

    locale: str
    title: str
    url: str


def current() -> str:
    """The locale of this request, one of `LOCALES`."""
    chosen = session.get("locale")
    if chosen in LOCALES:
        return str(chosen)
    who = access.visitor()
    if who.signed_in and who.locale in LOCALES:
        return who.locale
    return request.accept_languages.best_match(LOCALES) or "ja"


def _remember() -> None:
    asked = request.args.get("lang")
    if asked not in LOCALES or session.get("locale") == asked:
        return
    session["locale"] = asked
    keep = current_app.extensions.get(_KEEPER)
    if keep and access.visitor().signed_in:
        keep(asked)


def set_keeper(app: Flask, keep: Callable[[str], None]) -> None:
    """Hand over what to do when somebody who is signed in chooses a language (portal.accounts.web does)."""
    app.extensions[_KEEPER] = keep


def links() -> list[LanguageLink]:
    """This page in each language; the rest of the query is kept."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key != "lang"]
    return [
        LanguageLink(locale, TITLES[locale], f"{request.path}?{urlencode([*pairs, ('lang', locale)])}")
        for locale in LOCALES
    ]


def links_from_post() -> list[LanguageLink]:
    """The home page in each language: a page that answers a POST may have no GET of its own."""
    return [LanguageLink(locale, TITLES[locale], f"/?lang={locale}") for locale in LOCALES]


def init_app(app: Flask) -> None:
    """Japanese is the source language; English comes from the catalogues of all packages."""
    # One for all requests: it keeps the catalogues, which the library's own reads again for each.
    app.before_request(Domain().as_default)
    app.before_request(_remember)
    Babel(
        app,
        default_locale="ja",
        default_timezone="Asia/Tokyo",
        default_translation_directories=";".join(str(folder) for folder in folders()),
        locale_selector=current,
    )
