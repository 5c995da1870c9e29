"""One odd thing: what it is, what people said of it, and the form to explain it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from payments import explanations, refunds
from payments.errors import ExplanationDecided, NothingOdd, SameSecondPerson
from payments.explanations import Key
from payments.web import error_texts, words
from payments.web.forms import ActForm, ExplainForm
from portal.accounts.models import Role
from portal.kernel import clock
from portal.kernel.database import transact, unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import NotWholeYenError, Yen
from portal.web import access

bp = Blueprint("payments_odd", __name__, template_folder="templates", url_prefix="/staff/payments/odd")

FINANCE = Role.FINANCE.value
ACTS = ("agree", "refuse", "withdraw")


@bp.get("/<provider>/<kind>/<reference>")
@access.staff(FINANCE)
def thing(provider: str, kind: str, reference: str) -> ResponseReturnValue:
    """The thing, its history, the form."""
    return _show(_key(provider, kind, reference), ExplainForm(formdata=None))


@bp.post("/<provider>/<kind>/<reference>")
@access.staff(FINANCE)
def explain(provider: str, kind: str, reference: str) -> ResponseReturnValue:
    """Say why; above the limit a second person has to agree."""
    key, form = _key(provider, kind, reference), ExplainForm()
    if not form.validate():
        return _show(key, form), 422
    try:
        seen = Yen.parse(form.amount.data or "")
    except NotWholeYenError as error:
        raise NothingOdd(reference) from error
    actor, now = access.visitor().actor, clock.now()
    try:
        alone = transact(
            lambda session: (
                not explanations.explain(
                    session,
                    key,
                    amount=seen,
                    reason=form.reason.data or "",
                    evidence=form.evidence.data or "",
                    actor=actor,
                    now=now,
                ).needs_agreement
            )
        )
    except (ExplanationDecided, NothingOdd) as error:
        flash(str(error_texts.TEXTS[error.code]), "warning")
        return redirect(_url(key), 303)
    said = gettext("説明を記録しました。") if alone else gettext("説明を記録しました。別の人が確認するまで待ちます。")
    flash(said, "success")
    return redirect(_url(key), 303)


@bp.post("/<provider>/<kind>/<reference>/<said>/<act>")
@access.staff(FINANCE)
def do(provider: str, kind: str, reference: str, said: str, act: str) -> ResponseReturnValue:
    """A second person agrees or refuses; anybody of finance takes an explanation back."""
    if act not in ACTS:
        raise NotFound
    actor, now = access.visitor().actor, clock.now()
    try:
        if act == "withdraw":
            transact(lambda session: explanations.withdraw(session, said, actor=actor, now=now).reference)
            flash(gettext("説明を取り消しました。説明のつかないお金にもどります。"), "success")
        else:
            agree = act == "agree"
            transact(lambda session: explanations.decide(session, said, agree=agree, actor=actor, now=now).reference)
            flash(gettext("説明を認めました。") if agree else gettext("説明を認めませんでした。"), "success")
    except (ExplanationDecided, SameSecondPerson) as error:
        flash(str(error_texts.TEXTS[error.code]), "warning")
    return redirect(_url(_key(provider, kind, reference)), 303)


def _key(provider: str, kind: str, reference: str) -> Key:
    return Key(provider, request.args.get("account", "")[:60], kind, reference)


def _url(key: Key) -> str:
    return url_for(
        "payments_odd.thing",
        provider=key.provider,
        kind=key.kind,
        reference=key.reference,
        account=key.merchant or None,
    )


def _show(key: Key, form: ExplainForm) -> str:
    with unit_of_work() as session:
        found = explanations.find(session, key)
        said = explanations.said_of(session, key)
    form.amount.data = str(found.amount.amount)
    return render_template(
        "payments/staff_odd.html",
        odd=found,
        said=said,
        live=any(each.state.value in explanations.LIVE and each.amount == found.amount for each in said),
        form=form,
        act_form=ActForm(),
        url=_url(key),
        why=words.why_unexplained(key.kind),
        state=words.explanation_state,
        limit=refunds.limit(),
        me=access.visitor().account_id,
    )
