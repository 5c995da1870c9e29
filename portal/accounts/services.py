"""Making and changing accounts and people."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import passwords
from portal.accounts.models import SCOPE_OF, STAFF_ROLES, Account, AccountCode, Person, Role, RoleGrant, ScopeKind
from portal.directory.models import Department
from portal.kernel import audit, text
from portal.kernel.audit import SYSTEM, Actor
from portal.kernel.errors import Conflict, Invalid, NotFound


@dataclass(eq=False)
class EmailTaken(Conflict):
    """Another account has this mail address (compared without regard to case)."""

    code: ClassVar[str] = "email_taken"


@dataclass(eq=False)
class BadGrant(Invalid):
    """A role that does not exist, or one without the scope that it needs."""

    code: ClassVar[str] = "bad_grant"
    grant: str
    reason: str

    def __str__(self) -> str:
        return f"{self.grant}: {self.reason}"


@dataclass(eq=False)
class WeakPassword(Invalid):
    """The password is too easy; `problems` says why (see `passwords.problems`)."""

    code: ClassVar[str] = "weak_password"
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.problems)


@dataclass(frozen=True)
class Facts:
    """What a person says about themselves; names exactly as typed."""

    name: str = ""
    kana: str = ""
    birth_date: date | None = None
    #: female, male, other, unsaid or None
    sex: str | None = None
    phone: str = ""
    postal_code: str = ""
    prefecture: str = ""
    city: str = ""
    town: str = ""
    block: str = ""
    building: str = ""


@dataclass(frozen=True)
class GrantRequest:
    """A role to be granted."""

    role: Role
    scope_kind: ScopeKind = ScopeKind.NONE
    scope_code: str = ""

    @classmethod
    def parse(cls, words: str) -> GrantRequest:
        """Read `role` or `role:kind:code`, as the command takes it.

        Raises:
            BadGrant: no such role or kind.
        """
        role, _, scope = words.partition(":")
        kind, _, code = scope.partition(":")
        try:
            return cls(Role(role), ScopeKind(kind or "none"), code)
        except ValueError as error:
            known = ", ".join(STAFF_ROLES)
            raise BadGrant(
                words, f"use role or role:department:CODE or role:facility:CODE with one of {known}"
            ) from error


def _check(session: Session, grant: GrantRequest) -> None:
    words = f"{grant.role}:{grant.scope_kind}:{grant.scope_code}"
    if grant.role is Role.RESIDENT:
        raise BadGrant(words, "resident is not granted; it comes with a person")
    needed = SCOPE_OF.get(grant.role, ScopeKind.NONE)
    if grant.scope_kind is not needed or bool(grant.scope_code) != (needed is not ScopeKind.NONE):
        raise BadGrant(words, f"{grant.role} needs the scope {needed}" + ("" if needed is ScopeKind.NONE else ":CODE"))
    if needed is ScopeKind.DEPARTMENT and session.get(Department, grant.scope_code) is None:
        raise BadGrant(words, "there is no such department")


def is_possible(session: Session, grant: GrantRequest) -> bool:
    """Whether the role can be granted with this scope in this city."""
    try:
        _check(session, grant)
    except BadGrant:
        return False
    return True


def account_by_email(session: Session, email: str) -> Account | None:
    """The account of a mail address, compared without regard to case."""
    return session.scalars(select(Account).where(func.lower(Account.email) == email.lower())).one_or_none()


def _new_account(session: Session, email: str) -> Account:
    if account_by_email(session, email) is not None:
        raise EmailTaken
    account = Account(email=email, fs_uniquifier=uuid.uuid4().hex, fs_webauthn_user_handle=uuid.uuid4().hex)
    session.add(account)
    return account


def write_facts(person: Person, facts: Facts, now: datetime) -> None:
    """Put facts into a person, with what searches compare."""
    for field, value in asdict(facts).items():
        setattr(person, field, value)
    person.search = f"{text.fold(facts.name)} {text.fold(facts.kana)}".strip()
    person.changed_at = now


def create_resident(
    session: Session,
    *,
    email: str,
    password: str | None,
    now: datetime,
    locale: str = "ja",
    facts: Facts | None = None,
    confirmed: bool = False,
    demo: bool = False,
) -> Account:
    """Make an account with a person of its own.

    Args:
        session: the caller's transaction.
        email: the way in; compared without regard to case.
        password: plain; None where the person will choose one by mail.
        now: aware.
        locale: ja or en.
        facts: what is known of the person.
        confirmed: the mail address was proved (staff at the counter, demo).
        demo: an invented person; production does not start with one.

    Raises:
        EmailTaken: there is an account of this address.
    """
    account = _new_account(session, email)
    person = Person(email=email, created_at=now, source="self")
    write_facts(person, facts or Facts(), now)
    session.add(person)
    account.person = person
    account.password = passwords.hash_password(password) if password else None
    account.locale = locale
    account.display_name = person.name
    account.confirmed_at = now if confirmed else None
    account.is_demo = demo
    session.flush()
    audit.record(session, actor=SYSTEM, action="account.created", subject_kind="account", subject_ref=str(account.id))
    return account


def create_staff(
    session: Session,
    *,
    email: str,
    name: str,
    password: str | None,
    grants: Sequence[GrantRequest],
    now: datetime,
    demo: bool = False,
    actor: Actor = SYSTEM,
) -> Account:
    """Make a staff account with its roles. The mail address counts as proved.

    Args:
        session: the caller's transaction.
        email: the way in.
        name: as colleagues see it.
        password: plain; None: the person sets one through a reset mail.
        grants: at least one.
        now: aware.
        demo: invented; production does not start with one.
        actor: who makes it.

    Raises:
        EmailTaken: there is an account of this address.
        BadGrant: a role without its scope, or an unknown department.
        WeakPassword: too easy to guess.
    """
    for grant in grants:
        _check(session, grant)
    if password is not None and (weak := passwords.problems(password, email=email)):
        raise WeakPassword(tuple(weak))
    account = _new_account(session, email)
    account.display_name = name
    account.is_staff = True
    account.confirmed_at = now
    account.is_demo = demo
    # An account without a password cannot be signed in to until its owner has chosen one by mail.
    account.password = passwords.hash_password(password or secrets.token_urlsafe(32))
    account.grants = [
        RoleGrant(role=grant.role.value, scope_kind=grant.scope_kind.value, scope_code=grant.scope_code, granted_at=now)
        for grant in grants
    ]
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="account.staff_created",
        subject_kind="account",
        subject_ref=str(account.id),
        detail={"grants": [f"{grant.role}:{grant.scope_kind}:{grant.scope_code}" for grant in grants]},
    )
    return account


def change_facts(session: Session, *, account_id: int, facts: Facts, actor: Actor, now: datetime) -> Person:
    """Write what a person says about themselves; applications already filed keep what they were filed with.

    Raises:
        NotFound: the account has no person.
    """
    account = session.get(Account, account_id)
    if account is None or account.person is None:
        raise NotFound
    before = {field: getattr(account.person, field) for field in asdict(facts)}
    changed = sorted(field for field, value in asdict(facts).items() if before[field] != value)
    write_facts(account.person, facts, now)
    account.person.source = "self"
    account.display_name = facts.name
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="person.changed",
        subject_kind="person",
        subject_ref=str(account.person.id),
        detail={"fields": changed},
    )
    return account.person


def choose_locale(session: Session, *, account_id: int, locale: str) -> None:
    """Write to the account in this language from now on.

    Raises:
        NotFound: there is no such account.
    """
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound
    account.locale = locale
    session.flush()


UNCONFIRMED = timedelta(days=7)
"""How long a registration waits for its mail address to be proved."""


def drop_unconfirmed(session: Session, *, now: datetime) -> int:
    """Delete registrations whose mail address was never proved, with what they typed; returns how many.

    An account that something hangs on (staff made it, a case was begun for it) stays: the database refuses, and that
    row alone is put back.
    """
    stale = session.scalars(
        select(Account).where(
            Account.confirmed_at.is_(None),
            Account.is_staff.is_(False),
            Account.created_at < now - UNCONFIRMED,
            # A code on paper may be in the post.
            ~exists().where(
                AccountCode.account_id == Account.id,
                AccountCode.used_at.is_(None),
                AccountCode.ended_at.is_(None),
                AccountCode.expires_at > now,
            ),
        )
    ).all()
    dropped = 0
    for account in stale:
        try:
            with session.begin_nested():
                person = account.person
                session.delete(account)
                session.flush()
                if person is not None:
                    session.delete(person)
                    session.flush()
        except IntegrityError:
            continue
        dropped += 1
    if dropped:
        audit.record(
            session,
            actor=SYSTEM,
            action="account.unconfirmed_dropped",
            subject_kind="account",
            subject_ref="unconfirmed",
            detail={"count": dropped},
        )
    return dropped
