"""標準処理期間: from arrival, in the procedure's own kind of days, standing still while a correction is asked. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from forms.definition.procedure import StandardDays
from portal.kernel.dates import add_working_days, is_working_day, next_working_day

OWN_TARGET = StandardDays(days=10, kind="working", sample=True)
"""By when a section is done where the procedure sets no standard period: its own target, told to nobody outside (sample)."""


def due_on(arrived: date, standard: StandardDays | None) -> date:
    """The last day of the standard period, else of the section's own target; the day of arrival is not counted (民法 §140)."""
    standard = standard or OWN_TARGET
    if standard.kind == "working":
        return add_working_days(arrived, standard.days)
    return arrived + timedelta(days=standard.days)


def pay_by(asked: date, days: int) -> date:
    """The day by which a fee is to be paid that was asked for on a day: so many days later, never on a closed day (民法 §140, §142)."""
    return next_working_day(asked + timedelta(days=days))


def moved(due: date | None, standard: StandardDays | None, *, asked: date, answered: date) -> date | None:
    """The due day after a correction took from `asked` to `answered` (CASES A4: arrival itself never moves)."""
    if due is None:
        return None
    standard = standard or OWN_TARGET
    if standard.kind == "calendar":
        return due + (answered - asked)
    waited = sum(1 for n in range((answered - asked).days) if is_working_day(asked + timedelta(days=n + 1)))
    return add_working_days(due, waited)
