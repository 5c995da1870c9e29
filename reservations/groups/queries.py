"""Who somebody is for the rules of use, and the groups and declarations that pages list."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from reservations.groups.models import Eligibility, EligibilityState
from reservations.rules import Applicant, Tie

_COUNTED = (EligibilityState.DECLARED.value, EligibilityState.VERIFIED.value)


def applicant(session: Session, person_id: int) -> Applicant:
    """Somebody as the rules of use see them, for themselves. One statement."""
    rows = session.execute(
        select(Person.city, Person.birth_date, Eligibility)
        .outerjoin(Eligibility, (Eligibility.person_id == Person.id) & Eligibility.state.in_(_COUNTED))
        .where(Person.id == person_id)
    ).all()
    if not rows:
        return Applicant()
    ties = [Tie("lives", rows[0].city)] if rows[0].city else []
    ties += [
        Tie(
            row.Eligibility.basis,
            row.Eligibility.city,
            row.Eligibility.state == EligibilityState.VERIFIED,
            row.Eligibility.valid_from,
            row.Eligibility.valid_until,
        )
        for row in rows
        if row.Eligibility is not None
    ]
    return Applicant(tuple(ties), None, rows[0].birth_date)
