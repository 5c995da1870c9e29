"""The facilities and sample rules of Koga's pack."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from portal.directory.pack import Pack, PackError
from portal.kernel import dates
from reservations import documents, loader, measures
from reservations.models import DocumentKind, Facility, RuleDocument, Space
from reservations.pricing import case_of

KOGA = Path(__file__).resolve().parents[2] / "portal" / "cities" / "koga"


def test_loading_twice_changes_nothing(koga: str, session: Session) -> None:
    report = loader.load(session, Pack(KOGA))
    assert (report.created, report.changed, report.retired) == (0, 0, 0)
    assert report.unchanged > 71


def test_all_71_facilities_have_a_space_that_can_be_booked(koga: str, session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Facility)) == 71
    bookable = select(Space.facility_id).where(Space.bookable, Space.timetable_code.is_not(None)).distinct()
    assert session.scalar(select(func.count()).select_from(bookable.subquery())) == 71


def test_every_slot_of_a_year_has_a_price_for_everybody(koga: str, session: Session) -> None:
    """No hole in any fee table: each kind of slot in each space, for each category."""
    statement = select(Space).where(Space.timetable_code.is_not(None)).options(selectinload(Space.purposes))
    spaces = session.scalars(statement).all()
    kinds = {(s.timetable_code, s.fees_code, s.policy_code, s.tariff): s for s in spaces}
    codes = [
        pair
        for s in spaces
        for pair in (
            (DocumentKind.TIMETABLE, s.timetable_code),
            (DocumentKind.FEES, s.fees_code),
            (DocumentKind.POLICY, s.policy_code),
        )
    ]
    rules = documents.load(session, codes)
    priced = 0
    for offset in range(366):
        day = date(2026, 4, 1) + timedelta(days=offset)
        for space in kinds.values():
            timetable = rules.timetable(space.timetable_code, day)
            fees = rules.fees(space.fees_code, day)
            policy = rules.policy(space.policy_code, day)
            assert timetable
            assert fees
            assert policy
            for slot in timetable.slots_on(day, dates.is_holiday):
                for category in policy.categories:
                    case = case_of(
                        slot,
                        dates.is_holiday,
                        tariff=space.tariff,
                        category=category.code,
                        purpose=space.purposes[0].code,
                    )
                    assert fees.quote(case).total.amount >= 0
                    priced += 1
    assert priced > 10_000


def test_everything_without_a_source_is_marked_as_a_sample(koga: str, session: Session) -> None:
    assert all(session.scalars(select(RuleDocument.sample)).all())


def test_a_changed_document_becomes_a_revision_and_the_old_one_stays(
    koga: str, session: Session, tmp_path: Path
) -> None:
    folder = tmp_path / "koga"
    shutil.copytree(KOGA, folder)
    file = folder / "reservations" / "fees.yaml"
    file.write_text(file.read_text().replace('amount: 2400, label: "全面 2時間"', 'amount: 2500, label: "全面 2時間"'))
    before = session.scalars(select(RuleDocument).where(RuleDocument.kind == "fees", RuleDocument.code == "gym")).one()
    report = loader.load(session, Pack(folder))
    assert (report.created, report.changed) == (0, 1)
    rows = session.scalars(
        select(RuleDocument)
        .where(RuleDocument.kind == "fees", RuleDocument.code == "gym")
        .order_by(RuleDocument.revision),
    ).all()
    assert [row.revision for row in rows] == [1, 2]
    assert rows[0].digest == before.digest
    rules = documents.load(session, [("fees", "gym")])
    table = rules.fees("gym", date(2026, 12, 1))
    assert table is not None
    assert table.rows[0].amount == 2500


def test_a_mistake_in_a_document_is_told_with_its_line(koga: str, session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "koga"
    shutil.copytree(KOGA, folder)
    file = folder / "reservations" / "timetables.yaml"
    lines = file.read_text().splitlines()
    wrong = next(number for number, line in enumerate(lines, 1) if 'start: "9:00", end: "12:00"' in line)
    lines[wrong - 1] = lines[wrong - 1].replace('end: "12:00"', 'end: "8:00"')
    file.write_text("\n".join(lines))
    with pytest.raises(PackError) as refused:
        loader.load(session, Pack(folder))
    assert [problem.file for problem in refused.value.problems] == ["reservations/timetables.yaml"]
    assert abs(refused.value.line - wrong) <= 1
    assert "not after the start" in refused.value.message


def test_the_plan_counts_facilities_that_can_be_booked_on_the_day(koga: str, session: Session) -> None:
    """Measure 1_13: 71 now; none before the rules are in force; one less where a facility has closed."""
    day = date(2026, 11, 25)
    counted = measures.online_facilities(session, day)
    assert counted.value == 71
    assert counted.evidence[0].address == "/facilities/S01"
    assert measures.online_facilities(session, date(2025, 3, 31)).value == 0
    session.scalars(select(Facility).where(Facility.code == "C01")).one().closed_on = day - timedelta(days=1)
    session.flush()
    assert measures.online_facilities(session, day).value == 70
