"""`portal fees …`: look at fee tables before they are published, correct afterwards; the rest is imported by the command that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def fees(connect: Callable[[], None]) -> click.Group:
    """The group `fees`.

    Args:
        connect: makes the database ready; called only by the command that needs it.
    """

    @click.group("fees")
    def group() -> None:
        """Check fee tables and price cases, without a database; correct bookings that a wrong table priced."""

    @group.command()
    @click.argument("table")
    @click.option(
        "--run", "run_name", default="", help="Name of the correction; each booking has its part of a run once."
    )
    @click.option(
        "--ground", default="", help="Why the first price was wrong and by which decision; on every charge and refund."
    )
    @click.option("--apply", is_flag=True, help="Do it; without this only the list is printed.")
    def correct(table: str, run_name: str, ground: str, *, apply: bool) -> None:
        """List every booking that the corrected fee table prices otherwise, by fiscal year; with --apply charge and refund."""
        if apply and not (run_name.strip() and ground.strip()):
            raise click.UsageError("--apply needs --run and --ground")
        connect()
        _correct(table, run_name.strip(), ground.strip(), apply=apply)

    group.add_command(check)
    group.add_command(quote)
    return group


def _correct(table: str, run_name: str, ground: str, *, apply: bool) -> None:
    from functools import partial

    from portal.kernel import clock
    from portal.kernel.audit import SYSTEM
    from portal.kernel.database import transact, unit_of_work
    from reservations.services import correcting

    with unit_of_work() as session:
        found = correcting.plan(session, table)
    for one in found:
        shown = "料金なし" if one.new is None else f"{one.old} → {one.new} ({one.difference:+,}円)"
        click.echo(f"{one.fiscal_year}年度  {one.used_on}  {one.reference}  {shown}")
    for year in correcting.by_year(found):
        click.echo(f"{year.year}年度: {year.count}件、追加 {year.charged}、返還 {year.refunded}")
    if not apply:
        click.echo(f"{len(found)}件。まだ何も変えていません(--apply で実行)。")
        return
    done = 0
    for one in found:
        use_case = partial(
            correcting.correct_one,
            reference=one.reference,
            run=run_name,
            ground=ground,
            actor=SYSTEM,
            now=clock.now(),
        )
        done += transact(use_case) is not None
    click.echo(f"{done}件を直しました。")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=_FILE)
def check(files: tuple[Path, ...]) -> None:
    """Print every mistake of fee files as FILE:LINE: what → what would be right; ends non-zero where there is one."""
    from reservations import fee_files

    problems = [problem for file in files for problem in fee_files.check(file)]
    for problem in problems:
        click.echo(str(problem))
    if problems:
        click.echo(f"間違いが{len(problems)}件あります。", err=True)
        sys.exit(1)
    click.echo(f"{len(files)}件のファイルに間違いはありません。")


@click.command()
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--case", "case_file", required=True, type=_FILE, help="What is used, and when (docs/fees.md).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def quote(file: Path, case_file: Path, *, as_json: bool) -> None:
    """Price one case by a fee file: each line with its rule and table version, and the total."""
    from pydantic import ValidationError

    from reservations import fee_files

    try:
        content = json.loads(case_file.read_text(encoding="utf-8"))
        case = fee_files.CaseFile.model_validate(content)
        found = fee_files.quote(fee_files.read(file), case)
    except ValidationError as error:
        faults = [fee_files.explained(fault, fee_files.CaseFile) for fault in error.errors(include_url=False)]
        raise click.ClickException("\n".join(f"{case_file}: {what} → {right}" for what, right in faults)) from error
    except (fee_files.PackError, fee_files.BadCase, ValueError) as error:
        raise click.ClickException(f"{case_file}: {error}") from error
    if as_json:
        lines = [
            {"label": line.label, "amount": line.amount.amount, "rule": line.rule, "sample": line.sample}
            for line in found.lines
        ]
        facts = {
            "table": found.table,
            "valid_from": found.valid_from.isoformat(),
            "ground": found.ground,
            "lines": lines,
            "total": found.total.amount,
        }
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for line in found.lines:
        click.echo(f"{line.amount!s:>12}  {line.label}  [{line.rule}]{'  見本' if line.sample else ''}")
    click.echo(f"{found.total!s:>12}  合計({found.table}、{found.valid_from} から。{found.ground})")
