"""Addresses of pages in mails and papers: they are made outside any request, so the public address is handed over at start."""

from __future__ import annotations


class _Configured:
    public_url = ""


def configure(public_url: str) -> None:
    """Called once at start, by `portal.app`."""
    _Configured.public_url = public_url.rstrip("/")


def address(path: str) -> str:
    """The full address of a path."""
    return _Configured.public_url + path


def case(reference: str, *, guest: bool) -> str:
    """The page of a case. A guest has no account to sign in to: where the browser does not know the case, the secret is asked."""
    return address(f"/applications/follow?number={reference}" if guest else f"/applications/{reference}")
