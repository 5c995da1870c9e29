"""The deployment files: the image and the compose file say what the program needs, and hold no secret."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from portal.kernel.embedded import EmbeddedServer
from portal.settings import Settings, SettingsError, from_environ
from tests.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return loaded


def test_the_compose_file_is_valid_by_the_schema_of_compose():
    checked = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_setting_in_the_compose_file_is_one_that_the_portal_knows(compose: dict[str, Any]):
    known = {entry.metadata["variable"]: entry.metadata["secret"] for entry in fields(Settings)}
    for name in ("web", "worker", "migrate"):
        for variable in compose["services"][name]["environment"]:
            assert variable in known or known.get(variable.removesuffix("_FILE")), variable


def test_no_secret_has_a_value_in_the_compose_file_and_each_comes_as_a_file(compose: dict[str, Any]):
    secret = {entry.metadata["variable"] for entry in fields(Settings) if entry.metadata["secret"]}
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            assert variable not in secret, f"{name}: {variable} stands in the open"
            assert "PASSWORD" not in variable or variable.endswith("_FILE"), f"{name}: {variable}"
        for given in service.get("secrets", []):
            assert given in compose["secrets"], f"{name}: {given} is not declared"
    for name, source in compose["secrets"].items():
        assert source == {"file": f"./secrets/{name}"}


def test_the_secret_files_are_made_at_random_closed_off_and_never_overwritten(tmp_path: Path, compose: dict[str, Any]):
    def make() -> dict[str, str]:
        subprocess.run(["sh", ROOT / ".ci" / "secrets", tmp_path / "secrets"], check=True, capture_output=True)
        return {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}

    first = make()
    assert set(first) == set(compose["secrets"])
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert first["database_url"] == f"postgresql://portal:{first['postgres_password']}@db:5432/portal"
    assert len({first[name] for name in ("postgres_password", "portal_secret_key", "portal_password_salt")}) == 3
    assert make() == first


def test_the_portal_takes_what_the_compose_file_hands_it(tmp_path: Path, compose: dict[str, Any]):
    subprocess.run(["sh", ROOT / ".ci" / "secrets", tmp_path], check=True, capture_output=True)
    for name in ("stripe_api_key", "stripe_webhook_secret"):
        (tmp_path / name).unlink()
        (tmp_path / name).write_text("from the provider")
    given = {"PORTAL_BASE_URL": "https://madoguchi.city.example", "MAIL_FROM": "a@city.example", "SMTP_HOST": "mail"}

    def value(text: str) -> str:
        name, _, default = str(text).removeprefix("${").removesuffix("}").partition(":")
        filled = given.get(name, default.removeprefix("-")) if str(text).startswith("${") else str(text)
        return filled.replace("/run/secrets", str(tmp_path))

    environ = {name: value(text) for name, text in compose["services"]["web"]["environment"].items()}
    settings = from_environ(environ)
    assert settings.production
    assert settings.problems() == []


def test_the_address_of_the_database_may_not_stand_twice(tmp_path: Path):
    (tmp_path / "url").write_text("postgresql://a")
    with pytest.raises(SettingsError, match="both set"):
        from_environ({"DATABASE_URL": "postgresql://b", "DATABASE_URL_FILE": str(tmp_path / "url")})


def test_the_long_running_services_look_after_themselves(compose: dict[str, Any]):
    for name in ("db", "web", "worker", "mail"):
        assert compose["services"][name]["restart"] == "unless-stopped"
    for name in ("db", "worker", "mail"):
        assert compose["services"][name]["healthcheck"]["test"]
    assert "HEALTHCHECK" in DOCKERFILE, "web has the image's own"
    assert compose["services"]["migrate"]["restart"] == "no"
    for name in ("web", "worker"):
        assert compose["services"][name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert compose["services"]["mail"]["profiles"] == ["try-out"]


def test_the_database_keeps_its_data_where_18_has_it(compose: dict[str, Any]):
    assert compose["services"]["db"]["image"].startswith("postgres:18")
    assert compose["services"]["db"]["volumes"] == ["database:/var/lib/postgresql"]


def test_nothing_runs_as_root_or_writes_outside_its_volumes(compose: dict[str, Any]):
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    for name in ("web", "worker", "migrate", "mail"):
        service = compose["services"][name]
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_the_image_has_every_package_and_system_package_that_the_portal_needs():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    for package in packages:
        assert f"COPY {package} {package}" in DOCKERFILE
    needed = re.findall(r'need="\$need ([a-z0-9.-]+)"', (ROOT / ".ci" / "system-packages").read_text())
    for package in set(needed) - {"chromium"}:
        assert package in DOCKERFILE, package
    assert DOCKERFILE.count("--require-hashes") == 2


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked: what the image installs."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_carries_every_file_that_the_portal_reads(wheel: Path):
    for package in ("portal", "forms", "reservations", "payments", "migrations"):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert (wheel / file.relative_to(ROOT)).is_file(), file.relative_to(ROOT)
    assert (wheel / "portal" / "static" / "vendor" / "tokens.css").is_file()
    for package in ("portal", "forms", "reservations", "payments"):
        for catalogue in (ROOT / package / "translations").rglob("*.po"):
            assert (wheel / catalogue.relative_to(ROOT).with_suffix(".mo")).is_file(), "compiled catalogue"


def test_an_installed_portal_migrates_loads_the_city_and_answers_far_from_its_sources(
    wheel: Path, server: EmbeddedServer, tmp_path: Path
):
    program = """
import sys
from pathlib import Path
from portal import app
from portal.kernel import migrate
from portal.settings import Settings
url, site = sys.argv[1:]
assert Path(app.__file__).is_relative_to(site), app.__file__
migrate.upgrade(url)
portal = app.create_app(Settings(environment="test", database_url=url, base_url="http://localhost", data_dir="data"))
ok, lines = app.load_city(Path(Settings().city_folder))
assert ok, lines
for path in ("/readyz", "/", "/facilities", "/procedures", "/static/vendor/tokens.css"):
    answer = portal.test_client().get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    answer.close()
"""
    from tests.conftest import _create, _drop

    url = _create(server, "installed")
    try:
        ran = subprocess.run(
            [sys.executable, "-c", program, url, str(wheel)],
            cwd=tmp_path, env={"PYTHONPATH": str(wheel), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        _drop(server, "installed")
    assert ran.returncode == 0, ran.stdout + ran.stderr
