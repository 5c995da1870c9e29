"""The only place where the parts are put together.

`assemble` wires what web, worker and commands share; `create_app` adds the pages. Each list below is handed
over by a room: add one line, nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import exists, select, text
from werkzeug.middleware.proxy_fix import ProxyFix

import portal.models  # noqa: F401 - the metadata is whole before the first statement
from forms import loader as forms_loader
from forms import wiring as forms
from forms.builder import web as builder_web
from forms.counter import web as counter_web
from forms.letters import services as letters
from forms.web import sections as forms_web
from payments import loader as payment_loader
from payments import measures as payment_measures
from payments import web as payments_web
from payments import wiring as payments
from payments.bills import demo as sample_bills
from portal.accounts import demo
from portal.accounts import services as accounts
from portal.accounts.identity import choice as identity
from portal.accounts.models import Account
from portal.directory import loading
from portal.directory.pack import PackError
from portal.kernel import clock, database, logs, sealed
from portal.kernel.errors import PortalError
from portal.notices import mailer, post
from portal.plan import elsewhere, registry, report
from portal.plan import loader as plan_loader
from portal.plan import web as plan_web
from portal.settings import DEVELOPMENT_SECRET, Settings, SettingsError, from_environ
from reservations import loader as reservation_loader
from reservations import measures as reservation_measures
from reservations import web as reservations_web
from reservations import wiring as reservations

ROOT = Path(__file__).resolve().parent.parent

#: Modules whose import registers background tasks (`portal.kernel.jobs.task`).
TASK_MODULES: Sequence[str] = (
    "forms.attachments.jobs",
    "forms.jobs",
    "payments.chores",
    "payments.jobs",
    "payments.transfers.chores",
    "portal.accounts.jobs",
    "portal.kernel.audit",
    "portal.kernel.jobs",
    "portal.notices.jobs",
    "portal.plan.jobs",
    "reservations.desk.jobs",
    "reservations.jobs",
)


def city_loaders() -> Sequence[loading.Loader]:
    """What `portal load-city` runs after the organisation itself, in this order."""
    return (plan_loader.load, payment_loader.load, forms_loader.load, reservation_loader.load)


def measures() -> None:
    """What is counted for the plan, by headline (portal.plan.report.HEADLINES): each domain adds its line."""
    registry.provide("online_procedures", elsewhere.provided)
    forms.provide(registry.registry)
    registry.provide("cashless_kinds", payment_measures.cashless_kinds)
    registry.provide("online_facilities", reservation_measures.online_facilities)


def assemble(settings: Settings) -> None:
    """Wire everything that is not a page: database, tasks, gateways, payables, measures. Safe to call again.

    Raises:
        SettingsError: production with settings or people that it must not start with.
    """
    problems = settings.problems()
    if problems:
        raise SettingsError("production does not start like this:\n- " + "\n- ".join(problems))
    database.configure(settings.database_url, pool_size=8)
    mailer.configure(mailer.from_settings(settings))
    payments.configure(settings)
    reservations.configure(settings)
    identity.configure(settings)
    sealed.configure(settings.file_keys, development=DEVELOPMENT_SECRET)
    forms.configure(settings)
    post.configure(letters.address_of_person)
    for module in TASK_MODULES:
        importlib.import_module(module)
    measures()
    if settings.production:
        _refuse_demo_people()


def _refuse_demo_people() -> None:
    with database.unit_of_work() as session:
        migrated = session.execute(text("SELECT to_regclass('account') IS NOT NULL")).scalar_one()
        if migrated and session.execute(select(exists().where(Account.is_demo))).scalar_one():
            raise SettingsError(
                "production does not start like this:\n- this database holds demo people, whose passwords are known: use one of its own"
            )


def create_app(settings: Settings) -> Flask:
    """The web application."""
    # The rooms' pages are imported here: worker and commands do without them and come up in half the time.
    from portal.accounts import web as accounts_web
    from portal.notices import web as notices_web
    from portal.web import setup as web_setup
    from portal.web import watch

    assemble(settings)
    app = Flask(
        "portal", static_folder=str(ROOT / "portal" / "static"), template_folder=str(ROOT / "portal" / "templates")
    )
    app.extensions["portal"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TESTING=settings.mode == "test",
        MAX_CONTENT_LENGTH=12 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=2000,
        PREFERRED_URL_SCHEME="https" if settings.public_url.startswith("https") else "http",
    )
    hops = int(settings.trusted_proxies)
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's way to wrap it
    watch.init_app(app)
    web_setup.init_app(app)
    accounts_web.init_app(app)
    notices_web.init_app(app)
    plan_web.init_app(app)
    payments_web.init_app(app)
    forms_web.init_app(app)
    builder_web.init_app(app)
    counter_web.init_app(app)
    reservations_web.init_app(app)
    return app


def wsgi() -> Flask:
    """What gunicorn loads, once, before it forks: settings from the environment, logs for machines."""
    settings = from_environ()
    logs.configure(json=settings.production)
    made = create_app(settings)
    # A connection opened until here must not be shared by the processes that are forked now.
    database.engine().dispose()
    return made


def load_city(folder: Path) -> tuple[bool, list[str]]:
    """Load a city pack in one transaction.

    Returns:
        Whether it went well, and the lines to print: what each loader did, or every mistake with file and line.
    """
    if not (folder.is_absolute() or folder.exists()):
        folder = ROOT / folder
    try:
        with database.unit_of_work() as session:
            reports = loading.load_city(session, folder, city_loaders())
    except PackError as error:
        return False, [str(problem) for problem in error.problems]
    return True, [
        f"{report.name}: {report.created} new, {report.changed} changed, {report.retired} retired, "
        f"{report.unchanged} unchanged"
        for report in reports
    ]


def kpi() -> dict[str, Any]:
    """The plan's figures today, computed from what is live (`portal.plan.report.kpi` lists the keys)."""
    with database.unit_of_work() as session:
        return report.kpi(session, clock.today())


def kpi_lines(figures: dict[str, Any]) -> list[str]:
    """The same for people: one line a count."""
    return report.lines(figures)


def seed_demo() -> list[str]:
    """Make the demo people and sample bills; the lines that tell how to sign in and what to pay."""
    with database.unit_of_work() as session:
        people = demo.seed(session, now=clock.now())
        return [*people, *demo.identity_lines(), *sample_bills.seed(session, now=clock.now())]


def create_staff(*, email: str, name: str, roles: Sequence[str], password: str) -> str:
    """Make a staff account; what to print.

    Args:
        email: the way in.
        name: as colleagues see it.
        roles: `ROLE` or `ROLE:department|facility:CODE`.
        password: plain.

    Raises:
        ValueError: what cannot be done, in words.
    """
    try:
        with database.unit_of_work() as session:
            grants = [accounts.GrantRequest.parse(role) for role in roles]
            account = accounts.create_staff(
                session, email=email, name=name, password=password, grants=grants, now=clock.now()
            )
            return f"staff account {account.id} made"
    except PortalError as error:
        raise ValueError(f"{error.code}: {error}") from error
