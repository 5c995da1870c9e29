"""The counter's pages: `/staff/counter`."""

from __future__ import annotations

from forms.counter.web.setup import init_app

__all__ = ["init_app"]
