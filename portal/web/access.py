"""Who may enter: every view states it, and whatever does not is refused.

    @bp.get("/my/bookings")
    @access.resident
    def bookings() -> ResponseReturnValue: ...

A decorator only marks the view; the check runs before the request for every endpoint, so that a view that was
forgotten answers nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from flask import Flask, current_app, g, request

from portal.kernel.audit import GUEST, Actor
from portal.kernel.errors import Forbidden, NotFound, PortalError
from portal.web.security import csrf

F = TypeVar("F", bound=Callable[..., Any])

_EXTENSION = "portal.visitor"
_INTEGRATIONS = "portal.integrations"


@dataclass(frozen=True, slots=True)
class GuestWay:
    """Where somebody goes who has no account, in place of signing in to see a page."""

    url: str
    words: str


_guest_ways: list[Callable[[str], GuestWay | None]] = []


def register_guest_way(way: Callable[[str], GuestWay | None]) -> None:
    """Add a function from the path that asked for signing in to the way for guests; None: that path is not its own."""
    if way not in _guest_ways:
        _guest_ways.append(way)


def guest_way(path: str | None) -> GuestWay | None:
    """What the sign-in page offers besides signing in, to whoever came from this path."""
    return next((found for way in _guest_ways if (found := way(path or "")) is not None), None)


@dataclass(eq=False)
class NotSignedIn(PortalError):
    """The page is for people who signed in; a browser is sent to the sign-in page and comes back."""

    code: ClassVar[str] = "not_signed_in"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class ResidentsOnly(Forbidden):
    """A staff account has no applications or bookings of its own."""

    code: ClassVar[str] = "residents_only"


@dataclass(eq=False)
class RoleMissing(Forbidden):
    """Signed in, but without any of the roles that the page is for."""

    code: ClassVar[str] = "role_missing"
    roles: tuple[str, ...]


@dataclass(eq=False)
class SecondFactorMissing(Forbidden):
    """Staff have to set up a second factor before they see anybody's data."""

    code: ClassVar[str] = "second_factor_missing"


@dataclass(eq=False)
class Undeclared(Forbidden):
    """The view does not say who may enter: a mistake of ours, refused for everybody."""

    code: ClassVar[str] = "undeclared"
    endpoint: str


@dataclass(frozen=True)
class Grant:
    """One role, for the whole city (`none`, empty code) or within a department or facility."""

    role: str
    scope_kind: str = "none"
    scope_code: str = ""


@dataclass(frozen=True)
class Visitor:
    """Who sends this request. A guest has no account; a staff account has no person."""

    account_id: int | None = None
    person_id: int | None = None
    is_staff: bool = False
    display_name: str = ""
    email: str = ""
    locale: str = "ja"
    grants: tuple[Grant, ...] = ()
    #: Staff who must set up a second factor first (production).
    second_factor_due: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether there is an account."""
        return self.account_id is not None

    @property
    def roles(self) -> frozenset[str]:
        """The roles held, whatever their scope."""
        own = {"resident"} if self.person_id is not None else set()
        return frozenset({grant.role for grant in self.grants} | own)

    @property
    def actor(self) -> Actor:
        """The visitor as the audit log names it."""
        if self.account_id is None:
            return GUEST
        return Actor(self.account_id, "staff" if self.is_staff else "resident")

    def may(self, role: str, scope_kind: str = "none", scope_code: str = "") -> bool:
        """Whether the role is held: for the whole city, or within exactly this department or facility."""
        wanted = {("none", ""), (scope_kind, scope_code)}
        return any(grant.role == role and (grant.scope_kind, grant.scope_code) in wanted for grant in self.grants)

    def scopes(self, role: str, scope_kind: str) -> set[str]:
        """The departments or facilities in which the role is held."""
        return {grant.scope_code for grant in self.grants if grant.role == role and grant.scope_kind == scope_kind}


GUEST_VISITOR = Visitor()


@dataclass(frozen=True)
class Rule:
    """What a view states.

    `kind` is public, provider, signed_in, resident, staff (with any of `roles`), integration (a token for the scope in `roles`) or
    closed (nobody).
    """

    kind: str
    roles: tuple[str, ...] = ()

    def check(self, who: Visitor) -> None:
        """Refuse whoever may not enter.

        Raises:
            NotSignedIn, ResidentsOnly, RoleMissing, SecondFactorMissing: why.
            NotFound: the feature is not offered.
        """
        if self.kind == "closed":
            raise NotFound
        if self.kind in {"public", "provider"}:
            return
        if not who.signed_in:
            raise NotSignedIn
        if self.kind == "resident" and who.person_id is None:
            raise ResidentsOnly
        if self.kind == "staff":
            if not who.is_staff or (self.roles and not who.roles.intersection(self.roles)):
                raise RoleMissing(self.roles)
            if who.second_factor_due:
                raise SecondFactorMissing


def _mark(view: F, rule: Rule) -> F:
    cast("Any", view).access = rule
    return view


def public(view: F) -> F:
    """Everybody."""
    return _mark(view, Rule("public"))


def provider(view: F) -> F:
    """Another system, which signs what it sends; the view checks the signature. No CSRF token is asked."""
    return cast("F", csrf.exempt(_mark(view, Rule("provider"))))


def integration(scope: str) -> Callable[[F], F]:
    """Another system with a token of this scope (`set_integration_guard`). No CSRF token is asked: there is no cookie."""

    def decorate(view: F) -> F:
        return cast("F", csrf.exempt(_mark(view, Rule("integration", (scope,)))))

    return decorate


def signed_in(view: F) -> F:
    """Any account."""
    return _mark(view, Rule("signed_in"))


def resident(view: F) -> F:
    """An account with a person of its own."""
    return _mark(view, Rule("resident"))


def staff(*roles: str) -> Callable[[F], F]:
    """A staff account with any of the roles; any staff account where none is named."""

    def decorate(view: F) -> F:
        return _mark(view, Rule("staff", tuple(str(role) for role in roles)))

    return decorate


def declare(app: Flask, endpoint: str, rule: Rule) -> None:
    """State who may enter a view that a library brings.

    Raises:
        LookupError: there is no such endpoint.
    """
    if endpoint not in app.view_functions:
        raise LookupError(endpoint)
    _mark(app.view_functions[endpoint], rule)


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """What an endpoint states; static files are public."""
    if endpoint == "static":
        return Rule("public")
    found = getattr(app.view_functions.get(endpoint), "access", None)
    return found if isinstance(found, Rule) else None


def visitor() -> Visitor:
    """Who sends this request; read once a request."""
    if "visitor" not in g:
        load = current_app.extensions.get(_EXTENSION)
        g.visitor = load() if load else GUEST_VISITOR
    return cast("Visitor", g.visitor)


def set_loader(app: Flask, load: Callable[[], Visitor]) -> None:
    """Hand over how the visitor is found (portal.accounts.web does)."""
    app.extensions[_EXTENSION] = load


def set_integration_guard(app: Flask, enter: Callable[[str], None]) -> None:
    """Hand over who lets other systems in: called with the scope, raises where the token is not good for it."""
    app.extensions[_INTEGRATIONS] = enter


def forget_visitor() -> None:
    """Read the visitor anew at the next question (after signing in or out within a request)."""
    g.pop("visitor", None)


def _guard() -> None:
    if request.endpoint is None or request.endpoint == "static":
        return
    rule = rule_of(current_app, request.endpoint)
    if rule is None:
        raise Undeclared(request.endpoint)
    if rule.kind == "integration":
        current_app.extensions[_INTEGRATIONS](rule.roles[0])
    elif rule.kind != "provider":
        rule.check(visitor())


def init_app(app: Flask) -> None:
    """Refuse every request whose view does not let the visitor in."""
    app.before_request(_guard)
