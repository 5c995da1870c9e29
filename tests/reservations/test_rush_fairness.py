"""A rush in the time of a model: what the rule of turns gives to somebody with fifty connections, and to somebody with one."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest

from reservations.turns import Turns

START = 1_800_000_000.0
CONNECTIONS, RIVALS, TAPS = 50, 20, 50


class Rush:
    """People who arrive, wait on their page and tap again; a host of two processors that serves them one after the other."""

    def __init__(self, seed: int, *, cost: float, net: float) -> None:
        self.draw = random.Random(seed)
        self.turns = Turns(80.0, burst=80, side_by_side=2)
        self.cost, self.net = cost, net
        self.free = [START, START]
        self.answers = Counter[int]()
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.number = count()

    def at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (when, next(self.number), what))

    def come(self, when: float, person: int, taps: int) -> None:
        """One connection of a person, one tap after the other."""

        def tap(now: float, ticket: float | None = None) -> None:
            if ticket is not None and self.turns.use(person, ticket, now):
                return serve(now)
            begins = self.turns.of(person, now)
            if begins is None:
                return self.at(now + 1, tap)
            if begins <= now:
                return serve(now)
            # The waiting page counts whole seconds.
            return self.at(begins + self.draw.random(), lambda then: tap(then, begins))

        def serve(now: float) -> None:
            mine = min(range(len(self.free)), key=self.free.__getitem__)
            self.free[mine] = max(now, self.free[mine]) + self.cost * self.draw.uniform(0.5, 1.5)
            self.at(self.free[mine], lambda then: answered(then, now))

        def answered(now: float, began: float) -> None:
            nonlocal taps
            self.turns.served(person, now - began)
            self.answers[person] += 1
            taps -= 1
            if taps:
                self.at(now + self.net, tap)

        self.at(when, tap)

    def run(self, until: float) -> None:
        while self.events and self.events[0][0] < START + until:
            when, _number, what = heapq.heappop(self.events)
            what(when)


@pytest.mark.parametrize("net", [0.0, 3.0])
def test_fifty_connections_are_answered_at_most_half_as_often_again_as_one(net: float) -> None:
    """CASES B7, the rush of issue 4: "50 connections win at most 1.5 × what one does"."""
    many = one = 0
    for seed in range(6):
        rush = Rush(seed, cost=0.03, net=net)
        for person in range(2000):
            rush.come(START + rush.draw.expovariate(1 / 20), person, 3)
        for rival in range(RIVALS):
            arrives = START + 2 + rival % 5 * 0.2
            rush.come(arrives, 5000 + rival, TAPS)
            for _connection in range(CONNECTIONS):
                rush.come(arrives, 6000 + rival, 1)
        rush.run(30)
        one += sum(rush.answers[5000 + rival] for rival in range(RIVALS))
        many += sum(rush.answers[6000 + rival] for rival in range(RIVALS))
    assert one > 100
    assert many <= 1.5 * one, (many, one)
