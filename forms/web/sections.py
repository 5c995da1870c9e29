"""What forms hands over to the shell: its part of マイページ, its tile on 職員ホーム, its words."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, url_for
from flask_babel import lazy_gettext

from forms import queries
from forms.letters import services as letter_services
from forms.models import Application
from forms.services import approval
from forms.services.common import definition
from forms.states import State
from forms.web import (
    acting,
    apply,
    begin,
    case_page,
    cases,
    catalogue,
    changeover,
    desk,
    figures,
    files,
    following,
    letters,
    paper_delegation,
    progress,
    retention,
    staff,
    verify,
)
from forms.web.blueprint import bp
from forms.web.error_texts import TEXTS
from payments import queries as payment_queries
from portal.accounts.models import Role
from portal.kernel import texts
from portal.kernel.database import unit_of_work
from portal.web import access, error_texts, locale, my
from portal.web import staff as staff_home

__all__ = [
    "acting",
    "apply",
    "begin",
    "case_page",
    "cases",
    "catalogue",
    "changeover",
    "desk",
    "figures",
    "following",
    "init_app",
    "letters",
    "paper_delegation",
    "retention",
    "staff",
    "verify",
]
SHOWN = 20


def _items(who: access.Visitor) -> Sequence[my.Item]:
    if who.account_id is None:
        return []
    with unit_of_work() as session:
        found = queries.of_account(session, who.account_id, limit=SHOWN)
        unpaid = payment_queries.open_refs(session, "application", [a.reference for a in found if a.reference])
        return [_item(application, unpaid=application.reference in unpaid) for application in found]


def _item(application: Application, *, unpaid: bool) -> my.Item:
    lang = locale.current()
    state = State(application.state)
    kind, words = progress.of(application)
    slug = application.procedure.slug
    due = min((c.answer_by for c in application.corrections if c.answered_at is None), default=None)
    url = (
        url_for("forms.begin", slug=slug)
        if state is State.DRAFT
        else url_for("forms.application", reference=application.reference)
    )
    return my.Item(
        title=definition(application.version).plain_name.in_(lang),
        url=url,
        status=str(words),
        status_kind="act" if unpaid else kind,
        next_step=progress.next_step(state, unpaid=unpaid),
        due=texts.show_date(due, lang) if due else "",
        detail=application.reference or "",
    )


def _waiting(who: access.Visitor) -> int:
    with unit_of_work() as session:
        return queries.waiting(session, staff.departments(who))


def _approvals(who: access.Visitor) -> int:
    """What the visitor can take now: not what they drafted, and a deputy's decision only where they would have taken it."""
    with unit_of_work() as session:
        return approval.mine_to_take(session, actor=who.actor, grants=case_page.grants(who))


def _letters(who: access.Visitor) -> int:
    with unit_of_work() as session:
        return letter_services.waiting(session, staff.departments(who))


def init_app(app: Flask) -> None:
    """Join the pages, the section, the tile and the words."""
    app.register_blueprint(bp)
    files.allow_uploads(app)
    error_texts.add(TEXTS)
    access.register_guest_way(following.guest_way)
    my.register(
        my.Section(
            "applications",
            lazy_gettext("わたしの手続き"),
            _items,
            order=10,
            empty=lazy_gettext("まだ手続きはありません。"),
            more="forms.applications",
        )
    )
    my.register_setting(my.Setting(lazy_gettext("代理の人"), "forms.delegations"))
    staff_home.register(
        staff_home.Tile(
            "applications",
            lazy_gettext("申請の審査"),
            "forms.queue",
            roles=tuple(role.value for role in staff.ROLES),
            text=lazy_gettext("届いた申請を、期限の近い順に見ます。"),
            order=20,
            count=_waiting,
        )
    )
    staff_home.register(
        staff_home.Tile(
            "approvals",
            lazy_gettext("決裁を待っているもの"),
            "forms.approvals",
            roles=tuple(role.value for role in staff.ROLES),
            text=lazy_gettext("起案の決裁と、代決のあとの確認(後閲)。"),
            order=20,
            in_menu=False,
            count=_approvals,
        )
    )
    staff_home.register(
        staff_home.Tile(
            "letters",
            lazy_gettext("送る手紙"),
            "forms.letters",
            roles=tuple(role.value for role in staff.ROLES),
            text=lazy_gettext("メールがない人への手紙を、印刷して送ります。"),
            order=21,
            in_menu=False,
            count=_letters,
        )
    )
    staff_home.register(
        staff_home.Tile(
            "paper-delegations",
            lazy_gettext("紙の代理"),
            "forms.paper_delegations",
            roles=(Role.COUNTER.value,),
            text=lazy_gettext("登録していない人が、窓口で代理の人を決めます。"),
            order=13,
            in_menu=False,
        )
    )
    staff_home.register(
        staff_home.Tile(
            "retention",
            lazy_gettext("保存の期間が終わった申請"),
            "forms.retention",
            roles=(Role.APPROVER.value,),
            text=lazy_gettext("一覧を確かめて、廃棄します。"),
            order=80,
            in_menu=False,
        )
    )
    staff_home.register(
        staff_home.Tile(
            "protections",
            lazy_gettext("支援措置"),
            "forms.protections",
            roles=(Role.APPROVER.value,),
            text=lazy_gettext("対象の人と、見られた記録の知らせ。"),
            order=81,
            in_menu=False,
        )
    )
    staff_home.register(
        staff_home.Tile(
            "figures",
            lazy_gettext("手続きの数字"),
            "forms.figures",
            roles=tuple(role.value for role in staff.ROLES),
            text=lazy_gettext("書きはじめた数、出した数、止まったところ。申請のファイル。"),
            order=79,
            in_menu=False,
        )
    )
