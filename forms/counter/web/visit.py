"""One visit, step by step: card, questions, papers, cash, end. Works without script and with the keyboard alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from forms.counter import cash, papers, services
from forms.counter.bundle import Question, questions
from forms.counter.errors import AnotherPerson, BadCorrection, IdentityNotProved
from forms.counter.reader import CardLocked, CardUnreadable, WrongPin
from forms.counter.samples import SAMPLE_CARDS
from forms.counter.web import readers
from forms.counter.web.blueprint import bp
from forms.counter.web.error_texts import TEXTS
from forms.counter.web.inputs import CardInputs, CashInputs, IdentityInputs, PreparedInputs, ReasonInputs
from forms.counter.web.view import VisitPage, visit_page
from forms.counter.web.words import other_words, steps
from forms.definition import Problem, Typed, Words
from forms.definition.fields import AddressField
from forms.services.common import definition, moment
from forms.web.views import FieldView, asked_in_form, typed_in_form
from payments.errors import CashTooLittle, ChargeSettled
from portal.accounts.models import Role
from portal.accounts.proofs import Proof
from portal.documents import pdf
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.web import access, locale
from portal.web.context import sum_in_words

LOOK_UP = "look_up:"


def _card_form() -> CardInputs:
    form = CardInputs()
    form.card.choices = [SelectChoice(name, f"{card.name} / {card.address}") for name, card in SAMPLE_CARDS.items()]
    return form


def show(
    reference: str,
    *,
    card: CardInputs | None = None,
    money: CashInputs | None = None,
    identity: IdentityInputs | None = None,
    prepared: PreparedInputs | None = None,
    another: bool = False,
) -> str:
    """The page of a visit; `another`: the clerk may say that card and preparation are of one person after all."""
    with unit_of_work() as session:
        page = visit_page(session, reference, clerk=access.visitor().actor, lang=locale.current())
    return render_template(
        "counter/visit.html",
        page=page,
        labels=steps(),
        card=card or _card_form(),
        money=money or CashInputs(),
        identity=identity or IdentityInputs(seen=page.suggested),
        prepared=prepared or PreparedInputs(),
        another=another,
        simulated=readers.simulated(),
    )


def _back(reference: str) -> ResponseReturnValue:
    return redirect(url_for("counter.visit", reference=reference), 303)


@bp.get("/<reference>")
@access.staff(Role.COUNTER)
def visit(reference: str) -> ResponseReturnValue:
    """The visit: what is known, what comes next."""
    return show(reference)


@bp.post("/<reference>/card")
@access.staff(Role.COUNTER)
def read_card(reference: str) -> ResponseReturnValue:
    """Read the card that lies on the reader; the reading runs before the transaction."""
    form = _card_form()
    if not form.validate():
        return show(reference, card=form), 422
    now, clerk = clock.now(), access.visitor().actor
    try:
        facts = readers.reader(form.card.data).read(None, now=now)
    except (CardUnreadable, WrongPin, CardLocked):
        form.card.errors = [gettext("カードを読めませんでした。カードを置きなおして、もう一度読み取ってください。")]
        return show(reference, card=form), 422
    same = bool(form.same_person.data)
    try:
        with unit_of_work() as session:
            services.take_facts(session, reference, facts=facts, clerk=clerk, now=now, same_person=same)
    except AnotherPerson as other:
        form.card.errors = [other_words(other)]
        return show(reference, card=form, another=True), other.status
    return _back(reference)


def _views(
    asked: Sequence[Question], titles: Mapping[str, str], problems: Mapping[str, Sequence[Problem]]
) -> list[FieldView]:
    """Questions as fields of the page: each by its own name; the procedure beside it where two have the same words."""
    lang = locale.current()
    labels = [question.spec.label.in_(lang) for question in asked]
    found = []
    for question in asked:
        label = question.spec.label.in_(lang)
        if labels.count(label) > 1 and not question.shared:
            label = f"{label} ({titles[question.targets[0][0]]})"
        spec = question.spec.model_copy(update={"id": question.name, "label": Words(ja=label)})
        found.append(
            FieldView(
                spec,
                lang,
                typed=question.typed,
                problems=problems.get(question.name, ()),
                required=question.required,
            )
        )
    return found


def _groups(
    session: Session,
    reference: str,
    *,
    again: bool,
    typed: Mapping[str, Typed] | None = None,
    problems: Mapping[str, Sequence[Problem]] | None = None,
    keep: Sequence[str] = (),
) -> list[tuple[str, list[FieldView]]]:
    """The page's questions: those about people first, then those of each procedure, with a heading each.

    `keep` names questions that stay on the page though they are answered (the page comes back with a mistake).
    """
    visit_ = services.changeable(session, reference)
    lang = locale.current()
    titles = {
        slug: definition(application.version).plain_name.in_(lang)
        for slug, application in services.applications(session, visit_).items()
    }
    cases = services.cases(session, visit_)
    wanted = {q.name for q in questions(cases, again=again)} | set(keep)
    asked = [q for q in questions(cases, again=True) if q.name in wanted]
    if typed is not None:
        asked = [Question(q.name, q.spec, q.targets, q.required, typed.get(q.name, q.typed)) for q in asked]
    views = dict(zip([q.name for q in asked], _views(asked, titles, problems or {}), strict=True))
    groups: list[tuple[str, list[FieldView]]] = []
    about = [views[q.name] for q in asked if q.spec.item]
    if about:
        heading = gettext("窓口に来た人のこと") if visit_.authority == "self" else gettext("申請する人のこと")
        groups.append((heading, about))
    for slug, title in titles.items():
        own = [views[q.name] for q in asked if not q.spec.item and q.targets[0][0] == slug]
        if own:
            groups.append((title, own))
    return groups


def _ask(reference: str, groups: list[tuple[str, list[FieldView]]], *, again: bool, fresh: bool = False) -> str:
    return render_template(
        "counter/questions.html", reference=reference, groups=groups, again=again, fresh=fresh, labels=steps()
    )


@bp.get("/<reference>/questions")
@access.staff(Role.COUNTER)
def ask(reference: str) -> ResponseReturnValue:
    """Ask what is missing; with `again=1` also what was answered already."""
    again = request.args.get("again") == "1"
    with unit_of_work() as session:
        groups = _groups(session, reference, again=again)
    if not groups:
        return _back(reference)
    return _ask(reference, groups, again=again)


@bp.post("/<reference>/questions")
@access.staff(Role.COUNTER)
def answer(reference: str) -> ResponseReturnValue:
    """Keep the answers; show what is wrong or what they opened, else go on."""
    again = request.form.get("again") == "1"
    typed, action = typed_in_form(), request.form.get("action", "")
    if action.startswith(LOOK_UP):
        return _look_up(reference, action.removeprefix(LOOK_UP), typed, again=again)
    now, clerk = clock.now(), access.visitor().actor

    def keep(session: Session) -> services.Answered:
        return services.answer(session, reference, typed=typed, asked=asked_in_form(), clerk=clerk, now=now)

    kept = transact(keep)
    if kept.problems:
        with unit_of_work() as session:
            groups = _groups(session, reference, again=again, typed=typed, problems=kept.problems, keep=asked_in_form())
        return _ask(reference, groups, again=again), 422
    if kept.left:
        with unit_of_work() as session:
            groups = _groups(session, reference, again=False)
        return _ask(reference, groups, again=False, fresh=True)
    return _back(reference)


def _look_up(reference: str, name: str, typed: dict[str, dict[str, list[str]]], *, again: bool) -> ResponseReturnValue:
    """Answer the button that looks a postal code up, without script: the page comes back with the place filled in."""
    with unit_of_work() as session:
        visit_ = services.changeable(session, reference)
        asked = questions(services.cases(session, visit_), again=True)
        spec = next((q.spec for q in asked if q.name == name), None)
        if not isinstance(spec, AddressField):
            raise NotFound
        filled, problems = spec.fill(typed.get(name, {}), moment(session, clock.now()))
        groups = _groups(
            session,
            reference,
            again=again,
            typed={**typed, name: filled},
            problems={name: problems} if problems else {},
        )
    return _ask(reference, groups, again=again), 422 if problems else 200


@bp.get("/<reference>/facts/<item>")
@access.staff(Role.COUNTER)
def correction(reference: str, item: str) -> ResponseReturnValue:
    """The form for another value than the card's."""
    return _correct_page(reference, item, ReasonInputs())


def _correct_page(
    reference: str,
    item: str,
    form: ReasonInputs,
    *,
    typed: Typed | None = None,
    problems: Sequence[Problem] = (),
) -> str:
    with unit_of_work() as session:
        visit_ = services.changeable(session, reference)
        spec, fact = services.spec_of(session, visit_, item), visit_.current().get(item)
        if spec is None or fact is None:
            raise NotFound
        view = FieldView(
            spec.model_copy(update={"id": "value"}),
            locale.current(),
            typed=spec.typed_of(fact.value) if typed is None else typed,
            problems=problems,
            required=True,
        )
        original = spec.show(fact.value, locale.current()) or fact.original
    return render_template(
        "counter/correct.html", reference=reference, item=item, form=form, view=view, original=original
    )


@bp.post("/<reference>/facts/<item>")
@access.staff(Role.COUNTER)
def correct(reference: str, item: str) -> ResponseReturnValue:
    """Use another value than the card's, with its reason."""
    form, typed = ReasonInputs(), typed_in_form().get("value", {})
    action = request.form.get("action", "")
    if action.startswith(LOOK_UP):
        return _correct_look_up(reference, item, form, typed)
    reason = form.reason.data if form.validate() else ""
    try:
        with unit_of_work() as session:
            services.correct(
                session,
                reference,
                item=item,
                typed=typed,
                reason=reason,
                clerk=access.visitor().actor,
                now=clock.now(),
            )
    except BadCorrection as bad:
        return _correct_page(reference, item, form, typed=typed, problems=bad.problems), 422
    return _back(reference)


def _correct_look_up(reference: str, item: str, form: ReasonInputs, typed: Typed) -> ResponseReturnValue:
    with unit_of_work() as session:
        spec = services.spec_of(session, services.changeable(session, reference), item)
        if not isinstance(spec, AddressField):
            raise NotFound
        filled, problems = spec.fill(typed, moment(session, clock.now()))
    return _correct_page(reference, item, form, typed=filled, problems=problems), 422 if problems else 200


@bp.post("/<reference>/print")
@access.staff(Role.COUNTER)
def print_papers(reference: str) -> ResponseReturnValue:
    """Make the papers for signature; the PDFs are made between two transactions."""
    now, clerk = clock.now(), access.visitor().actor
    with unit_of_work() as session:
        found = papers.papers(session, reference, now=now)
    made = {one.slug: (one, pdf.render(papers.TEMPLATE, papers.LOCALE, **one.context)) for one in found}
    with unit_of_work() as session:
        papers.keep(session, reference, made, clerk=clerk, now=now)
    flash(gettext("印刷できます。それぞれの紙に署名をもらってください。"), "success")
    return _back(reference)


@bp.get("/<reference>/papers/<slug>.pdf")
@access.staff(Role.COUNTER)
def paper(reference: str, slug: str) -> ResponseReturnValue:
    """A paper for signature."""
    import io

    with unit_of_work() as session:
        name, content = papers.content(session, reference, slug, clerk=access.visitor().actor)
    return send_file(io.BytesIO(content), "application/pdf", download_name=name, max_age=0)


@bp.post("/<reference>/reopen")
@access.staff(Role.COUNTER)
def reopen(reference: str) -> ResponseReturnValue:
    """The visitor found a mistake on the paper."""
    with unit_of_work() as session:
        papers.reopen(session, reference, clerk=access.visitor().actor)
    flash(gettext("前に印刷した紙は、捨ててください。直したあとで、もう一度印刷します。"), "warning")
    return _back(reference)


@bp.post("/<reference>/sign")
@access.staff(Role.COUNTER)
def sign(reference: str) -> ResponseReturnValue:
    """Everything is signed, and the clerk has seen who it is: file it."""
    form = IdentityInputs()
    if not form.validate():
        return show(reference, identity=form), 422
    now, clerk, seen = clock.now(), access.visitor().actor, [Proof(code) for code in form.seen.data]

    def work(session: Session) -> None:
        papers.sign(session, reference, seen=seen, clerk=clerk, now=now)

    try:
        transact(work)
    except IdentityNotProved as refused:
        form.seen.errors = [TEXTS[refused.code]]
        return show(reference, identity=form), refused.status
    flash(gettext("受け付けました。"), "success")
    return _back(reference)


@bp.post("/<reference>/cash")
@access.staff(Role.COUNTER)
def take_cash(reference: str) -> ResponseReturnValue:
    """Take the fee in cash; say the change."""
    form = CashInputs()
    if not form.validate():
        return show(reference, money=form), 422
    now, clerk = clock.now(), access.visitor().actor
    try:
        with unit_of_work() as session:
            taken = cash.take(session, reference, received=form.amount(), clerk=clerk, now=now)
    except CashTooLittle:
        form.received.errors = [gettext("預かった金額が足りません。")]
        return show(reference, money=form), 422
    except ChargeSettled:
        flash(gettext("手数料はもう受け取っています。お金を返してください。"), "warning")
        return _back(reference)
    flash(
        gettext(
            "%(received)sを預かりました。おつりは%(change)sです。",
            received=sum_in_words(taken.received),
            change=sum_in_words(taken.change),
        ),
        "success",
    )
    return _back(reference)


@bp.post("/<reference>/end")
@access.staff(Role.COUNTER)
def end(reference: str) -> ResponseReturnValue:
    """End the visit and show the visitor what was done."""
    with unit_of_work() as session:
        cash.end(session, reference, clerk=access.visitor().actor, now=clock.now())
    return redirect(url_for("counter.summary", reference=reference), 303)


@bp.post("/<reference>/cancel")
@access.staff(Role.COUNTER)
def cancel(reference: str) -> ResponseReturnValue:
    """The visitor leaves; what the card said is thrown away."""
    with unit_of_work() as session:
        services.cancel(session, reference, clerk=access.visitor().actor, now=clock.now())
    flash(gettext("来庁をとりやめました。読み取った内容は消しました。"), "success")
    return redirect(url_for("counter.home"), 303)


@bp.get("/<reference>/summary")
@access.staff(Role.COUNTER)
def summary(reference: str) -> ResponseReturnValue:
    """What was done, in big letters, for a screen that faces the visitor."""
    with unit_of_work() as session:
        page: VisitPage = visit_page(session, reference, clerk=access.visitor().actor, lang=locale.current())
    return render_template("counter/summary.html", page=page)
