"""The paper with number and code: handed over at the counter, or folded into an envelope with the address in its window."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Account
from portal.accounts.opening import GOOD_FOR
from portal.directory.models import City
from portal.documents import pdf
from portal.kernel.texts import show_date
from portal.notices import paper
from portal.notices.paper import Address
from portal.settings import Settings

TEMPLATE = "portal/pdf/account-code.html"


def context(session: Session, account: Account, *, way: str, now: datetime) -> dict[str, Any]:
    """Plain values for the paper, without the code."""
    settings: Settings = current_app.extensions["portal"]
    person = account.person
    assert person is not None
    place = f"{person.prefecture}{person.city}{person.town}{person.block}"
    return {
        "locale": account.locale,
        "number": account.number or "",
        "name": person.name,
        "to": Address(paper.hyphened(person.postal_code), place, person.building) if way == "letter" else None,
        "until": show_date(now + GOOD_FOR, account.locale),
        "today": show_date(now, account.locale),
        "department": "",
        "city_name": session.scalars(select(City.name)).first() or "",
        "where": f"{settings.public_url}/sign-in/paper",
    }


def render(values: dict[str, Any], code: str) -> bytes:
    """The PDF. Call it outside a transaction."""
    said = {name: value for name, value in values.items() if name != "locale"}
    return pdf.render(TEMPLATE, values["locale"], title=values["number"], code=code, issued_on="", sample=False, **said)
