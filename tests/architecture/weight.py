"""What a first visit sends over the wire: the page and everything that it names, as the server sends it."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from flask.testing import FlaskClient

_NAMED = re.compile(r"<(?:link|script|img|source)\b[^>]*?\s(?:href|src)=\"([^\"]+)\"[^>]*>", re.IGNORECASE)
_NOT_FETCHED = re.compile(r"rel=\"(?:alternate|canonical|next|prev|help)\"", re.IGNORECASE)


def first_load(client: FlaskClient, path: str) -> dict[str, int]:
    """Bytes of each body, by address, with headers left out. A browser says that it takes gzip."""

    def get(address: str, coding: str) -> bytes:
        with client.get(address, headers={"Accept-Encoding": coding}) as answer:
            assert answer.status_code == 200, f"{path} names {address}: {answer.status_code}"
            return answer.get_data()

    sizes: dict[str, int] = {}
    waiting = [path]
    while waiting:
        address = waiting.pop()
        if address in sizes or address.startswith("data:"):
            continue
        sizes[address] = len(get(address, "gzip"))
        plain = get(address, "identity").decode(errors="replace")
        if address == path:
            waiting += [
                urljoin(path, match[1]) for match in _NAMED.finditer(plain) if not _NOT_FETCHED.search(match[0])
            ]
        elif address.split("?")[0].endswith(".css"):
            waiting += [urljoin(address, part) for part in re.findall(r"url\([\"']?([^)\"']+)", plain)]
    return sizes
