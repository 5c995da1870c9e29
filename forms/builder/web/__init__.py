"""Pages of the editors of procedures."""

from __future__ import annotations

from forms.builder.web.setup import init_app

__all__ = ["init_app"]
