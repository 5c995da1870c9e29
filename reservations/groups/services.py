"""Register a group, renew it, verify it; declare where one works or studies, and verify that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from portal.accounts.models import Account, Person
from portal.kernel import audit, references
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.notices import services as notices
from reservations.errors import ReasonMissing
from reservations.groups.models import (
    BookingGroup,
    Eligibility,
    EligibilityState,
    GroupMember,
    GroupState,
)
from reservations.groups.queries import rules_on
from reservations.policy.applicants import Tie
from reservations.policy.groups import GroupKind, tied_percent
from reservations.timetable import TOKYO


@dataclass(eq=False)
class TooFewMembers(Invalid):
    """A group of this kind, for what it does, needs more members; `percent`: so many of them from the city."""

    code: ClassVar[str] = "too_few_members"
    limit: int
    percent: int = 0


@dataclass(eq=False)
class NoSuchGroupKind(Invalid):
    """The city registers no groups of this kind."""

    code: ClassVar[str] = "no_such_group_kind"


@dataclass(eq=False)
class GroupDecided(Conflict):
    """There is nothing to decide about the registration or declaration."""

    code: ClassVar[str] = "group_decided"


@dataclass(eq=False)
class TooEarlyToRenew(Conflict):
    """The registration holds for long enough; `opens`: from which day it can be renewed."""

    code: ClassVar[str] = "too_early_to_renew"
    opens: date


@dataclass(frozen=True)
class Member:
    """Somebody in a group, as typed.

    Attributes:
        name: kept exactly as typed.
        city: where they live, work or study.
        basis: "lives", "works", "studies", or "none".
        email: mail address of their account here, where they may book for the group.
    """

    name: str
    city: str
    basis: str = "lives"
    email: str | None = None


@dataclass(frozen=True)
class GroupRequest:
    """What a representative says about a group. The representative is a member of their own list."""

    name: str
    kana: str
    kind: str
    purposes: tuple[str, ...]
    members: tuple[Member, ...]
    note: str = ""

    def stored(self) -> dict[str, Any]:
        """As a group keeps it until staff have verified it."""
        return asdict(self)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> GroupRequest:
        """What was kept."""
        members = tuple(Member(**one) for one in kept["members"])
        return cls(kept["name"], kept["kana"], kept["kind"], tuple(kept["purposes"]), members, kept["note"])


def register(session: Session, request: GroupRequest, *, person_id: int, actor: Actor, now: datetime) -> str:
    """Ask for a group's registration; its reference.

    Raises:
        NoSuchGroupKind: no such kind.
        TooFewMembers: fewer members than the kind or the sport needs, or too few from the city.
    """
    _fits(session, request, now=now)
    group = BookingGroup(
        reference=references.new("G"),
        name=request.name,
        kana=request.kana,
        kind=request.kind,
        purposes=list(request.purposes),
        representative_id=person_id,
        state=GroupState.APPLIED.value,
        applied_at=now,
        note=request.note,
        counter_only=False,
        members=_members(session, request.members, now=now),
    )
    session.add(group)
    session.flush()
    record(session, "group.register", group.reference, actor)
    return group.reference


def renew(
    session: Session, reference: str, request: GroupRequest, *, person_id: int, actor: Actor, now: datetime
) -> None:
    """Ask for another term, with today's members. What is verified holds until its own end meanwhile: members and kind too.

    Raises:
        NotFound: not this representative's group.
        TooEarlyToRenew: its end is far away.
        NoSuchGroupKind, TooFewMembers: as for `register`.
    """
    group = locked(session, reference)
    if group.representative_id != person_id or group.state == GroupState.ENDED.value:
        raise NotFound
    kind = _fits(session, request, now=now)
    today = now.astimezone(TOKYO).date()
    if group.state == GroupState.VERIFIED.value and group.valid_until is not None:
        opens = group.valid_until - timedelta(days=kind.renew_days)
        if today < opens:
            raise TooEarlyToRenew(opens)
        group.renewal = request.stored()
    else:
        group.state = GroupState.APPLIED.value
        _apply(session, group, request, now=now)
    group.applied_at = now
    session.flush()
    record(session, "group.renew", reference, actor)


def decide(
    session: Session,
    reference: str,
    *,
    accept: bool,
    reason: str = "",
    counter_only: bool = False,
    actor: Actor,
    now: datetime,
) -> None:
    """Verify a registration until its kind's end, or refuse it with the reason.

    Raises:
        NotFound: no such group.
        GroupDecided: nothing waits.
        ReasonMissing: a refusal without reason.
    """
    group = locked(session, reference)
    if not waiting(group):
        raise GroupDecided
    if not accept and not reason.strip():
        raise ReasonMissing
    today = now.astimezone(TOKYO).date()
    rules = rules_on(session, today)
    wish = GroupRequest.of(group.renewal) if group.renewal is not None else None
    kind = rules.kind(group.kind if wish is None else wish.kind) if rules is not None else None
    renewed = group.state == GroupState.VERIFIED.value
    group.decided_at, group.decided_by, group.reason = now, actor.account_id, reason.strip() or None
    group.renewal = None
    if accept and kind is not None:
        group.state = GroupState.VERIFIED.value
        if wish is not None:
            _apply(session, group, wish, now=now)
        group.counter_only = counter_only or kind.counter_only
        group.valid_from = group.valid_from if renewed and group.valid_from is not None else today
        group.valid_until = kind.renewed_until(today, group.valid_until if renewed else None)
    elif not renewed:
        group.state = GroupState.REFUSED.value
    session.flush()
    record(session, "group.verify" if accept else "group.refuse", reference, actor)
    tell(
        session,
        group.representative_id,
        "reservations/mail/group_decided.txt",
        f"reservations.group:{reference}:{now.isoformat()}",
        {
            "group": group.name,
            "accepted": accept,
            "until": group.valid_until.isoformat() if accept and group.valid_until else "",
            "reason": reason.strip(),
            "holds_until": group.valid_until.isoformat() if renewed and not accept and group.valid_until else "",
        },
    )


def declare(
    session: Session,
    *,
    person_id: int,
    basis: str,
    city: str,
    detail: str,
    valid_until: date | None,
    actor: Actor,
    now: datetime,
) -> str:
    """Say that one works or studies somewhere; the reference. An earlier declaration of the same kind ends.

    Args:
        session: the caller's transaction.
        person_id: who.
        basis: "works" or "studies" ("lives" where the home has to be proved).
        city: municipality.
        detail: employer or school.
        valid_until: last day (卒業する日); None: open.
        actor: who types it.
        now: aware.
    """
    earlier = select(Eligibility).where(
        Eligibility.person_id == person_id,
        Eligibility.basis == basis,
        Eligibility.state != EligibilityState.ENDED.value,
    )
    for one in session.scalars(earlier.with_for_update()):
        one.state = EligibilityState.ENDED.value
    made = Eligibility(
        reference=references.new("E"),
        person_id=person_id,
        basis=basis,
        city=city,
        detail=detail,
        state=EligibilityState.DECLARED.value,
        declared_at=now,
        valid_from=now.astimezone(TOKYO).date(),
        valid_until=valid_until,
    )
    session.add(made)
    session.flush()
    record(session, "eligibility.declare", made.reference, actor)
    return made.reference


def decide_eligibility(
    session: Session, reference: str, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Verify a declaration on the evidence that was shown, or refuse it with the reason.

    Raises:
        NotFound: no such declaration.
        GroupDecided: it was decided.
        ReasonMissing: a refusal without reason.
    """
    found = session.scalars(
        select(Eligibility).where(Eligibility.reference == reference).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.state != EligibilityState.DECLARED.value:
        raise GroupDecided
    if not accept and not reason.strip():
        raise ReasonMissing
    found.state = (EligibilityState.VERIFIED if accept else EligibilityState.REFUSED).value
    found.decided_at, found.decided_by, found.reason = now, actor.account_id, reason.strip() or None
    session.flush()
    record(session, "eligibility.verify" if accept else "eligibility.refuse", reference, actor)


def locked(session: Session, reference: str) -> BookingGroup:
    """A group with its members, locked.

    Raises:
        NotFound: there is none.
    """
    found = session.scalars(
        select(BookingGroup)
        .where(BookingGroup.reference == reference)
        .options(selectinload(BookingGroup.members))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def waiting(group: BookingGroup) -> bool:
    """Whether staff have something to decide: a first registration, or a renewal of one that holds."""
    renewed = group.state == GroupState.VERIFIED.value and (
        group.decided_at is not None and group.applied_at > group.decided_at
    )
    return group.state == GroupState.APPLIED.value or renewed


def _fits(session: Session, request: GroupRequest, *, now: datetime) -> GroupKind:
    rules = rules_on(session, now.astimezone(TOKYO).date())
    kind = rules.kind(request.kind) if rules is not None else None
    if rules is None or kind is None:
        raise NoSuchGroupKind
    fewest = rules.fewest(kind, request.purposes)
    if len(request.members) < fewest:
        raise TooFewMembers(fewest)
    ties = [Tie(member.basis, member.city) for member in request.members]
    if kind.cities and tied_percent(kind, ties) < kind.in_city_percent:
        raise TooFewMembers(fewest, kind.in_city_percent)
    return kind


def _apply(session: Session, group: BookingGroup, request: GroupRequest, *, now: datetime) -> None:
    """Make a group what was asked for."""
    group.name, group.kana, group.note = request.name, request.kana, request.note
    group.kind, group.purposes = request.kind, list(request.purposes)
    group.members[:] = _members(session, request.members, now=now)


def _members(session: Session, members: Sequence[Member], *, now: datetime) -> list[GroupMember]:
    emails = [member.email.lower() for member in members if member.email]
    rows = session.execute(select(Account.email, Account.person_id).where(Account.email.in_(emails))) if emails else ()
    people = {row.email.lower(): row.person_id for row in rows}
    return [
        GroupMember(
            person_id=people.get((member.email or "").lower()),
            name=member.name,
            email=member.email,
            city=member.city,
            basis=member.basis,
            may_book=bool(member.email),
            added_at=now,
        )
        for member in members
    ]


def record(session: Session, action: str, reference: str, actor: Actor) -> None:
    """One line of the audit log about a group or a declaration."""
    audit.record(session, actor=actor, action=action, subject_kind="group", subject_ref=reference)


def tell(session: Session, person_id: int, template: str, key: str, context: dict[str, object]) -> None:
    """A mail to somebody, where there is an address."""
    person = session.get_one(Person, person_id)
    account = session.scalars(select(Account).where(Account.person_id == person_id)).first()
    email = account.email if account is not None else person.email
    if not email:
        return
    locale, account_id = (account.locale, account.id) if account is not None else ("ja", None)
    recipient = notices.Recipient(email, person.name, locale, account_id)
    notices.send(session, recipient=recipient, template=template, context={"name": person.name, **context}, key=key)
