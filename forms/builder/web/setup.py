"""Joins the pages and the tile on 職員ホーム."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext

from forms.builder.web import trial
from forms.builder.web.pages import bp
from portal.accounts.models import Role
from portal.web import staff as staff_home

__all__ = ["init_app", "trial"]


def init_app(app: Flask) -> None:
    """Join them."""
    app.register_blueprint(bp)
    staff_home.register(
        staff_home.Tile(
            "procedures",
            lazy_gettext("手続きを作る・直す"),
            "builder.home",
            roles=(Role.EDITOR.value,),
            text=lazy_gettext("手続きのファイルを調べて、2人で公開します。"),
            order=60,
        )
    )
