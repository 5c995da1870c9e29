"""Somebody comes about a case that is filed already: the clerk types the correction, or takes the case back at their wish.

The same use cases as on the applicant's own page, with what the counter adds: who came by what right, what was looked at to see it, and
that a clerk typed (nobody decides what they typed, CASES A7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Session

from forms.counter.errors import IdentityNotProved
from forms.counter.models import Authority
from forms.counter.papers import AUTHORITIES, PROOFS
from forms.definition import Typed
from forms.models import Application
from forms.services import casework, protection
from forms.services.common import ReasonMissing, locked, note, typed_by, unchanged
from forms.services.filing import IDENTITY_SEEN
from portal.accounts.proofs import Proof, proves
from portal.kernel.audit import Actor
from portal.kernel.errors import Forbidden, NotFound

REASON_LENGTH = 500


@dataclass(eq=False)
class OnlyThemselves(Forbidden):
    """Of this person's cases only they themselves may speak at the counter (CASES A10)."""

    code: ClassVar[str] = "only_themselves"


@dataclass(frozen=True, slots=True)
class Came:
    """Who stands there.

    Attributes:
        authority: by what right they speak for the applicant.
        seen: what was looked at to see who they are; never a number that stands on it.
    """

    authority: Authority
    seen: Sequence[Proof]

    def in_words(self) -> str:
        """As the case keeps it (Japanese: a record of the city office)."""
        looked_at = "、".join(PROOFS[each] for each in sorted(set(self.seen)))
        return looked_at if self.authority is Authority.SELF else f"{looked_at}、{AUTHORITIES[self.authority]}"


def correct(
    session: Session,
    *,
    reference: str,
    typed: Mapping[str, Typed],
    on_page: Iterable[str],
    came: Came,
    clerk: Actor,
    revision: int | None,
    now: datetime,
) -> Application:
    """Answer what the section asked, as the person at the counter says it; messages go out as if they had written it themselves.

    Args:
        session: the transaction.
        reference: of the case.
        typed: field id → part → texts.
        on_page: paths of the questions that were on the page.
        came: who stands there.
        clerk: who types.
        revision: of the page that the clerk saw.
        now: aware.

    Raises:
        NotFound, NotNow, ChangedMeanwhile: the case is not there, no correction is asked (any more), somebody was faster.
        IdentityNotProved, OnlyThemselves: this person may not.
        Incomplete: see `forms.services.correcting.submit_correction`; nothing was changed.
    """
    application = _seen(session, reference, came, clerk=clerk, revision=revision, now=now)
    return casework.submit_correction(
        session, reference=str(application.reference), typed=typed, seen=on_page, actor=clerk, now=now
    )


def withdraw(
    session: Session, *, reference: str, reason: str, came: Came, clerk: Actor, revision: int | None, now: datetime
) -> Application:
    """Take a filed case back at the wish of the person at the counter, with the reason that they gave.

    Raises:
        NotFound, NotNow, ChangedMeanwhile, IdentityNotProved, OnlyThemselves: see `correct`.
        ReasonMissing: none, or longer than `REASON_LENGTH`.
    """
    why = reason.strip()
    if not why or len(why) > REASON_LENGTH:
        raise ReasonMissing
    application = _seen(session, reference, came, clerk=clerk, revision=revision, now=now)
    typed_by(session, application, clerk)
    return casework.withdraw(session, reference=str(application.reference), actor=clerk, now=now, reason=why)


def _seen(
    session: Session, reference: str, came: Came, *, clerk: Actor, revision: int | None, now: datetime
) -> Application:
    """The filed case, locked, with the event that says who came."""
    if clerk.kind != "staff" or clerk.account_id is None:
        raise NotFound
    application = locked(session, reference=reference)
    if not application.filings or application.disposed_at is not None:
        raise NotFound
    unchanged(application, revision)
    if not proves(came.seen):
        raise IdentityNotProved
    protected = protection.of_person(session, application.applicant_person_id, now=now)
    if protected is not None and came.authority is not Authority.SELF:
        raise OnlyThemselves
    note(session, application, IDENTITY_SEEN, actor=clerk, now=now, reason=came.in_words())
    return application
