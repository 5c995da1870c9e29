"""What stands on a posted message, and one PDF for many of them."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.directory.models import City, Office
from portal.documents import pdf
from portal.kernel import audit, texts
from portal.kernel.audit import Actor
from portal.notices import post
from portal.notices.models import PostedNotice
from portal.notices.post import Desk, PostWithoutAddress

MOST = 30
"""Most letters in one PDF: about 0.3 s a page."""
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
        PostWithoutAddress: of some it is not known where they should go, or must not be printed.
    """
    letters = post.chosen(session, ids, desks=desks, most=MOST)
    where = {one.id: post.address_of(session, one.person_id, now=now) for one in letters}
    unknown = tuple(dict.fromkeys(one.about for one in letters if where[one.id] is None))
    if unknown:
        raise PostWithoutAddress(unknown)
    city = session.scalars(select(City)).first()
    office = session.scalars(select(Office).where(Office.active).order_by(Office.position).limit(1)).first()
    sheets = []
    for letter in letters:
        audit.record(
            session, actor=actor, action="person.read", subject_kind="person", subject_ref=str(letter.person_id),
            purpose="手紙の印刷", detail={"letter": letter.id},
        )  # fmt: skip
        english = letter.locale == "en"
        title, body = words(letter)
        context = {
            "to": where[letter.id],
            "name": letter.name,
            "title": title,
            "body": body,
            "about": letter.about,
            "number": letter.about,
            "issued_on": "",
            "sample": False,
            "today": texts.show_date(now, letter.locale),
            "city_name": (city.name_en if english else city.name) if city else "",
            "office": (office.name_en if english else office.name) if office else "",
            "office_address": (office.address or "") if office else "",
            "office_postal_code": (office.postal_code or "") if office else "",
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
    whole = pikepdf.new()
    for sheet in sheets:
        with pikepdf.open(io.BytesIO(pdf.render("portal/pdf/posted.html", sheet.locale, **sheet.context))) as one:
            whole.pages.extend(one.pages)
    out = io.BytesIO()
    whole.save(out)
    return out.getvalue()
