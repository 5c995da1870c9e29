"""`portal procedures import | publish`: one editor proposes files, a second one publishes. Nothing is written without `--write`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from forms.definition import Procedure
    from portal.directory.pack import Problem
    from portal.kernel.audit import Actor

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Read = Callable[[Path], "tuple[Procedure | None, list[Problem]]"]


def add(group: click.Group, connect: Callable[[], None], *, read: Read) -> None:
    """Add the commands to the group `procedures`.

    Args:
        group: the group.
        connect: makes the database ready.
        read: a file's procedure and its mistakes.
    """

    @group.command("import")
    @click.argument("files", nargs=-1, required=True, type=FILE)
    @click.option("--by", "mail", required=True, help="Mail address of the editor who proposes.")
    @click.option("--write", is_flag=True, help="Write; without it, only what would change is printed.")
    def import_(files: tuple[Path, ...], mail: str, *, write: bool) -> None:
        """Check FILES and propose each as a version that a second person publishes; dry without --write."""
        found = [(file, *read(file)) for file in files]
        problems = [problem for _file, _procedure, wrong in found for problem in wrong]
        for problem in problems:
            click.echo(str(problem), err=True)
        if problems:
            click.echo(f"{len(files)} files, {len(problems)} mistakes: nothing was written")
            sys.exit(1)
        for _file, procedure, _wrong in found:
            if procedure is not None:
                click.echo(_propose(procedure, mail, connect, write=write))

    @group.command()
    @click.argument("slug")
    @click.option("--by", "mail", required=True, help="Mail address of the second person: not who proposed.")
    @click.option("--from", "start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M"]), help="From when, in Japan.")
    @click.option("--write", is_flag=True, help="Publish; without it, only what would change is printed.")
    def publish(slug: str, mail: str, start: datetime | None, *, write: bool) -> None:
        """Publish the proposal of SLUG as the second person; dry without --write."""
        click.echo(_publish(slug, mail, start, connect, write=write))


def _editor(session: Session, mail: str) -> Actor:
    """The editor with this address.

    Raises:
        click.ClickException: there is none.
    """
    from portal.accounts.models import Role
    from portal.accounts.services import account_by_email
    from portal.kernel.audit import Actor

    account = account_by_email(session, mail)
    if account is None or not any(grant.role == Role.EDITOR.value for grant in account.grants):
        raise click.ClickException(f"{mail} is no editor")
    return Actor(account.id, "staff")


def _propose(procedure: Procedure, mail: str, connect: Callable[[], None], *, write: bool) -> str:
    from forms import queries
    from forms.definition import to_document
    from forms.definition.comparison import compare
    from forms.services import publishing
    from portal.kernel import clock
    from portal.kernel.database import unit_of_work
    from portal.kernel.errors import NotFound

    connect()
    with unit_of_work() as session:
        actor, now = _editor(session, mail), clock.now()
        try:
            old = to_document(queries.procedure(session, procedure.slug, now=now).procedure)
            found = compare(old, to_document(procedure))
        except NotFound:
            found = None
        words = "new" if found is None else f"{len(found)} differences"
        if found == []:
            return f"{procedure.slug}: nothing new"
        if not write:
            return f"{procedure.slug}: {words} (nothing was written; --write proposes it)"
        made = publishing.propose(session, procedure=procedure, actor=actor, now=now)
        return f"{procedure.slug}: {words}, proposed as version {made.number}; a second person publishes it"


def _publish(slug: str, mail: str, start: datetime | None, connect: Callable[[], None], *, write: bool) -> str:
    from forms.services import publishing
    from portal.kernel import clock
    from portal.kernel.database import unit_of_work

    connect()
    with unit_of_work() as session:
        actor = _editor(session, mail)
        waiting = publishing.waiting(session, slug)
        if waiting is None:
            raise click.ClickException(f"{slug}: no proposal waits")
        if actor.account_id == waiting.proposed_by:
            raise click.ClickException(f"{mail} proposed it: a second person publishes")
        from_at = start.replace(tzinfo=clock.TOKYO) if start else None
        when = f"from {start:%Y-%m-%d %H:%M}" if start else "from now on"
        if not write:
            return f"{slug}: version {waiting.number} {when} (nothing was written; --write publishes it)"
        try:
            publishing.agree(session, slug=slug, sha256=waiting.sha256, actor=actor, now=clock.now(), from_at=from_at)
        except publishing.TooEarly as error:
            raise click.ClickException("a moment in the past cannot be chosen") from error
        return f"{slug}: version {waiting.number} is published {when}"
