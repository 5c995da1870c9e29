"""One decorator makes a route of an operation: who may enter, what is read, what is answered; the document is made from the same facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from portal.accounts import throttle
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound, PortalError
from portal.web import access
from reservations.api import answers, tokens
from reservations.api.answers import Answer
from reservations.api.errors import BadInput, BadRequest, NotJson, ScopeMissing, TokenMissing, TooManyCalls
from reservations.api.models import ApiToken

M = TypeVar("M", bound=BaseModel)

bp = Blueprint("api", __name__, url_prefix="/api/v1", template_folder="../templates")
LARGEST_BODY = 64 * 1024
LONGEST_KEY = 200
_BEARER = "bearer "


@dataclass(frozen=True)
class Operation:
    """A row of the document.

    Attributes:
        scope: what the token has to be for.
        query, body: shapes of what is sent.
        answer: shape of what comes back, with the status of success.
        refused: says more about a refusal, in a transaction of its own once all was rolled back.
    """

    name: str
    method: str
    path: str
    scope: str
    summary: str
    answer: type[BaseModel]
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    tags: tuple[str, ...] = field(default=())
    refused: Callable[[Session, Any, PortalError, datetime], None] | None = None

    @property
    def writes(self) -> bool:
        """Whether it asks for an Idempotency-Key."""
        return self.method != "GET"


OPERATIONS: list[Operation] = []


def enter(scope: str) -> None:
    """Let a token with the scope in; the row is kept for the request.

    Raises:
        TokenMissing, TooManyCalls: as `tokens.enter`.
        ScopeMissing: the token is not for this.
    """
    header = request.headers.get("Authorization", "")
    sent = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
    address = throttle.address_of(request.remote_addr)
    with unit_of_work() as session:
        now = clock.now_in(session)
        failure: Exception | None = None
        try:
            g.api_token = tokens.enter(session, sent, address=address, now=now)
        except (TokenMissing, TooManyCalls) as error:
            failure = error  # the count is committed all the same
    if failure is not None:
        raise failure
    if scope not in g.api_token.scopes:
        raise ScopeMissing(scope)


def token() -> ApiToken:
    """The token of this request."""
    return cast("ApiToken", g.api_token)


def operation(made: Operation) -> Callable[[Callable[..., Any]], Callable[..., ResponseReturnValue]]:
    """Register a view: GET views take (session, query, now, **path), writing ones (session, body, now, **path)."""

    def decorate(view: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
        def run(**path: str) -> ResponseReturnValue:
            for value in path.values():
                if "\x00" in value:
                    raise NotFound
            return _write(made, view, path) if made.writes else _read(made, view, path)

        run.__name__, run.__doc__ = made.name, view.__doc__
        OPERATIONS.append(made)
        address = made.path.replace("{", "<").replace("}", ">")
        bp.add_url_rule(
            address, endpoint=made.name, view_func=access.integration(made.scope)(run), methods=[made.method]
        )
        return run

    return decorate


def _read(made: Operation, view: Callable[..., Any], path: dict[str, str]) -> ResponseReturnValue:
    query = None
    if made.query is not None:
        twice = [name for name, values in request.args.lists() if len(values) > 1]
        if twice:
            raise BadInput([{"where": name, "message": "more than once"} for name in twice])
        query = parsed(made.query, request.args.to_dict())
    with unit_of_work() as session:
        found: BaseModel = view(session, query, clock.now_in(session), **path)
    return _json(found.model_dump(mode="json"), made.status)


def _write(made: Operation, view: Callable[..., Any], path: dict[str, str]) -> ResponseReturnValue:
    request.max_content_length = LARGEST_BODY
    if (request.content_length or 0) > LARGEST_BODY:
        raise RequestEntityTooLarge
    raw = request.get_data(cache=True)
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise BadRequest("Idempotency-Key")
    body = parsed(made.body, _body(raw)) if made.body is not None else None
    digest = answers.digest(request.method, request.path, raw)

    def work(session: Session) -> Answer:
        now: datetime = clock.now_in(session)

        def answer() -> Answer:
            found: BaseModel = view(session, body, now, **path)
            return Answer(made.status, found.model_dump(mode="json"), {})

        return answers.once(session, token_id=token().id, key=key, request=digest, work=answer, now=now)

    try:
        given = transact(work)
    except PortalError as error:
        if made.refused is not None:
            with unit_of_work() as session:
                made.refused(session, body, error, clock.now_in(session))
        raise
    response = _json(given.body, given.status)
    if given.again:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _body(raw: bytes) -> Any:
    if request.mimetype != "application/json":
        raise NotJson
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequest("body") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def parsed(shape: type[M], given: Any) -> M:
    """What was sent, checked.

    Raises:
        BadInput: with every wrong value.
    """
    try:
        return shape.model_validate_json(json.dumps(given)) if given is not None else shape.model_validate(given)
    except ValidationError as error:
        raise BadInput(
            [
                {"where": ".".join(str(step) for step in fault["loc"]), "message": fault["msg"]}
                for fault in error.errors(include_url=False, include_input=False, include_context=False)
            ]
        ) from None
    except ValueError:  # a lone surrogate
        raise BadInput([{"where": "", "message": "not valid Unicode"}]) from None


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")


@bp.after_app_request
def _challenge(response: Response) -> Response:
    """A 401 of the API says how to enter."""
    if response.status_code == 401 and request.path.startswith(f"{bp.url_prefix}/"):
        response.headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return response
