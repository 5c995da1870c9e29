"""The papers that are written from the code: `make papers` writes them, a test says when they are behind.

docs/settings.md from `portal.settings`, docs/commands.md from the commands' own help, docs/jobs.md from the
registered tasks, docs/errors.md from the error classes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import procrastinate

from portal import app as composition
from portal import cli
from portal.kernel import jobs
from portal.kernel.errors import PortalError
from portal.settings import DEVELOPMENT_SECRET, Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PACKAGES = ("portal", "forms", "reservations", "payments")
_MADE = "<!-- Written by `make papers` from the code; edits here are lost. -->\n"


def modules() -> list[str]:
    """The name of every module of the program, each imported."""
    names: list[str] = []
    for package in PACKAGES:
        root = importlib.import_module(package)
        names.append(package)
        names += [found.name for found in pkgutil.walk_packages(root.__path__, f"{package}.")]
    for name in names:
        importlib.import_module(name)
    return names


def error_classes() -> list[type[PortalError]]:
    """Every error that a person may be told of, by module and name."""
    modules()

    def below(kind: type[PortalError]) -> Iterator[type[PortalError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return sorted(
        {found for found in below(PortalError) if found.__module__.split(".")[0] in PACKAGES},
        key=lambda kind: (kind.__module__, kind.code, kind.__name__),
    )


def tasks() -> dict[str, procrastinate.tasks.Task]:
    """Our registered tasks by name (Procrastinate brings one of its own)."""
    for module in composition.TASK_MODULES:
        importlib.import_module(module)
    return {
        name: task
        for name, task in sorted(jobs.jobs.tasks.items())
        if not name.startswith(("builtin:", "procrastinate."))
    }


def commands() -> dict[str, click.Command]:
    """The commands of `portal` by name, those of a group as `group command`."""
    found: dict[str, click.Command] = {}
    for name, command in cli.main.commands.items():
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {below}": each for below, each in command.commands.items()}
    return dict(sorted(found.items()))


def _first(text: str | None) -> str:
    return " ".join((inspect.cleandoc(text or "").split("\n\n")[0]).split()).replace("|", "\\|")


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        _MADE,
        "Read from the environment once, when a process starts (`portal/settings.py`). A secret may also come as a file: set",
        "`NAME_FILE` to its path instead of `NAME`. `portal doctor` says what production would refuse.",
        "",
        "| variable | default | secret | what it says |",
        "|---|---|---|---|",
    ]
    for entry in fields(Settings):
        default = str(entry.default)
        shown = (
            "(a known one; production refuses it)"
            if default == DEVELOPMENT_SECRET
            else f"`{default}`"
            if default
            else "–"
        )
        secret = "yes" if entry.metadata["secret"] else ""
        lines.append(f"| `{entry.metadata['variable']}` | {shown} | {secret} | {entry.metadata['says']} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """docs/commands.md."""
    lines = ["# Commands", "", _MADE, "`portal COMMAND --help` prints the same.", ""]
    above = click.Context(cli.main, info_name="portal", **cli.main.context_settings)
    for name, command in commands().items():
        # Below the group, whose settings (such as -h) a command takes over.
        context = click.Context(command, info_name=name, parent=above)
        lines += [
            f"## portal {name}",
            "",
            "```text",
            *[line.rstrip() for line in command.get_help(context).splitlines()],
            "```",
            "",
        ]
    return "\n".join(lines)


def _retry(strategy: procrastinate.BaseRetryStrategy | None) -> str:
    if strategy is jobs.PATIENT:
        return "patient (6 times, up to about an hour and a half)"
    if strategy is jobs.BRIEF:
        return "brief (3 times)"
    return "no" if strategy is None else type(strategy).__name__


def jobs_page() -> str:
    """docs/jobs.md."""
    lines = [
        "# Background jobs",
        "",
        _MADE,
        "`portal worker` runs them. A job exists if and only if the transaction that asked for it committed; it takes ids, reads",
        "fresh state and is safe to run twice. Jobs that gave up are shown to the IT section on `/staff/it/jobs`.",
        "",
        "| task | queue | when (cron, UTC) | tried again | what it does |",
        "|---|---|---|---|---|",
    ]
    for name, task in tasks().items():
        when = f"`{jobs.PERIODIC[name]}`" if name in jobs.PERIODIC else "when asked for"
        lines.append(
            f"| `{name}` | {task.queue} | {when} | {_retry(task.retry_strategy)} | {_first(task.func.__doc__)} |"
        )
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """docs/errors.md."""
    lines = [
        "# Errors that people are told of",
        "",
        _MADE,
        "Each error carries facts; its code finds the words (Japanese in the code, English in the catalogue) and its status is what",
        "the web answers (`portal/kernel/errors.py`).",
        "",
        "| code | status | class | when |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{kind.code}` | {kind.status} | `{kind.__module__}.{kind.__name__}` | {_first(kind.__doc__)} |"
        for kind in error_classes()
    ]
    return "\n".join(lines) + "\n"


PAGES = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "jobs.md": jobs_page,
    "errors.md": errors_page,
}


def main() -> None:
    """Write them all."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
