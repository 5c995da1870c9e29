"""Age groups of the monthly report of users (CASES B15). Pure.

The groups are the school years and the age of 65, as reports of public facilities usually have them; a city that counts
otherwise changes this list before its first report.
"""

from __future__ import annotations

from collections.abc import Mapping

AGES = ("infant", "primary", "junior_high", "high", "adult", "senior")
"""Codes, youngest first: before school, primary, junior high, high school, adults, 65 and older."""

MOST = 9999
"""More people than this do not come to one booking."""


def counted(users: Mapping[str, int]) -> dict[str, int]:
    """The groups that somebody belonged to.

    Raises:
        ValueError: an unknown group, or a number that is none of 0 to 9,999.
    """
    for age, number in users.items():
        if age not in AGES or not 0 <= number <= MOST:
            raise ValueError(f"{age}: {number}")
    return {age: users[age] for age in AGES if users.get(age)}
