"""Demo people, for development only: everybody a visitor of the demo wants to be. Their names are invented on purpose.

Their passwords are printed by `make run`, so production does not start with any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.accounts import services
from portal.accounts.identity import choice
from portal.accounts.models import Role, ScopeKind
from portal.accounts.services import Facts, GrantRequest

PASSWORD = "mado-guchi-demo-1"  # noqa: S105 - published on purpose
_FACILITY = ScopeKind.FACILITY
_DEPARTMENT = ScopeKind.DEPARTMENT


@dataclass(frozen=True)
class DemoResident:
    """An invented resident."""

    email: str
    facts: Facts
    what: str


@dataclass(frozen=True)
class DemoStaff:
    """An invented member of staff. `departments` may name more than this city pack has; those are left out."""

    email: str
    name: str
    grants: tuple[GrantRequest, ...]
    what: str


RESIDENTS = (
    DemoResident(
        "hanako@example.jp",
        Facts(
            name="見本 花子",
            kana="ミホン　ハナコ",
            birth_date=date(1980, 4, 1),
            sex="female",
            phone="0280-00-0001",
            postal_code="3060033",
            prefecture="茨城県",
            city="古河市",
            town="中央町",
            block="0-0-1",
        ),
        "住民(申請、予約、支払い)",
    ),
    DemoResident(
        "taro@example.jp",
        Facts(
            name="架空 太郎",
            kana="カクウ　タロウ",
            birth_date=date(1955, 11, 3),
            sex="male",
            phone="0280-00-0002",
            postal_code="3060042",
            prefecture="茨城県",
            city="古河市",
            town="三和",
            block="0-0-2",
        ),
        "住民(ほかの人のものは見えない)",
    ),
)


def _within(role: Role, *departments: str) -> tuple[GrantRequest, ...]:
    return tuple(GrantRequest(role, _DEPARTMENT, code) for code in departments)


#: Departments whose procedures the demo staff work on.
DEPARTMENTS = ("citizen-counter", "tax-collection", "accounting", "roads-rivers")

STAFF = (
    DemoStaff("counter@example.jp", "見本 窓子", (GrantRequest(Role.COUNTER),), "窓口職員"),
    DemoStaff("reviewer@example.jp", "見本 審一", _within(Role.REVIEWER, *DEPARTMENTS), "審査"),
    DemoStaff("approver@example.jp", "見本 決子", _within(Role.APPROVER, *DEPARTMENTS), "決裁"),
    DemoStaff(
        "manager@example.jp", "見本 館長", (GrantRequest(Role.FACILITY_MANAGER, _FACILITY, "S01"),), "施設管理者(S01)"
    ),
    DemoStaff(
        "manager2@example.jp", "架空 館長", (GrantRequest(Role.FACILITY_MANAGER, _FACILITY, "S02"),), "施設管理者(S02)"
    ),
    DemoStaff("facilities@example.jp", "見本 施設子", (GrantRequest(Role.FACILITY_ADMIN),), "施設の管理(市全体)"),
    DemoStaff("editor@example.jp", "見本 編子", _within(Role.EDITOR, *DEPARTMENTS), "手続の編集"),
    DemoStaff("editor2@example.jp", "架空 編太", _within(Role.EDITOR, *DEPARTMENTS), "手続の編集(公開する2人目)"),
    DemoStaff("finance@example.jp", "見本 計夫", (GrantRequest(Role.FINANCE),), "会計"),
    DemoStaff("finance2@example.jp", "架空 計子", (GrantRequest(Role.FINANCE),), "会計(認める2人目)"),
    DemoStaff("it@example.jp", "見本 戦略", (GrantRequest(Role.IT_STRATEGY),), "IT戦略課"),
)


def seed(session: Session, *, now: datetime) -> list[str]:
    """Make the demo people that are not there yet.

    Args:
        session: the caller's transaction.
        now: aware.

    Returns:
        A line for each: who, mail address, password.
    """
    for resident in RESIDENTS:
        if services.account_by_email(session, resident.email) is None:
            services.create_resident(
                session,
                email=resident.email,
                password=PASSWORD,
                now=now,
                facts=resident.facts,
                confirmed=True,
                demo=True,
            )
    for person in STAFF:
        if services.account_by_email(session, person.email) is None:
            services.create_staff(
                session,
                email=person.email,
                name=person.name,
                password=PASSWORD,
                grants=[grant for grant in person.grants if services.is_possible(session, grant)],
                now=now,
                demo=True,
            )
    return [f"{entry.what}: {entry.email} / {PASSWORD}" for entry in (*RESIDENTS, *STAFF)]


def identity_lines() -> list[str]:
    """How to confirm who one is with the development provider; nothing where another one is chosen."""
    if choice.sample() is None:
        return []
    return ["本人確認(見本): 住民でサインインして /my/identity。所得証明書(/procedures/income-certificate)で使う"]
