"""`portal procedures`: check procedure files, compare two versions, write a published one out, propose and publish.

What needs the whole program is imported by the command that needs it. `import` and `publish` write only with `--write`.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forms import publish_commands

if TYPE_CHECKING:
    from forms.definition import Procedure
    from portal.directory.pack import Pack, Problem

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def procedures(connect: Callable[[], None]) -> click.Group:
    """The group `procedures`.

    Args:
        connect: makes the database ready; called only by commands that read from it.
    """

    @click.group("procedures")
    def group() -> None:
        """Check, compare and export procedures (docs/procedures.md)."""

    @group.command()
    @click.argument("files", nargs=-1, required=True, type=FILE)
    def check(files: tuple[Path, ...]) -> None:
        """Print every mistake in procedure FILES with file, line and a suggestion; ends non-zero where there is one."""
        problems = [problem for file in files for problem in _read(file)[1]]
        for problem in problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(files)} files, {len(problems)} mistakes")
        sys.exit(1 if problems else 0)

    @group.command()
    @click.argument("old")
    @click.argument("new")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object a line: path, kind, old, new.")
    def diff(old: str, new: str, *, as_json: bool) -> None:
        """Print what differs between OLD and NEW, field by field; each is a file, or the slug of what is published."""
        from forms.definition import to_document
        from forms.definition.comparison import compare

        documents = [to_document(_named(name, connect)) for name in (old, new)]
        found = compare(documents[0], documents[1])
        for each in found:
            if as_json:
                row = {"path": each.where, "kind": each.kind, "old": each.old, "new": each.new}
                click.echo(json.dumps(row, ensure_ascii=False))
            else:
                click.echo(_in_words(each.kind, each.where, each.old, each.new))
        if not found and not as_json:
            click.echo("no difference")

    @group.command()
    @click.argument("slug")
    def export(slug: str) -> None:
        """Print the published version of SLUG as a procedure file."""
        click.echo(as_yaml(_published(slug, connect)), nl=False)

    publish_commands.add(group, connect, read=_read)
    return group


def attachments(connect: Callable[[], None]) -> click.Group:
    """The group `attachments`.

    Args:
        connect: makes the database and the keys ready.
    """

    @click.group("attachments")
    def group() -> None:
        """Files that applicants have handed in (docs/deployment.md)."""

    @group.command()
    def reseal() -> None:
        """Seal with the newest key what an older one sealed, a few at a time; afterwards the older key is needed no more."""
        connect()
        from forms.attachments import services
        from portal.kernel.database import transact
        from portal.kernel.sealed import SealedError

        done = 0
        try:
            while count := transact(services.reseal):
                done += count
        except SealedError as error:
            raise click.ClickException(f"{error}; {done} parts were sealed anew before") from error
        click.echo(f"{done} parts sealed anew")

    return group


def _named(name: str, connect: Callable[[], None]) -> Procedure:
    """A procedure by its file, or by the slug of what is published.

    Raises:
        click.ClickException: the file has mistakes (all are told), or no such thing is published.
    """
    if not Path(name).is_file():
        if "/" in name or "." in name:
            raise click.ClickException(f"{name}: no such file")
        return _published(name, connect)
    procedure, problems = _read(Path(name))
    if procedure is None or problems:
        raise click.ClickException("\n".join(map(str, problems)))
    return procedure


def _read(file: Path) -> tuple[Procedure | None, list[Problem]]:
    """A file's procedure and its mistakes, each named by the path as it was given.

    A file in the folder `procedures` of a city pack is checked against that city's departments too.
    """
    from dataclasses import replace

    from forms import loader
    from portal.directory.pack import Pack

    city = file.resolve().parent.parent
    in_pack = file.resolve().parent.name == "procedures" and (city / "departments.yaml").is_file()
    pack = Pack(city if in_pack else file.resolve().parent)
    name = file.resolve().relative_to(pack.folder).as_posix()
    data, lines = pack.raw(name)
    procedure = None if data is None else loader.parse(pack, name, data, lines)
    if procedure is not None and in_pack:
        loader.check_section(pack, name, procedure, lines)
        _check_twin(pack, name, procedure, lines.get(("slug",), 1))
    return procedure, [replace(problem, file=str(file)) for problem in sorted(set(pack.problems))]


def _check_twin(pack: Pack, name: str, procedure: Procedure, line: int) -> None:
    """Note another file of the pack with the same slug."""
    from portal.directory.pack import Pack

    for other in pack.files("procedures/*.yaml"):
        data, _lines = (None, None) if other == name else Pack(pack.folder).raw(other)
        if isinstance(data, dict) and data.get("slug") == procedure.slug:
            pack.problem(name, line, f"slug「{procedure.slug}」は {other} でも使っています。", "別の slug にします。")


def _published(slug: str, connect: Callable[[], None]) -> Procedure:
    from forms import queries
    from portal.kernel import clock
    from portal.kernel.database import unit_of_work
    from portal.kernel.errors import NotFound

    connect()
    try:
        with unit_of_work() as session:
            return queries.procedure(session, slug, now=clock.now()).procedure
    except NotFound as error:
        raise click.ClickException(f"no procedure {slug} is published") from error


def as_yaml(procedure: Procedure) -> str:
    """A procedure as the text of a file that loads as the same document."""
    from ruamel.yaml import YAML

    from forms.definition import to_document

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # annotated as None by ruamel, documented as bool
    yaml.width = 130
    out = io.StringIO()
    yaml.dump(to_document(procedure), out)
    return out.getvalue()


_SIGNS = {"added": "+", "removed": "-", "changed": "~", "moved": "↕"}


def _in_words(kind: str, where: str, old: Any, new: Any) -> str:
    sign = _SIGNS[kind]
    if kind == "added":
        return f"{sign} {where}: {_short(new)}"
    if kind == "removed":
        return f"{sign} {where}: {_short(old)}"
    return f"{sign} {where}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
