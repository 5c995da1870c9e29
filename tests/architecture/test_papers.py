"""What is written down is what is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import pytest

from tests.architecture import papers
from tests.conftest import ROOT


@pytest.mark.parametrize("name", papers.PAGES)
def test_the_papers_written_from_the_code_are_up_to_date(name: str):
    written = (papers.DOCS / name).read_text(encoding="utf-8") if (papers.DOCS / name).exists() else ""
    assert written == papers.PAGES[name](), f"docs/{name} is behind: run `make papers`"


def test_every_command_says_what_it_does():
    for name, command in papers.commands().items():
        assert command.help, f"portal {name}"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"portal {name}: {parameter.name}"


def test_every_job_says_what_it_does():
    for name, task in papers.tasks().items():
        assert task.func.__doc__, name


def test_every_task_is_in_a_module_that_web_and_worker_load():
    """A module with `@task` outside the list registers only where somebody happens to import it."""
    pattern = re.compile(r"^@(jobs\.)?task\(", re.MULTILINE)
    found = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in papers.PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if pattern.search(file.read_text(encoding="utf-8"))
    }
    from portal.app import TASK_MODULES

    assert found == set(TASK_MODULES)


def test_every_error_class_says_when_it_happens_and_no_two_share_a_code():
    codes: dict[str, str] = {}
    for kind in papers.error_classes():
        assert kind.__doc__, kind.__qualname__
        # dataclass writes a signature where a class has no docstring of its own
        assert not kind.__doc__.startswith(f"{kind.__name__}("), f"{kind.__qualname__} has no docstring"
        assert 400 <= kind.status < 600, kind.__qualname__
        if "code" in vars(kind):
            other = codes.setdefault(kind.code, kind.__qualname__)
            assert other == kind.__qualname__, f"{kind.code}: {other} and {kind.__qualname__}"


def _pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_the_papers_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


_NAMED = re.compile(r"`((?:portal|forms|reservations|payments)(?:\.\w+)+)(?:\([^`]*\))?`")


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_function_that_the_papers_name_exists(page: Path):
    """`package.module.name` in code style is a module, or something in one."""
    for name in sorted(set(_NAMED.findall(page.read_text(encoding="utf-8")))):
        assert name in papers.tasks() or _exists(name), f"{page.name} names {name}"


def _exists(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


def test_every_make_target_is_listed_by_make_help():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^([a-z-]+):", makefile, re.MULTILINE):
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"make {target} has no words"


def test_every_rule_that_is_said_to_be_covered_names_a_test_that_exists():
    written = (papers.DOCS / "rules-covered.md").read_text(encoding="utf-8")
    rooms = [ROOT / "tests" / room for room in ("reservations", "payments")]
    there = "".join(file.read_text(encoding="utf-8") for room in rooms for file in room.glob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", written))
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in there] == []
    files = re.findall(r"`(test_\w+\.py)`", written)
    assert [name for name in files if not (ROOT / "tests" / "reservations" / name).is_file()] == []
