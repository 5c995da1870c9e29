"""Acting for somebody in the open: with their agreement, for named procedures, until a day, both names on record (CASES A11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import any_, or_, select
from sqlalchemy.orm import Session

from forms.case_models import Delegation
from forms.models import Application
from forms.services import protection
from portal.accounts.models import Account, Person
from portal.accounts.opening import IdentityNotSeen, by_way_in
from portal.accounts.proofs import Proof, proves
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.text import fold, without_control

LONGEST_DAYS = 366
"""A delegation is given anew after a year (a sample: the city sets it)."""


def give(
    session: Session,
    *,
    principal: Person,
    delegate_email: str,
    relation: str,
    slugs: Collection[str],
    until: date,
    actor: Actor,
    now: datetime,
    seen: Collection[Proof] = (),
) -> Delegation:
    """A person lets somebody act for them: in their own account, or on paper before a clerk (`actor` is staff).

    Args:
        session: the transaction.
        principal: for whom.
        delegate_email: mail address or user number of who acts.
        relation: in their words.
        slugs: the procedures.
        until: last day.
        actor: the principal, or the clerk before whom they signed the paper.
        now: aware.
        seen: on paper: what the clerk looked at to see who the principal is.

    Raises:
        NotFound: nobody has this mail address.
        IdentityNotSeen: on paper, and what was looked at is not enough.
        Invalid: no procedure, no relation, themselves, or a day that has passed or is too far away.
    """
    on_paper = actor.kind == "staff"
    if on_paper and not proves(seen):
        raise IdentityNotSeen
    account = by_way_in(session, delegate_email)
    today = local(now).date()
    relation = without_control(relation).strip()
    if account is None or account.person_id is None:
        raise NotFound
    if (
        account.person_id == principal.id
        or not slugs
        or not 0 < len(relation) <= 40
        or not 0 <= (until - today).days <= LONGEST_DAYS
        or protection.of_person(session, principal.id, now=now) is not None
    ):
        raise Invalid
    delegate = session.get_one(Person, account.person_id)
    made = Delegation(
        principal_person_id=principal.id,
        delegate_account_id=account.id,
        principal_name=principal.name,
        delegate_name=delegate.name or account.email,
        relation=relation,
        slugs=sorted(set(slugs)),
        asked_at=now,
        valid_until=until,
        agreed_at=now,
        agreed_how="paper" if on_paper else "account",
        agreed_by=actor.account_id,
        identity_seen=sorted(set(seen)) if on_paper else None,
    )
    session.add(made)
    session.flush()
    audit.record(
        session, actor=actor, action="delegation.give", subject_kind="delegation", subject_ref=str(made.id),
        detail={"procedures": made.slugs, "until": until.isoformat(), "how": made.agreed_how, "seen": made.identity_seen or []},
    )  # fmt: skip
    return made


def end(session: Session, delegation_id: int, *, person_id: int | None, actor: Actor, now: datetime) -> None:
    """The principal takes it back; from now on the delegate sees nothing.

    Args:
        session: the transaction.
        delegation_id: which.
        person_id: the principal; None: staff, at the wish of the principal who stands before them.
        actor: who does it.
        now: aware.

    Raises:
        NotFound: somebody else's.
    """
    found = session.get(Delegation, delegation_id, with_for_update=True)
    whose = None if found is None else found.principal_person_id
    if found is None or (person_id != whose and not (person_id is None and actor.kind == "staff")):
        raise NotFound
    if found.ended_at is None:
        found.ended_at = now
        audit.record(
            session, actor=actor, action="delegation.end", subject_kind="delegation", subject_ref=str(found.id)
        )


def is_live(found: Delegation, *, now: datetime) -> bool:
    """Whether it holds now."""
    return found.agreed_at is not None and found.ended_at is None and local(now).date() <= found.valid_until


def for_delegate(session: Session, account_id: int, slug: str, *, now: datetime) -> list[Delegation]:
    """For whom an account may act in a procedure now. One statement."""
    found = session.scalars(
        select(Delegation).where(Delegation.delegate_account_id == account_id, any_(Delegation.slugs) == slug)
    )
    return [each for each in found if is_live(each, now=now)]


def may_act(session: Session, application: Application, account_id: int | None, *, now: datetime) -> bool:
    """Whether an account acts for the applicant of this case by a delegation that holds now. One statement."""
    if account_id is None or application.delegation_id is None:
        return False
    found = session.get_one(Delegation, application.delegation_id)
    if found.delegate_account_id != account_id or not is_live(found, now=now):
        return False
    return protection.of_person(session, application.applicant_person_id, now=now) is None


def principals(session: Session, applications: Iterable[Application]) -> dict[int, str]:
    """Delegation → name of the person for whom somebody acts by it, as it stood when it was given. One statement, none for none."""
    ids = {each.delegation_id for each in applications if each.delegation_id is not None}
    if not ids:
        return {}
    rows = session.execute(select(Delegation.id, Delegation.principal_name).where(Delegation.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


def of_account(session: Session, account: Account) -> Sequence[Delegation]:
    """Those that an account's person gave, and those that the account holds, newest first. One statement."""
    return session.scalars(
        select(Delegation)
        .where(or_(Delegation.delegate_account_id == account.id, Delegation.principal_person_id == account.person_id))
        .order_by(Delegation.id.desc())
    ).all()


def on_paper(session: Session, *, search: str = "", limit: int = 50) -> Sequence[Delegation]:
    """Delegations that were agreed on paper, newest first; those of whom a name is searched. One statement."""
    wanted = select(Delegation).where(Delegation.agreed_how == "paper")
    if search.strip():
        wanted = wanted.join(Person, Person.id == Delegation.principal_person_id).where(
            or_(
                Person.search.contains(fold(search), autoescape=True),
                Delegation.delegate_name.contains(search.strip(), autoescape=True),
            )
        )
    return session.scalars(wanted.order_by(Delegation.id.desc()).limit(limit)).all()


def account_of(session: Session, person_id: int) -> int | None:
    """The account of a person; None for people without one."""
    return session.scalars(select(Account.id).where(Account.person_id == person_id)).first()
