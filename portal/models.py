"""Every model, imported once, so that the metadata is whole (migrations, tests)."""

from __future__ import annotations

import reservations.models  # noqa: F401 - imported for their tables
