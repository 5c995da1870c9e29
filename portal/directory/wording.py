"""Pydantic's faults in words that the editor of a pack understands: (what is wrong, what would be right)."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": ("文字", '引用符で囲みます(例: "012")。'),
    "int_type": ("整数", "引用符を外した数にします(例: 3)。"),
    "int_parsing": ("整数", "数だけにします(例: 3)。"),
    "int_from_float": ("整数", "小数点のない数にします(例: 3)。"),
    "float_type": ("数", "引用符を外した数にします(例: 3.5)。"),
    "float_parsing": ("数", "数だけにします(例: 3.5)。"),
    "decimal_parsing": ("数", "数だけにします(例: 3.5)。"),
    "decimal_type": ("数", "数だけにします(例: 3.5)。"),
    "bool_parsing": ("true か false", "true か false にします。"),
    "bool_type": ("true か false", "引用符を外した true か false にします。"),
    "list_type": ("一覧", "「- 」で始まる行を並べます。"),
    "tuple_type": ("一覧", "「- 」で始まる行を並べます。"),
    "dict_type": ("「項目: 値」の形", "「項目: 値」を並べます。"),
    "model_type": ("「項目: 値」の形", "「項目: 値」を並べます。"),
    "date_type": ("日付", "2025-04-01 か 令和7年4月1日 のように書きます。"),
}
_BOUNDS = {
    "greater_than_equal": ("ge", "{bound} 以上"),
    "greater_than": ("gt", "{bound} より大きい数"),
    "less_than_equal": ("le", "{bound} 以下"),
    "less_than": ("lt", "{bound} より小さい数"),
    "string_too_short": ("min_length", "{bound} 文字以上"),
    "string_too_long": ("max_length", "{bound} 文字まで"),
    "too_short": ("min_length", "{bound} つ以上"),
    "too_long": ("max_length", "{bound} つまで"),
}
_DATE = "2025-04-01 か 令和7年4月1日 のように、実際にある日を書きます。"


def explain(fault: ErrorDetails, schema: type[BaseModel]) -> tuple[str, str]:
    """The message and the suggestion for one fault."""
    kind = fault["type"]
    name = ".".join(str(part) for part in fault["loc"]) or "値"
    context = fault.get("ctx") or {}
    if kind == "missing":
        return f"「{name}」がありません。", f"{name} を書いてください。"
    if kind == "extra_forbidden":
        return f"「{name}」という項目はありません。", _near_key(str(fault["loc"][-1]), schema)
    if kind == "value_error":
        return _own(name, str(context.get("error", fault["msg"])))
    now = _short(fault["input"])
    if kind in _KINDS:
        wanted, suggestion = _KINDS[kind]
        words = f"「{name}」は{wanted}で書きます(今: {now})。", suggestion
    elif kind in _BOUNDS:
        key, wanted = _BOUNDS[kind]
        bound = wanted.format(bound=context.get(key, ""))
        words = f"「{name}」が範囲の外です(今: {now})。", f"{bound}にします。"
    elif kind in {"literal_error", "enum"}:
        words = f"「{name}」の値 {now} は使えません。", f"使えるもの: {context.get('expected', '')}"
    elif kind == "string_pattern_mismatch":
        words = f"「{name}」の形が違います(今: {now})。", f"形: {context.get('pattern', '')}"
    else:
        words = f"「{name}」が正しくありません({fault['msg']})。", ""
    return words


def _own(name: str, words: str) -> tuple[str, str]:
    """Our validators raise ValueError("date:…") or ValueError("message|suggestion")."""
    if words.startswith("date:"):
        return f"「{name}」は日付として読めません(今: {_short(words[5:])})。", _DATE
    message, _bar, suggestion = words.partition("|")
    return f"「{name}」: {message}", suggestion


def _near_key(wrong: str, schema: type[BaseModel]) -> str:
    keys = sorted(info.alias or key for key, info in schema.model_fields.items())
    close = difflib.get_close_matches(wrong, keys, n=1, cutoff=0.6)
    return f"「{close[0]}」ではありませんか。" if close else f"使えるもの: {'、'.join(keys)}"


def _short(value: object) -> str:
    text = str(value)
    return f"「{text if len(text) <= 40 else text[:40] + '…'}」"
