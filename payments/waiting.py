"""What waits for its payer: a person's open charges, and those of several things at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payments.contract import JOINT
from payments.models import Charge, ChargeLineRow, ChargePayer, ChargeYear, Payee
from payments.states import WAITING, ChargeState
from portal.kernel.money import Yen

_ENGLISH = (
    select(ChargeLineRow.label_en)
    .where(ChargeLineRow.charge_id == Charge.id)
    .order_by(ChargeLineRow.position)
    .limit(1)
    .scalar_subquery()
    .label("english")
)


@dataclass(frozen=True)
class OpenCharge:
    """A charge that waits for its payer, as the list by payee shows it."""

    reference: str
    description: str
    total: Yen
    pay_until: datetime | None
    payee: str
    payee_en: str
    payee_sample: bool
    kind: str
    """`payable_kind` of the charge; `JOINT` where it asks for the sum of several."""
    about: str
    """The number of the application, booking or bill that it is for."""
    alone: bool = False
    """It is never paid in one sum with others."""
    due_on: date | None = None
    """Last day of the term (納期限), which may be long before the last day on which it can be paid; None: there is none."""
    from_account: bool = False
    """It is taken from an account where its payer registered one."""
    english: str = ""
    """The English words of its first line; "" where the city has none, or where it asks for the sum of several."""
    title_en: str = ""
    """What it is for in English; "" where the city has no words for it."""

    def called(self, locale: str) -> str:
        """What it is for; in English the city's English words, or those of its first line before the Japanese ones."""
        if locale == "en" and self.title_en:
            return self.title_en
        return f"{self.english} ({self.description})" if locale == "en" and self.english else self.description

    @property
    def joins(self) -> bool:
        """Whether it can be paid in one sum with others."""
        return self.kind != JOINT and not self.alone


def open_of(session: Session, *, person_id: int, now: datetime) -> Sequence[OpenCharge]:
    """What a person can pay now, by payee: money of two payees is two payments (CASES M1). One statement."""
    rows = session.execute(
        select(Charge, Payee, ChargeYear.term_end, _ENGLISH)
        .join(Payee, Payee.id == Charge.payee_id)
        .join(ChargePayer, ChargePayer.charge_id == Charge.id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .where(
            ChargePayer.person_id == person_id,
            Charge.state == ChargeState.OPEN.value,
            or_(Charge.pay_until.is_(None), Charge.pay_until > now),
        )
        .order_by(Payee.id, Charge.id)
        .limit(200)
    )
    return [_open(row.Charge, row.Payee, row.term_end, row.english) for row in rows]


def waiting_of(session: Session, payable_kind: str, payable_refs: Sequence[str]) -> list[OpenCharge]:
    """What waits to be paid for these things, each once: a sum that several of them are in counts as one. One statement."""
    asked = select(func.coalesce(Charge.joined_to_id, Charge.id)).where(
        Charge.payable_kind == payable_kind,
        Charge.payable_ref.in_(payable_refs),
        Charge.state.in_([state.value for state in WAITING]),
    )
    rows = session.execute(
        select(Charge, Payee, ChargeYear.term_end, _ENGLISH)
        .join(Payee, Payee.id == Charge.payee_id)
        .outerjoin(ChargeYear, ChargeYear.charge_id == Charge.id)
        .where(Charge.id.in_(asked))
        .order_by(Charge.id)
    )
    return [_open(row.Charge, row.Payee, row.term_end, row.english) for row in rows]


def _open(charge: Charge, payee: Payee, due_on: date | None, english: str | None) -> OpenCharge:
    return OpenCharge(
        charge.reference,
        charge.description,
        charge.total,
        charge.pay_until,
        payee.name,
        payee.name_en or payee.name,
        payee.sample,
        charge.payable_kind,
        charge.payable_ref,
        charge.alone,
        due_on,
        charge.from_account,
        (english or "") if charge.payable_kind != JOINT else "",
        charge.description_en,
    )
