"""Content encrypted at rest: AES-256-GCM with keys that have a name, so that they can be changed without reading everything anew.

What is sealed is bound to what it is about (`about`): sealed content put into another row's place does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32
_ENTRY = re.compile(r"([a-z0-9][a-z0-9-]{0,30}):([A-Za-z0-9+/_=-]+)")


class SealedError(RuntimeError):
    """Sealed content that does not open: its key is not among the configured ones, or it was altered."""


class KeysError(ValueError):
    """The keys as configured cannot be read. The message never holds one."""


class _Ring:
    keys: dict[str, AESGCM] = {}  # noqa: RUF012 - handed over once at start
    newest = ""


def parse(text: str) -> dict[str, bytes]:
    """Keys from `name:base64` entries, divided by commas or blanks; the first one seals.

    Raises:
        KeysError: an entry that is none, a name twice, a key that has not 32 bytes.
    """
    found: dict[str, bytes] = {}
    for number, entry in enumerate(re.split(r"[,\s]+", text.strip()), start=1):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise KeysError(f"key {number} is not of the form name:base64")
        name, encoded = match[1], match[2].replace("-", "+").replace("_", "/")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except binascii.Error as error:
            raise KeysError(f"key {name} is not base64") from error
        if len(key) != KEY_BYTES:
            raise KeysError(f"key {name} has {len(key)} bytes, not {KEY_BYTES}")
        if name in found:
            raise KeysError(f"key {name} is there twice")
        found[name] = key
    return found


def configure(text: str, *, development: str) -> None:
    """Hand over the keys, once at start.

    Args:
        text: see `parse`; empty in development and tests.
        development: what the development key is made of; production never gets here without keys of its own.

    Raises:
        KeysError: see `parse`.
    """
    keys = parse(text) if text else {"development": hashlib.sha256(development.encode()).digest()}
    _Ring.keys = {name: AESGCM(key) for name, key in keys.items()}
    _Ring.newest = next(iter(keys))


def newest() -> str:
    """The name of the key that seals now."""
    return _Ring.newest


def seal(content: bytes, *, about: str) -> tuple[str, bytes]:
    """The name of the key and the sealed content (nonce, ciphertext, tag)."""
    nonce = os.urandom(NONCE_BYTES)
    return _Ring.newest, nonce + _Ring.keys[_Ring.newest].encrypt(nonce, content, about.encode())


def unseal(key_id: str, sealed: bytes, *, about: str) -> bytes:
    """The content again.

    Raises:
        SealedError: no such key, or it was altered or is about something else.
    """
    key = _Ring.keys.get(key_id)
    if key is None:
        raise SealedError(f"the key {key_id} is not configured")
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
    except InvalidTag as error:
        raise SealedError("the content was altered, or belongs to something else") from error
