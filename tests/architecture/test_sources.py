"""Rules about the files themselves."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

#: Files that may be longer than 450 lines, each with its reason.
LONG: dict[str, str] = {}
#: Templates that may switch escaping off, each with its reason.
UNESCAPED: dict[str, str] = {
    "forms/web/templates/forms/_fields.html": "attributes that a macro of the same file put together, its parts escaped there",
}
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home|root|Users|work|workspace|mnt)/[\w.-]+")
#: Addresses where packages are fetched: a lock file or a script that names one fetches from nowhere else.
REGISTRIES = re.compile(
    r"py[p]i\.org|pythonh[o]sted\.org|npm[j]s\.(?:org|com)|yarnpkg|registry\.[a-z-]+\.(?:org|com|io|jp)|(?:ghcr|quay)\.io|docker\.io|simple/",
    re.IGNORECASE,
)


@cache
def tracked() -> list[Path]:
    """Every file in the repository that git knows, and that is text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()[:4096]]


def _named(*endings: str) -> list[Path]:
    return [file for file in tracked() if file.name.endswith(endings)]


def _templates() -> list[Path]:
    return [file for file in _named(".html", ".txt", ".xml", ".svg") if {"templates", "texts"} & set(file.parts)]


def test_lock_files_hold_versions_and_hashes_and_no_addresses():
    for name in ("requirements.lock", "requirements-dev.lock", ".ci/uv.lock", ".ci/build.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text, name
        assert not re.search(r"https?://|--index|--find-links", text), name
        for line in re.findall(r"^[a-z0-9].*$", text, re.MULTILINE):
            assert "==" in line, f"{name}: {line}"
    assert not re.search(r"https?://", (ROOT / "package-lock.json").read_text(encoding="utf-8"))


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    locked = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    for requirement in wanted:
        name = re.split(r"[\[<>=! ]", requirement)[0].lower().replace("_", "-").replace(".", "-")
        assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE), f"{name}: run `make lock`"


def test_no_file_names_a_registry():
    # This file names them to look for them.
    for file in tracked():
        if file != Path(__file__):
            found = REGISTRIES.search(file.read_text(encoding="utf-8"))
            assert found is None, f"{file.relative_to(ROOT)}: {found}"


def test_no_file_names_a_place_on_somebodys_machine():
    for file in tracked():
        found = MACHINE_PATHS.search(file.read_text(encoding="utf-8"))
        assert found is None, f"{file.relative_to(ROOT)}: {found}"


def test_no_file_is_too_long_to_hold_in_the_head():
    for file in _named(".py", ".js", ".css"):
        name = str(file.relative_to(ROOT))
        # A migration is a record: it is read once, from top to bottom.
        if name.startswith("migrations/versions/"):
            continue
        lines = len(file.read_text(encoding="utf-8").splitlines())
        assert lines <= 450 or name in LONG, f"{name} has {lines} lines: look for the second idea in it"


def test_no_template_has_a_script_or_style_of_its_own():
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+\s*=|javascript:", re.IGNORECASE)
    style = re.compile(r"<style|\sstyle\s*=", re.IGNORECASE)
    for file in _templates():
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not inline.search(text), f"{file.relative_to(ROOT)}: {inline.search(text)}"
        # A document for the PDF has no content security policy: its style stands in its head.
        if "pdf" not in file.parts:
            assert not style.search(text), f"{file.relative_to(ROOT)}: {style.search(text)}"


def test_no_template_switches_escaping_off_without_a_reason():
    for file in _templates():
        name = str(file.relative_to(ROOT))
        found = re.search(r"\|\s*safe\b|autoescape\s+false", file.read_text(encoding="utf-8"))
        assert found is None or name in UNESCAPED, f"{name}: {found}"


def test_no_python_makes_markup_from_a_variable():
    """`Markup(f"…")` and `Markup(x % y)` switch escaping off where nobody sees it."""
    for file in _named(".py"):
        if "tests" not in file.relative_to(ROOT).parts[:1]:
            found = re.search(r"\bMarkup\(\s*f[\"']|Markup\([^()]*%\s", file.read_text(encoding="utf-8"))
            assert found is None, f"{file.relative_to(ROOT)}: {found}"


def test_nothing_is_fetched_from_somebody_elses_server_by_a_page():
    foreign = re.compile(r"<(?:script|link|img|iframe|source)[^>]+(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE)
    for file in [*_templates(), *_named(".css")]:
        text = file.read_text(encoding="utf-8")
        assert not foreign.search(text), file.relative_to(ROOT)
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", text), file.relative_to(ROOT)


@pytest.mark.parametrize("word", ["individual_number", "kojin_bango", "kojinbangou", "my_number", "mynumber"])
def test_no_column_or_item_holds_the_individual_number(word: str):
    """個人番号 is never asked, stored, logged or hashed."""
    from portal.kernel.database import Base

    for table in Base.metadata.tables.values():
        for column in table.columns:
            assert word not in column.name.lower(), f"{table.name}.{column.name}"


def test_make_check_runs_the_import_contracts():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    check = makefile.split("\ncheck:", 1)[1].split("\n\n", 1)[0]
    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports"):
        assert tool in check, tool


def test_every_import_contract_of_the_design_is_there():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract for contract in contracts if contract["type"] == "layers")["layers"]
    assert "forms | reservations" in layers
    assert layers.index("forms | reservations") < layers.index("payments") < layers.index("portal.kernel")
    forbidden = {name for contract in contracts for name in contract.get("forbidden_modules", ())}
    assert {"flask", "stripe", "weasyprint", "sqlalchemy"} <= forbidden


def test_no_warning_is_switched_off_without_a_word():
    for file in _named(".py"):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = re.search(r"#\s*type:\s*ignore(?!\[)|#\s*noqa(?!:)", line)
            assert found is None or file == Path(__file__), f"{file.relative_to(ROOT)}:{number}"
            skipped = re.search(r"pytest\.mark\.(skip|xfail)\b|pytest\.skip\(", line)
            assert skipped is None or file == Path(__file__), f"{file.relative_to(ROOT)}:{number} skips a test"
