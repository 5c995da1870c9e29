"""What production refuses to start with, each case on its own, through the command that starts it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from portal import app as composition
from portal import cli

SECRET = "a long secret made for this test only, 48 letters"
GOOD = {
    "PORTAL_ENV": "production",
    "PORTAL_BASE_URL": "https://madoguchi.city.example",
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_PASSWORD_SALT": SECRET[::-1],
    "PAYMENT_PROVIDER": "stripe",
    "STRIPE_API_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "CARD_READER": "none",
    "PORTAL_FILE_KEYS": "2026:" + "A" * 43,
    "PORTAL_DEBUG": "no",
}


Serve = Callable[..., Result]


class Started(Exception):
    """The program would have become gunicorn."""


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, database: str, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """`serve(NAME=value)` runs `portal serve` with good settings but for these."""

    def execve(*_: object) -> None:
        raise Started

    monkeypatch.setattr("os.execve", execve)

    def start(**changed: str) -> Result:
        environ = GOOD | {"DATABASE_URL": database, "PORTAL_DATA_DIR": str(tmp_path_factory.mktemp("data"))} | changed
        return CliRunner().invoke(cli.main, ["serve"], env=environ)

    return start


def test_good_settings_start(serve: Serve):
    assert isinstance(serve().exception, Started)


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        pytest.param({"PORTAL_SECRET_KEY": ""}, "PORTAL_SECRET_KEY", id="the default secret"),
        pytest.param({"PORTAL_SECRET_KEY": "short"}, "PORTAL_SECRET_KEY", id="a short secret"),
        pytest.param({"PORTAL_PASSWORD_SALT": ""}, "PORTAL_PASSWORD_SALT", id="the default salt"),
        pytest.param({"PAYMENT_PROVIDER": "sandbox"}, "PAYMENT_PROVIDER", id="the sandbox provider"),
        pytest.param({"STRIPE_API_KEY": ""}, "STRIPE_API_KEY", id="no key of the provider"),
        pytest.param({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET", id="notices that anybody could send"),
        pytest.param({"STRIPE_API_BASE": "http://127.0.0.1:1"}, "STRIPE_API_BASE", id="a provider somewhere else"),
        pytest.param({"CARD_READER": "simulated"}, "CARD_READER", id="the simulated reader"),
        pytest.param({"PORTAL_FILE_KEYS": ""}, "PORTAL_FILE_KEYS", id="attachments without a key"),
        pytest.param({"PORTAL_FILE_KEYS": "2026:short"}, "PORTAL_FILE_KEYS", id="a key that is none"),
        pytest.param({"PORTAL_DEBUG": "yes"}, "PORTAL_DEBUG", id="debug"),
        pytest.param({"PORTAL_BASE_URL": "http://madoguchi.city.example"}, "PORTAL_BASE_URL", id="no https"),
        pytest.param({"PORTAL_ENV": "produktion"}, "PORTAL_ENV", id="a misspelt mode"),
    ],
)
def test_production_refuses(serve: Serve, changed: dict[str, str], variable: str):
    done = serve(**changed)
    assert not isinstance(done.exception, Started)
    assert done.exit_code == 1
    assert f"{variable}" in done.output, "the message names the variable"
    assert "Traceback" not in done.output
    assert SECRET not in done.output


def test_production_refuses_a_database_with_demo_people(serve: Serve, koga: str):
    composition.seed_demo()
    done = serve()
    assert not isinstance(done.exception, Started)
    assert done.exit_code == 1
    assert "demo people" in done.output


def test_production_makes_no_demo_people_and_catches_no_mail(database: str):
    for command in ("seed-demo", "mail-catcher"):
        done = CliRunner().invoke(cli.main, [command], env=GOOD | {"DATABASE_URL": database})
        assert done.exit_code == 1
        assert "production" in done.output


def test_a_secret_file_that_is_not_there_is_said_with_its_name(serve: Serve):
    done = serve(PORTAL_SECRET_KEY="", PORTAL_SECRET_KEY_FILE="/nowhere/secret")
    assert done.exit_code == 1
    assert "PORTAL_SECRET_KEY_FILE: /nowhere/secret cannot be read" in done.output
