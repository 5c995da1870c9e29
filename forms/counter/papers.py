"""The papers for signature: one for each procedure, with every answer, where it came from, who applies, who came, who typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forms.counter import services
from forms.counter.bundle import questions
from forms.counter.errors import IdentityNotProved, NotSigned, StillMissing, VisitEnded
from forms.counter.models import Authority, FactSource, Visit, VisitItem, VisitState
from forms.definition import FieldSpec, Procedure
from forms.models import Application
from forms.services import filing
from forms.services.common import ReviewChanged, note
from forms.services.filing import IDENTITY_SEEN
from portal.accounts.models import Account
from portal.accounts.proofs import Proof, proves
from portal.directory.models import City, Office
from portal.kernel import audit, clock, dates, files
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound
from portal.kernel.texts import show_moment

TEMPLATE = "forms/pdf/counter-paper.html"
#: Papers are in Japanese: they are records of the city office.
LOCALE = "ja"
SOURCES: Mapping[str, str] = {
    FactSource.CARD: "カードから読み取り",
    FactSource.SAMPLE_CARD: "カードから読み取り(見本のカード)",
    FactSource.CORRECTION: "窓口で訂正",
    FactSource.OPENING: "窓口で聞き取り",
}
#: What was looked at, as records say it (Japanese: records of the city office).
PROOFS: Mapping[Proof, str] = {
    Proof.MY_NUMBER_CARD: "マイナンバーカード",
    Proof.LICENCE: "運転免許証",
    Proof.PASSPORT: "旅券",
    Proof.RESIDENCE_CARD: "在留カード",
    Proof.DISABILITY: "障害者手帳",
    Proof.OTHER_PHOTO: "顔写真のあるほかの公的な証明書",
    Proof.INSURANCE: "健康保険の資格確認書",
    Proof.PENSION: "年金の手帳・証書",
    Proof.OTHER: "そのほかの書類",
}
AUTHORITIES: Mapping[str, str] = {
    Authority.SELF: "本人",
    Authority.FAMILY: "同じ世帯の人",
    Authority.PROXY: "代理人(委任状)",
    Authority.STATUTORY: "法定代理人",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """What to print, and the hash of what is on it.

    Attributes:
        slug: of the procedure.
        name: of the file.
        context: plain values for the template.
        sha256: see `forms.services.filing.Review.sha256`.
    """

    slug: str
    name: str
    context: dict[str, Any]
    sha256: str


def papers(session: Session, reference: str, *, now: datetime) -> list[Paper]:
    """What to print for a visit; made into PDF outside the transaction, then kept with `keep`.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `forms.counter.services.changeable`.
        StillMissing: questions are open.
    """
    visit = services.changeable(session, reference)
    left = questions(services.cases(session, visit))
    if left:
        raise StillMissing(tuple(question.name for question in left))
    common = _common(session, visit, now)
    found = []
    for item, (slug, application) in zip(visit.items, services.applications(session, visit).items(), strict=True):
        review = filing.review(session, key=application.key, now=now)
        if review.problems:
            raise StillMissing(tuple(review.problems))
        context = {**common, **_own(application, review, visit.reference, item)}
        found.append(Paper(slug, f"{visit.reference}-{item.position}.pdf", context, review.sha256))
    return found


def _common(session: Session, visit: Visit, now: datetime) -> dict[str, Any]:
    clerk = session.get_one(Account, visit.opened_by)
    today = clock.local(now).date()
    visitor = visit.current()
    shown = {item: fact.original for item, fact in visitor.items()}
    return {
        "city_name": session.scalars(select(City.name)).first() or "",
        "office": session.get_one(Office, visit.office).name,
        "visit": visit.reference,
        "today": dates.wareki(today),
        "issued_on": show_moment(now),
        "clerk": clerk.display_name,
        "authority": AUTHORITIES[visit.authority],
        "in_person": visit.authority == Authority.SELF,
        "visitor_name": shown.get("person.name", ""),
        "visitor_address": shown.get("person.address", ""),
        "sample": any(fact.source == FactSource.SAMPLE_CARD for fact in visit.facts),
    }


def _own(application: Application, review: filing.Review, visit_number: str, item: VisitItem) -> dict[str, Any]:
    procedure, position, home = review.procedure, item.position, (item.prepared or {}).get("said", {})
    prefill = application.draft.prefill if application.draft else {}
    names = [
        value for spec in procedure.fields() if spec.item == "person.name" and (value := review.answers.get(spec.id))
    ]
    return {
        "title": procedure.official_name.ja + "書",
        "number": f"{visit_number}-{position}",
        "position": position,
        "to": procedure.authority.ja,
        "law": _law(procedure),
        "steps": [
            {"title": step.title.ja, "rows": [_row(spec, value, prefill, home) for spec, value in rows]}
            for step, rows in review.steps()
        ],
        "fee": [{"label": line.label, "amount": str(line.amount), "sample": line.sample} for line in review.fee],
        "total": str(review.total),
        "applicant": names[0] if names else "",
        "check": review.sha256[:16],
        "prepared": application.reference or "",
    }


def _law(procedure: Procedure) -> str:
    law = procedure.law
    return f"{law.name} {law.article or ''}".strip() if law else ""


def _row(
    spec: FieldSpec, value: Any, prefill: Mapping[str, Mapping[str, Any]], home: Mapping[str, Any]
) -> dict[str, str]:
    origin = prefill.get(spec.id, {})
    heard = "窓口で聞き取り" if value is not None else ""
    if spec.id in home and home[spec.id] == value:
        heard = "家で準備" if value is not None else ""
    elif home.get(spec.id) is not None:
        heard = f"窓口で直した(家で準備: {spec.show(home[spec.id], LOCALE)})"
    source = SOURCES[origin["source"]] if origin.get("locked") and origin.get("source") in SOURCES else heard
    reason = str(origin.get("reason", ""))
    return {
        "label": spec.label.ja,
        "value": spec.show(value, LOCALE),
        "source": source,
        "card": str(origin["original"]) if reason else "",
        "reason": reason,
    }


def keep(
    session: Session, reference: str, made: Mapping[str, tuple[Paper, bytes]], *, clerk: Actor, now: datetime
) -> Visit:
    """Keep the printed papers; from here on the answers stand still.

    Args:
        session: the transaction.
        reference: of the visit.
        made: slug → (what was printed, the PDF).
        clerk: who printed.
        now: aware.

    Raises:
        NotFound, VisitEnded, AlreadyPrinted: see `forms.counter.services.changeable`.
        ReviewChanged: an answer changed while the PDF was made.
    """
    visit = services.changeable(session, reference)
    keys = {slug: application.key for slug, application in services.applications(session, visit).items()}
    for item in visit.items:
        paper, content = made[item.slug]
        if filing.review(session, key=keys[item.slug], now=now).sha256 != paper.sha256:
            raise ReviewChanged
        stored = files.put(
            session, name=paper.name, media_type="application/pdf", content=content, kind="counter-paper"
        )
        item.file_id, item.printed_at, item.reviewed_sha256 = stored.id, now, paper.sha256
    session.flush()
    _note(session, visit, "print", clerk)
    return visit


def reopen(session: Session, reference: str, *, clerk: Actor) -> Visit:
    """The visitor found a mistake on an unsigned paper: the answers may change again, the papers are printed anew.

    Raises:
        NotFound: no such visit.
        VisitEnded: it is over, or signed.
    """
    visit = services.load(session, reference, lock=True)
    if visit.state != VisitState.OPEN or any(item.signed_at for item in visit.items):
        raise VisitEnded(visit.reference)
    for item in visit.items:
        item.file_id = item.printed_at = item.reviewed_sha256 = None
    session.flush()
    _note(session, visit, "reopen", clerk)
    return visit


def sign(session: Session, reference: str, *, seen: Sequence[Proof], clerk: Actor, now: datetime) -> Visit:
    """The visitor signed every paper and the clerk saw who they are: the applications are filed as printed.

    What was looked at is kept with the visit and in each case's history, never a number that stands on it.

    Twice is once. What is filed is what is on the signed paper (same SHA-256), in one transaction for all papers.

    Raises:
        NotFound: no such visit.
        VisitEnded: it is over.
        NotSigned: a paper is not printed yet.
        IdentityNotProved: what was looked at is not enough (`proves`).
        ReviewChanged: an answer is not what is on the paper.
    """
    visit = services.load(session, reference, lock=True)
    if visit.state != VisitState.OPEN:
        raise VisitEnded(visit.reference)
    known = services.applications(session, visit)
    if any(item.reviewed_sha256 is None for item in visit.items):
        raise NotSigned
    if not proves(seen):
        raise IdentityNotProved
    if visit.identity_at is None:
        visit.identity_seen, visit.identity_by, visit.identity_at = sorted(set(seen)), clerk.account_id, now
    for item in visit.items:
        if item.signed_at is None:
            _file(session, visit, item, known[item.slug], clerk=clerk, now=now)
    session.flush()
    _note(session, visit, "sign", clerk)
    return visit


def _file(
    session: Session, visit: Visit, item: VisitItem, application: Application, *, clerk: Actor, now: datetime
) -> None:
    fact = visit.current().get("person.name")
    filing.file(
        session,
        key=application.key,
        reviewed_sha256=item.reviewed_sha256 or "",
        actor=clerk,
        now=now,
        payer_name=fact.original if fact is not None else None,
    )
    item.signed_at = now
    looked_at = "、".join(PROOFS[Proof(each)] for each in visit.identity_seen or ())
    note(session, application, IDENTITY_SEEN, actor=clerk, now=now, reason=looked_at)


def _note(session: Session, visit: Visit, action: str, clerk: Actor) -> None:
    audit.record(session, actor=clerk, action=f"visit.{action}", subject_kind="visit", subject_ref=visit.reference)


def content(session: Session, reference: str, slug: str, *, clerk: Actor) -> tuple[str, bytes]:
    """A printed paper: file name and PDF. The look is written into the audit log.

    Raises:
        NotFound: no such visit, or the paper is not printed.
    """
    visit = services.load(session, reference)
    item = next((one for one in visit.items if one.slug == slug), None)
    if item is None or item.file_id is None:
        raise NotFound
    stored = files.get(session, item.file_id)
    _note(session, visit, "paper_read", clerk)
    return stored.name, stored.content
