"""The words for the error codes of payments."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

TEXTS: dict[str, LazyString] = {
    "no_such_charge": lazy_gettext("この番号のお支払いは見つかりません。"),
    "no_such_payee": lazy_gettext("お金の受取先が登録されていません。"),
    "no_such_budget_item": lazy_gettext("予算の科目が登録されていません。"),
    "no_such_succession": lazy_gettext("この引き継ぎは見つかりません。"),
    "charge_differs": lazy_gettext("同じものに、ちがう料金がすでに付いています。"),
    "no_such_bill": lazy_gettext("この納付書は見つかりません。番号を入力して調べてください。"),
    "bill_not_payable": lazy_gettext("この納付書は、ここでは払えません。"),
    "bill_file_refused": lazy_gettext("ファイルに直すところがあります。何も取り込んでいません。"),
    "bill_file_known": lazy_gettext("このファイルは、もう取り込まれています。"),
    "nothing_to_export": lazy_gettext("新しい納付はありません。"),
    "excess_settled": lazy_gettext("この二重の納付は、もう処理されています。"),
    "not_applicable": lazy_gettext("この納付書には充当できません。"),
    "charge_settled": lazy_gettext("このお支払いは、もう終わっています。もう一度払う必要はありません。"),
    "not_joinable": lazy_gettext("これらは、1回にまとめて払えません。1つずつ払ってください。"),
    "refund_by_part": lazy_gettext("まとめて払われたものです。返すものを1つえらんでください。"),
    "pay_term_over": lazy_gettext("お支払いの期限が過ぎました。"),
    "not_payable_online": lazy_gettext("この料金は、オンラインでは払えません。窓口で払えます。"),
    "provider_down": lazy_gettext("支払いページを開けませんでした。お金は払われていません。"),
    "cash_too_little": lazy_gettext("受け取った現金が、料金より少ないです。"),
    "slip_missing": lazy_gettext("カード端末の伝票番号を入力してください。"),
    "slip_known": lazy_gettext("この伝票番号は、別のお支払いに使われています。"),
    "no_such_drawer": lazy_gettext("このレジは見つかりません。"),
    "drawer_open": lazy_gettext("このレジは、もう開いています。"),
    "drawer_closed": lazy_gettext("このレジは、もう締めています。"),
    "difference_unexplained": lazy_gettext("金額が合わない理由を書いてください。"),
    "nothing_odd": lazy_gettext("この番号のものは、照合の表にありません。"),
    "explanation_decided": lazy_gettext("もう説明されているか、決まっています。"),
    "nothing_to_pay_in": lazy_gettext("銀行に渡すお金はありません。"),
    "not_due_yet": lazy_gettext("まだ期限が過ぎていないか、指定期限が今日より後ではありません。"),
    "demanded_already": lazy_gettext("この請求には、もう督促状を出しています。"),
    "write_off_decided": lazy_gettext("この不納欠損は、もう提案されているか、決まっています。"),
    "same_second_person": lazy_gettext("提案した人は、決めることができません。別の人が決めます。"),
    "transfers_off": lazy_gettext("口座振替のオンライン申込みは、いま使えません。用紙で申し込めます。"),
    "no_such_transfer": lazy_gettext("この口座振替の登録は見つかりません。"),
    "unknown_bank": lazy_gettext("この銀行か支店は見つかりません。"),
    "transfer_answer_refused": lazy_gettext(
        "銀行からの返事を受け付けられませんでした。もう一度、はじめから申し込んでください。"
    ),
    "charge_ordered": lazy_gettext("銀行が口座から引き落とす手続きをしています。お金は受け取らないでください。"),
    "no_such_order": lazy_gettext("この引き落としの依頼は見つかりません。"),
    "order_not_like_this": lazy_gettext(
        "いまは、この操作ができません。ほかの人が進めたか、一覧を作っているところです。"
    ),
    "nothing_to_order": lazy_gettext("引き落とすものがありません。"),
    "order_too_early": lazy_gettext("前の月の利用が終わっていないため、まだ確認できません。"),
    "order_too_late": lazy_gettext("振替日になっているため、もう依頼できません。"),
    "transfer_result_refused": lazy_gettext("結果のファイルに合わないところがあります。何も取り込んでいません。"),
    "transfer_result_known": lazy_gettext("この結果のファイルは、もう取り込まれています。"),
    "refund_too_large": lazy_gettext("受け取ったお金より多くは返せません。"),
    "refund_not_ready": lazy_gettext("この返金は、いまは進められません。"),
    "not_sold": lazy_gettext("売ることができません。数をもう一度確かめてください。"),
    "taking_not_correctable": lazy_gettext("この受け取りは、窓口では訂正できません。収納の担当が返金します。"),
    "already_disputed": lazy_gettext("カード会社が、このお支払いを調べています。結果が出るまで返金できません。"),
    "same_person_agrees": lazy_gettext("返金を決めた人とは別の人が、確認してください。"),
    "bad_bank_account": lazy_gettext("この銀行・支店は見つかりません。番号を確認してください。"),
    "bad_notice": lazy_gettext("署名が正しくありません。"),
}
