"""Where a case stands, in the words of its applicant: states, what happened, who did it, what comes next."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from forms.models import APPLICATION_PAPER, Application
from forms.states import State

STATES: dict[State, tuple[str, LazyString]] = {
    State.DRAFT: ("neutral", lazy_gettext("書いているところ")),
    State.PREPARED: ("act", lazy_gettext("窓口に行く準備ができました")),
    State.FILED: ("wait", lazy_gettext("受け付けました")),
    State.CORRECTION_ASKED: ("act", lazy_gettext("直してください")),
    State.CORRECTED: ("wait", lazy_gettext("直した内容を確認中")),
    State.ACCEPTED: ("wait", lazy_gettext("審査中")),
    State.IN_REVIEW: ("wait", lazy_gettext("審査中")),
    State.DECIDED: ("good", lazy_gettext("結果が出ました")),
    State.ISSUED: ("good", lazy_gettext("書類ができました")),
    State.CLOSED: ("neutral", lazy_gettext("終わりました")),
    State.WITHDRAWN: ("neutral", lazy_gettext("取り下げました")),
}
MAKING: tuple[str, LazyString] = ("wait", lazy_gettext("書類を作っています"))
"""In place of "the documents are ready" while a job still makes one of them."""
EVENTS: dict[str, LazyString] = {
    "prepare": lazy_gettext("窓口の準備ができました"),
    "file": lazy_gettext("申請を出しました"),
    "ask_correction": lazy_gettext("直してほしいところを知らせました"),
    "correct": lazy_gettext("直して出しました"),
    "accept": lazy_gettext("書類の形がそろいました"),
    "start_review": lazy_gettext("審査を始めました"),
    "propose": lazy_gettext("結果の案を作りました"),
    "approve": lazy_gettext("案を認めました"),
    "send_back": lazy_gettext("案を戻しました"),
    "inspect": lazy_gettext("代決をあとで確認しました"),
    "decide": lazy_gettext("結果を決めました"),
    "issue": lazy_gettext("書類を出しました"),
    "close": lazy_gettext("手続きが終わりました"),
    "withdraw": lazy_gettext("申請を取り下げました"),
    "expire": lazy_gettext("窓口に来る期限がすぎました"),
    "paid": lazy_gettext("手数料が支払われました"),
    "fee_replaced": lazy_gettext("手数料を取りやめて、少ない額にしました"),
    "refunded": lazy_gettext("手数料を返しました"),
    "identity_seen": lazy_gettext("窓口で本人確認をしました"),
    "identity_confirmed": lazy_gettext("本人確認をしていました"),
    "electronic_consent": lazy_gettext("電子データ(PDF)での受け取りに同意しました"),
}
OUTCOMES: dict[str, LazyString] = {
    "granted": lazy_gettext("認めます"),
    "refused": lazy_gettext("認めません"),
    "partly": lazy_gettext("一部を認めます"),
}
ACTORS: dict[str, LazyString] = {
    "resident": lazy_gettext("申請した人"),
    "guest": lazy_gettext("申請した人"),
    "staff": lazy_gettext("市の職員"),
    "system": lazy_gettext("自動"),
}


_NEXT: dict[State, LazyString] = {
    State.DRAFT: lazy_gettext("続きを書いてください。"),
    State.PREPARED: lazy_gettext("窓口で番号を見せてください。"),
    State.CORRECTION_ASKED: lazy_gettext("理由を読んで、直してください。"),
    State.DECIDED: lazy_gettext("結果を見てください。"),
    State.ISSUED: lazy_gettext("結果を見てください。"),
}


def of(application: Application) -> tuple[str, LazyString]:
    """Kind and words of a case's status: what was issued is ready once its file is there."""
    state = State(application.state)
    unmade = state is State.ISSUED and any(
        paper.kind != APPLICATION_PAPER and paper.ready_at is None for paper in application.documents
    )
    return MAKING if unmade else STATES[state]


def next_step(state: State, *, unpaid: bool, no_mail: bool = False) -> str:
    """What the applicant does next, in one sentence; "" where nothing is left. `no_mail`: nothing will tell them of the result."""
    if state in {State.CLOSED, State.WITHDRAWN}:
        return ""
    waits = (
        lazy_gettext("手数料を支払ってください。")
        if unpaid
        else lazy_gettext(
            "することはありません。結果は、このページに出ます。ときどき開いて見てください。急ぐときは、受付番号を伝えて、担当の課に電話してください。"
        )
        if no_mail
        else lazy_gettext("することはありません。結果を待ってください。")
    )
    return str(_NEXT.get(state, waits))
