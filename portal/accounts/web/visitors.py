"""Finds out who sends a request, for `portal.web.access`."""

from __future__ import annotations

from flask import current_app
from flask_login import current_user

from portal.accounts import services
from portal.accounts.web import datastore
from portal.kernel.database import unit_of_work
from portal.settings import Settings
from portal.web import access
from portal.web.access import GUEST_VISITOR, Grant, Visitor


def load() -> Visitor:
    """The visitor of this request, from the session cookie; read before the view runs."""
    with datastore.reading():
        return _of_session()


def _of_session() -> Visitor:
    account = current_user._get_current_object()  # noqa: SLF001 - asked for once instead of at each attribute
    if not account.is_authenticated:
        return GUEST_VISITOR
    settings: Settings = current_app.extensions["portal"]
    return Visitor(
        account_id=account.id,
        person_id=account.person_id,
        is_staff=account.is_staff,
        display_name=account.display_name,
        email=account.email or "",
        locale=account.locale,
        grants=tuple(Grant(grant.role, grant.scope_kind, grant.scope_code) for grant in account.grants),
        second_factor_due=(
            account.is_staff and settings.production and not account.tf_primary_method and not account.webauthn
        ),
    )


def keep_locale(chosen: str) -> None:
    """The visitor chose a language: mails follow it."""
    account_id = access.visitor().account_id
    if account_id is None:
        return
    with unit_of_work() as session:
        services.choose_locale(session, account_id=account_id, locale=chosen)
