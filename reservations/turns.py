"""Turns when many want to book in the same second: who comes later is told a place and a time instead of waiting for an answer.

The generic cell rate algorithm (ITU-T I.371): one number, the time at which the next turn begins, moves on by 1/rate for
each that asks. It is shared by the web processes of a host (made before they are forked); several hosts each have a queue
of their own. The rate is what the operator allows, and less where the host cannot serve so many: it follows how long a turn
took lately, so that people wait on a page that tells them their place and not in front of a server that does not answer.
Pure: the time is an argument.
"""

from __future__ import annotations

import fcntl
import math
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Array, Value
from typing import Any

SLOWEST = 2.0
"""Turns a second that are given whatever a turn took: a host that stood still finds its pace again."""
WEIGHT = 0.05
"""How much the newest turn counts for what a turn takes: about the last twenty say it."""
AGAIN = 5.0
"""Seconds from a tap to the same person's next turn while many are asking: as long as it takes through one connection to be answered,
choose again and tap."""
ANSWERED_BY = 30.0
"""Seconds after which a tap is taken for answered even where its process has died."""
REMEMBERED = 1 << 16
"""Of how many people it is remembered when their turn is; one more takes the place of another, who is then a newcomer."""


class ProcessLock:
    """A lock between the threads of this process and the processes that are forked later.

    A record lock of the system: a process that dies inside gives it back, so nobody ever waits for a dead one, and nobody has to
    be let through because the lock took long.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._file = os.dup(file.fileno())  # it has no name any more, and is open as long as the queue is
        weakref.finalize(self, os.close, self._file)
        self._threads = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it."""
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


@dataclass
class Turns:
    """A queue in front of something that takes `rate` a second. All of it is seen by the processes that are forked later.

    A turn is one tap: however many connections somebody has, they have one place, and one tap when it comes. The next place is to be
    had once that tap is answered, as through one connection: while others wait, nobody stands in the queue and at the counter at once.

    Attributes:
        rate: most turns a second; 0: everybody goes at once.
        burst: how many may go at once before turns are given.
        shared: seconds since 1970 at which the next turn begins.
        lock: over all that follows.
        took: seconds that a turn takes lately, from its begin to its answer; 0: none was measured.
        side_by_side: how many turns the host works on at the same time (its processors).
        who, begins, spent, tapped, answering: by person (modulo `REMEMBERED`): their number, when their turn begins, the last turn
            that they used up, when they tapped last, since when that is being answered (0: it is).
    """

    rate: float
    burst: int
    shared: Any = field(default_factory=lambda: Value("d", 0.0))
    took: Any = field(default_factory=lambda: Value("d", 0.0))
    side_by_side: int = field(default_factory=lambda: os.cpu_count() or 1)
    lock: ProcessLock = field(default_factory=ProcessLock)
    who: Any = field(default_factory=lambda: Array("q", REMEMBERED, lock=False))
    begins: Any = field(default_factory=lambda: Array("d", REMEMBERED, lock=False))
    spent: Any = field(default_factory=lambda: Array("d", REMEMBERED, lock=False))
    tapped: Any = field(default_factory=lambda: Array("d", REMEMBERED, lock=False))
    answering: Any = field(default_factory=lambda: Array("d", REMEMBERED, lock=False))

    @property
    def pace(self) -> float:
        """Turns a second now: as many as the host serves, at most `rate`."""
        took = float(self.took.value)
        return self.rate if took <= 0 else min(self.rate, max(SLOWEST, self.side_by_side / took))

    def served(self, person: int, seconds: float) -> None:
        """The turn of a person was answered after so many seconds."""
        with self._locked() as mine:
            if mine:
                self.answering[self._at(person)] = 0.0
                before = float(self.took.value)
                self.took.value = seconds if before <= 0 else before + WEIGHT * (seconds - before)

    def of(self, person: int, now: float) -> float | None:
        """When the turn of a person begins, in seconds since 1970; not later than `now`: at once, and it is used up with that.

        None: there is no place for them yet, since a tap of theirs is being answered while others wait.
        """
        with self._locked() as mine:
            if not mine:
                return now
            at = self._at(person)
            if self.begins[at] > now:
                return float(self.begins[at])
            others_wait = float(self.shared.value) - now > 1 / self.pace
            if others_wait and now - self.answering[at] < ANSWERED_BY:
                return None
            begins = self._next(now, tapped=float(self.tapped[at]))
            self.begins[at] = begins
            if begins <= now:
                self.spent[at] = self.tapped[at] = self.answering[at] = now
            return begins

    def use(self, person: int, begins: float, now: float) -> bool:
        """Use up a turn that has begun; False where it was used already."""
        with self._locked() as mine:
            if not mine:
                return True
            at = self._at(person)
            if self.spent[at] >= begins:
                return False
            self.spent[at], self.tapped[at], self.answering[at] = begins, now, now
            return True

    def place(self, begins: float, now: float) -> int:
        """How many are still in front, the asker included; 0 when it is their turn."""
        return max(0, math.ceil((begins - now) * self.pace))

    def _next(self, now: float, *, tapped: float) -> float:
        begins = max(float(self.shared.value), now)
        self.shared.value = begins + 1 / self.pace
        at_once = self.burst / self.rate
        turn = begins - at_once if begins - now > at_once else now
        if now - tapped >= AGAIN:
            return turn
        # Who has just tapped is not let through at once where others are asking, and where many are, not before somebody with one
        # connection could be. Nobody waits for their own tap.
        turn = begins if turn <= now and begins - now > 1 / self.pace else turn
        return max(turn, tapped + AGAIN) if begins - now > at_once / 2 else turn

    def _at(self, person: int) -> int:
        at = person % REMEMBERED
        if self.who[at] != person:
            self.who[at] = person
            self.begins[at] = self.spent[at] = self.tapped[at] = self.answering[at] = 0.0
        return at

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether there is a queue; while it is used it is ours alone."""
        if self.rate <= 0:
            yield False
            return
        with self.lock.held():
            yield True
