"""Who somebody is for the rules of use, and the groups and declarations that pages list."""

from __future__ import annotations

from datetime import date
from typing import cast

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.accounts.models import Person
from portal.kernel.text import fold, katakana
from reservations import documents
from reservations.groups.models import BookingGroup, Eligibility, EligibilityState, GroupMember, GroupState
from reservations.policy.groups import GroupRules
from reservations.rules import Applicant, Party, Tie

KIND = "groups"
GROUPS_LISTED = 100
_COUNTED = (EligibilityState.DECLARED.value, EligibilityState.VERIFIED.value)


def applicant(session: Session, person_id: int, group: str | None = None) -> Applicant:
    """Somebody as the rules of use see them, for themselves or for a group. One statement; two more for a group."""
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
    party = party_of(session, person_id, group)
    return Applicant(tuple(ties), as_party(party) if party is not None else None, rows[0].birth_date)


def as_party(group: BookingGroup) -> Party:
    """A group as the rules of use see it. Its members are loaded."""
    return Party(
        group.kind,
        group.state == GroupState.VERIFIED,
        group.valid_from,
        group.valid_until,
        tuple(Tie(member.basis, member.city, verified=True) for member in group.members),
        group.counter_only,
        group.state in {GroupState.REFUSED, GroupState.ENDED},
    )


def rules_on(session: Session, day: date) -> GroupRules | None:
    """The city's kinds of groups on a day; None where it registers none."""
    return cast(
        "GroupRules | None",
        getattr(documents.load(session, [(KIND, "groups")]).on(KIND, "groups", day), "document", None),
    )


def party_of(session: Session, person_id: int, reference: str | None) -> BookingGroup | None:
    """The group for which somebody may book; None where there is none, or they may not."""
    if not reference:
        return None
    return session.scalars(_bookable(person_id).where(BookingGroup.reference == reference)).unique().one_or_none()


def groups_of(session: Session, person_id: int) -> list[BookingGroup]:
    """The groups for which somebody may book or that they represent, by name; also those that staff ended, with the reason."""
    ended = (BookingGroup.state == GroupState.ENDED.value) & BookingGroup.reason.is_not(None)
    statement = _of(person_id).where((BookingGroup.state != GroupState.ENDED.value) | ended)
    return list(session.scalars(statement.order_by(BookingGroup.kana, BookingGroup.id)).unique())


def _bookable(person_id: int) -> Select[BookingGroup]:
    return _of(person_id).where(BookingGroup.state != GroupState.ENDED.value)


def _of(person_id: int) -> Select[BookingGroup]:
    member = exists().where(
        GroupMember.group_id == BookingGroup.id, GroupMember.person_id == person_id, GroupMember.may_book
    )
    return (
        select(BookingGroup)
        .options(selectinload(BookingGroup.members))
        .where((BookingGroup.representative_id == person_id) | member)
    )


def eligibilities_of(session: Session, person_id: int) -> list[Eligibility]:
    """What somebody has declared, newest first; ended ones are left out."""
    statement = select(Eligibility).where(
        Eligibility.person_id == person_id, Eligibility.state != EligibilityState.ENDED.value
    )
    return list(session.scalars(statement.order_by(Eligibility.id.desc())))


_ALL = (
    selectinload(BookingGroup.members),
    joinedload(BookingGroup.representative),
    joinedload(BookingGroup.successor),
)
"""What staff see of a group."""


def groups_waiting(session: Session) -> list[BookingGroup]:
    """Registrations and renewals that wait for staff, oldest first."""
    renewed = (BookingGroup.state == GroupState.VERIFIED.value) & (BookingGroup.applied_at > BookingGroup.decided_at)
    statement = (
        select(BookingGroup)
        .options(*_ALL)
        .where((BookingGroup.state == GroupState.APPLIED.value) | renewed)
        .order_by(BookingGroup.applied_at)
    )
    return list(session.scalars(statement).unique())


def handovers_waiting(session: Session) -> list[BookingGroup]:
    """Groups that somebody else wants to represent."""
    statement = select(BookingGroup).options(*_ALL).where(BookingGroup.successor_id.is_not(None))
    return list(session.scalars(statement.order_by(BookingGroup.kana, BookingGroup.id)).unique())


def searched(session: Session, words: str, *, limit: int = GROUPS_LISTED) -> list[BookingGroup]:
    """All groups whose number, name, reading or representative has the words in it; all by name without words."""
    wanted = fold(words)
    statement = select(BookingGroup).options(*_ALL).join(BookingGroup.representative)
    if wanted:
        statement = statement.where(
            or_(
                BookingGroup.reference == words.strip().upper(),
                BookingGroup.name.contains(words.strip(), autoescape=True),
                BookingGroup.kana.contains(words.strip(), autoescape=True),
                BookingGroup.kana.contains(katakana(words.strip()), autoescape=True),
                Person.search.contains(wanted, autoescape=True),
            )
        )
    ended_last = BookingGroup.state == GroupState.ENDED.value
    return list(
        session.scalars(statement.order_by(ended_last, BookingGroup.kana, BookingGroup.id).limit(limit)).unique()
    )


def who_book(session: Session, group: BookingGroup) -> list[Person]:
    """Who may book for a group: its representative first, then those whom it entrusts. Its members are loaded."""
    entrusted = {member.person_id for member in group.members if member.may_book and member.person_id is not None}
    people = session.scalars(select(Person).where(Person.id.in_({group.representative_id, *entrusted})))
    return sorted(people, key=lambda person: (person.id != group.representative_id, person.id))


def one(session: Session, reference: str) -> BookingGroup | None:
    """A group with its people; None where there is none."""
    return session.scalars(select(BookingGroup).options(*_ALL).where(BookingGroup.reference == reference)).one_or_none()


def declarations_waiting(session: Session) -> list[Eligibility]:
    """Declarations that wait for staff, oldest first."""
    statement = select(Eligibility).options(joinedload(Eligibility.person))
    waiting = statement.where(Eligibility.state == EligibilityState.DECLARED.value).order_by(Eligibility.declared_at)
    return list(session.scalars(waiting))
