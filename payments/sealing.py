"""Bank accounts of refunds and registrations, unreadable in the database and its copies: sealed with a key made of the portal's secret."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class AccountKind(StrEnum):
    """Kinds of account, with the codes of 全銀 files in mind (1, 2, 4)."""

    ORDINARY = "ordinary"
    """普通."""
    CURRENT = "current"
    """当座."""
    SAVINGS = "savings"
    """貯蓄."""

    @property
    def zengin(self) -> str:
        """預金種目 in the banks' files."""
        return {AccountKind.ORDINARY: "1", AccountKind.CURRENT: "2", AccountKind.SAVINGS: "4"}[self]


@dataclass(frozen=True)
class BankAccount:
    """Where a refund is transferred to. `holder` is the holder in katakana, as on the passbook."""

    bank_code: str
    branch_code: str
    kind: AccountKind
    number: str
    holder: str


class _Key:
    fernet: Fernet | None = None


def configure(secret: str) -> None:
    """Make the key. Safe to call again."""
    derived = HKDF(SHA256(), 32, salt=b"portal", info=b"payments refund account").derive(secret.encode())
    _Key.fernet = Fernet(base64.urlsafe_b64encode(derived))


def seal(account: BankAccount) -> bytes:
    """An account as bytes that say nothing without the key."""
    return _fernet().encrypt(json.dumps(asdict(account), ensure_ascii=False).encode())


def unseal(sealed: bytes) -> BankAccount:
    """The account again.

    Raises:
        cryptography.fernet.InvalidToken: sealed with another secret.
    """
    facts = json.loads(_fernet().decrypt(sealed))
    return BankAccount(**{**facts, "kind": AccountKind(facts["kind"])})


def seal_file(content: bytes) -> bytes:
    """A file full of accounts as bytes that say nothing without the key."""
    return _fernet().encrypt(content)


def unseal_file(sealed: bytes) -> bytes:
    """The file again.

    Raises:
        cryptography.fernet.InvalidToken: sealed with another secret.
    """
    return _fernet().decrypt(sealed)


def _fernet() -> Fernet:
    if _Key.fernet is None:
        raise RuntimeError("payments.sealing is not configured")
    return _Key.fernet
