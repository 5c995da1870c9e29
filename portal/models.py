"""Every model, imported once, so that the metadata is whole (migrations, tests)."""

from __future__ import annotations

import portal.accounts.models
import portal.kernel.audit
import portal.kernel.files  # noqa: F401 - imported for its tables
