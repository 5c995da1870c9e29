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
from portal.accounts.services import account_by_email
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.text import without_control

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
) -> Delegation:
    """A person lets somebody act for them: in their own account, or on paper before a clerk (`actor` is staff).

    Raises:
        NotFound: nobody has this mail address.
        Invalid: no procedure, no relation, themselves, or a day that has passed or is too far away.
    """
    account = account_by_email(session, delegate_email.strip())
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
        agreed_how="paper" if actor.kind == "staff" else "account",
        agreed_by=actor.account_id,
    )
    session.add(made)
    session.flush()
    audit.record(
        session, actor=actor, action="delegation.give", subject_kind="delegation", subject_ref=str(made.id),
        detail={"procedures": made.slugs, "until": until.isoformat()},
    )  # fmt: skip
    return made


def end(session: Session, delegation_id: int, *, person_id: int, actor: Actor, now: datetime) -> None:
    """The principal takes it back; from now on the delegate sees nothing.

    Raises:
        NotFound: somebody else's.
    """
    found = session.get(Delegation, delegation_id, with_for_update=True)
    if found is None or found.principal_person_id != person_id:
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


def account_of(session: Session, person_id: int) -> int | None:
    """The account of a person; None for people without one."""
    return session.scalars(select(Account.id).where(Account.person_id == person_id)).first()
