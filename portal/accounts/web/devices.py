"""Devices that have signed in to an account before: their own count of wrong passwords, untouched by guessers elsewhere.

The cookie is signed and holds a random name of the device and keyed hashes of the accounts, at the most five.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from portal.accounts import throttle
from portal.settings import Settings

_COOKIE = "madoguchi_device"
_KEPT = timedelta(days=400)
_ACCOUNTS = 5


def _serializer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_key, salt="device")


def _read() -> dict[str, Any]:
    settings: Settings = current_app.extensions["portal"]
    try:
        found = _serializer(settings).loads(request.cookies.get(_COOKIE, ""))
    except BadSignature:
        return {}
    return found if isinstance(found, dict) else {}


def origin_of(subject: str) -> str | None:
    """`device:…` where this device has signed in to the account before."""
    known = _read()
    return f"device:{known['device']}" if subject in known.get("accounts", []) else None


def remember(email: str) -> None:
    """Note at the end of this request that the device knows the account."""
    settings: Settings = current_app.extensions["portal"]
    subject = throttle.subject_of(settings.secret_key, "account", email)
    known = _read()
    accounts = [subject, *(other for other in known.get("accounts", []) if other != subject)][:_ACCOUNTS]
    value = _serializer(settings).dumps(
        {"device": known.get("device") or secrets.token_urlsafe(12), "accounts": accounts}
    )

    @after_this_request
    def write(response: Response) -> Response:
        response.set_cookie(
            _COOKIE,
            str(value),
            max_age=_KEPT,
            httponly=True,
            secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
            samesite="Lax",
        )
        return response
