"""Adds the pages and the tile on the staff home."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext

from portal.accounts.models import Role
from portal.plan.web.pages import bp
from portal.web import staff


def init_app(app: Flask) -> None:
    """Add the pages and the tile on the staff home."""
    app.register_blueprint(bp)
    staff.register(
        staff.Tile(
            key="plan",
            title=lazy_gettext("計画の数"),
            endpoint="plan.staff",
            roles=(Role.IT_STRATEGY,),
            text=lazy_gettext("市の計画の数と、その根拠を見ます。"),
            order=70,
        )
    )
