"""Points on the map and how far they are from each other. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

EARTH_KM = 6371.0
"""Mean radius (IUGG)."""
_PAIR = re.compile(r"\s*(-?[0-9]{1,2}(?:\.[0-9]{1,8})?)\s*,\s*(-?[0-9]{1,3}(?:\.[0-9]{1,8})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in degrees (WGS 84): latitude −90 to 90, longitude −180 to 180."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise ValueError("latitude is -90 to 90, longitude -180 to 180")

    @classmethod
    def parse(cls, text: str) -> Point | None:
        """The point of `36.181,139.753`; None where the text says none."""
        found = _PAIR.fullmatch(text)
        try:
            return cls(float(found[1]), float(found[2])) if found else None
        except ValueError:
            return None

    def km_to(self, other: Point) -> float:
        """The way of a bird in kilometres (haversine)."""
        ours, theirs = math.radians(self.latitude), math.radians(other.latitude)
        turn = math.radians(other.longitude - self.longitude)
        half = math.sin((theirs - ours) / 2) ** 2 + math.cos(ours) * math.cos(theirs) * math.sin(turn / 2) ** 2
        return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


def centre(points: Sequence[Point]) -> Point | None:
    """The middle of some points that lie in one town; None where there are none."""
    if not points:
        return None
    return Point(
        sum(point.latitude for point in points) / len(points), sum(point.longitude for point in points) / len(points)
    )
