"""A booking that has to become another one: other times that are free, moving it, a series of them."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from portal.kernel import clock, references
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access
from reservations.queries import bookings, calendar
from reservations.web import words
from reservations.web.public import bp, city_of_visitor


def own_person() -> int:
    """The visitor's person.

    Raises:
        NotFound: staff have no bookings of their own.
    """
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


@bp.get("/bookings/<reference>/other-times")
@access.resident
def other_times(reference: str) -> ResponseReturnValue:
    """What is free instead of a booking: where the message about a closure leads."""
    with unit_of_work() as session:
        view = bookings.of_person(session, references.parse(reference), own_person())
        if view is None:
            raise NotFound
        now = clock.now_in(session)
        first = view.slots[0]
        offers = calendar.alternatives(
            session, view.booking.space.code, first.day, first.code, city=city_of_visitor(session), now=now
        )
    return render_template("reservations/other_times.html", view=view, offers=offers, words=words)
