"""The sign-in library's view of our tables, over a session of its own.

The library commits this session itself at the end of its views: the one named exception to "the entry point
commits" (docs/decisions/0002-sign-in-library.md). Nothing else uses the session.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from flask import Flask, current_app, has_request_context
from flask.globals import app_ctx
from flask_security import RoleMixin, SQLAlchemySessionUserDatastore, UserMixin, WebAuthnMixin
from flask_security.utils import get_message
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, joinedload, relationship, scoped_session

from portal.accounts import services
from portal.accounts.models import Account, Passkey, Person
from portal.kernel import clock, database
from portal.settings import Settings
from portal.web import locale


class SignInPasskey(Passkey, WebAuthnMixin):
    """A passkey as the library handles it; the same table."""


class SignInAccount(Account, UserMixin):  # type: ignore[misc]  # the mixin types nullable columns as not null
    """An account as the library handles it; the same table."""

    webauthn: Mapped[list[SignInPasskey]] = relationship(  # type: ignore[assignment]  # a list of the mixin's own subclass
        SignInPasskey, cascade="all, delete-orphan"
    )

    #: The library's own roles are not used: access is `portal.web.access` on our grants.
    roles: tuple[Any, ...] = ()  # type: ignore[assignment]  # never filled

    def _second_factor_required(self) -> bool:
        settings: Settings = current_app.extensions["portal"]
        return bool(self.is_staff and settings.production)

    def check_tf_required(self, tf_setup_methods: list[tuple[str, str]], tf_fresh: bool) -> tuple[bool, Any]:  # noqa: FBT001 - the library's signature
        """Staff in production always need a second factor; everybody who has set one up is asked for it."""
        if self._second_factor_required():
            return True, tf_setup_methods
        required, methods = super().check_tf_required(tf_setup_methods, tf_fresh)
        return bool(required), methods

    def check_tf_required_setup(self) -> bool:
        """Whether the second factor cannot be switched off."""
        return self._second_factor_required()

    def is_locked(self, form_error: list[str] | None = None) -> bool:
        """An account that was switched off is refused on every way in (the library forgets it for passkeys)."""
        if self.active:
            return False
        if form_error is not None:
            form_error.append(get_message("DISABLED_ACCOUNT")[0])
        return True


def _scope() -> int:
    return id(app_ctx._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - a proxy; what identifies a request's context


def _new_session() -> Session:
    return database.new_session()


#: One session a request, removed at its end.
sessions: scoped_session[Session] = scoped_session(_new_session, scopefunc=_scope)  # type: ignore[arg-type]  # any callable makes sessions


_ONLY_READING = "only reading"


class Datastore(SQLAlchemySessionUserDatastore):
    """Accounts and passkeys for the library."""

    def __init__(self) -> None:
        super().__init__(sessions, SignInAccount, RoleMixin, SignInPasskey)

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> SignInAccount | None:  # noqa: FBT001, FBT002 - the library's signature
        """One account by one attribute, with what every page needs of it."""
        attribute, value = kwargs.popitem()
        query = _one_by(attribute, case_insensitive)
        # One statement: every page of somebody who is signed in begins with it. While the visitor is being found out nothing is
        # written, so that no transaction is opened and closed around it.
        if sessions().info.get(_ONLY_READING) and not sessions().in_transaction():
            sessions.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        wanted = str(value).lower() if case_insensitive else value
        return sessions.scalars(query, {"value": wanted}).unique().one_or_none()

    def create_user(self, **kwargs: Any) -> SignInAccount:
        """Make the account and its person.

        Raises:
            EmailTaken: somebody registered the same address at the same moment.
        """
        email = str(kwargs["email"])
        account = SignInAccount(
            email=email,
            password=kwargs.get("password"),
            active=True,
            fs_uniquifier=uuid.uuid4().hex,
            fs_webauthn_user_handle=uuid.uuid4().hex,
            locale=locale.current() if has_request_context() else "ja",
            display_name="",
        )
        account.person = Person(email=email, source="self", created_at=clock.now(), changed_at=clock.now())
        sessions.add(account)
        try:
            sessions.flush()
        except IntegrityError as error:
            sessions.rollback()
            if database.constraint_of(error) == "uq_account_email_lower":
                raise services.EmailTaken from error
            raise
        return account


@cache
def _one_by(attribute: str, folded: bool) -> Select[SignInAccount]:  # noqa: FBT001 - the key of a cache
    """Made once: SQLAlchemy takes as long to put it together as the database to answer it."""
    column = getattr(SignInAccount, attribute)
    condition = func.lower(column) == bindparam("value") if folded else column == bindparam("value")
    return select(SignInAccount).options(joinedload(SignInAccount.grants)).where(condition)


def by_number(number: str) -> SignInAccount | None:
    """The account of somebody who signs in with a number."""
    return sessions.scalars(_one_by("number", folded=False), {"value": number}).unique().one_or_none()


def init_app(app: Flask) -> None:
    """End the library's session with each request."""

    @app.teardown_appcontext
    def remove(_error: BaseException | None) -> None:
        sessions.remove()


@contextmanager
def reading() -> Iterator[None]:
    """Find out who it is; the connection is given back before the page's own work.

    Only used before a view runs: what a view of the library writes is committed by the library.
    """
    info = sessions().info
    info[_ONLY_READING] = True
    try:
        yield
    finally:
        del info[_ONLY_READING]
    sessions.commit()
