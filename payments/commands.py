"""`portal bills`: files of the tax system in and out. Dry by default; what needs the whole program is imported late."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def bills(connect: Callable[[], None]) -> click.Group:
    """The group `bills`.

    Args:
        connect: makes the database ready.
    """

    @click.group("bills")
    def group() -> None:
        """Tax bills: import, payments made elsewhere, payment file (docs/tax-bills.md)."""

    @group.command("import")
    @click.argument("file", type=FILE)
    @click.option("--write", is_flag=True, help="Take it in; without it only look.")
    @click.option(
        "--sample", is_flag=True, help="The bills are made up and say 見本; so does a FILE whose name begins with 見本."
    )
    def import_(file: Path, *, write: bool, sample: bool) -> None:
        """Take a FILE of bills in: all of it or nothing; every mistake with its line and a suggestion."""
        connect()
        _take(file, elsewhere=False, write=write, sample=sample)

    @group.command()
    @click.argument("file", type=FILE)
    @click.option("--write", is_flag=True, help="Take it in; without it only look.")
    def elsewhere(file: Path, *, write: bool) -> None:
        """Take a FILE of payments in that were made at banks, shops and other sites."""
        connect()
        _take(file, elsewhere=True, write=write)

    @group.command()
    @click.option("--write", is_flag=True, help="Make the file; without it only say what it would hold.")
    @click.option("--again", default="", help="Print an earlier file once more, by its number.")
    def export(*, write: bool, again: str) -> None:
        """Print the payment file (消込) for the tax system: everything that it was not told yet."""
        connect()
        _export(write=write, again=again)

    return group


def _take(file: Path, *, elsewhere: bool, write: bool, sample: bool = False) -> None:
    from payments.bills import importing
    from payments.bills.errors import BillFileKnown, BillFileRefused
    from portal.kernel import audit, clock
    from portal.kernel.database import new_session

    take = importing.take_elsewhere if elsewhere else partial(importing.take_bills, sample=sample)
    try:
        with file.open("rb") as stream, new_session() as session:
            taken = take(session, stream, file_name=file.name, actor=audit.SYSTEM, now=clock.now())
            if write:
                session.commit()
            else:
                session.rollback()
    except BillFileRefused as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        if error.count > len(error.problems):
            click.echo(f"… {error.count - len(error.problems)} more", err=True)
        click.echo(f"{error.count} mistakes: nothing was taken in", err=True)
        sys.exit(1)
    except BillFileKnown as error:
        raise click.ClickException(
            f"this very file was taken in before, as {error.reference} at {error.imported_at:%Y-%m-%d %H:%M}"
        ) from error
    done = f"taken in as {taken.reference}" if write else "dry run: nothing was written (--write takes it in)"
    click.echo(
        f"{taken.rows:,} rows, {taken.total.amount:,} yen, {taken.withdrawn} withdrawn, {taken.excess} paid twice, "
        f"{taken.encoding}: {done}"
    )


def _export(*, write: bool, again: str) -> None:
    from payments.bills import exporting
    from payments.bills.errors import NoSuchBill, NothingToExport
    from portal.kernel import audit, clock
    from portal.kernel.database import unit_of_work

    try:
        with unit_of_work() as session:
            if again:
                click.echo(exporting.as_csv(session, again), nl=False)
                return
            if not write:
                count, total = exporting.waiting(session)
                click.echo(f"{count} movements, {total.amount:,} yen: dry run (--write makes the file)")
                return
            made = exporting.make(session, actor=audit.SYSTEM, now=clock.now())
            click.echo(exporting.as_csv(session, made.reference), nl=False)
    except NothingToExport:
        click.echo("nothing new")
    except NoSuchBill as error:
        raise click.ClickException(f"no payment file has the number {again}") from error
