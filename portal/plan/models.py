"""The city's plan: initiatives, measures, the yearly line, readings, and procedures that are online elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Numeric, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.database import Base


class Initiative(Base):
    """施策: one line of the plan's table, such as 1_02."""

    __tablename__ = "plan_initiative"

    no: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str | None] = mapped_column(Text)
    departments: Mapped[str] = mapped_column(Text)
    """As the plan writes them, separated by 、; the plan also says 「関係課」, which is no department."""
    position: Mapped[int]


class Measure(Base):
    """指標: what an initiative is measured by. 1_04 has two: 1_04a, 1_04b.

    Baseline and target are kept as the plan writes them (`…_text`) and as a number where they are one.
    """

    __tablename__ = "plan_measure"
    __table_args__ = (
        CheckConstraint("better IN ('up', 'down')", name="better_known"),
        CheckConstraint("line_kind IN ('level', 'yearly')", name="line_kind_known"),
    )

    no: Mapped[str] = mapped_column(Text, primary_key=True)
    initiative_no: Mapped[str] = mapped_column(ForeignKey("plan_initiative.no"), index=True)
    title: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    unit_en: Mapped[str | None] = mapped_column(Text)
    baseline: Mapped[Decimal | None] = mapped_column(Numeric)
    baseline_text: Mapped[str | None] = mapped_column(Text)
    baseline_as_of: Mapped[str | None] = mapped_column(Text)
    """A date (2021-10-01) or only a year (2021), as the plan says."""
    target: Mapped[Decimal | None] = mapped_column(Numeric)
    target_text: Mapped[str | None] = mapped_column(Text)
    target_year: Mapped[int]
    """Fiscal year at whose end the target is due (2026: by March 31, 2027)."""
    better: Mapped[str] = mapped_column(Text)
    line_kind: Mapped[str] = mapped_column(Text)
    """level: the figure to stand at by the end of the year; yearly: the amount done in that year alone."""
    headline: Mapped[str | None] = mapped_column(Text, unique=True)
    """Which of the four counts of the dashboard this measure is (`portal.plan.report.HEADLINES`), if any."""
    note: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")


class MeasureLine(Base):
    """The plan's figure of one measure for one fiscal year."""

    __tablename__ = "plan_measure_line"

    measure_no: Mapped[str] = mapped_column(ForeignKey("plan_measure.no"), primary_key=True)
    fiscal_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[Decimal] = mapped_column(Numeric)


class MeasureReading(Base):
    """A measure's value on one day, as it was computed; at most one a day, the last one counts."""

    __tablename__ = "plan_measure_reading"
    __table_args__ = (UniqueConstraint("measure_no", "read_on"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    measure_no: Mapped[str] = mapped_column(ForeignKey("plan_measure.no"))
    read_on: Mapped[date]
    value: Mapped[Decimal] = mapped_column(Numeric)
    parts: Mapped[dict[str, Any]]
    """Value of each part as text: {"here": "3", "elsewhere": "0"}."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ElsewhereProcedure(Base):
    """A procedure that is online at another address. It counts only with address, since and evidence (`counted`)."""

    __tablename__ = "plan_elsewhere"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(ForeignKey("department.code"), index=True)
    address: Mapped[str | None] = mapped_column(Text)
    since: Mapped[date | None]
    evidence: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]
