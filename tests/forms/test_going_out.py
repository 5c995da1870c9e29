"""Files of cases for people and machines, figures of procedures, drafts that end."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from forms import export, statistics
from forms.export import guarded
from forms.jobs import tidy_drafts
from forms.models import Application, ProcedureRow, ProcedureVersion
from forms.services.common import definition
from portal.accounts.models import Account, Role
from portal.kernel import clock
from portal.kernel.audit import AuditEntry
from portal.kernel.database import unit_of_work
from tests import people
from tests.conftest import Mailbox
from tests.forms.conftest import DOG, OWNER, TAG, draft, filed, staff
from tests.forms.test_review_pages import accept, ask, decide, pay

STEPS = {"owner": {**OWNER, "owner_name": "髙橋 \U00020bb7子"}, "dog": {**DOG, "dog_name": "=1+1"}, "tag": TAG}


def test_cells_are_never_formulas() -> None:
    for text in ("=1+1", "+81", "-1", "@SUM(A1)", "\tx", "\rx"):
        assert guarded(text) == f"'{text}"
    assert guarded("ポチ=") == "ポチ="


def test_cases_go_out_for_excel_and_for_machines_with_every_character(
    client: FlaskClient, hanako: Account, reviewer: Account, session: Session
) -> None:
    made = filed(hanako, steps=STEPS)
    people.sign_in(client, reviewer)
    at = "/staff/figures/dog-registration/cases"
    excel = client.get(f"{at}?format=excel")
    assert excel.data.startswith(b"\xef\xbb\xbf")
    assert "dog-registration-v1.csv" in excel.headers["Content-Disposition"]
    [row] = csv.DictReader(io.StringIO(excel.data.decode("utf-8-sig")))
    assert (row["reference"], row["dog_name"], row["owner_name"]) == (made, "'=1+1", "髙橋 \U00020bb7子")
    assert row["filed_at"] == "2026-11-25T10:00:00+09:00"
    who = (row["applicant_name"], row["acting_name"], row["on_behalf"], row["typed_by"], row["channel"])
    assert who == ("髙橋 \U00020bb7子", "", "", "applicant", "online")
    assert row["dog_born"] == "2024年5月1日(令和6年)"
    [plain] = csv.DictReader(io.StringIO(client.get(f"{at}?format=csv").get_data(as_text=True)))
    assert (plain["dog_sex"], plain["dog_born"], plain["has_chip"]) == ("male", "2024-05-01", "true"), (
        "what is kept, not words"
    )
    assert (plain["owner_address.postal_code"], plain["owner_address.block"]) == ("306-0033", "1-2-3")
    assert (plain["owner_name"], plain["dog_name"], plain["hidden"]) == ("髙橋 \U00020bb7子", "'=1+1", "")
    old = client.get(f"{at}?format=cp932").data.decode("cp932")
    assert "髙橋 &#134071;子" in old, "what the old code does not have is written as a number, never lost"
    [record] = [json.loads(line) for line in client.get(f"{at}?format=json").data.splitlines()]
    assert record["answers"]["dog_name"] == "=1+1"
    assert record["who"]["typed_by"] == "applicant"
    assert client.get(f"{at}?format=xls").status_code == 422
    assert client.get(f"{at}?version=9").status_code == 404
    taken = session.scalars(select(AuditEntry).where(AuditEntry.action == "application.export")).all()
    assert [entry.detail["format"] for entry in taken] == ["excel", "csv", "cp932", "json"]
    people.sign_in(client, people.make_staff(Role.REVIEWER, "waterworks", email="w@example.jp"))
    assert client.get(at).status_code == 404
    assert client.get("/staff/figures/dog-registration").status_code == 404


def test_the_columns_for_machines_hang_on_the_version_alone(koga: str, session: Session) -> None:
    procedure = definition(export.version_of(session, "disaster-damage-certificate", None))
    named = export.columns(procedure, "csv")
    assert len(set(named)) == len(named)
    assert [name for name in named if name.startswith("applicant.")] == [
        "applicant.name", "applicant.kana", "applicant.alias", "applicant.birth_date",
    ]  # fmt: skip
    group = next(spec for spec in procedure.fields() if spec.id == "household")
    parts = [f"household.{n}.{key}" for n in range(1, 11) for key in ("member.name", "hurt")]
    assert set(parts) <= set(named), "as many entries as there may be"
    entries = [{"row": 7, "member": {"name": "古河 花子", "birth_date": "1990-01-02"}, "hurt": False}]
    cells = group.cells(entries)
    assert (cells["household.1.member.birth_date"], cells["household.1.hurt"]) == ("1990-01-02", "false")
    several = next(spec for spec in procedure.fields() if spec.id == "parts")
    assert several.cells(["roof", "wall"]) == {"parts": "roof wall"}


def test_a_version_that_begins_later_is_not_the_one_whose_cases_are_offered_first(
    client: FlaskClient, hanako: Account, reviewer: Account, clock_at: Callable[[str], datetime]
) -> None:
    made = filed(hanako)
    with unit_of_work() as own:
        row = own.query(ProcedureRow).filter_by(slug="dog-registration").one()
        begun = row.versions[-1]
        document = {**begun.document, "words": ["犬"]}
        own.add(
            ProcedureVersion(
                procedure_id=row.id, number=2, document=document, sha256="2" * 64, published_at=clock.now(),
                valid_from=clock.now() + timedelta(days=10),
            )
        )  # fmt: skip
    people.sign_in(client, reviewer)
    page = client.get("/staff/figures/dog-registration").get_data(as_text=True)
    assert '<option value="1" selected>1(' in page
    assert '<option value="2">2(2026年12月' in page
    assert made in client.get("/staff/figures/dog-registration/cases?format=csv").get_data(as_text=True)


def test_the_figures_say_where_people_stop_and_what_is_corrected(
    client: FlaskClient, hanako: Account, stranger: Account, reviewer: Account, session: Session,
    clock_at: Callable[[str], datetime], mailbox: Mailbox, run_jobs: Callable[[], None],
) -> None:  # fmt: skip
    draft(stranger, steps={"owner": OWNER})
    made = filed(hanako)
    pay(session, made)
    ask(made, reviewer, ("dog_kind", "くわしく"))
    accept(made, reviewer)
    clock_at("2026-11-28 23:59")
    decide(made, staff(reviewer))
    since = clock.today().replace(month=1, day=1)
    expected = (2, 1, [("owner", 1)], [("dog_kind", 1)], [(3, 1)])

    def now() -> tuple[object, ...]:
        session.expire_all()
        found = statistics.figures(session, "dog-registration", since=since)
        return (found.started, found.filed, list(found.stopped), list(found.corrected), list(found.days))

    assert now() == expected
    people.sign_in(client, reviewer)
    page = client.get("/staff/figures/dog-registration").get_data(as_text=True)
    assert "出さずに止まったところ" in page
    assert "<svg" in page
    clock_at("2027-02-17 03:20")
    tidy_drafts(0)
    tidy_drafts(0)
    run_jobs()
    [mail] = mailbox.to("stranger@example.jp")
    assert "2027年2月23日" in mail["Subject"]
    clock_at("2027-02-24 03:20")
    tidy_drafts(0)
    session.expire_all()
    assert [a.reference for a in session.scalars(select(Application))] == [made], "a filed case never expires"
    session.rollback()
    assert now() == expected, "what was counted stays when the draft goes"
