"""The operations. Each states its scope; nothing else enters."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from sqlalchemy.orm import Session

from portal.kernel import clock, references
from portal.web import access
from reservations.api import reads, shapes, writes
from reservations.web.api import document
from reservations.web.api.operations import Operation, bp, operation, token

_FACILITIES = ("facilities",)
_BOOKINGS = ("bookings",)


@operation(
    Operation(
        "facilities",
        "GET",
        "/facilities",
        "facilities:read",
        "Facilities that can be booked",
        shapes.Facilities,
        query=shapes.FacilitiesAsked,
        tags=_FACILITIES,
    )
)
def facilities(session: Session, query: shapes.FacilitiesAsked, now: datetime) -> shapes.Facilities:
    """Facilities that can be booked, in the city's order."""
    return reads.facilities(session, query, on=clock.local(now).date())


@operation(
    Operation(
        "facility",
        "GET",
        "/facilities/{facility}",
        "facilities:read",
        "One facility",
        shapes.Facility,
        tags=_FACILITIES,
    )
)
def facility(session: Session, _query: None, now: datetime, facility: str) -> shapes.Facility:
    """One facility."""
    return reads.facility(session, facility, on=clock.local(now).date())


@operation(
    Operation(
        "spaces",
        "GET",
        "/facilities/{facility}/spaces",
        "facilities:read",
        "The rooms and courts of a facility",
        shapes.Spaces,
        tags=_FACILITIES,
    )
)
def spaces(session: Session, _query: None, now: datetime, facility: str) -> shapes.Spaces:
    """The spaces of a facility."""
    return reads.spaces(session, facility, on=clock.local(now).date())


@operation(
    Operation("space", "GET", "/spaces/{space}", "facilities:read", "One room or court", shapes.Space, tags=_FACILITIES)
)
def space(session: Session, _query: None, now: datetime, space: str) -> shapes.Space:
    """One space."""
    return reads.space(session, space, on=clock.local(now).date())


@operation(
    Operation(
        "availability",
        "GET",
        "/spaces/{space}/availability",
        "facilities:read",
        "The state of every slot on up to 31 days",
        shapes.Availability,
        query=shapes.AvailabilityAsked,
        tags=_FACILITIES,
    )
)
def availability(session: Session, query: shapes.AvailabilityAsked, now: datetime, space: str) -> shapes.Availability:
    """The state of every slot."""
    return reads.availability(session, space, query, now=now)


@operation(
    Operation(
        "quotes",
        "POST",
        "/quotes",
        "quotes:read",
        "What a use would cost; nothing is saved",
        shapes.Price,
        body=shapes.QuoteAsked,
        tags=("quotes",),
    )
)
def quotes(session: Session, body: shapes.QuoteAsked, _now: datetime) -> shapes.Price:
    """A price as lines that say why."""
    return reads.quote(session, body)


@operation(
    Operation(
        "hold",
        "POST",
        "/holds",
        "bookings:write",
        "Keep a slot for a person",
        shapes.Booking,
        status=201,
        body=shapes.HoldAsked,
        tags=_BOOKINGS,
        refused=reads.instead_of,
    )
)
def hold(session: Session, body: shapes.HoldAsked, now: datetime) -> shapes.Booking:
    """A hold ends by its own time."""
    return writes.hold(session, token(), body, now=now)


@operation(
    Operation(
        "release",
        "POST",
        "/holds/{booking}/release",
        "bookings:write",
        "Let a hold go",
        shapes.Booking,
        tags=_BOOKINGS,
    )
)
def release(session: Session, _body: None, now: datetime, booking: str) -> shapes.Booking:
    """Let a hold go."""
    return writes.release(session, token(), references.parse(booking), now=now)


@operation(
    Operation(
        "book",
        "POST",
        "/bookings",
        "bookings:write",
        "Accept the price of a hold",
        shapes.Booking,
        status=201,
        body=shapes.BookingAsked,
        tags=_BOOKINGS,
    )
)
def book(session: Session, body: shapes.BookingAsked, now: datetime) -> shapes.Booking:
    """The sum that the person accepted is the sum charged."""
    return writes.book(session, token(), body, now=now)


@operation(
    Operation("booking", "GET", "/bookings/{booking}", "bookings:read", "One booking", shapes.Booking, tags=_BOOKINGS)
)
def booking(session: Session, _query: None, now: datetime, booking: str) -> shapes.Booking:
    """A booking that this system made."""
    return reads.booking(session, references.parse(booking), token_id=token().id, now=now)


@operation(
    Operation(
        "cancel",
        "POST",
        "/bookings/{booking}/cancel",
        "bookings:write",
        "Cancel a booking with the refund that was shown",
        shapes.Cancelled,
        body=shapes.CancelAsked,
        tags=_BOOKINGS,
    )
)
def cancel(session: Session, body: shapes.CancelAsked, now: datetime, booking: str) -> shapes.Cancelled:
    """Cancel by the rules under which it was made."""
    return writes.cancel(session, token(), references.parse(booking), body, now=now)


@bp.get("/openapi.json")
@access.public
def openapi() -> Response:
    """The document of all of this, OpenAPI 3.1."""
    return Response(document.text(), mimetype="application/json", headers={"Cache-Control": "public, max-age=300"})
