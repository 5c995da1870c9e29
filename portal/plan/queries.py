"""What the plan's pages and files show, in a fixed number of statements (four, and those of the domains' functions)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal.directory.models import City
from portal.kernel.dates import fiscal_year
from portal.plan import rules
from portal.plan.models import Initiative, Measure, MeasureLine, MeasureReading
from portal.plan.registry import MeasureValue, Registry
from portal.plan.registry import registry as the_registry


@dataclass(frozen=True)
class Standing:
    """One measure: what the plan says, what is live, and how they compare today.

    Attributes:
        value: None where this portal does not compute the measure.
        line: the plan's figure for this fiscal year; None where the plan names none.
        readings: the last one of each month, oldest first: five years stay a drawing of 60 points.
    """

    measure: Measure
    initiative: Initiative
    lines: dict[int, Decimal]
    value: MeasureValue | None
    line: rules.Line | None
    readings: tuple[tuple[date, Decimal], ...] = ()

    @property
    def reached(self) -> bool | None:
        """Whether the value is at this year's line; None where one of them is missing."""
        if self.value is None or self.line is None:
            return None
        return rules.reached(self.value.value, self.line.value, self._better)

    @property
    def missing(self) -> Decimal | None:
        """How much is missing to this year's line; None where one of them is missing."""
        if self.value is None or self.line is None:
            return None
        return rules.gap(self.value.value, self.line.value, self._better)

    @property
    def share(self) -> int | None:
        """Whole percent of the target, rounded down."""
        if self.value is None or self.measure.target is None or self.measure.better != "up":
            return None
        return rules.share(self.value.value, self.measure.target)

    @property
    def _better(self) -> rules.Direction:
        return "up" if self.measure.better == "up" else "down"


@dataclass(frozen=True)
class Overview:
    """The whole plan on one day."""

    city_code: str | None
    city_name: str | None
    today: date
    fiscal_year: int
    standings: tuple[Standing, ...]

    def headline(self, name: str) -> Standing | None:
        """One of the four counts, or None where the city's plan has no such measure."""
        return next((standing for standing in self.standings if standing.measure.headline == name), None)


def overview(session: Session, today: date, *, registry: Registry = the_registry) -> Overview:
    """Every measure of the plan as it stands on a day (in Japan)."""
    city = session.execute(select(City.code, City.name)).first()
    rows = session.execute(
        select(Measure, Initiative)
        .join(Initiative, Initiative.no == Measure.initiative_no)
        .where(Measure.active)
        .order_by(Measure.position)
    ).all()
    lines: dict[str, dict[int, Decimal]] = {}
    for line in session.scalars(select(MeasureLine).order_by(MeasureLine.fiscal_year)):
        lines.setdefault(line.measure_no, {})[line.fiscal_year] = line.value
    readings: dict[str, list[tuple[date, Decimal]]] = {}
    month = func.date_trunc(literal_column("'month'"), MeasureReading.read_on)
    for no, day, value in session.execute(
        select(MeasureReading.measure_no, MeasureReading.read_on, MeasureReading.value)
        .ext(distinct_on(MeasureReading.measure_no, month))
        .where(MeasureReading.read_on <= today)
        .order_by(MeasureReading.measure_no, month, MeasureReading.read_on.desc())
    ):
        readings.setdefault(no, []).append((day, value))
    return Overview(
        city_code=city.code if city else None,
        city_name=city.name if city else None,
        today=today,
        fiscal_year=fiscal_year(today),
        standings=tuple(
            Standing(
                measure=measure,
                initiative=initiative,
                lines=lines.get(measure.no, {}),
                value=registry.read(session, today, [name for name in (measure.no, measure.headline) if name]),
                line=rules.line_on(
                    today,
                    lines.get(measure.no, {}),
                    target=measure.target,
                    target_year=measure.target_year,
                    kind="yearly" if measure.line_kind == "yearly" else "level",
                ),
                readings=tuple(readings.get(measure.no, ())),
            )
            for measure, initiative in rows
        ),
    )
