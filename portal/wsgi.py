"""What gunicorn calls, once, before it forks."""

from __future__ import annotations

from flask import Flask

from portal.kernel import start


def application() -> Flask:
    """The web application, put together without a search for garbage."""
    with start.quick():
        from portal import app as composition

        return composition.wsgi()
