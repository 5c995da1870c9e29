"""What a visit's page shows, ready for the template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from forms import presenting, rules
from forms.counter import cash, services
from forms.counter.bundle import questions
from forms.counter.models import Authority, FactSource, Visit, VisitFact, VisitState
from forms.counter.web.words import AUTHORITIES, ITEMS, SEXES, SOURCES
from forms.definition.fields import GroupField
from forms.definition.fields.files import Files
from forms.models import Application
from forms.services import hiding
from forms.services.common import definition, facts_of
from payments.queries import ChargeView
from payments.states import ChargeState
from portal.accounts.models import Account
from portal.accounts.proofs import Proof
from portal.accounts.web.words import PROOFS
from portal.kernel import audit, clock, texts
from portal.kernel.audit import Actor
from portal.kernel.money import Yen


@dataclass(frozen=True, slots=True)
class FactRow:
    """One thing that the card said (or that was corrected)."""

    item: str
    label: str
    value: str
    source: str
    at: datetime
    reason: str
    correctable: bool
    from_card: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer of what came from home; `before`: as it was prepared, where it is another one now, and who typed it."""

    label: str
    value: str
    changed: bool = False
    before: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One procedure of the visit.

    `groups` and `files`: id and label of its repeated groups and of its questions for files, which have a page of their own to change them.
    """

    slug: str
    title: str
    number: str
    printed: bool
    signed: bool
    prepared: bool = False
    prepared_by: str = ""
    answers: Sequence[AnswerRow] = ()
    groups: Sequence[tuple[str, str]] = ()
    files: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class VisitPage:
    """A visit as its page shows it. `step` is 1 to 5; `concerned`: it may have to do with a protected person (CASES A10)."""

    reference: str
    state: str
    step: int
    authority: str
    for_self: bool
    clerk: str
    facts: Sequence[FactRow]
    items: Sequence[ItemRow]
    left: int
    charges: Sequence[ChargeView]
    due: Yen
    total: Yen
    receipts: Sequence[str]
    concerned: bool = False
    identity: str = ""

    @property
    def title_name(self) -> str:
        """The visitor's name, where the card said it."""
        return next((fact.value for fact in self.facts if fact.item == "person.name"), "")

    @property
    def suggested(self) -> list[str]:
        """What the clerk has looked at already: the card that was read."""
        read = any(fact.from_card for fact in self.facts)
        return [Proof.MY_NUMBER_CARD.value] if read else []

    @property
    def changeable(self) -> bool:
        """Whether facts and answers may still change."""
        return self.state == VisitState.OPEN and not any(item.printed for item in self.items)

    @property
    def sample_fee(self) -> bool:
        """Whether a fee is sample data (見本)."""
        return any(charge.sample for charge in self.charges)


def visit_page(session: Session, reference: str, *, clerk: Actor, lang: str) -> VisitPage:
    """Read a visit for its page; the look is written into the audit log.

    Raises:
        NotFound: there is none.
    """
    visit = services.load(session, reference)
    known = services.applications(session, visit)
    audit.record(session, actor=clerk, action="visit.read", subject_kind="visit", subject_ref=visit.reference)
    left = len(questions(services.cases(session, visit)))
    charges = cash.charges(session, visit)
    due = cash.due(charges)
    said = sorted(visit.card_facts(), key=lambda fact: list(ITEMS).index(fact.item))
    own = [item for application in known.values() for item in _items(application)]
    return VisitPage(
        reference=visit.reference,
        state=visit.state,
        step=_step(visit, left, due),
        authority=str(AUTHORITIES[Authority(visit.authority)]),
        for_self=visit.authority == Authority.SELF,
        clerk=session.get_one(Account, visit.opened_by).display_name,
        facts=[_fact(fact, lang, correctable=fact.item in own) for fact in said],
        items=[
            ItemRow(
                slug=item.slug,
                title=definition(known[item.slug].version).plain_name.in_(lang),
                number=known[item.slug].reference or "",
                printed=item.printed_at is not None,
                signed=item.signed_at is not None,
                prepared=item.prepared is not None,
                prepared_by=known[item.slug].applicant_name or "",
                answers=_answers(session, known[item.slug], lang) if item.prepared is not None else (),
                groups=_groups(known[item.slug], lang) if item.prepared is not None else (),
                files=_files(session, known[item.slug], lang) if item.prepared is not None else (),
            )
            for item in visit.items
        ],
        left=left,
        charges=charges,
        due=due,
        total=sum((charge.total for charge in charges), start=Yen(0)),
        receipts=[charge.receipt_ref for charge in charges if charge.state is ChargeState.PAID and charge.receipt_ref],
        identity="、".join(str(PROOFS[Proof(code)]) for code in visit.identity_seen or ()),
        concerned=_concerned(session, visit, known.values(), clerk),
    )


def _concerned(session: Session, visit: Visit, cases: Iterable[Application], clerk: Actor) -> bool:
    """Whether a name or a home of this visit is a protected person's, or of a household that must not learn of one."""
    said = [(fact.item, fact.value) for fact in visit.card_facts()]
    for case in cases:
        answers = case.draft.answers if case.draft else {}
        said += [(s.item, answers.get(s.id)) for s in definition(case.version).fields() if s.item]
    names = [value for item, value in said if item in {"person.name", "visitor.name"} and isinstance(value, str)]
    names += [str(value["name"]) for item, value in said if item == "person" and isinstance(value, dict)]
    places = [value for item, value in said if item == "person.address" and isinstance(value, dict)]
    return hiding.at_the_counter(
        session, names=names, addresses=places, reference=visit.reference, actor=clerk, now=clock.now()
    )


def _answers(session: Session, application: Application, lang: str) -> list[AnswerRow]:
    """Every answer of what came from home as it stands, with what was prepared where the counter changed it."""
    procedure = definition(application.version)
    changed = {each.field_id: each for each in application.counter_changes}
    names = {each.entered_by: session.get_one(Account, each.entered_by).display_name for each in changed.values()}
    if application.draft is not None:
        answers: Mapping[str, Any] = rules.to_file(
            procedure, application.draft.answers, facts_of(session, application, now=clock.now())
        )
    else:
        answers = application.filings[-1].answers
    found = []
    for _step, lines in presenting.steps(procedure, answers, lang):
        for line in lines:
            change = changed.get(line.path)
            before = line.spec.show(change.before, lang) or "—" if change else ""
            by = names[change.entered_by] if change else ""
            found.append(AnswerRow(line.label, line.text or "—", change is not None, before, by))
    for spec in procedure.fields():
        if isinstance(spec, GroupField) and spec.id in changed:
            # Its lines are entries, which may have come and gone: what was prepared is said once, as a whole.
            each = changed[spec.id]
            before = spec.show(each.before, lang) or "—"
            found.append(
                AnswerRow(
                    spec.label.in_(lang), spec.show(each.after, lang) or "—", True, before, names[each.entered_by]
                )
            )
    return found


def _groups(application: Application, lang: str) -> list[tuple[str, str]]:
    """The repeated groups that have entries."""
    answers = application.draft.answers if application.draft is not None else {}
    groups = [spec for spec in definition(application.version).fields() if isinstance(spec, GroupField)]
    return [(spec.id, spec.label.in_(lang)) for spec in groups if answers.get(spec.id)]


def _files(session: Session, application: Application, lang: str) -> list[tuple[str, str]]:
    """The questions for files that are asked."""
    if application.draft is None:
        return []
    procedure, facts = definition(application.version), facts_of(session, application, now=clock.now())
    shown = rules.evaluate(procedure, application.draft.answers, facts).shown
    return [
        (spec.id, spec.label.in_(lang)) for spec in procedure.fields() if isinstance(spec, Files) and spec.id in shown
    ]


def _items(application: Application) -> list[str]:
    return [spec.item for spec in definition(application.version).fields() if spec.item]


def _step(visit: Visit, left: int, due: Yen) -> int:
    if visit.state != VisitState.OPEN:
        return 5
    if all(item.signed_at for item in visit.items):
        return 4 if due > Yen(0) else 5
    if left == 0 or any(item.printed_at for item in visit.items):
        return 3
    return 2 if visit.card_facts() else 1


def _fact(fact: VisitFact, lang: str, *, correctable: bool) -> FactRow:
    shown = fact.original
    if fact.item == "person.sex":
        shown = str(SEXES.get(str(fact.value), fact.value))
    elif fact.item == "person.birth_date":
        shown = texts.show_both(datetime.fromisoformat(str(fact.value)).date(), lang)
    return FactRow(
        fact.item,
        str(ITEMS[fact.item]),
        shown,
        str(SOURCES[fact.source]),
        fact.at,
        fact.reason or "",
        correctable,
        from_card=fact.source in {FactSource.CARD, FactSource.SAMPLE_CARD},
    )
