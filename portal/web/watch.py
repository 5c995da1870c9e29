"""Watchfulness: request ids, one log line a request, `/healthz`, `/readyz`, Prometheus metrics."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import time

import structlog
from flask import Blueprint, Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client import REGISTRY as PROCESS
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.kernel import database, migrate
from portal.web import access

log = structlog.get_logger(__name__)
bp = Blueprint("watch", __name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
REQUESTS = Counter("portal_requests_total", "Requests answered", ["method", "endpoint", "status"])
SECONDS = Histogram(
    "portal_request_seconds",
    "Seconds from request to answer",
    ["endpoint"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


@bp.get("/healthz")
@access.public
def healthz() -> ResponseReturnValue:
    """Whether this process answers at all."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
@access.public
def readyz() -> ResponseReturnValue:
    """Whether it can serve people: the database answers and has every migration."""
    try:
        with database.unit_of_work() as session:
            session.execute(text("SELECT 1"))
        behind = migrate.pending(database.engine().url.render_as_string(hide_password=False))
    except SQLAlchemyError:
        return Response("database: no answer\n", status=503, mimetype="text/plain")
    if behind:
        return Response("database: run portal migrate\n", status=503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")


@bp.get("/metrics")
@access.public
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus; with METRICS_TOKEN set, only to its bearer, in production never without one."""
    settings = current_app.extensions["portal"]
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.metrics_token:
        if not hmac.compare_digest(sent.encode(), settings.metrics_token.encode()):
            abort(404)
    elif settings.production:
        abort(404)
    registry = PROCESS
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped in the library
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    response.headers["X-Request-Id"] = g.get("request_id", "")
    REQUESTS.labels(request.method, endpoint, response.status_code).inc()
    SECONDS.labels(endpoint).observe(seconds)
    if endpoint not in {"static", "watch.healthz", "watch.readyz", "watch.metrics"}:
        # The endpoint, not the address: an address may hold a reference or what a person searched for.
        log.info(
            "request", method=request.method, endpoint=endpoint, status=response.status_code, ms=round(seconds * 1000)
        )
    return response


def init_app(app: Flask) -> None:
    """Hang it on the application; called first, so that the request id is there for everything else."""
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(bp)
