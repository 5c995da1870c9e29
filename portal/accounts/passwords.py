"""What a password must be, and how it is kept: argon2id at OWASP's minimum.

No rules about kinds of characters (NIST SP 800-63B-4 §3.1.1.2): length counts, and not being one of the
passwords that guessers try first.
"""

from __future__ import annotations

import itertools
import unicodedata

from argon2 import PasswordHasher

MIN_LENGTH = 10
MAX_LENGTH = 128

#: OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane.
MEMORY_KIB = 19456
PASSES = 2
LANES = 1

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)

#: The cores of what is guessed first, digits and signs around them taken off.
_GUESSED = frozenset(
    {
        *("password", "passw0rd", "pass", "p@ssword", "p@ssw0rd", "qwerty", "qwertyuiop", "asdfghjkl", "zxcvbnm"),
        *("qazwsx", "qazwsxedc", "1qaz2wsx", "iloveyou", "welcome", "admin", "administrator", "letmein", "monkey"),
        *("dragon", "sunshine", "princess", "football", "baseball", "superman", "batman", "master", "login", "abc"),
        *("abcd", "abcde", "abcdef", "abcdefg", "abcdefgh", "sakura", "doraemon", "pokemon", "nintendo"),
        *("koga", "ibaraki", "kogashi", "madoguchi", "パスワード", "ぱすわーど", "あいうえお"),
    },
)


def normalise(password: str) -> str:
    """NFKD, as the sign-in library does before it hashes: the same keys give the same password on every device."""
    return unicodedata.normalize("NFKD", password)


def hash_password(password: str) -> str:
    """The argon2id hash of a password that was checked with `problems`."""
    return _hasher.hash(normalise(password))


def _is_run(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(text)}
    return len(text) > 1 and steps in ({0}, {1}, {-1})


def _repeats(text: str) -> bool:
    return any(
        text == text[:size] * (len(text) // size) for size in range(1, len(text) // 2 + 1) if not len(text) % size
    )


def problems(password: str, *, email: str = "") -> list[str]:
    """Why a password is not good enough, as codes: too_short, too_long, guessable, like_email.

    Args:
        password: as typed.
        email: the account's mail address; the password must not be made of it.
    """
    found: list[str] = []
    if len(password) < MIN_LENGTH:
        found.append("too_short")
    if len(password) > MAX_LENGTH:
        found.append("too_long")
    plain = normalise(password).casefold()
    core = plain.strip("0123456789!?.,-_+*#$%&@ ")
    if core in {normalise(word) for word in _GUESSED} or not core or _is_run(plain) or _repeats(plain):
        found.append("guessable")
    local = email.partition("@")[0].casefold()
    if email and (plain == email.casefold() or (len(local) >= 4 and core == local)):
        found.append("like_email")
    return found
