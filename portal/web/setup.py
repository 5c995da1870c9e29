"""Puts the request plumbing together, in the order in which a request meets it."""

from __future__ import annotations

from flask import Flask

from portal.settings import Settings
from portal.web import access, city, context, errors, home, locale, security


def init_app(app: Flask) -> None:
    """Security headers and CSRF, language, access, errors, templates and the shell's own pages.

    `app.extensions["portal"]` holds the settings. Call before any other blueprint's set-up that needs CSRF.
    """
    settings: Settings = app.extensions["portal"]
    security.init_app(app, settings)
    city.init_app(app)
    locale.init_app(app)
    access.init_app(app)
    errors.init_app(app)
    context.init_app(app)
    app.register_blueprint(home.bp)
