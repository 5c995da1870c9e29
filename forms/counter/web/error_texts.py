"""Words for what can go wrong at the counter."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

TEXTS: dict[str, LazyString] = {
    "card_unreadable": lazy_gettext("カードを読めませんでした。カードを置きなおして、もう一度読み取ってください。"),
    "card_wrong_pin": lazy_gettext("暗証番号がちがいます。"),
    "card_locked": lazy_gettext("カードがロックされています。暗証番号の再設定が必要です。"),
    "card_no_reader": lazy_gettext("カードリーダーがありません。質問に答えてもらい、入力してください。"),
    "card_unknown": lazy_gettext("見本のカードを選んでください。"),
    "visit_ended": lazy_gettext("この来庁は終わっています。内容は変えられません。"),
    "visit_already_printed": lazy_gettext("もう印刷しています。直すときは、「印刷をやり直す」を押してください。"),
    "visit_nothing_chosen": lazy_gettext("窓口で受け付けている手続きを、1つ以上選んでください。"),
    "visit_still_missing": lazy_gettext("まだ答えていない質問があります。"),
    "visit_not_signed": lazy_gettext("まだ署名がありません。"),
    "visit_not_paid": lazy_gettext("まだ手数料を受け取っていません。"),
    "visit_no_such_preparation": lazy_gettext("この番号の準備はありません。1字ずつ確かめてください。"),
    "visit_not_prepared": lazy_gettext("この番号は、窓口を待っている申請ではありません。"),
    "visit_preparation_expired": lazy_gettext(
        "窓口に来る期限がすぎています。新しい来庁として、はじめから聞いてください。"
    ),
    "visit_already_pulled": lazy_gettext("この準備は、もう窓口で開いています。"),
    "visit_same_procedure": lazy_gettext("同じ手続きが、もうこの来庁にあります。"),
    "visit_another_person": lazy_gettext("カードの人と、準備した人がちがうようです。番号とカードを確かめてください。"),
    "visit_identity_not_proved": lazy_gettext(
        "顔写真のある公的な証明書を1つ、ないときは、ほかの書類を2つ見てください。"
    ),
    "only_themselves": lazy_gettext(
        "この人の申請は、本人だけが窓口で直せます。ほかの人には、何も知らせないでください。"
    ),
    "visit_bad_correction": lazy_gettext("直した内容と理由を確認してください。"),
}
