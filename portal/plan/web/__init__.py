"""Pages of the plan: for the IT strategy section, and the same numbers in public."""

from __future__ import annotations

from portal.plan.web.setup import init_app

__all__ = ["init_app"]
