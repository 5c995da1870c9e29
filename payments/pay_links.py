"""An address that opens one charge's page to whoever has it: for people without an account, whose booking another system made.

Its secret is made from the charge's reference with the portal's key; nothing is stored. It opens that page, its provider's page and
its receipt, nothing else of the payer.
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


def secret_of(charge_ref: str) -> str:
    """The secret in the address: 16 characters (80 bits)."""
    digest = hmac.new(_Portal.secret, f"pay:{charge_ref}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode()


def address(charge_ref: str) -> str:
    """The whole address."""
    return f"{_Portal.url}/pay/links/{charge_ref}/{secret_of(charge_ref)}"


def fits(charge_ref: str, secret: str) -> bool:
    """Whether the secret belongs to the charge."""
    return hmac.compare_digest(secret_of(charge_ref).encode(), secret.strip().upper().encode())
