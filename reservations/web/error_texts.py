"""Words for the error codes of reservations."""

from __future__ import annotations

from flask_babel import lazy_gettext

TEXTS = {
    "slot_taken": lazy_gettext("この時間は、ほかの人が先に予約しました。"),
    "not_bookable": lazy_gettext("この時間は予約できません。"),
    "no_such_slot": lazy_gettext("その日に、その時間はありません。"),
    "slots_unfit": lazy_gettext("その時間は、1つの予約にまとめられません。"),
    "session_full": lazy_gettext("この個人利用は、もういっぱいです。"),
    "not_offered": lazy_gettext("この場所は、オンラインでは予約できません。"),
    "too_many_favourites": lazy_gettext("お気に入りは30までです。先に、どれかをはずしてください。"),
    "too_many_holds": lazy_gettext("仮押さえが多すぎます。"),
    "hold_ended": lazy_gettext("仮押さえの時間が終わりました。"),
    "not_expected": lazy_gettext("この予約は、許可されていないか、取り消されています。"),
    "untrue_time": lazy_gettext("時刻が正しくありません。本当の時刻を入れてください。"),
    "not_here_yet": lazy_gettext("まだ来ていません。先に「来た」を押してください。"),
    "no_more_time": lazy_gettext("これ以上、時間をのばせません。"),
    "booking_price_changed": lazy_gettext("金額が変わりました。もう一度見てください。"),
    "refund_changed": lazy_gettext("お返しする金額が変わりました。もう一度見てください。"),
    "booking_state": lazy_gettext("この予約では、もうその操作ができません。"),
    "refusal_reason_missing": lazy_gettext("許可しない理由を書いてください。"),
    "revocation_ground_missing": lazy_gettext("使用許可を取り消すには、条例の根拠が必要です。"),
    "bad_period": lazy_gettext("期間が正しくありません。終わりは始まりより後の、これからの時刻にしてください。"),
    "in_use": lazy_gettext("その時間には予約があります。市の使用では、予約を取り消しません。"),
    "list_changed": lazy_gettext("対象の予約が変わりました。もう一度見てください。"),
    "no_more_changes": lazy_gettext("この予約は、もう変えられません。"),
    "second_person": lazy_gettext("確認した人とは別の人が、許可を決めてください。"),
    "name_missing": lazy_gettext("予約には名前が必要です。"),
    "draft_same_person": lazy_gettext("自分が書いたもの、自分が確認を頼んだものは、自分では決められません。"),
    "draft_closed": lazy_gettext("この下書きでは、もうその操作ができません。"),
    "draft_has_mistakes": lazy_gettext("下書きに間違いがあります。先に直してください。"),
    "draft_too_early": lazy_gettext("いま使っている版があるので、明日からの日付にしてください。"),
    "not_your_document": lazy_gettext("ほかの施設も使っている文書です。施設全体の担当者に頼んでください。"),
}
