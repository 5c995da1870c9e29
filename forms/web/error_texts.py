"""Words for the error codes of forms; joined in `portal.app`."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

TEXTS: dict[str, LazyString] = {
    "procedure_closed": lazy_gettext("この手続きは、いまは受け付けていません。"),
    "must_go_over": lazy_gettext("前の質問では、もう受け付けていません。新しい質問に移ってください。答えは残ります。"),
    "not_taken_here": lazy_gettext("この手続きは、ここでは受け付けていません。案内のページを見てください。"),
    "identity_too_low": lazy_gettext("この手続きには、もっとくわしい本人確認が要ります。"),
    "review_changed": lazy_gettext("確認したあとで内容が変わりました。もう一度確認してください。"),
    "incomplete": lazy_gettext("まだ答えていないところがあります。"),
    "not_now": lazy_gettext("この申請は、いまはその操作ができません。ほかの人が先に進めたかもしれません。"),
    "changed_meanwhile": lazy_gettext(
        "この画面を開いたあとで、ほかの人がこの申請を進めました。新しい内容を見てください。"
    ),
    "approval_needed": lazy_gettext("この手続きは、起案してから、ほかの人の決裁を受けます。"),
    "not_your_step": lazy_gettext("この段階は、ほかの役割の人が決裁します。"),
    "purpose_missing": lazy_gettext("何のために見るのかを書いてください。"),
    "not_online": lazy_gettext("この手続きは、オンラインでは受け付けられません。市役所の窓口に来てください。"),
    "at_the_counter": lazy_gettext("いま窓口で手続きをしています。取り下げるときは、窓口の職員に言ってください。"),
    "own_case": lazy_gettext("自分が出した申請、自分が書いた申請、自分が起案した申請は、自分では決められません。"),
    "fee_unpaid": lazy_gettext("手数料がまだ支払われていません。"),
    "reason_missing": lazy_gettext("理由を書いてください。"),
    "same_person": lazy_gettext("自分が出した案は、自分では公開できません。ほかの人にたのんでください。"),
    "proposal_changed": lazy_gettext("見たあとで案が変わりました。まだ公開していません。もう一度見てください。"),
    "nothing_new": lazy_gettext("いま公開しているものと同じです。何も変わっていません。"),
    "in_the_past": lazy_gettext("過ぎた日時は選べません。いまか、これからの日時にしてください。"),
    "withdrawal_own": lazy_gettext("自分が出した案や、1人でしたことは、ほかの人が確かめます。"),
    "withdrawal_reason": lazy_gettext("公開をやめる理由を、500文字以内で書いてください。"),
    "withdrawal_waits": lazy_gettext("公開をやめる案が、もう出ています。下で見てください。"),
    "not_correctable": lazy_gettext("この項目は直してもらえません。"),
}
