"""A crowd of browsers without script in one process: `python -m tests.bench.rush_client`, the work as JSON on the first line.

Knows nothing of the portal but its pages. Work: {"port", "token", "seconds", "people": [{"at", "cookie", "together", "look", "many",
"tries": [[space, day, slot], …]}]}: each person arrives `at` seconds after "go" and tries one slot after the other until one is won (or
all, where they want `many`), or all `together` through as many connections; `look` stops at the first waiting page that says a place;
where the turn has come meanwhile, it goes on. A fourth item of a try is the cookie of somebody else, who taps next at the same client.
Answers {"seconds", "people": [{"won", "lost", "places", "answers": [[status, milliseconds], …]}]}.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any
from urllib.parse import urlencode

_PLACE = re.compile(r"あなたは\s*(\d+)\s*番目")
_SECONDS = re.compile(r'data-turn="(\d+)"')
_TURN = re.compile(r'name="turn" value="([^"]+)"')


class Person:
    """One signed-in person: what they were answered."""

    def __init__(self, work: dict[str, Any], one: dict[str, Any]) -> None:
        self.work, self.one = work, one
        self.won: list[str] = []
        self.lost: list[int] = []
        self.places: list[int] = []
        self.answers: list[tuple[int, float]] = []

    async def ask(self, method: str, path: str, form: list[tuple[str, str]] | None = None) -> tuple[int, str, str]:
        """Status, where it leads to, and the page; a connection of its own. 0: nothing was answered."""
        content = urlencode(form).encode() if form is not None else b""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.work['port']}\r\nConnection: close\r\n"
            f"Cookie: madoguchi={self.one['cookie']}\r\nAccept-Language: ja\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        began = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.work["port"])
            writer.write(head.encode() + content)
            raw = await reader.read()
            writer.close()
        except OSError:
            raw = b""
        headers, _, body = raw.partition(b"\r\n\r\n")
        lines = headers.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1]) if raw else 0
        where = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith("location:")), "")
        self.answers.append((status, (time.perf_counter() - began) * 1000))
        return status, where, body.decode("utf-8", "replace")

    async def attempt(self, space: str, day: str, slot: str, cookie: str = "") -> None:
        """Tap; wait where a place in the queue is given; won or lost."""
        self.one["cookie"] = cookie or self.one["cookie"]
        form = [("csrf_token", self.work["token"]), ("date", day), ("slot", slot)]
        turn: list[tuple[str, str]] = []
        while True:
            status, where, _page = await self.ask("POST", f"/spaces/{space}/hold", form + turn)
            if status != 303 or "/wait?" not in where:
                break
            status, _where, page = await self.ask("GET", where)
            place, ticket = _PLACE.search(page), _TURN.search(page)
            if place:
                self.places.append(int(place[1]))
            seconds = _SECONDS.search(page)
            if status != 200 or ticket is None or seconds is None or (self.one["look"] and place):
                return
            turn = [("turn", ticket[1])]
            await asyncio.sleep(int(seconds[1]))
        if status == 303:
            self.won.append(where.rpartition("/")[2])
        else:
            self.lost.append(status)

    async def come(self) -> None:
        """Arrive, and try."""
        await asyncio.sleep(self.one["at"])
        if self.one["together"]:
            await asyncio.gather(*(self.attempt(*wanted) for wanted in self.one["tries"]))
            return
        for wanted in self.one["tries"]:
            await self.attempt(*wanted)
            if self.won and not self.one["many"]:
                return


async def _crowd(work: dict[str, Any]) -> list[Person]:
    people = [Person(work, one) for one in work["people"]]
    coming = [asyncio.create_task(person.come()) for person in people]
    _done, late = await asyncio.wait(coming, timeout=work["seconds"])
    for task in late:
        task.cancel()
    await asyncio.gather(*coming, return_exceptions=True)
    return people


def main() -> None:
    """Do the work."""
    work: dict[str, Any] = json.loads(sys.stdin.readline())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began = time.perf_counter()
    people = asyncio.run(_crowd(work))
    seconds = time.perf_counter() - began
    told = [{"won": p.won, "lost": p.lost, "places": p.places, "answers": p.answers} for p in people]
    sys.stdout.write(json.dumps({"seconds": seconds, "people": told}) + "\n")


if __name__ == "__main__":
    main()
