"""Two tabs, a reviewer, a republish and a closing around one draft, in a random order, some of them at the same moment.

Each interleaving has a procedure of its own and plays on the real services over real connections. What must hold at the end: what was
filed is what a tab had reviewed when it pressed the button; one case, one number, one charge, one message; where nothing was filed the
draft has all that was typed.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from forms.definition import from_document
from forms.models import Application, ApplicationEvent, ProcedureRow
from forms.services import casework, changeover, correcting, drafts, filing, publishing, withdrawing
from forms.services.common import ChangedMeanwhile, Incomplete, MustGoOver, ProcedureClosed, ReviewChanged, definition
from forms.states import NotNow
from payments.models import Charge
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import Actor
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.notices.models import Notice
from tests import people
from tests.forms.conftest import applicant, resident, staff

SLUG = "dog-registration"
TOGETHER = 3
REFUSALS = (ReviewChanged, ProcedureClosed, MustGoOver, Incomplete, ChangedMeanwhile, NotNow, NotFound)
"""What a loser may be told; anything else is a defect."""
FIELDS = {"owner": ("owner_name",), "dog": ("dog_name", "dog_colour"), "tag": ("message",)}
FIRST = {"owner_name": "古河 花子", "dog_name": "ポチ", "dog_colour": "茶", "message": "はじめ"}


def small(document: dict[str, Any], slug: str, *, until: datetime | None) -> dict[str, Any]:
    """The dog's registration with four questions, as a procedure of its own."""
    steps = [
        {**step, "fields": [f for f in step["fields"] if f["id"] in FIELDS[step["id"]]]} for step in document["steps"]
    ]
    papers = [{**paper, "fields": ["owner_name"]} for paper in document["documents"]]
    made = {**document, "slug": slug, "steps": steps, "documents": papers}
    return made | ({"open_until": until.isoformat()} if until else {})


def republished(document: dict[str, Any], *, must: bool) -> dict[str, Any]:
    """A question less, a new one that must be answered, another fee."""
    owner, dog, tag = document["steps"]
    fields = [f for f in dog["fields"] if f["id"] != "dog_colour"]
    fields.append({"id": "vaccinated", "type": "yes_no", "label": {"ja": "注射", "en": "Vaccinated"}})
    fee = {**document["fee"], "amount": 3500}
    kept = {name: value for name, value in document.items() if name != "open_until"}
    return {**kept, "steps": [owner, {**dog, "fields": fields}, tag], "fee": fee, "earlier_drafts_go_over": must}


@dataclass(frozen=True)
class Cast:
    """Who plays."""

    residents: list[Account]
    reviewer: Account
    editors: tuple[Account, Account]
    document: dict[str, Any]


def cast(session: Session) -> Cast:
    """Six residents, a reviewer, two editors; committed."""
    residents = [people.make_resident(email=f"tabs{n}@example.jp", name=f"古河 {n}") for n in range(6)]
    one, two = (people.make_staff(Role.EDITOR, email=f"editor{n}@example.jp") for n in (1, 2))
    document = dict(drafts.open_version(session, SLUG, now=clock.now()).document)
    session.rollback()
    return Cast(residents, people.make_staff(Role.REVIEWER, "citizen-counter"), (one, two), document)


@dataclass
class World:
    """One interleaving: what stands in the tabs, what was typed, and what came out."""

    cast: Cast
    number: int
    draw: random.Random
    now: datetime
    key: str = ""
    tabs: list[str] = field(default_factory=lambda: ["0" * 64, "0" * 64])
    reviewed: dict[str, filing.Review] = field(default_factory=dict)
    pressed: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    typed: dict[str, set[str]] = field(default_factory=lambda: {name: {text} for name, text in FIRST.items()})
    fresh: list[tuple[str, str]] = field(default_factory=list)
    corrected: set[str] = field(default_factory=set)
    reference: str | None = None
    revision: int | None = None
    met: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.person = self.cast.residents[self.number % len(self.cast.residents)]
        ends = self.now + timedelta(hours=1) if self.draw.random() < 0.5 else None
        self.document = small(self.cast.document, f"dog-{self.number}", until=ends)

    # -- the steps -------------------------------------------------------------------------------------------------

    def publish(self, document: dict[str, Any]) -> None:
        one, two = (Actor(editor.id, "staff") for editor in self.cast.editors)

        def both(own: Session) -> None:
            made = publishing.propose(own, procedure=from_document(document), actor=one, now=self.now)
            publishing.agree(own, slug=document["slug"], sha256=made.sha256, actor=two, now=self.now)

        transact(both)

    def begin(self) -> str:
        return transact(
            lambda own: (
                drafts.start_draft(
                    own,
                    slug=self.document["slug"],
                    applicant=applicant(self.person),
                    actor=resident(self.person),
                    now=self.now,
                ).key
            )
        )

    def save(self, step: str, values: dict[str, str]) -> bool:
        sent = {name: {"": [text]} for name, text in values.items()}
        saved = transact(
            lambda own: drafts.save_step(own, key=self.key, step_id=step, typed=sent, asked=sent, now=self.now)
        )
        if not saved.filed:
            self.fresh += values.items()
        return not saved.filed

    def review(self, tab: int) -> None:
        made = transact(lambda own: filing.review(own, key=self.key, now=self.now))
        self.tabs[tab] = made.sha256
        self.reviewed[made.sha256] = made

    def file(self, tab: int) -> None:
        sha256 = self.tabs[tab]
        self.pressed.add(sha256)

        def press(own: Session) -> str | None:
            return filing.file(own, key=self.key, reviewed_sha256=sha256, actor=resident(self.person), now=self.now)[
                0
            ].reference

        self.numbers.add(str(transact(press)))

    def go_over(self) -> None:
        def go(own: Session) -> None:
            mine = own.scalars(select(Application).where(Application.key == self.key)).one()
            plan = changeover.plan(own, mine, now=self.now)
            changeover.go_over(own, key=self.key, sha256=plan.sha256, actor=resident(self.person), now=self.now)

        transact(go)

    def look(self) -> None:
        with unit_of_work() as own:
            mine = own.scalars(select(Application).where(Application.key == self.key)).one()
            self.reference, self.revision = mine.reference, mine.revision

    def accept(self) -> None:
        who, seen = staff(self.cast.reviewer), self.revision
        transact(
            lambda own: casework.accept(own, reference=self.reference or "", actor=who, revision=seen, now=self.now)
        )

    def ask(self) -> None:
        who, seen, why = staff(self.cast.reviewer), self.revision, [("dog_name", "読めません")]
        transact(
            lambda own: correcting.ask_correction(
                own, reference=self.reference or "", requests=why, actor=who, revision=seen, now=self.now
            )
        )

    def correct(self, name: str) -> None:
        sent = {"dog_name": {"": [name]}}
        transact(
            lambda own: correcting.submit_correction(
                own,
                reference=self.reference or "",
                typed=sent,
                seen=sent,
                actor=resident(self.person),
                now=self.now,
            )
        )
        self.corrected.add(name)

    def republish(self, *, must: bool) -> None:
        self.publish(republished(self.document, must=must))

    def withdraw(self) -> None:
        actor = Actor(self.cast.editors[0].id, "staff")
        slug = self.document["slug"]
        transact(lambda own: withdrawing.at_once(own, slug=slug, reason="見本", actor=actor, now=self.now))

    def time_passes(self) -> None:
        """The hour of closing goes by."""
        self.now += timedelta(hours=2)

    # -- the order -------------------------------------------------------------------------------------------------

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """What everybody does, each in their own order, shuffled into each other."""
        draw, number = self.draw, iter(range(1000))
        tabs = [
            [
                ("save", partial(self.save, "dog", {"dog_name": f"犬{tab}{next(number)}"})),
                ("save", partial(self.save, "tag", {"message": f"伝言{tab}{next(number)}"})),
                ("review", partial(self.review, tab)),
                draw.choice([("go over", self.go_over), ("save", partial(self.save, "dog", {"vaccinated": "yes"}))]),
                ("file", partial(self.file, tab)),
                draw.choice([("file", partial(self.file, tab)), ("review", partial(self.review, tab))]),
                draw.choice([("look", self.look), ("correct", partial(self.correct, f"直し{tab}"))]),
            ]
            for tab in (0, 1)
        ]
        reviewer = [("look", self.look), draw.choice([("accept", self.accept), ("ask", self.ask)]), ("ask", self.ask)]
        closing = ("time passes", self.time_passes) if draw.random() < 0.6 else ("withdraw", self.withdraw)
        editors = [("republish", partial(self.republish, must=draw.random() < 0.5)), closing]
        draw.shuffle(editors)
        lanes: list[list[Any]] = [*tabs, editors[: draw.randint(0, 2)], reviewer]
        found = []
        while any(lanes):
            # The reviewer comes late: before there is a case, there is nothing to do.
            (lane,) = draw.choices(lanes, [10 * len(lane) for lane in lanes[:3]] + [len(reviewer)])
            found.append(lane.pop(0))
        return found

    def attempt(self, name: str, step: Callable[[], object]) -> None:
        """Do a step; being refused is an answer too."""
        try:
            step()
            self.met[name] += 1
        except REFUSALS as refused:
            self.met[f"{name}: {refused.code}"] += 1

    def together(self, pool: ThreadPoolExecutor, batch: list[tuple[str, Callable[[], object]]]) -> None:
        """Do some steps at the same moment; what was typed last may be any of theirs."""
        start = threading.Barrier(len(batch))

        def one(each: tuple[str, Callable[[], object]]) -> None:
            start.wait()
            self.attempt(*each)

        self.fresh.clear()
        if len(batch) == 1:
            self.attempt(*batch[0])
        else:
            list(pool.map(one, batch))
        for name in {name for name, _text in self.fresh}:
            self.typed[name] = {text for each, text in self.fresh if each == name}

    def play(self, pool: ThreadPoolExecutor) -> None:
        """From the beginning in two tabs to what can be said at the end."""
        self.publish(self.document)
        keys = list(pool.map(lambda _tab: self.begin(), (0, 1)))
        assert len(set(keys)) == 1, "two tabs begin one draft"
        self.key = keys[0]
        for step, fields in FIELDS.items():
            self.save(step, {name: FIRST[name] for name in fields})
        steps = self.steps()
        while steps:
            size = self.draw.randint(2, TOGETHER) if self.draw.random() < 0.35 else 1
            self.together(pool, steps[:size])
            del steps[:size]
        self.finish(pool)
        self.check()

    def finish(self, pool: ThreadPoolExecutor) -> None:
        """The person goes on until it is filed, or cannot be."""
        for _try in range(3):
            self.look()
            if self.reference is not None:
                return
            for each in (
                ("go over", self.go_over),
                ("save", partial(self.save, "dog", {"vaccinated": "yes"})),
                ("review", partial(self.review, 0)),
                ("file", partial(self.file, 0)),
            ):
                self.together(pool, [each])

    # -- what must hold --------------------------------------------------------------------------------------------

    def check(self) -> None:
        with unit_of_work() as own:
            (mine,) = own.scalars(
                select(Application).join(ProcedureRow).where(ProcedureRow.slug == self.document["slug"])
            )
            if mine.draft is not None:
                self._kept(mine)
                return
            self._filed(own, mine)

    def _kept(self, mine: Application) -> None:
        assert mine.draft is not None
        assert (mine.state, mine.reference, mine.filings, self.numbers) == ("draft", None, [], set())
        for name in ("owner_name", "dog_name", "message"):
            assert mine.draft.typed[name][""][0] in self.typed[name], name
            assert mine.draft.answers[name] in self.typed[name], name
        gone_over = definition(mine.version).field("dog_colour") is None
        assert "茶" in str(mine.draft.set_aside if gone_over else mine.draft.answers)
        self.met["kept as a draft"] += 1

    def _filed(self, own: Session, mine: Application) -> None:
        first, last = mine.filings[0], mine.filings[-1]
        assert first.sha256 in self.pressed, "somebody pressed the button under it"
        made = self.reviewed[first.sha256]
        assert first.answers == dict(made.answers), "reviewed equals filed"
        assert first.fee == filing.fee_json(made.fee)
        assert first.sha256 == filing.review_hash(mine.version.sha256, first.answers, first.fee)
        assert self.numbers == {mine.reference}
        assert len(mine.filings) == 1 + len(self.corrected)
        assert {**last.answers, "dog_name": ""} == {**first.answers, "dog_name": ""}
        assert last.answers["dog_name"] in (self.corrected or {first.answers["dog_name"]})
        charges = own.scalars(select(Charge).where(Charge.payable_ref == mine.reference)).all()
        assert [charge.total.amount for charge in charges] == [made.total.amount]
        told = select(func.count()).where(Notice.key.startswith(f"forms.filed:{mine.reference}:"))
        assert own.scalar(told) == 1
        events = select(func.count()).where(ApplicationEvent.application_id == mine.id)
        assert own.scalar(events.where(ApplicationEvent.action == "file")) == 1
        self.met["filed"] += 1


def run(players: Cast, seeds: range) -> Counter[str]:
    """Play one interleaving a seed; what was met. A failure names its seed."""
    met: Counter[str] = Counter()
    with ThreadPoolExecutor(TOGETHER) as pool:
        for seed in seeds:
            world = World(players, seed, random.Random(seed), clock.now())
            try:
                world.play(pool)
            except BaseException as error:
                error.add_note(f"interleaving {seed}: {dict(world.met)}")
                raise
            met += world.met
    return met
