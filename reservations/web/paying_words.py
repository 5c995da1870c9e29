"""What comes after the price is accepted: the payment now, or when and where else. Said before the button and on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from payments.contract import MoneyKind
from payments.transfers import standing
from portal.kernel import clock
from portal.kernel.texts import show_date, show_until
from portal.web import locale
from reservations import services
from reservations.models import Booking
from reservations.rules import PayWhen
from reservations.services.accepting import last_day
from reservations.services.adjusting import payee_of
from reservations.web.words import gettext


@dataclass(frozen=True)
class PaymentStep:
    """The words on the button that accepts a price, and what stands before it; `at_once`: the payment page is next."""

    button: str
    note: str
    at_once: bool


def payment_step(session: Session, booking: Booking, *, by_manager: bool, several: bool = False) -> PaymentStep:
    """What accepting the price of an open hold leads to.

    Args:
        session: the page's.
        booking: the hold; its documents are loaded.
        by_manager: whether the facility has to say yes afterwards.
        several: the button stands for several bookings at once.
    """
    term = services.payment_term(session, booking)
    due = term.due(starts=booking.starts_at, ends=booking.ends_at, now=clock.now())
    day = show_date(last, locale.current()) if (last := last_day(due)) else ""
    until = show_until(due, locale.current()) if due else ""
    book = gettext("この料金で申し込む") if by_manager else gettext("この料金で予約する")
    to_payment = gettext("この料金で、まとめて支払いに進む") if several else gettext("この料金で、支払いに進む")
    match term.when:
        case _ if booking.facts.get("asked"):
            note = gettext("減免が決まるまで、支払わなくてもだいじょうぶです。その間、この時間は取ってあります。")
            return PaymentStep(gettext("減免を申請して申し込む"), note, at_once=False)
        case PayWhen.ADVANCE:
            return PaymentStep(to_payment, "", at_once=True)
        case PayWhen.WITHIN:
            note = gettext("支払いは、%(at)s までにできます。それまで、この時間は取ってあります。", at=until)
            return PaymentStep(to_payment, note, at_once=True)
        case PayWhen.COUNTER:
            note = gettext(
                "支払いは、%(at)s までに、施設の窓口でします。期限までに支払いがないと、予約は自動で取り消されます。",
                at=until,
            )
        case PayWhen.ON_DAY:
            note = gettext("支払いは、使う日にします。")
        case PayWhen.AFTER_USE:
            note = gettext("支払いは、使ったあと、%(day)s までにします。", day=day)
        case PayWhen.MONTHLY if last is not None and (account := _account(session, booking, last)) is not None:
            taken = show_date(account.debit_on, locale.current())
            note = gettext(
                "使った月の分をまとめて、%(day)s に、登録した口座(末尾 %(digits)s)から引き落とします。",
                day=taken,
                digits=account.last_digits,
            )
        case PayWhen.MONTHLY:
            note = gettext("支払いは、使った月の分をまとめて、%(day)s までにします。", day=day)
    return PaymentStep(book, note, at_once=False)


def _account(session: Session, booking: Booking, due_on: date) -> standing.Account | None:
    """The account of whose it is, where one is registered for the fees of whoever runs the facility."""
    payee = payee_of(session, booking.space.facility_id, now=clock.now())
    return standing.account_for(
        session, person_id=booking.person_id, payee=payee, money_kind=MoneyKind.FACILITY_FEE, due_on=due_on
    )
