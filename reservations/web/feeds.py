"""Bookings for a person's own calendar: one file, and a feed under a secret address."""

from __future__ import annotations

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.kernel import clock, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.notices import mailer
from portal.web import access, locale
from reservations import messages
from reservations.feeds import calendar_file, queries, services
from reservations.web.forms import EmptyForm
from reservations.web.public import bp

LONGEST_SECRET = 64


def _person() -> int:
    person_id = access.visitor().person_id
    if person_id is None:
        raise NotFound
    return person_id


def _calendar(content: bytes, name: str) -> Response:
    return Response(
        content,
        content_type=calendar_file.MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


@bp.get("/bookings/<reference>/calendar.ics")
@access.resident
def booking_calendar(reference: str) -> ResponseReturnValue:
    """One booking as a calendar file."""
    number = references.parse(reference)
    with unit_of_work() as session:
        entry = queries.own_entry(session, number, _person(), locale=locale.current(), public_url=messages.public_url())
    if entry is None:
        raise NotFound
    return _calendar(
        calendar_file.calendar_file([entry], name=entry.title, domain=mailer.message_domain()), f"{number}.ics"
    )


@bp.get("/my/bookings/calendar")
@access.resident
def calendar_feed() -> ResponseReturnValue:
    """What the feed is, whether there is one, and the buttons."""
    with unit_of_work() as session:
        since = services.opened_at(session, _person())
    return render_template(
        "reservations/calendar_feed.html",
        since=since,
        address=None,
        ended="ended" in request.args and since is None,
        empty=EmptyForm(formdata=None),
    )


@bp.post("/my/bookings/calendar")
@access.resident
def open_calendar_feed() -> ResponseReturnValue:
    """Make a new address, shown this once."""
    person_id, actor = _person(), access.visitor().actor
    spoken = locale.current()
    secret = transact(
        lambda s: services.open_feed(s, person_id=person_id, locale=spoken, actor=actor, now=clock.now_in(s))
    )
    address = messages.public_url() + url_for("reservations.read_calendar_feed", secret=secret)
    page = render_template(
        "reservations/calendar_feed.html", since=clock.now(), address=address, empty=EmptyForm(formdata=None)
    )
    return Response(page, headers={"Cache-Control": "private, no-store"})


@bp.post("/my/bookings/calendar/end")
@access.resident
def end_calendar_feed() -> ResponseReturnValue:
    """The address stops working at once."""
    person_id, actor = _person(), access.visitor().actor
    transact(lambda s: services.end_feed(s, person_id=person_id, actor=actor, now=clock.now_in(s)))
    return redirect(url_for("reservations.calendar_feed", ended="y"), 303)


@bp.get("/calendars/<secret>.ics")
@access.public
def read_calendar_feed(secret: str) -> ResponseReturnValue:
    """The feed, for calendar programs: whoever knows the address. No name is in it."""
    if len(secret) > LONGEST_SECRET:
        raise NotFound
    with unit_of_work() as session:
        feed = services.feed_of(session, secret)
        if feed is None:
            raise NotFound
        entries = queries.entries_of(
            session, feed.person_id, locale=feed.locale, public_url=messages.public_url(), now=clock.now_in(session)
        )
    content = calendar_file.calendar_file(entries, name=gettext("施設の予約"), domain=mailer.message_domain())
    return _calendar(content, "bookings.ics")
