"""Whether what is proved about who acts is enough for a procedure, and what can be done where it is not (CASES A1)."""

from __future__ import annotations

from dataclasses import dataclass

from forms.definition import IdentityLevel, Procedure
from forms.definition.procedure import Here, Prepared
from forms.services.common import LEVELS
from portal.accounts.identity import choice
from portal.accounts.identity.services import Confirmed


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody can bring a procedure to its end.

    Attributes:
        file: here and now.
        confirm: here, once they have confirmed online who they are.
        counter: prepared here and finished at the counter.
    """

    file: bool
    confirm: bool
    counter: bool


def level_of(confirmed: Confirmed | None, *, signed_in: bool) -> IdentityLevel:
    """What is proved about a visitor."""
    if confirmed is not None:
        return IdentityLevel.AUTHENTICATED
    return IdentityLevel.CONFIRMED_MAIL if signed_in else IdentityLevel.NONE


def enough(level: IdentityLevel, needed: IdentityLevel) -> bool:
    """Whether a proof is at least as strong as what is needed."""
    return LEVELS.index(level) >= LEVELS.index(needed)


def ways(procedure: Procedure, level: IdentityLevel) -> Ways:
    """What somebody with this proof can do."""
    channel = procedure.channel
    if isinstance(channel, Prepared):
        return Ways(file=False, confirm=False, counter=True)
    if not isinstance(channel, Here):
        return Ways(file=False, confirm=False, counter=False)
    file = enough(level, procedure.identity)
    confirm = not file and choice.available() and enough(IdentityLevel.AUTHENTICATED, procedure.identity)
    return Ways(file, confirm, counter=channel.bring is not None)


def channel_kind(procedure: Procedure) -> str:
    """Where a procedure ends as this portal is set up: what needs a confirmed identity is online only where one can be confirmed."""
    found = ways(procedure, IdentityLevel.CONFIRMED_MAIL)
    return "prepared" if found.counter and not (found.file or found.confirm) else procedure.channel.kind
