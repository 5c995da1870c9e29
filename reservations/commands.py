"""`portal fees …`: look at fee tables before they are published. Asks no database; the rest is imported by the command that runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def fees() -> None:
    """Check fee tables and price cases, without a database."""


@fees.command()
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


@fees.command()
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
