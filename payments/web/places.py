"""The places at which money is taken: their names in the visitor's language, and whose they are.

Offices belong to the counter and to finance, a facility to its managers. Which facilities there are is handed over by
`reservations.web.setup` (payments knows none).
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Role
from portal.directory.models import Office
from portal.web import locale
from portal.web.access import Visitor

NamesOf = Callable[[Session], dict[str, str]]
"""Names by code, in the visitor's language."""


class _Others:
    names: NamesOf | None = None


def register(names_of: NamesOf) -> None:
    """Say which other places there are: the facilities."""
    _Others.names = staticmethod(names_of)


def offices(session: Session) -> dict[str, str]:
    """Name of each active office by its code, in their order. One statement."""
    found = session.scalars(select(Office).where(Office.active).order_by(Office.position))
    english = locale.current() == "en"
    return {office.code: office.name_en if english else office.name for office in found}


def facilities(session: Session) -> dict[str, str]:
    """Name of each facility by its code. One statement."""
    return {} if _Others.names is None else _Others.names(session)


def names(session: Session) -> dict[str, str]:
    """Every place: offices first. Two statements."""
    return {**offices(session), **facilities(session)}


def own(session: Session, who: Visitor) -> dict[str, str]:
    """Where the visitor may open a till and take money: at the offices, or in the facilities that they manage."""
    found = offices(session) if any(who.may(role) for role in (Role.FINANCE.value, Role.COUNTER.value)) else {}
    return {**found, **_managed(session, who)}


def reported(session: Session, who: Visitor) -> dict[str, str]:
    """Whose tills the visitor may look at: finance all, others their own places."""
    return names(session) if who.may(Role.FINANCE.value) else own(session, who)


def _managed(session: Session, who: Visitor) -> dict[str, str]:
    codes = who.scopes(Role.FACILITY_MANAGER.value, "facility")
    return {code: name for code, name in facilities(session).items() if code in codes} if codes else {}
