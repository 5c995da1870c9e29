"""標準処理期間: from arrival, in the procedure's own kind of days, standing still while a correction is asked. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from forms.definition.procedure import StandardDays
from portal.kernel.dates import add_working_days, is_working_day


def due_on(arrived: date, standard: StandardDays | None) -> date | None:
    """The last day of the standard period; the day of arrival is not counted (民法 §140). None where no period is set."""
    if standard is None:
        return None
    if standard.kind == "working":
        return add_working_days(arrived, standard.days)
    return arrived + timedelta(days=standard.days)


def moved(due: date | None, standard: StandardDays | None, *, asked: date, answered: date) -> date | None:
    """The due day after a correction took from `asked` to `answered` (CASES A4: arrival itself never moves)."""
    if due is None or standard is None:
        return due
    if standard.kind == "calendar":
        return due + (answered - asked)
    waited = sum(1 for n in range((answered - asked).days) if is_working_day(asked + timedelta(days=n + 1)))
    return add_working_days(due, waited)
