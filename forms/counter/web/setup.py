"""Add the counter's pages to the application."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext

from forms.counter.web import entries, filed, files, pages, prepared, visit
from forms.counter.web.blueprint import bp
from forms.counter.web.error_texts import TEXTS
from portal.accounts.models import Role
from portal.web import error_texts, staff

__all__ = ["entries", "filed", "files", "init_app", "pages", "prepared", "visit"]


def init_app(app: Flask) -> None:
    """Join the pages, the tile on 職員ホーム, and the words."""
    app.register_blueprint(bp)
    error_texts.add(TEXTS)
    staff.register(
        staff.Tile(
            key="counter",
            title=lazy_gettext("書かない窓口"),
            endpoint="counter.home",
            roles=(Role.COUNTER,),
            text=lazy_gettext("カードを読み、足りないことだけを聞きます。"),
            order=10,
        )
    )
