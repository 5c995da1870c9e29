"""Sign-in, profile and settings: the sign-in library wrapped in our pages, mails and limits."""

from __future__ import annotations

from portal.accounts.web.setup import init_app

__all__ = ["init_app"]
