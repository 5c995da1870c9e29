"""The words for error codes. Each domain hands its own over: `error_texts.add(TEXTS)` in portal.app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

#: Codes of the kernel, of access and of the web itself.
TEXTS: dict[str, LazyString] = {
    "invalid": lazy_gettext("入力を確認してください。"),
    "forbidden": lazy_gettext("このページを見ることはできません。"),
    "not_found": lazy_gettext("ページが見つかりません。"),
    "conflict": lazy_gettext("ほかの人の操作と重なりました。"),
    "gone": lazy_gettext("このページは終わりました。"),
    "too_many": lazy_gettext("短い時間に何度も操作がありました。"),
    "unavailable": lazy_gettext("いま、つながりにくくなっています。"),
    "letter_not_printed": lazy_gettext("まだ印刷していない手紙があります。先に印刷してください。"),
    "letter_without_address": lazy_gettext("住所が分からない手紙があるので、何も印刷していません。"),
    "error": lazy_gettext("エラーが起きました。"),
    "not_signed_in": lazy_gettext("サインインしてください。"),
    "signed_out": lazy_gettext("サインインの時間が終わりました。"),
    "residents_only": lazy_gettext("このページは住民の方のページです。職員のアカウントでは使えません。"),
    "role_missing": lazy_gettext("このページは、担当の職員だけが使えます。"),
    "second_factor_missing": lazy_gettext("はじめに、確認コード(2つ目のかぎ)を設定してください。"),
    "undeclared": lazy_gettext("このページを見ることはできません。"),
    "stale_form": lazy_gettext("画面の有効期限が切れました。"),
    "bad_request": lazy_gettext("送られた内容を読めませんでした。"),
    "method_not_allowed": lazy_gettext("この開き方はできません。"),
    "unknown_postal_code": lazy_gettext("この郵便番号は見つかりません。住所を書いてください。"),
    "bad_reference": lazy_gettext("番号の形がちがいます。文字と数字を確認してください。"),
    "too_large": lazy_gettext("送ったファイルが大きすぎます。"),
    "unsupported_media_type": lazy_gettext("送られた内容の種類を読めません。"),
}


@dataclass(frozen=True)
class Help:
    """What was kept, and what to do next."""

    kept: LazyString | None
    next_step: LazyString


_NOTHING_SENT = lazy_gettext("何も送られていません。料金もかかっていません。")

#: By status: every error page says what was kept and what to do next.
HELP: dict[int, Help] = {
    400: Help(_NOTHING_SENT, lazy_gettext("前の画面にもどって、もう一度送ってください。")),
    401: Help(None, lazy_gettext("サインインしてから、もう一度開いてください。")),
    403: Help(None, lazy_gettext("別のアカウントでサインインするか、窓口に聞いてください。")),
    404: Help(
        None,
        lazy_gettext("アドレスや番号がまちがっていないか確認してください。トップページから探すこともできます。"),
    ),
    405: Help(_NOTHING_SENT, lazy_gettext("トップページから、もう一度進んでください。")),
    409: Help(_NOTHING_SENT, lazy_gettext("前の画面にもどって、新しい内容を確認してください。")),
    410: Help(None, lazy_gettext("トップページから、もう一度進んでください。")),
    413: Help(_NOTHING_SENT, lazy_gettext("前の画面にもどって、小さいファイルを選んでください。")),
    422: Help(_NOTHING_SENT, lazy_gettext("前の画面にもどって、入力を直してください。")),
    429: Help(_NOTHING_SENT, lazy_gettext("しばらく待ってから、もう一度試してください。")),
    500: Help(
        lazy_gettext(
            "送った内容が保存されたかどうかは、マイページで確認できます。同じ内容を2回送っても、2重にはなりません。"
        ),
        lazy_gettext("しばらく待ってから、もう一度試してください。直らないときは、下の番号を市役所に伝えてください。"),
    ),
    503: Help(_NOTHING_SENT, lazy_gettext("しばらく待ってから、もう一度試してください。")),
}


#: What a domain can say about an error beyond the words for its code: which rule, until when.
_SENTENCES: list[Callable[[object], str | None]] = []


def add(texts: Mapping[str, LazyString], sentence: Callable[[object], str | None] | None = None) -> None:
    """Take over a domain's words; `sentence`: what it can say about an error itself.

    Raises:
        ValueError: a code that somebody else already has words for.
    """
    for code, words in texts.items():
        if TEXTS.get(code, words) is not words:
            message = f"two texts for the error code {code}"
            raise ValueError(message)
        TEXTS[code] = words
    if sentence is not None and sentence not in _SENTENCES:
        _SENTENCES.append(sentence)


def sentence(error: object) -> str | None:
    """What the facts of an error say, in the reader's language; None where its code says everything."""
    return next((found for one in _SENTENCES if error is not None and (found := one(error))), None)


def words(code: str, status: int) -> str:
    """The words for a code; those of its status where the code has none."""
    fallback = {404: "not_found", 403: "forbidden", 409: "conflict", 410: "gone", 422: "invalid", 429: "too_many"}
    found = TEXTS.get(code) or TEXTS.get(fallback.get(status, "")) or TEXTS["unavailable" if status == 503 else "error"]
    return str(found)


def help_for(status: int) -> Help:
    """What was kept and what comes next for a status."""
    return HELP.get(status) or HELP[500 if status >= 500 else 400]
