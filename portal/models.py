"""Every model, imported once, so that the metadata is whole (migrations, tests)."""

from __future__ import annotations

import forms.attachments.models
import forms.case_models
import forms.counter.models
import forms.letters.models
import forms.models
import payments.models
import portal.accounts.identity.models
import portal.accounts.models
import portal.directory.models
import portal.kernel.audit
import portal.kernel.files
import portal.notices.models
import portal.plan.models
import reservations.api.models
import reservations.desk.models
import reservations.feeds.models
import reservations.groups.models
import reservations.models
import reservations.money_models
import reservations.operations.models
import reservations.personal.models
import reservations.studio.models
