"""The console script `portal`: `portal --help` lists the commands, `portal COMMAND --help` explains one.

The whole program is imported by the commands that need it: help and the mail catcher come up at once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from forms import commands as forms_commands
from payments import commands as payment_commands
from portal.kernel import logs, start
from portal.settings import Settings, SettingsError, from_environ
from reservations import commands as reservation_commands


def _settings(*, need_database: bool = True) -> Settings:
    try:
        settings = from_environ()
        mode = settings.mode
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    logs.configure(json=mode == "production")
    if need_database and not settings.database_url:
        from portal import supervisor

        running = supervisor.running_url(settings)
        if running is None:
            message = "DATABASE_URL is not set and no embedded database is running: start `make run` first, or set DATABASE_URL"
            raise click.ClickException(message)
        settings = supervisor.with_database(settings, running)
    return settings


def _assemble(settings: Settings) -> None:
    with start.quick():
        from portal import app as composition

    try:
        composition.assemble(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@click.group(help=(__doc__ or "").split("\n\n")[0], context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="minna-no-madoguchi")
def main() -> None:
    """Entry point."""


main.add_command(forms_commands.procedures(lambda: _assemble(_settings())))
main.add_command(forms_commands.attachments(lambda: _assemble(_settings())))
main.add_command(reservation_commands.fees(lambda: _assemble(_settings())))
main.add_command(payment_commands.bills(lambda: _assemble(_settings())))


@main.command()
def run() -> None:
    """Start everything for development: database, city data, demo people, web, worker, mail catcher."""
    from portal import supervisor

    sys.exit(supervisor.run(_settings(need_database=False)))


@main.command()
@click.option("--workers", default=2, show_default=True, help="Web processes.")
@click.option("--threads", default=4, show_default=True, help="Threads in each.")
def serve(workers: int, threads: int) -> None:
    """Start the web processes (gunicorn) on PORTAL_HOST:PORT."""
    from portal import supervisor
    from portal.kernel import database

    settings = _settings()
    _assemble(settings)
    database.dispose()
    command = supervisor.web_command(settings, workers=workers, threads=threads)
    os.execve(command[0], command, supervisor.web_environ(settings))


@main.command()
@click.option("--once", is_flag=True, help="Run what is due now and end.")
@click.option("--check", is_flag=True, help="Only look whether a worker is alive; ends non-zero where none is.")
@click.option("--concurrency", default=2, show_default=True, help="Jobs at a time.")
@click.option("--queue", "queues", multiple=True, help="Only these queues (default, mail, documents, money).")
def worker(*, once: bool, check: bool, concurrency: int, queues: tuple[str, ...]) -> None:
    """Run background jobs: mail, PDFs, tidying, retries."""
    from portal.kernel import jobs

    settings = _settings()
    if check:
        alive = jobs.worker_alive(settings.database_url)
        click.echo("a worker is alive" if alive else "no worker gave a sign of life lately")
        sys.exit(0 if alive else 1)
    _assemble(settings)
    if once:
        jobs.run_pending(settings.database_url, queues=list(queues) or None)
    else:
        # People wait for pages, nobody for a paper: where both share a machine the pages go first.
        os.nice(5)
        jobs.run_worker(settings.database_url, concurrency=concurrency, queues=list(queues) or None)


@main.command("migrate")
@click.option("--to", "revision", default="head", show_default=True, help="A revision, or head.")
@click.option("--down", is_flag=True, help="Go down to the revision instead of up.")
def migrate_command(*, revision: str, down: bool) -> None:
    """Bring the database's tables up to date."""
    from portal.kernel import migrate

    settings = _settings()
    if down:
        migrate.downgrade(settings.database_url, revision)
    else:
        migrate.upgrade(settings.database_url, revision)
    click.echo(f"database is at {revision}")


@main.command("load-city")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def load_city(folder: Path | None) -> None:
    """Load a city pack FOLDER (PORTAL_CITY where none is named); loading it again changes nothing."""
    settings = _settings()
    _assemble(settings)
    from portal import app as composition

    ok, lines = composition.load_city(folder or Path(settings.city_folder))
    for line in lines:
        click.echo(line, err=not ok)
    sys.exit(0 if ok else 1)


@main.command("seed-demo")
def seed_demo() -> None:
    """Make the demo people (development only) and print their sign-ins."""
    settings = _settings()
    if settings.production:
        raise click.ClickException("production takes no demo people")
    _assemble(settings)
    from portal import app as composition

    for line in composition.seed_demo():
        click.echo(line)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def kpi(*, as_json: bool) -> None:
    """Print the plan's counts, computed from what is live."""
    settings = _settings()
    _assemble(settings)
    from portal import app as composition

    report = composition.kpi()
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for line in composition.kpi_lines(report):
        click.echo(line)


@main.command("create-staff")
@click.option("--email", required=True, help="Mail address to sign in with.")
@click.option("--name", required=True, help="Name that colleagues see.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="ROLE, ROLE:department:CODE or ROLE:facility:CODE; repeatable.",
)
@click.password_option(help="First password; asked for where it is not given.")
def create_staff(email: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Make a staff account, e.g. --role reviewer:department:environment."""
    settings = _settings()
    _assemble(settings)
    from portal import app as composition

    try:
        click.echo(composition.create_staff(email=email, name=name, roles=roles, password=password))
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
def doctor() -> None:
    """Say what is missing on this machine and the command that mends it; ends non-zero where something is."""
    from portal import doctor as doctor_module

    sys.exit(doctor_module.report(_settings(need_database=False), click.echo))


@main.command("mail-catcher")
def mail_catcher() -> None:
    """Catch every mail on SMTP_HOST:SMTP_PORT into the data folder (development only)."""
    from portal.notices import catcher

    settings = _settings(need_database=False)
    if settings.production:
        raise click.ClickException("production sends its mail: set SMTP_HOST")
    catcher.main(settings.smtp_host, settings.smtp_port_number, settings.data / "mail")


@main.command("take-bounce")
def take_bounce() -> None:
    """Read a mail that came back from standard input (a pipe of the mail server) and mark the message it is about."""
    from portal.kernel import clock
    from portal.kernel.database import unit_of_work
    from portal.notices import bounces

    _assemble(_settings())
    with unit_of_work() as session:
        known = bounces.take_in(session, sys.stdin.buffer.read(), now=clock.now())
    click.echo("marked as returned" if known else "not about a message of ours")
