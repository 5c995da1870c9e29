"""What stands on a posted message, and one PDF for many of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.documents import pdf
from portal.kernel import audit, texts
from portal.kernel.audit import Actor
from portal.notices import paper, post
from portal.notices.models import PostedNotice
from portal.notices.paper import NoAddress
from portal.notices.post import Desk

_SUBJECT = re.compile(r"\ASubject: (?:【[^】]*】)?(.*)\n")
_LINK = re.compile(r"^\s*https?://\S+\s*$\n?", re.MULTILINE)
_GAP = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One letter: the language and the context of its template."""

    locale: str
    context: dict[str, Any]


def gather(
    session: Session, ids: Collection[int], *, desks: Collection[Desk], actor: Actor, now: datetime
) -> list[Sheet]:
    """Everything that is printed; each look at where a person lives is written down.

    Raises:
        Invalid, NotFound: see `portal.notices.post.chosen`.
        NoAddress: of some it is not known where they should go, or must not be printed.
    """
    letters = post.chosen(session, ids, desks=desks, most=paper.MOST)
    where = {one.id: post.address_of(session, one.person_id, now=now) for one in letters}
    unknown = tuple(dict.fromkeys(one.about for one in letters if where[one.id] is None))
    if unknown:
        raise NoAddress(unknown)
    sender = paper.sender(session)
    sheets = []
    for letter in letters:
        audit.record(
            session, actor=actor, action="person.read", subject_kind="person", subject_ref=str(letter.person_id),
            purpose="手紙の印刷", detail={"letter": letter.id},
        )  # fmt: skip
        title, body = words(letter)
        context = {
            "to": where[letter.id],
            "name": letter.name,
            "title": title,
            "body": body,
            "about": letter.about,
            "department": "",
            "number": letter.about,
            "issued_on": "",
            "sample": False,
            "today": texts.show_date(now, letter.locale),
            **sender.said(letter.locale),
        }
        sheets.append(Sheet(letter.locale, context))
    return sheets


def words(letter: PostedNotice) -> tuple[str, str]:
    """Heading and text: the mail's own words, without the addresses of pages that stand in a line of their own."""
    said = texts.render(letter.template, letter.locale, **letter.context)
    subject = _SUBJECT.match(said)
    body = _LINK.sub("", said[subject.end() :] if subject else said)
    return (subject[1].strip() if subject else ""), _GAP.sub("\n\n", body).strip()


def render(sheets: Sequence[Sheet]) -> bytes:
    """One PDF, letter after letter. Call it outside a transaction."""
    return paper.bound(pdf.render("portal/pdf/posted.html", sheet.locale, **sheet.context) for sheet in sheets)
