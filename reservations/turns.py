"""Turns when many want to book in the same second: who comes later is told a place and a time instead of waiting for an answer.

The generic cell rate algorithm (ITU-T I.371): one number, the time at which the next turn begins, moves on by 1/rate for
each that asks. It is shared by the web processes of a host (made before they are forked); several hosts each have a queue
of their own. Pure: the time is an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from multiprocessing import Value
from typing import Any

LOCK_SECONDS = 0.2
REMEMBERED = 20_000
"""Turns that a process remembers before it forgets those that have begun."""


@dataclass
class Turns:
    """A queue in front of something that takes `rate` a second.

    Attributes:
        rate: turns a second; 0: everybody goes at once.
        burst: how many may go at once before turns are given.
        shared: seconds since 1970 at which the next turn begins; seen by all processes forked later.
        given: person → when their turn begins, in this process.
    """

    rate: float
    burst: int
    shared: Any = field(default_factory=lambda: Value("d", 0.0))
    given: dict[int, float] = field(default_factory=dict)

    def of(self, person: int, now: float) -> float:
        """The turn of a person; many connections of one person have one turn a process, and take one place of others'."""
        begins = self.given.get(person)
        if begins is not None and now < begins:
            return begins
        begins = self.ask(now)
        if begins > now:
            if len(self.given) >= REMEMBERED:
                self.given = {who: at for who, at in self.given.items() if at > now}
            self.given[person] = begins
        return begins

    def ask(self, now: float) -> float:
        """When the turn of somebody who asks now begins, in seconds since 1970; not later than `now`: at once."""
        if self.rate <= 0:
            return now
        lock = self.shared.get_lock()
        # A process that was killed inside keeps the lock: then everybody goes at once, as without a queue.
        if not lock.acquire(timeout=LOCK_SECONDS):
            return now
        try:
            begins = max(float(self.shared.value), now)
            self.shared.value = begins + 1 / self.rate
        finally:
            lock.release()
        return now if begins - now <= self.burst / self.rate else begins - self.burst / self.rate

    def place(self, begins: float, now: float) -> int:
        """How many are still in front, the asker included; 0 when it is their turn."""
        return max(0, math.ceil((begins - now) * self.rate))
