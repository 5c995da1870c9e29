"""The public page that says whether a document is one that the city gave out."""

from __future__ import annotations

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from forms.services import verifying
from forms.web.blueprint import bp
from portal.accounts import throttle
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.web import access

LARGEST = 10 * 1024 * 1024
MOST_FROM_ONE_ADDRESS = 60
"""Documents that one household, office or carrier looks at in a quarter of an hour."""


@bp.get("/documents/verify")
@access.public
def verify() -> ResponseReturnValue:
    """Choose a file, or type a number."""
    return render_template("forms/verify.html", asked="", error="", verified=None, found=None)


@bp.post("/documents/verify")
@access.public
def verify_document() -> ResponseReturnValue:
    """Look at the file or number; nothing of it is kept."""
    upload, typed = request.files.get("document"), request.form.get("number", "").strip()[:80]
    content = upload.stream.read(LARGEST + 1) if upload is not None else b""
    if upload is not None:
        upload.close()
    error, verified, found = "", None, None
    with unit_of_work() as session:
        # Numbers follow each other: nobody counts through the city's register.
        throttle.take(
            session,
            subject="document-verification",
            origin=throttle.address_of(request.remote_addr),
            most=MOST_FROM_ONE_ADDRESS,
            now=clock.now(),
        )
    with unit_of_work() as session:
        if content:
            if len(content) > LARGEST or not content.startswith(b"%PDF-"):
                error = "not_pdf"
            else:
                verified = verifying.file(session, content)
        elif typed:
            found = verifying.number(session, typed)
        else:
            error = "nothing"
    if error:
        g.page_has_errors = True
    asked = "file" if verified is not None else "number" if typed and not error else ""
    html = render_template("forms/verify.html", asked=asked, error=error, verified=verified, found=found, number=typed)
    return html, 422 if error else 200
