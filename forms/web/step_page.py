"""A draft that the visitor may use, and the page of one of its steps: what it needs, read in one transaction, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from forms import queries, rules
from forms.definition import Moment, Procedure, Step, Typed
from forms.definition.conditions import fields_of
from forms.definition.dependencies import own_needs
from forms.definition.fields import GroupField
from forms.models import Application
from forms.services import changeover, delegation, prefilling
from forms.services.common import facts_of
from forms.web import files, proof, views
from portal.kernel import clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale


def _may_use(application: Application) -> None:
    """A draft is its owner's, or of the guest in whose browser it was begun.

    Raises:
        NotFound: it is somebody else's.
    """
    who = access.visitor()
    if application.channel != "online":
        raise NotFound
    if application.delegation_id is not None:
        if application.owner_account_id not in {None, who.account_id} or application.owner_account_id is None:
            with unit_of_work() as session:
                if not delegation.may_act(session, application, who.account_id, now=clock.now()):
                    raise NotFound
    elif application.owner_account_id is not None:
        if application.owner_account_id != who.account_id:
            raise NotFound
    elif not views.remembers("drafts", application.key):
        raise NotFound


def draft_of_visitor(session: Session, slug: str, key: str, *, lock: bool = False) -> queries.Draft:
    """A draft that the visitor may use, with its document; `lock`: nobody else changes it meanwhile.

    Raises:
        NotSignedIn, NotFound: it needs signing in, or is somebody else's.
    """
    found = queries.draft(session, key, now=clock.now(), lock=lock)
    here = found if found is not None and found.application.procedure.slug == slug else None
    guests = queries.procedure_guests(session, slug) if here is None else here.guests
    if not guests and not access.visitor().signed_in:
        raise access.NotSignedIn
    if here is None:
        raise NotFound
    _may_use(here.application)
    return here


@dataclass(frozen=True, slots=True)
class StepPage:
    """What a step's page needs, read in one transaction."""

    application: Application
    procedure: Procedure
    step: Step
    evaluation: rules.Evaluation
    facts: rules.Facts
    newer: changeover.Newer | None
    principal: str = ""

    def rows(self, typed: Mapping[str, Typed]) -> Mapping[str, tuple[rules.RowEvaluation, ...]]:
        """The entries of this step's repeated groups as they are on the page, blank ones too."""
        groups = [f for f in self.step.fields if isinstance(f, GroupField)]
        draft = self.application.draft
        if not groups or draft is None:
            return {}
        at = Moment(clock.today())
        entries = {group.id: group.entries(typed.get(group.id, {}), at) for group in groups}
        return rules.evaluate(self.procedure, {**draft.answers, **entries}, self.facts).rows

    def values(self, typed: Mapping[str, Typed]) -> Mapping[str, Any]:
        """What is computed from the answers as they are on the page, also from entries that could not be kept for a mistake in them."""
        groups = [f for f in self.step.fields if isinstance(f, GroupField)]
        draft = self.application.draft
        if not groups or draft is None or not any(f.computed for f in self.step.fields):
            return self.evaluation.values
        at = Moment(clock.today())
        entries = {group.id: group.written(typed.get(group.id, {}), at) for group in groups}
        return rules.evaluate(self.procedure, {**draft.answers, **entries}, self.facts).values


def step_page(session: Session, slug: str, key: str, step_id: str, *, lock: bool = False) -> StepPage:
    """Read it; what the visitor confirmed of themselves meanwhile goes into the draft first.

    Raises:
        NotSignedIn, NotFound: see `draft_of_visitor`; or no such step.
    """
    found = draft_of_visitor(session, slug, key, lock=lock)
    application, procedure = found.application, found.procedure
    proof.take_identity(session, application)
    step = next((s for s in procedure.steps if s.id == step_id), None)
    if step is None:
        raise NotFound
    answers = application.draft.answers if application.draft else {}
    facts = facts_of(session, application, now=clock.now())
    evaluation = rules.evaluate(procedure, answers, facts)
    return StepPage(application, procedure, step, evaluation, facts, found.newer, principal_of(session, application))


def principal_of(session: Session, application: Application) -> str:
    """For whom somebody acts here; "": for nobody."""
    return next(iter(delegation.principals(session, [application]).values()), "")


def show_step(
    page: StepPage, *, typed: dict[str, Any], problems: Any, status: int = 200, fresh: bool = False
) -> ResponseReturnValue:
    """The page with what was typed and what is wrong; `fresh`: the answers opened more questions on it."""
    draft = page.application.draft
    assert draft is not None
    lang = locale.current()
    # What a source has locked is no input on the page, so a page that comes back does not send it.
    now = {each: prefilling.held(draft.prefill, each, texts) for each, texts in {**draft.typed, **typed}.items()}
    fields = views.field_views(
        [f for f in page.step.fields if f.id in page.evaluation.shown],
        locale=lang,
        typed=now,
        problems=problems,
        required=page.evaluation.required,
        prefill=draft.prefill,
        values=page.values(now),
        offered=page.evaluation.offered,
        rows=page.rows(now),
        today=clock.today(),
    )
    for view in fields:
        view.files = files.shown(
            draft.answers.get(view.spec.id) if view.spec.stored else None,
            "forms.draft_file",
            slug=page.procedure.slug,
            key=page.application.key,
        )
    order = list(page.evaluation.steps)
    titles = {s.id: s.title.in_(lang) for s in page.procedure.steps}
    controls = sorted(_controls(page.step))
    html = render_template(
        "forms/step.html",
        page=page,
        procedure=page.procedure,
        step=page.step,
        fields=fields,
        labels=[*(titles[s] for s in order), gettext("確認")],
        current=order.index(page.step.id) + 1 if page.step.id in order else 1,
        fresh=fresh,
        newer=page.newer,
        controls=controls,
        lang=lang,
    )
    return html, status


def _controls(step: Step) -> set[str]:
    """Fields on this step that others on it hang on: the page is refreshed by the server when they change."""
    here = [*step.fields, *(inner for f in step.fields if isinstance(f, GroupField) for inner in f.fields)]
    wanted = {needed for f in here for needed in (*own_needs(f), *fields_of(f.require_if))}
    return {f.id for f in here if f.id in wanted or f.kind == "date"}
