"""代理 on paper: somebody without an account lets another act for them, before a clerk (CASES A11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from forms import masking, queries
from forms.services import delegation, protection
from forms.web.blueprint import bp
from portal.accounts import opening
from portal.accounts.models import Role
from portal.accounts.proofs import Proof
from portal.accounts.web.forms import ProfileForm
from portal.accounts.web.words import PROOFS
from portal.directory import postal
from portal.kernel import audit, clock
from portal.kernel.database import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web import access, locale
from portal.web.forms import CheckboxesField, ChoiceField, ConsentField, MaxLength, Required, TextField, WarekiDateField


class PaperInputs(ProfileForm):
    """Who agrees, whom they let act, for what, until when, and what the clerk looked at."""

    which = ChoiceField(
        lazy_gettext("前に来た人か"),
        description=lazy_gettext(
            "名前と生年月日が同じでも、ちがう人のことがあります。見た書類の住所や電話番号とくらべてください。"
        ),
        choices=[],
        validate_choice=False,
        validators=[Optional()],
    )
    delegate = TextField(
        lazy_gettext("代理の人のメールアドレスか利用者番号"),
        description=lazy_gettext("代理の人は、このサイトに登録していなければなりません。"),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
        validators=[Required(), MaxLength(254)],
    )
    relation = TextField(
        lazy_gettext("間がら"), description=lazy_gettext("例: 娘"), validators=[Required(), MaxLength(40)]
    )
    slugs = CheckboxesField(lazy_gettext("まかせる手続き"), validators=[Required()])
    until = WarekiDateField(
        lazy_gettext("いつまで"), description=lazy_gettext("1年以内。例: 2027年3月31日"), validators=[Required()]
    )
    seen = CheckboxesField(
        lazy_gettext("本人確認で見たもの"),
        choices=[SelectChoice(kind.value, words) for kind, words in PROOFS.items()],
        validators=[Required()],
    )
    signed = ConsentField(lazy_gettext("本人が委任状に署名しました(紙は市で保存します)"), validators=[Required()])


def _form(**given: Any) -> PaperInputs:
    form: Any = PaperInputs(**given)
    with unit_of_work() as session:
        entries = [e for e in queries.catalogue(session, now=clock.now()) if e.procedure.channel.kind == "here"]
    lang = locale.current()
    form.slugs.choices = [SelectChoice(e.procedure.slug, e.procedure.plain_name.in_(lang)) for e in entries]
    found: PaperInputs = form
    return found


def _page(form: PaperInputs, status: int = 200) -> ResponseReturnValue:
    who, now, search = access.visitor(), clock.now(), request.args.get("q", "")[:80]
    with unit_of_work() as session:
        audit.record(session, actor=who.actor, action="delegation.list", subject_kind="delegation", subject_ref="paper")
        rows = delegation.on_paper(session, search=search)
        names = queries.staff_names(session, {each.agreed_by for each in rows if each.agreed_by is not None})
        html = render_template(
            "forms/paper_delegations.html",
            form=form,
            rows=[(each, delegation.is_live(each, now=now)) for each in rows],
            titles={choice.value: choice.label for choice in form.slugs.choices},
            proofs={kind.value: words for kind, words in PROOFS.items()},
            names=names,
            search=search,
            lang=locale.current(),
        )
    return html, status


@bp.get("/staff/delegations")
@access.staff(Role.COUNTER)
def paper_delegations() -> ResponseReturnValue:
    """What was agreed on paper, and the form for a new one; the look is written down."""
    return _page(_form(formdata=None))


@bp.post("/staff/delegations")
@access.staff(Role.COUNTER)
def delegate_on_paper() -> ResponseReturnValue:
    """Enter a paper that was signed here."""
    form: Any = _form()
    if "lookup_postal" in request.form:
        return _look_up(form)
    if not form.validate():
        return _page(form, 422)
    clerk, now = access.visitor().actor, clock.now()
    try:
        with unit_of_work() as session:
            delegation.give(
                session,
                principal=opening.person_at_counter(
                    session, facts=form.facts(), clerk=clerk, now=now, which=form.which.data or ""
                ),
                delegate_email=form.delegate.data,
                relation=form.relation.data,
                slugs=form.slugs.data,
                until=form.until.data,
                actor=clerk,
                now=now,
                seen=[Proof(code) for code in form.seen.data],
            )
    except opening.WhichPerson as unsure:
        return _ask_which(form, unsure.people)
    except (NotFound, Invalid) as refused:
        _say(form, refused)
        return _page(form, 422)
    flash(gettext("代理を登録しました。本人は、いつでも窓口でやめられます。"), "success")
    return redirect(url_for("forms.paper_delegations"), 303)


def _say(form: Any, refused: NotFound | Invalid) -> None:
    """What is wrong, beside the field that it is about."""
    if isinstance(refused, opening.IdentityNotSeen):
        form.refuse(form.seen, gettext("顔写真のある公的な証明書を1つ、ないときは、ほかの書類を2つ見てください。"))
    elif isinstance(refused, NotFound):
        form.refuse(form.delegate, gettext("この人は登録していません。代理の人に、先に登録してもらってください。"))
    else:
        form.refuse(form.until, gettext("手続き、間がら、期限(1年以内)を確かめてください。"))


def _ask_which(form: Any, people: Sequence[int]) -> ResponseReturnValue:
    """The records of this name and day of birth beside each other: the clerk chooses, nothing is chosen beforehand."""
    clerk, now = access.visitor().actor, clock.now()
    choices = []
    with unit_of_work() as session:
        for person, account in opening.compared(session, people, clerk=clerk):
            hidden = protection.of_person(session, person.id, now=now)
            if hidden is not None:
                protection.alarm(session, hidden, what="look", reference=None, actor=clerk, now=now)
            where = masking.MASK if hidden is not None else f"{person.address} ☎…{person.phone[-4:]}"
            way = gettext("登録していない人") if account is None else account.number or gettext("メールで登録した人")
            choices.append(SelectChoice(str(person.id), f"{person.name} {where} {way}"))
    form.which.choices = [*choices, SelectChoice(opening.NOBODY_KNOWN, gettext("どの人でもない(新しく登録する)"))]
    form.which.flags.required = True
    form.refuse(form.which, gettext("同じ名前と生年月日の人がいます。どの人か、えらんでください。"))
    return _page(form, 409)


def _look_up(form: Any) -> ResponseReturnValue:
    with unit_of_work() as session:
        found = postal.lookup(session, form.postal_code.data or "") if form.postal_code.data else None
    if found is None:
        form.refuse(form.postal_code, gettext("この郵便番号は見つかりません。住所を書いてください。"))
        return _page(form, 422)
    form.prefecture.data, form.city.data, form.town.data = found.prefecture, found.city, found.town
    return _page(form)


@bp.post("/staff/delegations/<int:delegation_id>/end")
@access.staff(Role.COUNTER)
def end_on_paper(delegation_id: int) -> ResponseReturnValue:
    """The person says at the counter that nobody acts for them by this any more."""
    with unit_of_work() as session:
        delegation.end(session, delegation_id, person_id=None, actor=access.visitor().actor, now=clock.now())
    flash(gettext("代理をやめました。"), "success")
    return redirect(url_for("forms.paper_delegations"), 303)
