"""支援措置: nobody else of a protected person's household learns where they live, and nobody is told why (CASES A10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import any_, false, or_, select, update
from sqlalchemy.orm import Session

from forms import links, masking
from forms.case_models import Delegation, Protection, ProtectionAlarm
from forms.definition import IdentityLevel, Procedure
from forms.models import Application
from forms.services.common import LEVELS
from forms.vocabulary import Known
from portal.accounts.models import Account, Person
from portal.kernel import audit
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.errors import Forbidden, Invalid, NotFound
from portal.kernel.text import digits
from portal.notices import services as notices

ADDRESS = "person.address"


@dataclass(eq=False)
class NotOnline(Forbidden):
    """This cannot be asked for online by this person; the counter decides. The reason is told to nobody."""

    code: ClassVar[str] = "not_online"


def household(postal_code: str, block: str) -> str:
    """What an address is compared by: postal code and block, folded; "" where one is missing."""
    code = digits(postal_code).replace("-", "").strip()
    return f"{code}|{masking.block(block)}" if code and block.strip() else ""


def home_in(value: Any) -> str:
    """The home in an address as answers keep it (`household`)."""
    if not isinstance(value, dict):
        return ""
    return household(str(value.get("postal_code") or ""), str(value.get("block") or ""))


def protect(
    session: Session, *, person_id: int, households: Sequence[str], until: date, actor: Actor, now: datetime
) -> Protection:
    """Enter the city's decision. Delegations of the person end at once; an earlier protection is replaced.

    Args:
        session: the transaction.
        person_id: who is protected.
        households: homes of the people who must not learn the address (`household`).
        until: last day, in Japan (one year at a time; 住民基本台帳事務処理要領 第5-10).
        actor: staff.
        now: aware.

    Raises:
        Invalid: no household, or a day that has passed.
    """
    wanted = sorted({each for each in households if each})
    if not wanted or until < local(now).date() or actor.account_id is None:
        raise Invalid
    end(session, person_id=person_id, now=now)
    made = Protection(person_id=person_id, households=wanted, until=until, set_by=actor.account_id, set_at=now)
    session.add(made)
    session.execute(
        update(Delegation)
        .where(Delegation.principal_person_id == person_id, Delegation.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.flush()
    audit.record(session, actor=actor, action="protection.set", subject_kind="person", subject_ref=str(person_id))
    return made


def end(session: Session, *, person_id: int, now: datetime) -> None:
    """The protection of a person ends."""
    session.execute(
        update(Protection).where(Protection.person_id == person_id, Protection.ended_at.is_(None)).values(ended_at=now)
    )


def of_person(session: Session, person_id: int | None, *, now: datetime) -> Protection | None:
    """The live protection of a person. One statement."""
    if person_id is None:
        return None
    return session.scalars(
        select(Protection).where(
            Protection.person_id == person_id, Protection.ended_at.is_(None), Protection.until >= local(now).date()
        )
    ).one_or_none()


def discloses(procedure: Procedure) -> bool:
    """Whether what is asked for says where somebody lives: certificates, which ask for proof of identity."""
    return LEVELS.index(procedure.identity) >= LEVELS.index(IdentityLevel.AUTHENTICATED)


def stopped(
    session: Session,
    *,
    procedure: Procedure,
    for_person: int | None,
    by_person: int | None,
    actor: Actor,
    now: datetime,
    confirmed_home: str = "",
) -> bool:
    """Whether a request is left to the counter; each one that is raises an alarm (commit it, then refuse).

    Args:
        session: the transaction.
        procedure: what is asked for.
        for_person: whose application it would be.
        by_person: who acts.
        actor: for the alarm.
        now: aware.
        confirmed_home: where who acts lives, as an identity provider confirmed it (`household`), whatever their profile says.
    """
    found = of_person(session, for_person, now=now)
    if found is not None and (for_person != by_person or discloses(procedure)):
        alarm(session, found, what="asked", reference=None, actor=actor, now=now)
        return True
    if not discloses(procedure) or by_person is None:
        return False
    person = session.get_one(Person, by_person)
    homes = [home for home in (household(person.postal_code, person.block), confirmed_home) if home]
    against = session.scalars(
        select(Protection).where(
            Protection.ended_at.is_(None),
            Protection.until >= local(now).date(),
            or_(false(), *(any_(Protection.households) == home for home in homes)),
            Protection.person_id != by_person,
        )
    ).all()
    for each in against:
        alarm(session, each, what="asked", reference=None, actor=actor, now=now)
    return bool(against)


def without_protected(
    session: Session, known: Iterable[Known], *, person_id: int | None, now: datetime
) -> tuple[Known, ...]:
    """Values to fill in, without an address at which somebody else is protected."""
    values = tuple(known)
    if not any(each.item == ADDRESS for each in values):
        return values
    homes = {
        household(row[0], row[1])
        for row in session.execute(
            select(Person.postal_code, Person.block)
            .join(Protection, Protection.person_id == Person.id)
            .where(Protection.ended_at.is_(None), Protection.until >= local(now).date(), Person.id != (person_id or 0))
        )
    }
    return tuple(each for each in values if each.item != ADDRESS or home_in(each.value) not in homes)


def look(session: Session, application: Application, *, actor: Actor, now: datetime, what: str = "look") -> bool:
    """Whether the case is a protected person's; if so the look raises an alarm."""
    found = of_person(session, application.applicant_person_id, now=now)
    if found is not None:
        alarm(session, found, what=what, reference=application.reference, actor=actor, now=now)
    return found is not None


def alarm(
    session: Session, found: Protection, *, what: str, reference: str | None, actor: Actor, now: datetime
) -> None:
    """Write an alarm down and tell whoever entered the protection, without a name or an address."""
    made = ProtectionAlarm(protection_id=found.id, account_id=actor.account_id, what=what, reference=reference, at=now)
    session.add(made)
    session.flush()
    audit.record(
        session, actor=actor, action="protection.alarm", subject_kind="protection", subject_ref=str(found.id),
        detail={"what": what, "case": reference},
    )  # fmt: skip
    to = session.get_one(Account, found.set_by)
    notices.send(
        session,
        recipient=notices.Recipient(to.email or "", to.display_name, to.locale, to.id),
        template="forms/mail/alarm.txt",
        context={"url": links.address("/staff/protections")},
        key=f"forms.alarm:{made.id}",
        now=now,
    )


def alarm_once(session: Session, found: Protection, *, what: str, reference: str, actor: Actor, now: datetime) -> None:
    """Write an alarm down the first time that this happens with this case or visit."""
    known = select(ProtectionAlarm.id).filter_by(protection_id=found.id, what=what, reference=reference).limit(1)
    if session.scalar(known) is None:
        alarm(session, found, what=what, reference=reference, actor=actor, now=now)


def person_by_mail(session: Session, email: str) -> int:
    """The person behind an account's mail address or user number.

    Raises:
        NotFound: no resident has it.
    """
    from portal.accounts.opening import by_way_in

    account = by_way_in(session, email)
    if account is None or account.person_id is None:
        raise NotFound
    return account.person_id


def alarms(session: Session, *, limit: int = 100) -> list[tuple[ProtectionAlarm, str | None]]:
    """The newest alarms with who caused them. One statement."""
    rows = session.execute(
        select(ProtectionAlarm, Account.display_name)
        .outerjoin(Account, Account.id == ProtectionAlarm.account_id)
        .order_by(ProtectionAlarm.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def all_live(session: Session, *, now: datetime) -> Sequence[Protection]:
    """Every live protection, the one that ends first on top. One statement."""
    return session.scalars(
        select(Protection)
        .where(Protection.ended_at.is_(None), Protection.until >= local(now).date())
        .order_by(Protection.until)
    ).all()
