"""The life of a case, as a state machine without a database."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.deadlines import due_on, moved
from forms.definition.procedure import StandardDays
from forms.states import CLOCK_STOPS, DONE, OPEN, Action, NotNow, Party, State, after, possible

A, S, P = Action, State, Party


def test_a_case_runs_from_draft_to_issued_with_a_correction_in_between() -> None:
    state = S.DRAFT
    for action, by in [
        (A.FILE, P.APPLICANT),
        (A.ASK_CORRECTION, P.STAFF),
        (A.CORRECT, P.APPLICANT),
        (A.ACCEPT, P.STAFF),
        (A.START_REVIEW, P.STAFF),
        (A.DECIDE, P.STAFF),
        (A.ISSUE, P.STAFF),
        (A.CLOSE, P.STAFF),
    ]:
        state = after(state, action, by=by)
    assert state is S.CLOSED


def test_a_missed_correction_is_accepted_by_a_person_and_never_ends_by_itself() -> None:
    assert after(S.CORRECTION_ASKED, A.ACCEPT, by=P.STAFF) is S.ACCEPTED
    assert possible(S.CORRECTION_ASKED, by=P.SYSTEM) == frozenset()


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_applicant_never_decides_and_the_program_never_touches_an_open_case(state: State) -> None:
    for action in (A.ACCEPT, A.DECIDE, A.ISSUE, A.ASK_CORRECTION):
        with pytest.raises(NotNow):
            after(state, action, by=P.APPLICANT)
    assert possible(state, by=P.SYSTEM) == frozenset()


@given(st.lists(st.tuples(st.sampled_from(Action), st.sampled_from(Party)), max_size=60))
def test_no_sequence_of_actions_brings_a_case_back_or_decides_it_twice(moves: list[tuple[Action, Party]]) -> None:
    state, decided, filed = S.DRAFT, 0, 0
    for action, by in moves:
        before = state
        try:
            state = after(state, action, by=by)
        except NotNow:
            continue
        assert action in possible(before, by=by)
        decided += action is A.DECIDE
        filed += action is A.FILE
        assert state is not S.DRAFT, "nothing becomes a draft again"
        assert before not in DONE - {S.ISSUED}, "what has ended stays ended"
    assert decided <= 1
    assert filed <= 1
    if state in OPEN | {S.DECIDED, S.ISSUED, S.CLOSED}:
        assert filed == 1


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    reached, front = {S.DRAFT}, [S.DRAFT]
    while front:
        state = front.pop()
        for by in Party:
            for action in possible(state, by=by):
                new = after(state, action, by=by)
                if new not in reached:
                    reached.add(new)
                    front.append(new)
    assert reached == set(State)
    assert CLOCK_STOPS <= OPEN


def test_the_standard_days_run_from_arrival_and_stand_still_during_a_correction() -> None:
    working, calendar = StandardDays(days=5), StandardDays(days=30, kind="calendar")
    friday = date(2026, 11, 20)
    assert due_on(friday, working) == date(2026, 11, 30), "23 November is a holiday"
    assert due_on(friday, calendar) == date(2026, 12, 20)
    assert moved(date(2026, 11, 30), working, asked=date(2026, 11, 24), answered=date(2026, 11, 27)) == date(
        2026, 12, 3
    )
    assert moved(date(2026, 12, 20), calendar, asked=date(2026, 11, 24), answered=date(2026, 11, 27)) == date(
        2026, 12, 23
    )
    assert due_on(friday, None) == date(2026, 12, 7), "where no period is set, the own target of ten working days"
