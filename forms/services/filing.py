"""Review and file: what the person reviewed is what is filed, once, whatever the browser does (DESIGN invariant 6)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from forms import fees, links, rules, slip
from forms.attachments import services as attachments
from forms.deadlines import due_on
from forms.definition import FieldSpec, IdentityLevel, Moment, Problem, Procedure, Step, sha256_of
from forms.definition.words import Words
from forms.letters import services as letters
from forms.models import APPLICATION_PAPER, Application, ApplicationAnswers, IssuedDocument
from forms.queue import search_text
from forms.services import changeover, checking, following, prefilling, proving
from forms.services.common import (
    IdentityTooLow,
    Incomplete,
    MustGoOver,
    ProcedureClosed,
    ReviewChanged,
    add_to,
    definition,
    facts_of,
    locked,
    moment,
    note,
    party,
)
from forms.states import Action, Party, State, after
from payments import services as payments
from payments.contract import CITY, DESCRIPTION_LENGTH, ChargeLine, ChargeRequest, Ground, MoneyKind, Payer
from portal.accounts.identity.services import Confirmed
from portal.kernel import jobs, references
from portal.kernel.audit import Actor
from portal.kernel.clock import local
from portal.kernel.errors import NotFound
from portal.kernel.money import Yen
from portal.kernel.texts import show_date, show_moment
from portal.notices import services as notices

PAYABLE = "application"
IDENTITY_SEEN = "identity_seen"
"""Event of a case: a clerk saw who came to the counter; its reason says what was looked at."""
PREPARED_KEPT = timedelta(days=30)
"""How long what was prepared at home can be finished at the counter (a sample: the city sets it). Nothing is filed until then."""
ELECTRONIC_CONSENT = "electronic_consent"
"""Event of a case: the applicant agreed to get documents as electronic data; its reason holds the words they agreed to."""
IDENTITY_CONFIRMED = "identity_confirmed"
"""Event of a case: a provider confirmed who acts; its reason holds the provider and when."""


@dataclass(frozen=True, slots=True)
class Review:
    """What is about to be filed, exactly.

    Attributes:
        answers: field id → value; only what is shown.
        fee: lines of the fee.
        sha256: of all of it; filing compares it.
        problems: field id → what is missing or no longer good; nothing can be filed while there are any.
        pay_by: until when the fee is paid if it is filed today; None where nothing is asked.
    """

    procedure: Procedure
    answers: Mapping[str, Any]
    fee: tuple[ChargeLine, ...]
    sha256: str
    problems: Mapping[str, tuple[Problem, ...]]
    pay_by: date | None = None

    @property
    def total(self) -> Yen:
        """What is to be paid."""
        return fees.total(self.fee)

    @property
    def consent(self) -> Words | None:
        """What the applicant may agree to: documents as electronic data; None where nothing is issued here."""
        here = self.procedure.channel.kind == "here" and self.procedure.documents
        return self.procedure.texts.consent_to_electronic_document if here else None

    def steps(self) -> list[tuple[Step, list[tuple[FieldSpec, Any]]]]:
        """Step by step: each shown field with its value."""
        found: list[tuple[Step, list[tuple[FieldSpec, Any]]]] = [
            (step, [(f, self.answers[f.id]) for f in step.fields if f.id in self.answers])
            for step in self.procedure.steps
        ]
        return [(step, rows) for step, rows in found if rows]


def review_hash(version_sha256: str, answers: Mapping[str, Any], fee: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 over the version, what is filed and what it costs (`fee_json`)."""
    return sha256_of({"version": version_sha256, "answers": dict(answers), "fee": [dict(line) for line in fee]})


def fee_json(fee: Sequence[ChargeLine]) -> list[dict[str, Any]]:
    """Fee lines as they are kept with the answers."""
    return [{"label": x.label, "amount": x.amount.amount, "sample": x.sample, "rule": x.rule} for x in fee]


def review(session: Session, *, key: str, now: datetime) -> Review:
    """What would be filed from a draft now. Changes nothing.

    Raises:
        NotFound: no such draft.
        ReviewChanged: it was filed meanwhile.
    """
    return review_of(session, locked(session, key=key), now=now)


def review_of(session: Session, application: Application, *, now: datetime) -> Review:
    """The same of a draft that was read in one statement, or locked.

    Raises:
        ReviewChanged: it was filed meanwhile.
    """
    if application.draft is None:
        raise ReviewChanged
    facts = facts_of(session, application, now=now)
    return _review(application, application.draft.answers, moment(session, now), facts)


def _review(application: Application, answers: Mapping[str, Any], at: Moment, facts: rules.Facts) -> Review:
    procedure = definition(application.version)
    evaluation = rules.evaluate(procedure, answers, facts)
    to_file = rules.to_file(procedure, answers, facts)
    problems: dict[str, tuple[Problem, ...]] = checking.wrong(procedure, answers, evaluation, facts)
    for field_id, value in evaluation.values.items():
        spec = procedure.field(field_id)
        if spec is not None and not spec.computed and field_id not in problems:
            # What was good when it was typed may not be any more: a date that has passed, a postal code that ended.
            again = spec.read(spec.typed_of(value), at)
            if again.problems:
                problems[field_id] = again.problems
    fee = fees.lines(procedure, to_file)
    sha256 = review_hash(application.version.sha256, to_file, fee_json(fee))
    due = fees.pay_by(procedure, at.today) if fee else None
    return Review(procedure, to_file, fee, sha256, problems, due)


def file(
    session: Session,
    *,
    key: str,
    reviewed_sha256: str,
    actor: Actor,
    now: datetime,
    payer_name: str | None = None,
    electronic_consent: bool = False,
    confirmed: Confirmed | None = None,
) -> tuple[Application, str | None]:
    """File a draft: one case, one number, one charge, one mail, however often and from however many places this is called.

    At the counter the same call files what the clerk typed, and what was prepared at home (state prepared).

    Args:
        session: the transaction; it waits for another one that files the same draft.
        key: of the draft.
        reviewed_sha256: `Review.sha256` of the page that the person saw.
        actor: who presses the button.
        now: aware; arrival.
        payer_name: whose name is on the charge; None: the applicant's.
        electronic_consent: the applicant ticked `Review.consent`; kept with the words. Nothing where the procedure asks for none.
        confirmed: who acts online, as a provider confirmed it; kept with the case where the procedure asks for it.

    Returns:
        The case; and, for the guest who filed it just now, the secret that opens it (it is kept nowhere).

    Raises:
        NotFound: no such draft.
        ReviewChanged: what would be filed is not what was reviewed.
        Incomplete: answers are missing or no longer good.
        ProcedureClosed: it is not taken any more.
        MustGoOver: its version is not, a newer one is.
        IdentityTooLow: online, and it is not confirmed (any more) who acts.
    """
    application = locked(session, key=key)
    if State(application.state) not in {State.DRAFT, State.PREPARED}:
        return application, None
    _on_its_version(session, application, now=now)
    shown = _who_acts(session, application, confirmed, actor=actor, now=now)
    facts = facts_of(session, application, now=now)
    made = _checked(application, reviewed_sha256, moment(session, now), facts, now=now)
    application.facts = facts.to_json()
    reference = application.reference or references.new("A")
    application.state = after(State(application.state), Action.FILE, by=party(actor)).value
    application.reference = reference
    application.filed_at = application.changed_at = now
    application.prepared_until = None
    application.filed_by_account_id = actor.account_id
    application.due_on = due_on(local(now).date(), made.procedure.standard_days)
    secret = _keep(session, application, made, now=now)
    attachments.settle(session, application)
    if electronic_consent and made.consent is not None:
        note(session, application, ELECTRONIC_CONSENT, actor=actor, now=now, reason=made.consent.ja)
    if shown is not None:
        note(session, application, IDENTITY_CONFIRMED, actor=actor, now=now, reason=shown)
    note(session, application, Action.FILE.value, actor=actor, now=now)
    _paper(
        session, application, kind=APPLICATION_PAPER, number=reference, title=made.procedure.official_name.ja, now=now
    )
    if made.fee:
        charge(session, application, made.fee, payer_name=payer_name, now=now)
    total = str(made.total) if made.fee else None
    sample = any(line.sample for line in made.fee)
    tell(session, application, "filed", secret=secret, total=total, sample=sample, pay_by=_pay_by(application, made))
    return application, secret


def _pay_by(application: Application, made: Review) -> str | None:
    """Until when the fee is paid, in the applicant's words; None where nothing is asked."""
    return None if made.pay_by is None else show_date(made.pay_by, application.contact.get("locale", "ja"))


def _who_acts(
    session: Session, application: Application, confirmed: Confirmed | None, *, actor: Actor, now: datetime
) -> str | None:
    """What the case keeps of how it was confirmed who acts; None where the procedure does not ask, or staff has seen it."""
    needed = definition(application.version).identity
    if party(actor) is Party.STAFF or proving.enough(IdentityLevel.CONFIRMED_MAIL, needed):
        return None
    if confirmed is None or not proving.enough(proving.level_of(confirmed, signed_in=True), needed):
        raise IdentityTooLow(needed)
    if prefilling.take_identity(session, application, confirmed, now=now):
        raise ReviewChanged
    return f"{confirmed.source} {show_moment(confirmed.at, 'ja')}"


def prepare(session: Session, *, key: str, reviewed_sha256: str, actor: Actor, now: datetime) -> Application:
    """Finish a draft whose procedure ends at the counter: it gets a number to show there; nothing is filed yet, nothing is charged.

    Raises:
        NotFound: no such draft, or it does not end at the counter.
        ReviewChanged, Incomplete, ProcedureClosed, MustGoOver: as `file`.
    """
    application = locked(session, key=key)
    if application.state != State.DRAFT.value:
        return application
    if not proving.ways(definition(application.version), IdentityLevel.NONE).counter:
        raise NotFound
    _on_its_version(session, application, now=now)
    facts = facts_of(session, application, now=now)
    made = _checked(application, reviewed_sha256, moment(session, now), facts, now=now)
    application.state = after(State(application.state), Action.PREPARE, by=party(actor)).value
    application.reference = references.new("A")
    application.prepared_until = local(now).date() + PREPARED_KEPT
    application.applicant_name = _name(made)
    application.search = _searched(application, made)
    note(session, application, Action.PREPARE.value, actor=actor, now=now)
    locale = application.contact.get("locale", "ja")
    tell(session, application, "prepared", **slip.context(session, application, locale))
    return application


def _on_its_version(session: Session, application: Application, *, now: datetime) -> None:
    found = changeover.newer(session, application, now=now)
    if found is not None and found.must:
        raise MustGoOver


def _checked(
    application: Application, reviewed_sha256: str, at: Moment, facts: rules.Facts, *, now: datetime
) -> Review:
    answers = application.draft.answers if application.draft else {}
    made = _review(application, answers, at, facts)
    if not made.procedure.is_open(now):
        raise ProcedureClosed(made.procedure.slug)
    if made.problems:
        raise Incomplete(made.problems)
    if not secrets.compare_digest(made.sha256, reviewed_sha256):
        raise ReviewChanged
    return made


def _keep(session: Session, application: Application, made: Review, *, now: datetime) -> str | None:
    """Store exactly what was reviewed; drop the draft. A guest gets a secret."""
    draft = application.draft
    application.applicant_name = _name(made)
    application.search = _searched(application, made)
    filed = ApplicationAnswers(
        application_id=application.id,
        number=1,
        answers=dict(made.answers),
        fee=fee_json(made.fee),
        prefill={k: v for k, v in (draft.prefill if draft else {}).items() if k in made.answers},
        flags={k: v for k, v in (draft.flags if draft else {}).items() if k in made.answers},
        sha256=made.sha256,
        at=now,
    )
    add_to(session, application, "filings", filed)
    application.draft = None
    if application.owner_account_id is not None or application.delegation_id is not None:
        return None
    secret = following.new_secret()
    application.secret_sha256 = following.digest(secret)
    mail = next((made.answers.get(f.id) for f in made.procedure.fields() if f.item == "person.mail"), None)
    if mail and not application.contact.get("email"):
        application.contact = {**application.contact, "email": mail}
    return secret


def _name(made: Review) -> str | None:
    """The applicant's name as it stands in the answers, every character kept."""
    for spec in made.procedure.fields():
        if spec.item == "person.name" and made.answers.get(spec.id):
            return str(made.answers[spec.id])
        if spec.item == "person" and made.answers.get(spec.id):
            return str(made.answers[spec.id]["name"])
    return None


def _searched(application: Application, made: Review) -> str:
    kana = next((made.answers.get(f.id) for f in made.procedure.fields() if f.item == "person.kana"), None)
    return search_text(application.applicant_name, kana, application.reference)


def charge(
    session: Session,
    application: Application,
    lines: Sequence[ChargeLine],
    *,
    now: datetime,
    payer_name: str | None = None,
    purpose: str = "fee",
) -> None:
    """Demand the fee of a case, or what a correction adds to it; `lines` are not empty."""
    first, procedure = lines[0], definition(application.version)
    payments.raise_charge(
        session,
        ChargeRequest(
            payable_kind=PAYABLE,
            payable_ref=str(application.reference),
            payer=Payer(
                person_id=application.applicant_person_id,
                account_id=application.filed_by_account_id
                if application.delegation_id
                else application.owner_account_id,
                name=payer_name or application.applicant_name or "",
                email=application.contact.get("email"),
                locale=application.contact.get("locale", "ja"),
            ),
            payee=CITY,
            money_kind=MoneyKind.OFFICE_FEE,
            lines=lines,
            description=procedure.plain_name.ja[:DESCRIPTION_LENGTH],
            description_en=procedure.plain_name.en or "",
            ground=Ground(first.ground.title, first.ground.article, first.ground.since),
            purpose=purpose,
            # Due on a day, and still payable after it: what is owed for a filed case does not end.
            term_end=fees.pay_by(procedure, local(now).date()),
        ),
        now=now,
    )


def _paper(
    session: Session, application: Application, *, kind: str, number: str, title: str, now: datetime
) -> IssuedDocument:
    paper = IssuedDocument(application_id=application.id, kind=kind, number=number, title=title, created_at=now)
    add_to(session, application, "documents", paper)
    session.flush()
    jobs.defer(session, "forms.make_paper", paper_id=paper.id)
    return paper


def _page(application: Application, secret: str | None) -> str:
    """The page that a mail leads to."""
    if secret:
        return links.address(f"/applications/{application.reference}/open/{secret}")
    return links.case(str(application.reference), guest=application.secret_sha256 is not None)


def tell(session: Session, application: Application, what: str, *, secret: str | None = None, **facts: Any) -> None:
    """Put one message about a case into the transaction: a mail, or a letter to print where there is no address for mail (CASES A11).

    Args:
        session: the transaction.
        application: with its number.
        what: name of the mail template.
        secret: for a guest, so that the mail opens the case.
        facts: JSON values that the template shows; never answers.
    """
    once = application.revision if what not in {"filed", "prepared"} else 1
    email = application.contact.get("email")
    if letters.by_post(application):
        event = f"{what}:{facts['number'] if what == 'message' else once}"
        if letters.make(session, application, what, event=event, facts=facts):
            return
    if not email:
        return
    locale = application.contact.get("locale", "ja")
    procedure = definition(application.version)
    after_filing = procedure.texts.after_filing
    context = {
        "reference": application.reference,
        "title": procedure.plain_name.in_(locale),
        "name": application.applicant_name or "",
        "url": _page(application, secret),
        "secret": secret,
        "follow": links.address("/applications/follow"),
        "acting": application.acting_name,
        "after_filing": after_filing.in_(locale) if after_filing else None,
        "due": show_date(application.due_on, locale) if application.due_on and procedure.standard_days else None,
        **facts,
    }
    notices.send(
        session,
        recipient=notices.Recipient(email, application.applicant_name or "", locale, application.owner_account_id),
        template=f"forms/mail/{what}.txt",
        context=context,
        key=f"forms.{what}:{application.reference}:{once}",
    )
