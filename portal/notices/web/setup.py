"""Add the pages to the application."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext

from portal.accounts.models import Role
from portal.notices.web import letters
from portal.notices.web.views import bp, dev
from portal.web import staff


def init_app(app: Flask) -> None:
    """Add the pages; the mail catcher's only where residents do not use it for real."""
    app.register_blueprint(bp)
    app.register_blueprint(letters.bp)
    if not app.extensions["portal"].production:
        app.register_blueprint(dev)
    staff.register(
        staff.Tile(
            key="jobs",
            title=lazy_gettext("処理とメールの見張り"),
            endpoint="notices.overview",
            roles=(Role.IT_STRATEGY,),
            text=lazy_gettext("失敗した処理、届かなかったメール"),
            order=80,
        )
    )
    staff.register(
        staff.Tile(
            key="post",
            title=lazy_gettext("送る手紙(お金・予約)"),
            endpoint="post.letters",
            roles=letters.ROLES,
            text=lazy_gettext("メールがない人への知らせの印刷と発送"),
            order=62,
            count=letters.waiting,
            in_menu=False,
        )
    )
