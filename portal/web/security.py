"""What every answer carries: a strict content policy, safe cookies, a token in every form."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

from portal.settings import Settings

csrf = CSRFProtect()

#: Where a form may lead to beside us: Chromium applies form-action to redirects, and paying goes to the provider's page.
_FORM_TARGETS = ("'self'", "https://checkout.stripe.com")
_OWN_MACHINE = {"localhost", "127.0.0.1"}


def content_policy(settings: Settings) -> str:
    """The Content-Security-Policy: nothing inline, nothing foreign; forms lead to us and to the provider that takes the money."""
    targets = [*_FORM_TARGETS]
    if settings.payment_provider == "hosted" and settings.hosted_base:
        page = urlsplit(settings.hosted_base)
        targets.append(f"{page.scheme}://{page.netloc}")
    return "; ".join(
        [
            "default-src 'self'",
            "img-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            f"form-action {' '.join(targets)}",
        ],
    )


def _headers(settings: Settings) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": content_policy(settings),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if settings.production:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers


def _one_name(public_url: str) -> ResponseReturnValue | None:
    """`localhost` and `127.0.0.1` are two sites for a browser: one's cookies and forms end where a link names the other."""
    asked, ours = urlsplit(request.host_url), urlsplit(public_url)
    if request.method != "GET" or asked.hostname == ours.hostname or asked.port != ours.port:
        return None
    if not {asked.hostname, ours.hostname} <= _OWN_MACHINE:
        return None
    return redirect(public_url + request.full_path.removesuffix("?"), 302)


def init_app(app: Flask, settings: Settings) -> None:
    """Configure cookies and CSRF, and put the headers on every answer."""
    secure = settings.public_url.startswith("https://")
    app.config.update(
        SESSION_COOKIE_NAME="__Host-madoguchi" if secure else "madoguchi",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        # A token lives as long as the session: nobody loses a long form to a clock.
        WTF_CSRF_TIME_LIMIT=None,
        # Behind a proxy the scheme is what the proxy says; the token itself and SameSite protect.
        WTF_CSRF_SSL_STRICT=secure,
    )
    csrf.init_app(app)
    if settings.mode == "development":
        app.before_request(partial(_one_name, settings.public_url))

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in _headers(settings).items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static":
            if "v" in request.args:
                response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            # Pages hold people's own data: no shared or later copy.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
