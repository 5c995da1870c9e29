"""The life of a case: one state machine, pure. Every change of state in the program goes through `after`.

draft → filed → (correction asked ↔ corrected) → accepted → in review → decided → issued → closed; withdrawn. `prepared` is for what is
filled in here and finished at the counter: it becomes filed there, when identity was proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from portal.kernel.errors import Conflict


class State(StrEnum):
    """Where a case stands."""

    DRAFT = "draft"
    PREPARED = "prepared"
    FILED = "filed"
    CORRECTION_ASKED = "correction_asked"
    CORRECTED = "corrected"
    ACCEPTED = "accepted"
    IN_REVIEW = "in_review"
    DECIDED = "decided"
    ISSUED = "issued"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    """What somebody does to a case."""

    PREPARE = "prepare"
    FILE = "file"
    ASK_CORRECTION = "ask_correction"
    CORRECT = "correct"
    ACCEPT = "accept"
    START_REVIEW = "start_review"
    PROPOSE = "propose"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    DECIDE = "decide"
    ISSUE = "issue"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


class Outcome(StrEnum):
    """What was decided."""

    GRANTED = "granted"
    REFUSED = "refused"
    PARTLY = "partly"


class Party(StrEnum):
    """Who may do it: the applicant (or who acts for them), the staff, the program."""

    APPLICANT = "applicant"
    STAFF = "staff"
    SYSTEM = "system"


_S, _A = State, Action
_MOVES: Mapping[tuple[State, Action], State] = {
    (_S.DRAFT, _A.FILE): _S.FILED,
    (_S.DRAFT, _A.PREPARE): _S.PREPARED,
    (_S.PREPARED, _A.FILE): _S.FILED,
    (_S.PREPARED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.PREPARED, _A.EXPIRE): _S.WITHDRAWN,
    (_S.FILED, _A.ASK_CORRECTION): _S.CORRECTION_ASKED,
    (_S.CORRECTED, _A.ASK_CORRECTION): _S.CORRECTION_ASKED,
    (_S.ACCEPTED, _A.ASK_CORRECTION): _S.CORRECTION_ASKED,
    (_S.IN_REVIEW, _A.ASK_CORRECTION): _S.CORRECTION_ASKED,
    (_S.CORRECTION_ASKED, _A.CORRECT): _S.CORRECTED,
    # A missed correction never ends a case by itself: a person accepts it as it is and decides with reasons (CASES A4).
    (_S.CORRECTION_ASKED, _A.ACCEPT): _S.ACCEPTED,
    (_S.FILED, _A.ACCEPT): _S.ACCEPTED,
    (_S.CORRECTED, _A.ACCEPT): _S.ACCEPTED,
    (_S.ACCEPTED, _A.START_REVIEW): _S.IN_REVIEW,
    # 起案 → 決裁: where the definition names steps, the draft goes through other hands before it is the decision (CASES A7).
    (_S.ACCEPTED, _A.PROPOSE): _S.IN_REVIEW,
    (_S.IN_REVIEW, _A.PROPOSE): _S.IN_REVIEW,
    (_S.IN_REVIEW, _A.APPROVE): _S.IN_REVIEW,
    (_S.IN_REVIEW, _A.SEND_BACK): _S.ACCEPTED,
    (_S.IN_REVIEW, _A.DECIDE): _S.DECIDED,
    (_S.ACCEPTED, _A.DECIDE): _S.DECIDED,
    (_S.DECIDED, _A.ISSUE): _S.ISSUED,
    (_S.DECIDED, _A.CLOSE): _S.CLOSED,
    (_S.ISSUED, _A.CLOSE): _S.CLOSED,
    (_S.FILED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.CORRECTION_ASKED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.CORRECTED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.ACCEPTED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.IN_REVIEW, _A.WITHDRAW): _S.WITHDRAWN,
}
_PARTIES: Mapping[Action, frozenset[Party]] = {
    _A.PREPARE: frozenset({Party.APPLICANT, Party.STAFF}),
    _A.FILE: frozenset({Party.APPLICANT, Party.STAFF}),
    _A.ASK_CORRECTION: frozenset({Party.STAFF}),
    _A.CORRECT: frozenset({Party.APPLICANT, Party.STAFF}),
    _A.ACCEPT: frozenset({Party.STAFF}),
    _A.START_REVIEW: frozenset({Party.STAFF}),
    _A.PROPOSE: frozenset({Party.STAFF}),
    _A.APPROVE: frozenset({Party.STAFF}),
    _A.SEND_BACK: frozenset({Party.STAFF}),
    _A.DECIDE: frozenset({Party.STAFF}),
    _A.ISSUE: frozenset({Party.STAFF, Party.SYSTEM}),
    _A.CLOSE: frozenset({Party.STAFF, Party.SYSTEM}),
    _A.WITHDRAW: frozenset({Party.APPLICANT, Party.STAFF}),
    # Only what was prepared at home and never brought: nothing was filed.
    _A.EXPIRE: frozenset({Party.SYSTEM}),
}

OPEN = frozenset({_S.FILED, _S.CORRECTION_ASKED, _S.CORRECTED, _S.ACCEPTED, _S.IN_REVIEW})
"""Filed and not decided: what a section still has to do, and what the standard days run for."""
DONE = frozenset({_S.ISSUED, _S.CLOSED, _S.WITHDRAWN})
CLOCK_STOPS = frozenset({_S.CORRECTION_ASKED})
"""The standard days do not run while the applicant is asked for a correction (行政手続法 §7)."""


@dataclass(eq=False)
class NotNow(Conflict):
    """This cannot be done to the case where it stands (somebody else may have been faster)."""

    code: ClassVar[str] = "not_now"
    state: State
    action: Action

    def __str__(self) -> str:
        return f"a case that is {self.state} cannot {self.action}"


def after(state: State, action: Action, *, by: Party) -> State:
    """Where a case stands after an action.

    Raises:
        NotNow: the action does not start there, or not by this party.
    """
    reached = _MOVES.get((state, action))
    if reached is None or by not in _PARTIES[action]:
        raise NotNow(state, action)
    return reached


def possible(state: State, *, by: Party) -> frozenset[Action]:
    """What this party can do to a case that stands there."""
    return frozenset(action for (start, action) in _MOVES if start is state and by in _PARTIES[action])
