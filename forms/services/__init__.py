"""Use cases of forms. None needs a web request: the pages, the counter and jobs call the same functions."""

from __future__ import annotations
