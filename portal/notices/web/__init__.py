"""Pages about messages and jobs: for the IT section, and the mail catcher in development."""

from __future__ import annotations

from portal.notices.web.setup import init_app

__all__ = ["init_app"]
