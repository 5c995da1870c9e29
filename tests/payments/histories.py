"""What a history is made of: what payers, clerks, banks, lines, clocks and dying processes do, and what must hold at its quiet end."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from payments import daybook, finance, gateways, jobs, refunds, services
from payments.errors import AlreadyDisputed, ChargeSettled, NotPayableOnline, PayTermOver, ProviderDown, RefundTooLarge
from payments.gateways.base import NoAnswerError, RefusedError
from payments.models import AccountCode, Charge, Payment, Refund
from payments.sealing import AccountKind, BankAccount
from payments.states import ChargeState, RefundState
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import unit_of_work
from portal.kernel.jobs import jobs as queue
from portal.kernel.jobs import run_pending
from portal.kernel.money import Yen
from tests.payments.crashes import Crashes, KilledError, MortalGateway
from tests.payments.things import CLERK, Things, balances, charge, give_back_in_part, payments_of
from tests.people import make_staff
from tests.stripe_server import Chaos, StripeServer

PRICES = (50, 3000, 300_001)
MINUTES = (1, 5, 15, 45, 400)
HOLDS = (None, 10, 120)
FAULTS = (None, None, "after", "cut", "refuse")
HASTY = 3.0
"""Seconds that a call may take while the chaos switch is on."""
REFUSALS = (ChargeSettled, PayTermOver, NotPayableOnline, ProviderDown, RefundTooLarge, AlreadyDisputed)
ACCOUNT = BankAccount("0001", "001", AccountKind.ORDINARY, "1234567", "コガ ハナコ")


class History:
    """One city counter and everything that can happen around it."""

    server: StripeServer
    things: Things
    take: Callable[[bytes, dict[str, str]], Any]
    open_page: Callable[[str], str]
    database: str
    second_person: Actor
    #: The provider with the time limit of every day, and with one so short that a line on which nothing comes costs little.
    patient: MortalGateway
    hasty: MortalGateway
    #: What the chaos switch did, all histories of a test together.
    met: ClassVar[Counter[str]]
    #: Where web and worker died, all histories of a test together.
    crashes: ClassVar[Crashes]
    #: Numbers of this test's things: nothing that ran before in this process has a part in them.
    numbers: ClassVar[Iterator[int]]

    def __init__(self, chaos: int | None) -> None:
        """Begin. `chaos` is the seed of the switch; None: the line and the post are good."""
        self.charges: dict[str, str] = {}
        #: Pages whose address somebody was given; on a page whose answer was lost nobody can pay.
        self.addresses: set[str] = set()
        self.mail: list[dict[str, Any]] = []
        # A week and a day after the history before: nothing of that is asked about any more.
        clock.move_to(clock.now() + jobs.ASK_ENDED_FOR + timedelta(days=1))
        self.began = clock.now()
        self.server.chaos = None if chaos is None else Chaos(chaos)
        gateways.use({"stripe": self.patient if chaos is None else self.hasty}, online="stripe")
        self.server.faults.clear()
        self.server.new_events()

    def _ref(self, number: int) -> str:
        return sorted(self.charges)[number % len(self.charges)]

    def _pages(self, ref: str) -> list[str]:
        reference = self.charges[ref]
        return [
            page for page, session in self.server.books.sessions.items() if session["client_reference_id"] == reference
        ]

    def demand(self, number: int, variant: int) -> None:
        total, hold = PRICES[number % len(PRICES)], HOLDS[variant % len(HOLDS)]
        if len(self.charges) < 4:
            ref = f"H{next(self.numbers):06}"
            until = None if hold is None else clock.now() + timedelta(minutes=hold)
            self.charges[ref] = charge(ref, total=total, pay_until=until)

    def click_pay(self, number: int, variant: int) -> None:
        fault = FAULTS[variant % len(FAULTS)]
        if fault:
            self.server.fail("POST", "/v1/checkout/sessions", fault, times=2)
        with contextlib.suppress(ChargeSettled, PayTermOver, NotPayableOnline, ProviderDown):
            page = self.open_page(self.charges[self._ref(number)])
            self.addresses.add(page)
        self.server.faults.clear()

    def complete_the_page(self, number: int, variant: int) -> None:
        how = "take_voucher" if variant % 3 == 0 else "pay"
        for page in self._pages(self._ref(number)):
            if page in self.addresses and self.server.books.session(page)["status"] == "open":
                offered = self.server.books.sessions[page]["payment_method_types"]
                if how == "pay" or "konbini" in offered:
                    getattr(self.server.books, how)(page)

    def voucher_moves_on(self, number: int, variant: int) -> None:
        paid = variant % 3 > 0
        for page in self._pages(self._ref(number)):
            session = self.server.books.sessions[page]
            if session["status"] == "complete" and self.server.books.waits_for_money(page):
                (self.server.books.pay_voucher if paid else self.server.books.voucher_ends)(page)

    def hold_ends(self, number: int, variant: int) -> None:
        gone = variant % 2 == 0
        ref = self._ref(number)
        if gone and ref not in self.things.given:
            self.things.gone.add(ref)
        with unit_of_work() as session:
            services.void_charge(session, payable_kind="thing", payable_ref=ref, reason="hold_ended", now=clock.now())

    def pay_in_cash(self, number: int, variant: int) -> None:
        if variant % 2:
            return
        with contextlib.suppress(ChargeSettled), unit_of_work() as session:
            reference = self.charges[self._ref(number)]
            services.take_cash(session, reference, received=Yen(400_000), clerk=CLERK, place="koga", now=clock.now())

    def give_back(self, number: int, variant: int) -> None:
        amount = (1, 50, 1000, 3000)[variant % 4]
        with contextlib.suppress(ChargeSettled, RefundTooLarge, AlreadyDisputed):
            give_back_in_part(self.charges[self._ref(number)], amount)

    def refund_comes_back(self, number: int, _variant: int) -> None:
        # Banks return money within days; older ones are found by comparing whole lists, not by asking one by one.
        recent = clock.now().timestamp() - 5 * 86400
        refunds = sorted(key for key, made in self.server.books.refunds.items() if made["created"] > recent)
        if not refunds:
            return
        refund = refunds[number % len(refunds)]
        if self.server.books.refunds[refund]["status"] == "succeeded":
            self.server.books.settle_refund(refund, "failed")

    def dispute(self, number: int, variant: int) -> None:
        books = self.server.books
        open_ones = [key for key, made in books.disputes.items() if made["status"] == "needs_response"]
        if open_ones and variant % 2:
            books.close_dispute(open_ones[number % len(open_ones)], won=variant % 4 == 1)
            return
        free = sorted(
            key
            for key, intent in books.intents.items()
            if books.received(key) > books.refunded(key)
            and self._with_card(intent)
            and not any(made["payment_intent"] == key for made in books.disputes.values())
            and intent["created"] > clock.now().timestamp() - 86400
        )
        if free and variant % 3 == 0:
            books.open_dispute(free[number % len(free)])

    def _with_card(self, intent: dict[str, Any]) -> bool:
        charge = self.server.books.charges[intent["latest_charge"]]
        return bool(charge["payment_method_details"]["type"] == "card")

    def payout(self, _number: int, _variant: int) -> None:
        made = self.server.books.pay_out()
        if made:
            self.server.books.settle_payout(made)

    def notices(self, _number: int, variant: int) -> None:
        self.mail += self.server.new_events()
        if variant % 4 == 0:
            return
        arriving, self.mail = self.mail, []
        if self.server.chaos:
            arriving = self.server.chaos.post(arriving)
        for event in arriving:
            try:
                self.take(*self.server.signed(event))
            except (NoAnswerError, RefusedError):
                self.mail.append(event)  # answered 503: the provider sends it again

    def killed_while_taking_a_notice(self, _number: int, _variant: int) -> None:
        self.mail += self.server.new_events()
        whole = self.things.on_paid

        def killed(*_args: Any, **_facts: Any) -> Any:
            raise KilledError

        self.things.on_paid = killed  # type: ignore[method-assign]  # the process dies in there
        for event in self.mail:
            with contextlib.suppress(KilledError, NoAnswerError, RefusedError):
                self.take(*self.server.signed(event))
        self.things.on_paid = whole  # type: ignore[method-assign]  # and is started again

    def web_dies(self, number: int, variant: int) -> None:
        """The web process dies at an edge of opening a page, of giving money back, or of a notice."""
        edge = variant % 7
        with self.crashes.at(edge, "web: page"), contextlib.suppress(*REFUSALS):
            self.addresses.add(self.open_page(self.charges[self._ref(number)]))
        with self.crashes.at(edge % 2, "web: refund"), contextlib.suppress(*REFUSALS):
            give_back_in_part(self.charges[self._ref(number)], 50)
        self.mail += self.server.new_events()
        for event in self.mail:
            with self.crashes.at(edge, "web: notice"), contextlib.suppress(NoAnswerError, RefusedError):
                self.take(*self.server.signed(event))

    def worker_dies(self, _number: int, variant: int) -> None:
        """The worker dies at an edge of a job; none of them was noted as done, so all are run once more."""
        for name, args in _waiting():
            with self.crashes.at(variant % 8, f"worker: {name}"), contextlib.suppress(NoAnswerError, RefusedError):
                queue.tasks[name](**args)
        with self.crashes.at(variant % 8, "worker: end_overdue"):
            jobs.end_overdue(0)
        with self.crashes.at(variant, "worker: converge"):
            jobs.converge(now=clock.now())
        today, now = clock.today(), clock.now()
        with self.crashes.at(variant % 8, "worker: daybook"), contextlib.suppress(NoAnswerError):
            daybook.reconcile(gateways.by_code("stripe"), "main", today, now=now)

    def time_passes(self, _number: int, variant: int) -> None:
        clock.move_to(clock.now() + timedelta(minutes=MINUTES[variant % len(MINUTES)]))

    def worker(self, _number: int, _variant: int) -> None:
        if _waiting():
            run_pending(self.database, queues=[jobs.QUEUE])

    def periodic(self, _number: int, _variant: int) -> None:
        jobs.end_overdue(0)
        jobs.converge(now=clock.now())

    def end(self) -> None:
        """A quiet night: everything answers, the periodic jobs run, finance sends again what came back."""
        self.server.faults.clear()
        if self.server.chaos:
            self.met.update(self.server.chaos.counts)
        self.server.chaos = None
        gateways.use({"stripe": self.patient}, online="stripe")
        for dispute, made in self.server.books.disputes.items():
            if made["status"] == "needs_response":
                self.server.books.close_dispute(dispute, won=bool(made["created"] % 2))
        self.payout(0, 0)
        for _ in range(3):
            clock.move_to(clock.now() + timedelta(hours=7))
            self.worker(0, 0)
            self.periodic(0, 0)
            self._night()
            if not self._people_do_their_part():
                break
        self.worker(0, 0)
        self._night()
        self._books_agree()

    def _night(self) -> None:
        """The days since this history began are compared with the provider's books."""
        day = clock.local(self.began).date()
        while day <= clock.today():
            self.day = daybook.reconcile(gateways.by_code("stripe"), "main", day, now=clock.now())
            day += timedelta(days=1)

    def _people_do_their_part(self) -> int:
        """Finance agrees, sends again or asks for an account; payers name theirs; the bank transfers. How much there was to do."""
        done = 0
        for _ in range(4):
            with unit_of_work() as session:
                waiting = finance.open_refunds(session)
                done += sum(self._next_step(session, each) for each in waiting)
        return done

    def _next_step(self, session: Session, each: finance.OpenRefund) -> bool:
        now = clock.now()
        if each.state is RefundState.AWAITING:
            refunds.agree(session, each.reference, actor=self.second_person, now=now)
        elif each.state is RefundState.NEEDS_ACCOUNT:
            refunds.name_account(session, each.reference, ACCOUNT, actor=CLERK, now=now)
        elif each.state is RefundState.REQUESTED and each.to_bank:
            refunds.transferred(session, each.reference, actor=CLERK, now=now)
        elif each.state is RefundState.FAILED:
            step = refunds.by_bank if each.amount.amount % 2 else refunds.send_refund_again
            step(session, each.reference, actor=CLERK, now=now)
        else:
            return False  # cash that nobody came for
        return True

    def _books_agree(self) -> None:
        books = balances()
        in_cash = 0
        with unit_of_work() as session:
            assert list(finance.differences(session, clock.now())) == []
            for refund in session.scalars(select(Refund).where(Refund.provider == "counter")):
                in_cash += refund.amount.amount
            by_transfer = sum(
                each.amount.amount
                for each in session.scalars(
                    select(Refund).where(Refund.provider == "bank", Refund.state == RefundState.SUCCEEDED.value)
                )
            )
            taken = sum(
                each.amount.amount for each in session.scalars(select(Payment).where(Payment.provider == "counter"))
            )
        assert self.day.items == [], "every yen explains itself"
        assert books.get(AccountCode.PROVIDER, 0) == self.server.books.balance()
        assert books.get(AccountCode.DISPUTED, 0) == 0
        assert books.get(AccountCode.CASH, 0) == taken
        assert books.get(AccountCode.REFUND_DUE, 0) == -in_cash
        paid_out = sum(each["amount"] for each in self.server.books.payouts.values())
        assert books.get(AccountCode.BANK, 0) == paid_out - by_transfer
        assert books.get(AccountCode.OVERPAID, 0) == 0
        assert sum(books.values()) == 0
        for ref, reference in self.charges.items():
            self._nobody_paid_twice_or_for_nothing(ref, reference)

    def _nobody_paid_twice_or_for_nothing(self, ref: str, reference: str) -> None:
        with unit_of_work() as session:
            found = session.scalars(select(Charge).where(Charge.reference == reference)).one()
        payments = payments_of(reference)
        accepted = [payment for payment in payments if payment.accepted]
        settled = found.state not in {ChargeState.OPEN.value, ChargeState.VOID.value}
        assert len(accepted) == (1 if settled else 0)
        assert (self.things.given.get(ref) == reference) == settled
        for page in self._pages(ref):
            intent = self.server.books.sessions[page]["payment_intent"]
            if intent and self.server.books.received(intent):
                (payment,) = [each for each in payments if each.provider_payment_id == intent]
                if not payment.accepted:
                    assert _went_back(payment) == payment.amount.amount
                    assert self.server.books.refunded(intent) <= payment.amount.amount


def _waiting() -> Sequence[Row[tuple[str, dict[str, Any]]]]:
    """The jobs about money that no worker has taken yet: task and arguments. Mails are other tests' matter."""
    with unit_of_work() as session:
        session.execute(text("DELETE FROM procrastinate_jobs WHERE queue_name = 'mail' AND status = 'todo'"))
        query = text(
            "SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'money' ORDER BY id"
        )
        return session.execute(query).all()


def _went_back(payment: Payment) -> int:
    with unit_of_work() as session:
        return sum(
            each.amount.amount
            for each in session.scalars(
                select(Refund).where(Refund.payment_id == payment.id, Refund.state == RefundState.SUCCEEDED.value)
            )
        )


ACTIONS = (
    History.demand, History.click_pay, History.click_pay, History.complete_the_page, History.complete_the_page,
    History.voucher_moves_on, History.hold_ends, History.pay_in_cash, History.give_back, History.give_back,
    History.refund_comes_back, History.notices, History.notices, History.notices, History.killed_while_taking_a_notice,
    History.time_passes, History.web_dies, History.worker_dies, History.dispute, History.payout, History.worker, History.periodic,
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(range(len(ACTIONS))), st.integers(0, 99), st.integers(0, 59)), min_size=30, max_size=40
)
CHAOS = st.integers(0, 2**32)
"""The seed of the chaos switch: drawn with the steps, so what fails is repeated whole."""


def _step(action: Any, number: int, variant: int) -> tuple[int, int, int]:
    return ACTIONS.index(action), number, variant


#: Nothing here hangs on luck: two things are paid in cash while their pages are open, and then on the pages; both payments go back, and
#: the bank returns them. A notice arrives twice. Processes die at every kind of edge, on the way to the page of a fourth thing.
KNOWN = [
    *(_step(History.pay_in_cash, number, 0) for number in range(3)),
    *(_step(History.complete_the_page, number, 1) for number in range(3)),
    _step(History.notices, 0, 1),
    _step(History.worker, 0, 0),
    *(_step(History.refund_comes_back, number, 0) for number in range(3)),
    _step(History.killed_while_taking_a_notice, 0, 0),
    _step(History.notices, 0, 1),
    _step(History.demand, 1, 0),
    *(_step(History.web_dies, 3, edge) for edge in range(5)),
    _step(History.complete_the_page, 3, 1),
    _step(History.web_dies, 3, 2),
    _step(History.time_passes, 0, 1),
    *(_step(History.worker_dies, 0, edge) for edge in range(4)),
]


def play(kind: type[History], steps: list[tuple[int, int, int]], chaos: int | None) -> None:
    """One history from its first demand to a quiet end. One that fails says how it is played again."""
    history = kind(chaos)
    try:
        with kind.crashes.watching():
            _play(history, steps)
        history.end()
    except BaseException as error:
        error.add_note(f"play(here, {steps}, chaos={chaos})")
        raise


def _play(history: History, steps: list[tuple[int, int, int]]) -> None:
    for number in range(3):
        history.demand(number, number)
        history.click_pay(number, 0)
    for action, number, variant in steps:
        ACTIONS[action](history, number, variant)


def histories_of(
    stripe: StripeServer,
    things: Things,
    take: Callable[[bytes, dict[str, str]], Any],
    open_page: Callable[[str], str],
    database: str,
    provider: type[MortalGateway] = MortalGateway,
) -> type[History]:
    """The histories of one test: its own numbers and counts, and a provider whose calls may be the last thing that a process did."""
    found = type("Here", (History,), {})
    found.met, found.crashes, found.numbers = Counter(), Crashes(), itertools.count(1)
    found.server, found.things, found.database = stripe, things, database
    found.take, found.open_page = staticmethod(take), staticmethod(open_page)
    found.second_person = Actor(make_staff(Role.FINANCE).id, "staff")
    account = {"api_key": stripe.key, "webhook_secret": stripe.webhook_secret, "api_base": stripe.url}
    found.patient, found.hasty = provider(**account), provider(**account, call_seconds=HASTY)
    found.patient.crashes = found.hasty.crashes = found.crashes
    return found
