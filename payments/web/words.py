"""Words for states and methods, in the visitor's language."""

from __future__ import annotations

from flask_babel import gettext

from payments.contract import MoneyKind
from payments.methods import Method
from payments.models import ExplanationState, RefundKind
from payments.states import ChargeState, DisputeState, RefundState
from payments.transfers.files import Result
from payments.transfers.rules import BatchState, LineState, Why
from payments.years import RefundOut


def charge_state(state: ChargeState) -> tuple[str, str]:
    """(kind of chip, words) for a charge's state."""
    return {
        ChargeState.OPEN: ("act", gettext("まだ払っていません")),
        ChargeState.PAID: ("good", gettext("支払い済み")),
        ChargeState.VOID: ("neutral", gettext("取り消し")),
        ChargeState.PARTLY_REFUNDED: ("good", gettext("一部を返金")),
        ChargeState.REFUNDED: ("neutral", gettext("全額を返金")),
        ChargeState.JOINED: ("act", gettext("ほかとまとめて払います")),
        ChargeState.WRITTEN_OFF: ("neutral", gettext("請求を終了")),
    }[state]


def charge_chip(state: ChargeState, back: RefundState | None) -> tuple[str, str]:
    """(kind of chip, words) for a charge of which money may be on its way back: what is not there yet is not called done.

    Args:
        state: the charge's.
        back: where the money stands that goes back; None: nothing is on the way.
    """
    if back is None or state not in {ChargeState.REFUNDED, ChargeState.PARTLY_REFUNDED}:
        return charge_state(state)
    return {
        RefundState.NEEDS_ACCOUNT: ("act", gettext("返金の準備中(振込先の口座を待っています)")),
        RefundState.FAILED: ("act", gettext("返金の準備中(届かなかったので、送り直します)")),
    }.get(back, ("wait", gettext("返金の手続き中")))


def refund_state(state: RefundState) -> tuple[str, str]:
    """(kind of chip, words) for a refund's state."""
    return {
        RefundState.AWAITING: ("wait", gettext("市の確認を待っています")),
        RefundState.DECLINED: ("neutral", gettext("返金しないことになりました")),
        RefundState.NEEDS_ACCOUNT: ("act", gettext("振込先の口座を待っています")),
        RefundState.REQUESTED: ("wait", gettext("返金の手続き中")),
        RefundState.PENDING: ("wait", gettext("送っています")),
        RefundState.SUCCEEDED: ("good", gettext("返金しました")),
        RefundState.FAILED: ("bad", gettext("届きませんでした")),
    }[state]


def refund_failure(code: str | None) -> str:
    """Why a refund did not arrive; what the provider says that is not known here is shown as it came, behind words."""
    known: dict[str | None, str] = {
        "account_closed": gettext("口座が閉じられていました"),
        "lost_or_stolen_card": gettext("カードが、なくなったか盗まれたと届け出られていました"),
        "expired_or_canceled_card": gettext("カードの期限が切れているか、解約されていました"),
        "charge_for_pending_refund_disputed": gettext("払った人が、カード会社に異議を申し立てていました"),
        "insufficient_funds": gettext("決済サービスにある市のお金が足りませんでした"),
        "declined": gettext("カード会社か銀行が受け取りませんでした"),
        "merchant_request": gettext("市が取りやめました"),
        "unknown": gettext("理由は知らされていません"),
        None: "",
    }
    return known[code] if code in known else str(gettext("決済サービスの言葉では: %(code)s", code=code))


def dispute_reason(code: str) -> str:
    """Why a payer's bank asks or takes back, as the provider names it."""
    known: dict[str, str] = {
        "bank_cannot_process": gettext("銀行が処理できない"),
        "check_returned": gettext("小切手がもどされた"),
        "credit_not_processed": gettext("返金されるはずのお金が届いていない"),
        "customer_initiated": gettext("払った人の申し出"),
        "debit_not_authorized": gettext("引き落としを認めていない"),
        "duplicate": gettext("同じものを2回払った"),
        "fraudulent": gettext("本人が払ったものではない"),
        "general": gettext("そのほか"),
        "incorrect_account_details": gettext("口座の情報がちがう"),
        "insufficient_funds": gettext("残高が足りない"),
        "noncompliant": gettext("カード会社の決まりに合わない"),
        "product_not_received": gettext("払ったものを受け取っていない"),
        "product_unacceptable": gettext("受け取ったものが説明とちがう"),
        "subscription_canceled": gettext("やめたはずの支払い"),
        "unrecognized": gettext("払った覚えがない"),
    }
    return known.get(code) or str(gettext("決済サービスの言葉では: %(code)s", code=code))


def refund_kinds() -> dict[str, str]:
    """The two kinds of refund."""
    return {
        RefundKind.NOT_OWED.value: gettext("過誤納(もらう理由のなかったお金)"),
        RefundKind.BY_ORDINANCE.value: gettext("条例や規則による還付"),
    }


def booked_as() -> dict[str, str]:
    """How money that goes back is booked."""
    return {
        RefundOut.REVENUE.value: gettext("戻出(その年度の歳入から)"),
        RefundOut.EXPENDITURE.value: gettext("歳出(出納整理期間のあと)"),
    }


def method(code: str | None) -> str:
    """The way in which somebody paid."""
    known: dict[str | None, str] = {
        "cash": gettext("現金(窓口)"),
        "terminal": gettext("カード端末(窓口)"),
        "offset": gettext("ほかの払いすぎからの充当"),
        "card": gettext("クレジットカード"),
        "konbini": gettext("コンビニ払い"),
        "paypay": gettext("PayPay"),
        "customer_balance": gettext("銀行振込"),
        "transfer": gettext("口座振替"),
        None: "",
    }
    return known.get(code, code or "")


def not_online(reason: str | None) -> str:
    """Why a charge cannot be paid online."""
    known: dict[str | None, str] = {
        "provider_off": gettext("いま、オンラインの支払いは止まっています。"),
        "payee_offline": gettext("この料金の受取先は、オンラインの支払いに対応していません。"),
        "too_small": gettext("金額が小さいため、オンラインでは払えません。"),
        "too_large": gettext("金額が大きいため、オンラインでは払えません。"),
        "ordered": gettext("銀行が口座から引き落とす手続きをしています。"),
        "no_method": gettext("この金額と期限で使えるオンラインの払い方がありません。"),
        None: "",
    }
    return known.get(reason, "")


def money_kind(kind: MoneyKind | str) -> str:
    """The kind of public money."""
    known: dict[MoneyKind, str] = {
        MoneyKind.CITY_TAX: gettext("市税"),
        MoneyKind.OFFICE_FEE: gettext("事務手数料"),
        MoneyKind.FACILITY_FEE: gettext("施設利用料"),
    }
    return known[MoneyKind(kind)]


def online_method(method: Method) -> str:
    """A way to pay online, as the payer reads it before choosing."""
    known: dict[Method, str] = {
        Method.CARD: gettext("クレジットカード(Apple Pay、Google Pay も使えます)"),
        Method.PAYPAY: gettext("PayPay"),
        Method.KONBINI: gettext("コンビニ(払込番号をもらい、あとで払う)"),
        Method.BANK_TRANSFER: gettext("銀行振込(口座番号をもらい、あとで払う)"),
    }
    return known[method]


def batch_state(state: BatchState) -> tuple[str, str]:
    """(kind of chip, words) for where the orders of a month to the bank stand."""
    return {
        BatchState.DRAFT: ("act", gettext("一覧を作りました")),
        BatchState.ASKED: ("act", gettext("2人目の確認を待っています")),
        BatchState.WRITTEN: ("wait", gettext("ファイルができました。結果を待っています")),
        BatchState.RETURNED: ("wait", gettext("結果を記録しています")),
        BatchState.SETTLED: ("good", gettext("終わりました")),
        BatchState.DROPPED: ("neutral", gettext("取りやめました")),
    }[state]


def line_state(state: LineState) -> tuple[str, str]:
    """(kind of chip, words) for where one order stands."""
    return {
        LineState.PLANNED: ("act", gettext("引き落とす予定")),
        LineState.ORDERED: ("wait", gettext("銀行に頼みました")),
        LineState.TAKEN: ("good", gettext("引き落とし済み")),
        LineState.FAILED: ("bad", gettext("引き落とせませんでした")),
        LineState.WITHDRAWN: ("neutral", gettext("外しました")),
    }[state]


def transfer_result(result: Result | None) -> str:
    """Why the bank did not take it; "" where it did, or says nothing yet."""
    known: dict[Result | None, str] = {
        Result.NO_FUNDS: gettext("口座のお金が足りませんでした。"),
        Result.NO_ACCOUNT: gettext("銀行に、この口座がありませんでした。"),
        Result.STOPPED_BY_PAYER: gettext("口座を持つ方の申し出で、引き落としが止められていました。"),
        Result.NO_MANDATE: gettext("銀行に、口座振替の申込みがありませんでした。"),
        Result.STOPPED_BY_COLLECTOR: gettext("市の申し出で、引き落としを止めました。"),
        Result.OTHER: gettext("銀行が引き落とせませんでした。"),
    }
    return known.get(result, "")


def why_withdrawn(why: Why | None) -> str:
    """Why an order was taken out of a list."""
    known: dict[Why | None, str] = {
        Why.SETTLED: gettext("ほかの方法で支払い済み、または取り消し"),
        Why.VOUCHER: gettext("コンビニか銀行振込で払う手続き中"),
        Why.REGISTRATION: gettext("口座振替の登録が終わった"),
        Why.BY_HAND: gettext("職員が外した"),
        Why.RENEWED: gettext("ほかのものとまとめ直した"),
        Why.DROPPED: gettext("依頼を取りやめた"),
    }
    return known.get(why, "")


def why_unexplained(kind: str) -> str:
    """Why a yen does not explain itself."""
    known: dict[str, str] = {
        "notice": gettext("決済サービスの知らせが、台帳と合わない"),
        "line_unknown": gettext("決済サービスの帳簿にあり、市の記録にない"),
        "payment_unknown_there": gettext("市の記録にあり、決済サービスの帳簿にない入金"),
        "refund_unknown_there": gettext("市の記録にあり、決済サービスの帳簿にない返金"),
        "amount_differs": gettext("金額がちがう"),
        "refund_came_back": gettext("返金が銀行からもどっている"),
        "payout_differs": gettext("振り込まれた金額が、内訳の合計とちがう"),
        "payout_without_lines": gettext("振り込みの内訳がない"),
        "dispute_unbooked": gettext("異議の申し立てがあり、帳簿にまだない"),
    }
    return known.get(kind, kind)


def explanation_state(state: ExplanationState) -> tuple[str, str]:
    """(kind of chip, words) for where an explanation stands."""
    return {
        ExplanationState.PROPOSED: ("wait", gettext("別の人の確認を待っています")),
        ExplanationState.STANDS: ("good", gettext("説明済み")),
        ExplanationState.REFUSED: ("bad", gettext("認められなかった")),
        ExplanationState.WITHDRAWN: ("neutral", gettext("取り消した")),
    }[state]


def dispute_state(state: DisputeState) -> tuple[str, str]:
    """(kind of chip, words) for a dispute's state."""
    return {
        DisputeState.WARNING: ("act", gettext("問い合わせ(お金は動いていない)")),
        DisputeState.NEEDS_RESPONSE: ("act", gettext("回答を待っています")),
        DisputeState.UNDER_REVIEW: ("wait", gettext("カード会社が調べています")),
        DisputeState.WON: ("good", gettext("認められ、お金がもどった")),
        DisputeState.LOST: ("bad", gettext("認められなかった")),
    }[state]
