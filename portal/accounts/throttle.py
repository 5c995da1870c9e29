"""Slows down whoever guesses, never the owner of the account.

Failures are counted per (account, origin), in rows, so that every process sees them. The origin is the
guesser's network, or a device that has signed in to this account before: a guesser fills up the count of his own
network only; the owner at home, on the telephone network or at a known device is not touched. The row is
incremented before the password is looked at, under its lock, so that parallel guesses are counted too.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import case, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.accounts.models import Guess
from portal.kernel.errors import TooMany

WINDOW = timedelta(minutes=15)
#: Wrong passwords for one account from one network within the window.
PER_NETWORK = 5
#: The same from a device that knows the account.
PER_DEVICE = 10
#: Wrong passwords for all accounts together from one address (an office or a carrier shares one).
PER_ADDRESS = 100
#: Mails that one address is sent on request within the window.
MAILS = 4
#: New accounts asked for from one address within the window (an office or a carrier shares one).
REGISTRATIONS = 30
EVERYBODY = "*"


@dataclass(eq=False)
class TooManyGuesses(TooMany):
    """This origin has guessed too often; others are not affected."""

    code: ClassVar[str] = "too_many_guesses"
    retry_after: timedelta


def subject_of(secret: str, kind: str, name: str) -> str:
    """A keyed hash of whom the guess is about: the table tells nobody which mail addresses there are."""
    return hmac.new(secret.encode(), f"{kind}:{name.strip().casefold()}".encode(), hashlib.sha256).hexdigest()


def network_of(address: str | None) -> str:
    """The network that a guesser can change addresses in: /24 for IPv4, /56 for IPv6."""
    return _network(address, 24, 56)


def address_of(address: str | None) -> str:
    """One household, office or carrier gateway: the IPv4 address, /64 for IPv6."""
    return _network(address, 32, 64)


def _network(address: str | None, bits_4: int, bits_6: int) -> str:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "net:unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    bits = bits_4 if parsed.version == 4 else bits_6
    return f"net:{ipaddress.ip_network((parsed, bits), strict=False)}"


def take(session: Session, *, subject: str, origin: str, most: int, now: datetime) -> None:
    """Count one try before it is made.

    Args:
        session: a transaction of its own, committed whatever the try gives.
        subject: from `subject_of`, or `EVERYBODY`.
        origin: a network or `device:…`.
        most: tries within the window.
        now: aware.

    Raises:
        TooManyGuesses: this origin has none left.
    """
    fresh = Guess.window_started_at <= now - WINDOW
    row = session.execute(
        insert(Guess)
        .values(subject=subject, origin=origin, failures=1, window_started_at=now)
        .on_conflict_do_update(
            index_elements=[Guess.subject, Guess.origin],
            set_={
                "failures": case((fresh, 1), else_=func.least(Guess.failures + 1, most + 1)),
                "window_started_at": case((fresh, now), else_=Guess.window_started_at),
            },
        )
        .returning(Guess.failures, Guess.window_started_at),
    ).one()
    if row.failures > most:
        raise TooManyGuesses(row.window_started_at + WINDOW - now)


def give_back(session: Session, *, subject: str, origin: str) -> None:
    """The try was none of a guesser (right password): take it off the count."""
    session.execute(
        update(Guess)
        .where(Guess.subject == subject, Guess.origin == origin)
        .values(failures=func.greatest(Guess.failures - 1, 0)),
    )


def forgive(session: Session, *, subject: str, origin: str) -> None:
    """The owner has signed in from here: start again at none."""
    session.execute(delete(Guess).where(Guess.subject == subject, Guess.origin == origin))


def sweep(session: Session, *, now: datetime) -> int:
    """Drop the counts whose window has long ended; returns how many."""
    swept = session.execute(
        delete(Guess).where(Guess.window_started_at < now - timedelta(days=1)).returning(Guess.subject)
    )
    return len(swept.all())
