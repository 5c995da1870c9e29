"""Papers that the desk hands over to somebody who has no account: the permit and the receipts of a booking."""

from __future__ import annotations

from flask import Response
from flask.typing import ResponseReturnValue

from payments import receipts
from portal.accounts.models import Role
from portal.kernel import audit, clock, files, references
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, city, locale
from reservations.models import BookingState
from reservations.queries import bookings
from reservations.queries.bookings import BookingView
from reservations.web.manage import facilities_of
from reservations.web.public import bp

_MANAGER = access.staff(Role.FACILITY_MANAGER)


def _own(reference: str, what: str) -> BookingView:
    """The booking, if it is one of the visitor's facilities; the look is in the audit log."""
    number = references.parse(reference)
    with unit_of_work() as session:
        view = bookings.of_facilities(session, number, facilities_of(access.visitor()))
    if view is None:
        raise NotFound
    actor = access.visitor().actor
    transact(lambda s: audit.record(s, actor=actor, action=what, subject_kind="booking", subject_ref=number))
    return view


def _pdf(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(content, mimetype="application/pdf", headers=headers)


@bp.get("/staff/desk/bookings/<reference>/permit.pdf")
@_MANAGER
def desk_permit(reference: str) -> ResponseReturnValue:
    """The permit, printed at the desk."""
    view = _own(reference, "permit.printed")
    if view.booking.permit_file_id is None or view.state != BookingState.CONFIRMED:
        raise NotFound
    with unit_of_work() as session:
        stored = files.get(session, view.booking.permit_file_id)
        return _pdf(stored.content, stored.name)


@bp.post("/staff/desk/bookings/<reference>/receipts/<receipt_ref>")
@_MANAGER
def desk_receipt(reference: str, receipt_ref: str) -> ResponseReturnValue:
    """A receipt, printed at the desk: the first one is the original, every later one says copy."""
    view = _own(reference, "receipt.printed")
    wanted = next((one for one in view.receipts if one.receipt_ref == references.parse(receipt_ref)), None)
    if wanted is None or wanted.receipt_ref is None:
        raise NotFound
    content, name = receipts.issue(
        wanted.receipt_ref,
        actor=access.visitor().actor,
        locale=locale.current(),
        city_name=city.name().in_locale(locale.current()),
        now=clock.now(),
    )
    return _pdf(content, name)
