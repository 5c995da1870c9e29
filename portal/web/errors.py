"""Errors as pages that help, or as problem JSON (RFC 9457) where the client asks for JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from portal.kernel.errors import PortalError
from portal.web import access, city, error_texts

log = structlog.get_logger(__name__)

_CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many",
    503: "unavailable",
}
#: Never sent back to the page, not even as a hidden field.
_UNREPEATABLE = ("csrf_token", "password", "code", "credential")


def wants_json() -> bool:
    """Whether the client prefers JSON to a page. Below /api/ nothing else is answered."""
    if request.path.startswith("/api/"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best in {"application/json", "application/problem+json"}


def problem(code: str, status: int, error: object = None) -> Response:
    """The error as problem JSON (RFC 9457); an error may add facts of its own (`problem`)."""
    detail = error_texts.sentence(error)
    body = {
        "type": f"urn:madoguchi:problem:{code}",
        "title": error_texts.words(code, status),
        "status": status,
        **({"detail": detail} if detail else {}),
        "code": code,
        **getattr(error, "problem", {}),
    }
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/problem+json")


def page(code: str, status: int, **context: Any) -> ResponseReturnValue:
    """The error as a page: what happened, what was kept, what to do next."""
    if wants_json():
        return problem(code, status, context.get("error"))
    helpful = error_texts.help_for(status)
    html = render_template(
        "errors/error.html",
        status=status,
        code=code,
        what=error_texts.sentence(context.get("error")) or error_texts.words(code, status),
        kept=context.pop("kept", helpful.kept),
        next_step=context.pop("next_step", helpful.next_step),
        request_id=g.get("request_id", ""),
        **context,
    )
    return html, status


def _portal_error(error: PortalError) -> ResponseReturnValue:
    if isinstance(error, access.NotSignedIn) and not wants_json():
        if request.method != "GET" and (typed := _typed()):
            return _signed_out(typed)
        target = request.full_path.rstrip("?") if request.method == "GET" else url_for("web.my_page")
        return redirect(url_for("security.login", next=target), 303)
    if isinstance(error, access.SecondFactorMissing) and not wants_json():
        return redirect(url_for("security.two_factor_setup"), 303)
    if isinstance(error, access.Undeclared):
        log.error("view states no access", endpoint=error.endpoint)
    if error.status >= 500:
        log.error("portal error", code=error.code, exc_info=error)
    answer = page(error.code, error.status, error=error)
    wait = getattr(error, "retry_after", None)
    if not isinstance(wait, timedelta):
        return answer
    response = make_response(answer)
    response.headers["Retry-After"] = str(max(1, round(wait.total_seconds())))
    return response


def _same_origin() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    return bool(origin) and urlsplit(origin).netloc == request.host


def _typed() -> list[tuple[str, str]]:
    """What was typed, to be offered again; nothing where the browser does not say that it came from our page."""
    if not _same_origin() or request.files:
        return []
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if not any(part in name for part in _UNREPEATABLE)
    ]


def _signed_out(typed: list[tuple[str, str]]) -> ResponseReturnValue:
    """The session ended while a form was being filled in: sign in beside it, then send it again."""
    return page(
        "signed_out",
        access.NotSignedIn.status,
        repeat=typed,
        target=request.full_path.rstrip("?"),
        sign_in=url_for("security.login", next=url_for("web.my_page")),
    )


def _stale_form(_error: CSRFError) -> ResponseReturnValue:
    """The token does not fit the session: offer what was typed again."""
    typed = _typed()
    view = current_app.view_functions.get(request.endpoint or "")
    rule: access.Rule | None = getattr(view, "access", None)
    if typed and rule is not None and rule.kind not in {"public", "provider"} and not access.visitor().signed_in:
        return _signed_out(typed)
    return page("stale_form", 400, repeat=typed, target=request.full_path.rstrip("?"))


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response
    status = error.code or 500
    if status < 400:
        return error.get_response()
    answer = page(_CODES.get(status, "error"), status)
    if status == 405:
        response = make_response(answer)
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        return response
    return answer


def _unexpected(error: Exception) -> ResponseReturnValue:
    # The page about the error must not fail for the same reason.
    g.setdefault("visitor", access.GUEST_VISITOR)
    g.setdefault("_login_user", None)
    log.error("unexpected error", exc_info=error)
    return page("error", 500)


def _database_away(error: OperationalError) -> ResponseReturnValue:
    """The database does not answer (it is starting again): a wait, not a fault of the page."""
    g.setdefault(city.DATABASE_AWAY, True)
    g.setdefault("visitor", access.GUEST_VISITOR)
    g.setdefault("_login_user", None)
    log.error("database away", reason=type(error.orig).__name__)
    # Whether the last thing was kept is not known here.
    answer = make_response(page("unavailable", 503, kept=error_texts.help_for(500).kept))
    answer.headers["Retry-After"] = "5"
    return answer


def init_app(app: Flask) -> None:
    """Answer every error with words from the catalogue."""
    app.register_error_handler(PortalError, _portal_error)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_away)
    if not app.debug:
        app.register_error_handler(Exception, _unexpected)
