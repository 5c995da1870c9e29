"""Accounts of people without mail: made by staff, opened by their owner with a code that was handed over or came by post (CASES A11).

The owner signs in with a number (利用者番号) in place of a mail address. The code is shown once, on the paper; the database has its hash.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.accounts import passwords
from portal.accounts.models import Account, AccountCode, Person
from portal.accounts.proofs import Proof, proves
from portal.accounts.services import Facts, WeakPassword, account_by_email, write_facts
from portal.kernel import audit, references, typed_secrets
from portal.kernel.audit import Actor
from portal.kernel.errors import Conflict, Invalid, NotFound
from portal.kernel.text import dashes, fold

PREFIX = "U"
"""First letter of the number with which somebody without mail signs in."""
NOBODY_KNOWN = "new"
"""A clerk's word that who stands before them is none of the people on record."""
_MOST_NAMESAKES = 20
GOOD_FOR = timedelta(days=30)
"""How long a code opens the account: time enough for the post (a sample: the city sets it)."""


@dataclass(eq=False)
class IdentityNotSeen(Invalid):
    """What was looked at is not enough to hand a code over at the counter."""

    code: ClassVar[str] = "account_identity_not_seen"


@dataclass(eq=False)
class AlreadyRegistered(Conflict):
    """A person of this name and day of birth has an account.

    Attributes:
        number: with which they sign in; None: they sign in by mail.
    """

    code: ClassVar[str] = "account_already_registered"
    number: str | None


@dataclass(eq=False)
class WhichPerson(Conflict):
    """People of this name and day of birth are known, and nothing else says which of them it is.

    Attributes:
        people: ids of their records.
    """

    code: ClassVar[str] = "account_which_person"
    people: tuple[int, ...]


@dataclass(eq=False)
class BadCode(Invalid):
    """Number and code do not belong together, or the code was used, replaced or is too old; which of these is told to nobody."""

    code: ClassVar[str] = "account_bad_code"


def number_of(typed: str) -> str | None:
    """The number in its one spelling; None: this is none (a mail address)."""
    try:
        found = references.parse(typed)
    except references.BadReference:
        return None
    return found if found.startswith(f"{PREFIX}-") else None


def register(session: Session, *, facts: Facts, locale: str, clerk: Actor, now: datetime) -> Account:
    """Make the account of a person without mail; nobody can sign in to it until its code was used.

    Raises:
        AlreadyRegistered: there is one of this name and day of birth.
        NotFound: not called by staff.
    """
    if clerk.kind != "staff" or clerk.account_id is None:
        raise NotFound
    same = select(Account).join(Person, Person.id == Account.person_id)
    folded = f"{fold(facts.name)} {fold(facts.kana)}".strip()
    known = session.scalars(
        same.where(Person.search == folded, Person.birth_date == facts.birth_date, Account.active.is_(True)).limit(1)
    ).first()
    if known is not None:
        raise AlreadyRegistered(known.number)
    person = Person(email=None, created_at=now, source="counter")
    write_facts(person, facts, now)
    account = Account(
        number=references.new(PREFIX),
        person=person,
        display_name=facts.name,
        locale=locale,
        created_at=now,
        fs_uniquifier=uuid.uuid4().hex,
        fs_webauthn_user_handle=uuid.uuid4().hex,
    )
    session.add_all([person, account])
    session.flush()
    _note(session, account, "registered", clerk)
    return account


def person_at_counter(session: Session, *, facts: Facts, clerk: Actor, now: datetime, which: str = "") -> Person:
    """Whoever stands before the clerk, as a person: a record that is there, or a new one without an account.

    A name and a day of birth do not say who somebody is: two people may share both. A record is taken by itself only where its
    home is the same too and no other fits as well; else the clerk compares the records and chooses. A record that is there stays as it is.

    Args:
        session: the transaction.
        facts: what the clerk typed from what was shown.
        clerk: who sees the person.
        now: aware.
        which: what the clerk chose: the id of one of the records, `NOBODY_KNOWN`, or "": not asked yet.

    Raises:
        WhichPerson: records of this name and day of birth are there, and which of them it is (if any) is for the clerk to say.
        NotFound: not called by staff.
    """
    if clerk.kind != "staff" or clerk.account_id is None:
        raise NotFound
    folded = f"{fold(facts.name)} {fold(facts.kana)}".strip()
    same = select(Person).where(Person.search == folded, Person.birth_date == facts.birth_date).order_by(Person.id)
    known = session.scalars(same.limit(_MOST_NAMESAKES)).all()
    at_home = [each for each in known if _home(facts) and _home(each) == _home(facts)]
    chosen = [each for each in known if str(each.id) == which]
    if chosen or (len(at_home) == 1 and which != NOBODY_KNOWN):
        found = (chosen or at_home)[0]
        audit.record(
            session, actor=clerk, action="person.recognised", subject_kind="person", subject_ref=str(found.id),
            detail={"by": "clerk" if chosen else "home"},
        )  # fmt: skip
        return found
    if known and which != NOBODY_KNOWN:
        raise WhichPerson(tuple(each.id for each in known))
    made = Person(email=None, created_at=now, source="counter")
    write_facts(made, facts, now)
    session.add(made)
    session.flush()
    audit.record(session, actor=clerk, action="person.registered", subject_kind="person", subject_ref=str(made.id))
    return made


def compared(session: Session, people: Sequence[int], *, clerk: Actor) -> list[tuple[Person, Account | None]]:
    """The records that a clerk compares with who stands before them (`WhichPerson`), each with its account; every look is written down."""
    found = session.execute(
        select(Person, Account)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Person.id.in_(people))
        .order_by(Person.id)
    ).all()
    for person, _account in found:
        audit.record(session, actor=clerk, action="person.read", subject_kind="person", subject_ref=str(person.id))
    return [(person, account) for person, account in found]


def _home(of: Person | Facts) -> tuple[str, ...]:
    """Where somebody lives, as it is compared: postal code, town and block, however they were typed; empty where one is missing."""
    found = (dashes(fold(of.postal_code)).replace("-", ""), fold(of.town), dashes(fold(of.block)))
    return found if all(found) else ()


def by_number(session: Session, number: str, *, lock: bool = False) -> Account:
    """The account with this number.

    Raises:
        NotFound: there is none.
    """
    query = select(Account).where(Account.number == (number_of(number) or ""))
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None or found.person is None:
        raise NotFound
    return found


def by_way_in(session: Session, typed: str) -> Account | None:
    """The account behind a mail address or a user number, as typed."""
    number = number_of(typed)
    if number is None:
        return account_by_email(session, typed.strip())
    return session.scalars(select(Account).where(Account.number == number)).one_or_none()


def make_code(
    session: Session, number: str, *, way: str, seen: Sequence[Proof] = (), clerk: Actor, now: datetime
) -> str:
    """A new code; every earlier one of this account ends. It is returned once and kept nowhere.

    Args:
        session: the transaction.
        number: of the account.
        way: "counter": handed over to the person; "letter": posted to their home.
        seen: what was looked at to see who it is, at the counter.
        clerk: who makes it.
        now: aware.

    Raises:
        NotFound: no such account.
        IdentityNotSeen: at the counter, without proof of who it is.
        Invalid: no such way, or no address for a letter.
    """
    account = by_number(session, number, lock=True)
    person = account.person
    if way not in {"counter", "letter"} or person is None or (way == "letter" and not person.block):
        raise Invalid
    if way == "counter" and not proves(seen):
        raise IdentityNotSeen
    _end(session, account, now)
    secret = typed_secrets.new()
    session.add(
        AccountCode(
            account_id=account.id,
            way=way,
            code_sha256=typed_secrets.digest(secret),
            identity_seen=sorted(set(seen)) if way == "counter" else None,
            made_by=clerk.account_id,
            made_at=now,
            expires_at=now + GOOD_FOR,
        )
    )
    session.flush()
    _note(session, account, "code_made", clerk, way=way, seen=sorted(set(seen)))
    return secret


def _end(session: Session, account: Account, now: datetime) -> None:
    session.execute(
        update(AccountCode)
        .where(AccountCode.account_id == account.id, AccountCode.used_at.is_(None), AccountCode.ended_at.is_(None))
        .values(ended_at=now)
    )


def open_account(session: Session, *, number: str, typed: str, password: str, now: datetime) -> Account:
    """Use a code: the owner's password is set, and the account is confirmed the way that the code came. Once.

    Args:
        session: the transaction; the caller has counted the guess.
        number: as typed.
        typed: the code as typed.
        password: plain.
        now: aware.

    Raises:
        BadCode: see there.
        WeakPassword: too easy to guess; the code is still good.
    """
    try:
        account = by_number(session, number, lock=True)
    except NotFound:
        account = None
    live = _live(session, account, now) if account is not None else None
    # The same work whatever was typed: nobody learns from the time whether a number exists.
    right = typed_secrets.fits(live.code_sha256 if live is not None else "", typed)
    if account is None or live is None or not right:
        raise BadCode
    if weak := passwords.problems(password, email=str(account.number)):
        raise WeakPassword(tuple(weak))
    live.used_at = now
    account.password = passwords.hash_password(password)
    account.confirmed_at, account.confirmed_by = now, live.way
    # Whoever was signed in by an older password is not any more.
    account.fs_uniquifier = uuid.uuid4().hex
    session.flush()
    _note(session, account, "opened", Actor(account.id, "resident"), way=live.way)
    return account


def _live(session: Session, account: Account, now: datetime) -> AccountCode | None:
    return session.scalars(
        select(AccountCode).where(
            AccountCode.account_id == account.id,
            AccountCode.used_at.is_(None),
            AccountCode.ended_at.is_(None),
            AccountCode.expires_at > now,
        )
    ).one_or_none()


def codes_of(session: Session, account: Account) -> Sequence[AccountCode]:
    """The codes that were made for an account, newest first. One statement."""
    return session.scalars(
        select(AccountCode).where(AccountCode.account_id == account.id).order_by(AccountCode.id.desc())
    ).all()


def looked(session: Session, account: Account, actor: Actor) -> None:
    """Write down that staff looked at a person's record."""
    _note(session, account, "read", actor)


def _note(session: Session, account: Account, action: str, actor: Actor, **detail: Any) -> None:
    audit.record(
        session,
        actor=actor,
        action=f"account.{action}",
        subject_kind="account",
        subject_ref=str(account.id),
        detail=detail,
    )
