"""Every model, imported once, so that the metadata is whole (migrations, tests)."""

from __future__ import annotations

import forms.counter.models
import forms.models  # noqa: F401
import payments.models  # noqa: F401
import portal.accounts.models
import portal.directory.models
import portal.kernel.audit
import portal.kernel.files
import portal.notices.models
import portal.plan.models  # noqa: F401
import reservations.models  # noqa: F401
