"""Addresses that open one page to whoever has them, for people without an account.

Of a charge (a booking that another system made): its page, its provider's page and its receipt. Of a refund: the page that asks for the
bank account. The secret is made from the reference with the portal's key; nothing is stored, and nothing else of the payer is opened.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


class _Portal:
    secret = b""
    url = "http://localhost"


def configure(secret: str, public_url: str) -> None:
    """What the secrets are made with, and where the pages are."""
    _Portal.secret, _Portal.url = secret.encode(), public_url


def secret_of(reference: str, *, what: str = "pay") -> str:
    """The secret in the address: 16 characters (80 bits)."""
    digest = hmac.new(_Portal.secret, f"{what}:{reference}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode()


def address(charge_ref: str) -> str:
    """The whole address."""
    return f"{_Portal.url}/pay/links/{charge_ref}/{secret_of(charge_ref)}"


def fits(charge_ref: str, secret: str) -> bool:
    """Whether the secret belongs to the charge."""
    return hmac.compare_digest(secret_of(charge_ref).encode(), secret.strip().upper().encode())


def refund_address(refund_ref: str) -> str:
    """The whole address of the page that asks for a refund's bank account."""
    return f"{_Portal.url}/pay/refunds/links/{refund_ref}/{secret_of(refund_ref, what='refund')}"


def refund_fits(refund_ref: str, secret: str) -> bool:
    """Whether the secret belongs to the refund."""
    return hmac.compare_digest(secret_of(refund_ref, what="refund").encode(), secret.strip().upper().encode())
