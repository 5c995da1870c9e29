"""Why a slot may not be booked, with the facts that a page needs to say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Refused(StrEnum):
    """Why a slot may not be booked now."""

    PAST = "past"
    DAY_OVER = "day_over"
    TOO_LONG_AGO = "too_long_ago"
    NOT_YET_OPEN = "not_yet_open"
    TOO_LATE = "too_late"
    TOO_MANY_PEOPLE = "too_many_people"
    TOO_FEW_PEOPLE = "too_few_people"
    NO_USERS = "no_users"
    NO_FEE = "no_fee"
    NOT_FOR_CATEGORY = "not_for_category"
    NOT_FOR_PURPOSE = "not_for_purpose"
    NEIGHBOUR_QUIET = "neighbour_quiet"
    NEIGHBOUR_LOUD = "neighbour_loud"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    CAP_MONTH = "cap_month"
    CAP_CONSECUTIVE = "cap_consecutive"
    CAP_AHEAD = "cap_ahead"
    CAP_UNPAID = "cap_unpaid"
    TOO_YOUNG = "too_young"
    NO_BIRTH_DATE = "no_birth_date"
    SUSPENDED = "suspended"
    SAME_SLOT_AGAIN = "same_slot_again"
    GROUP_EXPIRED = "group_expired"
    GROUP_ENDED = "group_ended"
    GROUP_NOT_VERIFIED = "group_not_verified"
    GROUPS_ONLY = "groups_only"
    PERSONS_ONLY = "persons_only"
    NO_SUCH_GROUP = "no_such_group"
    OTHER_FACILITY = "other_facility"


@dataclass(frozen=True)
class Refusal:
    """A rule that stands against a booking.

    Attributes:
        reason: which.
        at: the moment from or until which it does; None: no such moment.
        limit: the number that the rule names (people, slots, years of age).
    """

    reason: Refused
    at: datetime | None = None
    limit: int | None = None
