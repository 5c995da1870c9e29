"""Words for codes that the pages of staff and of applicants show: what is thrown away, letters and where they stand, sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from forms.services import prefilling
from portal.kernel import texts

DISPOSED: dict[str, LazyString] = {
    "cases": lazy_gettext("申請"),
    "answers": lazy_gettext("回答"),
    "drafts": lazy_gettext("下書き"),
    "files": lazy_gettext("書類"),
    "papers": lazy_gettext("窓口の書類"),
    "messages": lazy_gettext("メッセージ"),
    "notes": lazy_gettext("メモ"),
    "notices": lazy_gettext("メール"),
    "payers": lazy_gettext("支払う人の名前"),
    "jobs": lazy_gettext("処理の記録"),
    "attachments": lazy_gettext("添付書類"),
    "letters": lazy_gettext("手紙"),
}
LETTERS: dict[str, LazyString] = {
    "filed": lazy_gettext("申請を受け付けました"),
    "correction": lazy_gettext("直してほしいところがあります"),
    "decided": lazy_gettext("申請の結果をお知らせします"),
    "issued": lazy_gettext("書類をお送りします"),
    "withdrawn": lazy_gettext("申請を取り下げました"),
    "fee_changed": lazy_gettext("手数料が変わりました"),
    "message": lazy_gettext("担当の課からのお知らせ"),
}

SOURCES: dict[str, LazyString] = {
    "profile": lazy_gettext("登録した内容から入れました"),
    "card": lazy_gettext("カードから読み取りました"),
    "application": lazy_gettext("前の申請から入れました"),
    "identity": lazy_gettext("本人確認の内容から入れました"),
}


def source_words(origin: Mapping[str, Any], locale: str) -> str:
    """Where a value came from; of a confirmed identity also when."""
    words = str(SOURCES.get(str(origin.get("source")), ""))
    if origin.get("source") != prefilling.IDENTITY:
        return words
    when = texts.show_moment(datetime.fromisoformat(origin["at"]), locale)
    return f"{words} ({when})" if locale == "en" else f"{words}({when})"
