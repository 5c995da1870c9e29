"""The pages of reservations."""

from __future__ import annotations

from reservations.web.setup import init_app

__all__ = ["init_app"]
