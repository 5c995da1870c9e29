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
