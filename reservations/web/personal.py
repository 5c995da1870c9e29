"""Favourites, and the same as last time."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.kernel import clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from reservations.personal import again as repeats
from reservations.personal import services
from reservations.web import words
from reservations.web.public import bp, city_of_visitor


def _person() -> int:
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


@bp.post("/facilities/<code>/favourite")
@access.resident
def keep_favourite(code: str) -> ResponseReturnValue:
    """Find this facility again on the first page of the search."""
    person_id = _person()
    transact(lambda session: services.keep(session, person_id=person_id, facility=code, now=clock.now_in(session)))
    return redirect(url_for("reservations.facility", code=code), 303)


@bp.post("/facilities/<code>/favourite/drop")
@access.resident
def drop_favourite(code: str) -> ResponseReturnValue:
    """No favourite any more."""
    person_id = _person()
    transact(lambda session: services.drop(session, person_id=person_id, facility=code))
    return redirect(url_for("reservations.facility", code=code), 303)


@bp.get("/bookings/<reference>/again")
@access.resident
def again(reference: str) -> ResponseReturnValue:
    """The same place, weekday and time on the next free days: one tap holds it, with what was said last time."""
    with unit_of_work() as session:
        found = repeats.same_again(
            session,
            references.parse(reference),
            _person(),
            city=city_of_visitor(session),
            now=clock.now_in(session),
        )
    if found is None:
        raise NotFound
    return render_template("reservations/again.html", again=found, words=words)
