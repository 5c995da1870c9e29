"""Find a procedure, read about it."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from forms import fees, queries
from forms.services import proving
from forms.web.blueprint import bp
from portal.accounts.web import identity
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.web import access, locale


@bp.get("/procedures")
@access.public
def catalogue() -> ResponseReturnValue:
    """All procedures, or those that fit a search (?q=)."""
    search = request.args.get("q", "")[:80]
    with unit_of_work() as session:
        entries = queries.catalogue(session, now=clock.now(), search=search)
    return render_template("forms/catalogue.html", entries=entries, search=search, lang=locale.current())


@bp.get("/procedures/<slug>")
@access.public
def procedure(slug: str) -> ResponseReturnValue:
    """One procedure: who, what it costs, what is needed, and the way in."""
    with unit_of_work() as session:
        entry = queries.procedure(session, slug, now=clock.now())
    found = entry.procedure
    fee = fees.lines(found, {}) if found.fee.kind == "fixed" else ()
    # As for somebody who has signed in: everybody can.
    ways = proving.ways(found, proving.level_of(identity.confirmed(), signed_in=True))
    return render_template(
        "forms/procedure.html", entry=entry, procedure=found, fee=fee, ways=ways, lang=locale.current()
    )
