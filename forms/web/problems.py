"""Words for what is wrong with something typed, beside its field. The codes are those of `forms.definition.fields`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from forms.definition import Problem
from portal.kernel import texts

Facts = Mapping[str, Any]


def _day(facts: Facts, name: str, locale: str) -> str:
    day = facts.get(name)
    return texts.show_both(day, locale) if isinstance(day, date) else ""


_WORDS: dict[str, Callable[[Facts, str], str]] = {
    "required": lambda _f, _l: gettext("ここに答えてください。"),
    "required_part": lambda _f, _l: gettext("ここに書いてください。"),
    "too_long": lambda f, _l: gettext(
        "%(max)s文字以内で書いてください(いま%(now)s文字です)。", max=f["max"], now=f["now"]
    ),
    "control_character": lambda _f, _l: gettext("使えない文字が入っています。消して書き直してください。"),
    "resident_number": lambda _f, _l: gettext(
        "マイナンバー(個人番号)のような数字があります。消してください。この数字は保存していません。"
    ),
    "pattern": lambda _f, _l: gettext("書き方がちがいます。"),
    "not_kana": lambda _f, _l: gettext("カタカナで書いてください。例: コガ ハナコ"),
    "not_phone": lambda _f, _l: gettext("電話番号を、0から始まる10けたか11けたの数字で書いてください。"),
    "not_mail": lambda _f, _l: gettext("メールアドレスを確認してください。例: hanako@example.jp"),
    "not_number": lambda _f, _l: gettext("数字で書いてください。"),
    "too_small": lambda f, _l: gettext("%(min)s以上の数を書いてください。", min=f["min"]),
    "too_large": lambda f, _l: gettext("%(max)s以下の数を書いてください。", max=f["max"]),
    "not_date": lambda _f, _l: gettext("ない日か、読めない日です。例: 2020年4月1日、令和2年4月1日"),
    "in_the_future": lambda _f, _l: gettext("今日より後の日は書けません。"),
    "too_late": lambda f, loc: gettext("%(day)sまでの日を書いてください。", day=_day(f, "latest", loc)),
    "too_early": lambda f, loc: gettext("%(day)sか、それより後の日を書いてください。", day=_day(f, "earliest", loc)),
    "not_time": lambda _f, _l: gettext("時刻として読めません。例: 9:30、午後3時"),
    "outside_hours": lambda f, _l: gettext(
        "%(earliest)sから%(latest)sまでの時刻を書いてください。", earliest=f["earliest"], latest=f["latest"]
    ),
    "ends_before": lambda _f, _l: gettext("終わりの日は、始まりの日か、それより後の日にしてください。"),
    "too_many_days": lambda f, _l: gettext(
        "%(max)s日以内にしてください(いま%(now)s日です)。", max=f["max"], now=f["now"]
    ),
    "too_few_entries": lambda f, _l: gettext("%(min)sつ以上、書いてください。", min=f["min"]),
    "limit": lambda _f, _l: gettext("この内容では進めません。"),
    "unknown_bank": lambda _f, _l: gettext("見つかりません。名前か、番号(コード)を確認してください。"),
    "several_banks": lambda f, _l: gettext("いくつかあります。番号を書いてください: %(names)s", names=f["names"]),
    "not_account_number": lambda _f, _l: gettext("口座番号を、7けたまでの数字で書いてください。"),
    "not_holder": lambda _f, _l: gettext("口座の名義を、通帳のとおりカタカナで書いてください。"),
    "not_money": lambda _f, _l: gettext("金額を数字で書いてください。例: 3,000"),
    "not_coordinate": lambda _f, _l: gettext("日本の中の緯度・経度を、数字で書いてください。例: 36.1783"),
    "not_in_list": lambda _f, _l: gettext("この中にありません。少し書くと、選べるものが出ます。"),
    "file_too_large": lambda f, _l: gettext(
        "ファイルが大きすぎます。%(max)s MBまでのものにしてください。", max=f["max"]
    ),
    "too_many_files": lambda f, _l: gettext(
        "%(max)s個まで出せます。ちがうものを出すときは、先に消してください。", max=f["max"]
    ),
    "case_is_full": lambda f, _l: gettext(
        "この申請に出せるのは、全部で%(max)s MBまでです。小さいファイルにしてください。", max=f["max"]
    ),
    "infected_file": lambda _f, _l: gettext(
        "このファイルから、あぶないもの(ウイルス)が見つかりました。受け取っていません。"
    ),
    "no_file_chosen": lambda _f, _l: gettext("先にファイルをえらんでから、「ここに入れる」を押してください。"),
    "empty_file": lambda _f, _l: gettext("ファイルの中に何もありません。もう一度えらんでください。"),
    "wrong_kind": lambda f, _l: (
        gettext("このファイルは受け取れません。PDFか写真(JPEG・PNG・HEICなど)を出してください。")
        if f.get("pdf")
        else gettext("このファイルは受け取れません。写真(JPEG・PNG・HEICなど)を出してください。")
    ),
    "broken_file": lambda _f, _l: gettext(
        "このファイルは開けません。こわれているかもしれません。作りなおして出してください。"
    ),
    "picture_too_large": lambda _f, _l: gettext("写真の縦横が大きすぎて開けません。小さくして出してください。"),
    "locked_pdf": lambda _f, _l: gettext("パスワードのついたPDFは受け取れません。パスワードを外して出してください。"),
    "active_pdf": lambda _f, _l: gettext(
        "プログラムやほかのファイルが入ったPDFは受け取れません。印刷と同じ形で保存しなおして(PDFに印刷して)出してください。"
    ),
    "too_many_pages": lambda f, _l: gettext(
        "%(max)sページまでのPDFにしてください(いま%(now)sページです)。", max=f["max"], now=f["now"]
    ),
    "not_offered": lambda _f, _l: gettext("選べるものの中から選んでください。"),
    "not_postal_code": lambda _f, _l: gettext("郵便番号を7けたの数字で書いてください。"),
    "unknown_postal_code": lambda _f, _l: gettext("この郵便番号は見つかりません。"),
}


def words(problem: Problem, locale: str) -> str:
    """The message for one problem; a definition's own words win."""
    own = problem.facts.get("help")
    if own is not None:
        return str(own.in_(locale))
    return _WORDS[problem.code](problem.facts, locale)


PART_NAMES: dict[str, LazyString] = {
    "postal_code": lazy_gettext("郵便番号"),
    "prefecture": lazy_gettext("都道府県"),
    "city": lazy_gettext("市区町村"),
    "town": lazy_gettext("町名"),
    "block": lazy_gettext("番地"),
    "from": lazy_gettext("始まりの日"),
    "until": lazy_gettext("終わりの日"),
    "spot": lazy_gettext("場所の説明"),
    "latitude": lazy_gettext("緯度"),
    "longitude": lazy_gettext("経度"),
    "building": lazy_gettext("建物の名前と部屋の番号"),
    "name": lazy_gettext("氏名"),
    "kana": lazy_gettext("フリガナ"),
    "alias": lazy_gettext("通称(住民票に書いてあるとき)"),
    "birth_date": lazy_gettext("生年月日"),
    "bank": lazy_gettext("銀行"),
    "branch": lazy_gettext("支店"),
    "kind": lazy_gettext("口座の種類"),
    "number": lazy_gettext("口座番号"),
    "holder": lazy_gettext("口座の名義(カタカナ)"),
    "day": lazy_gettext("日"),
    "time": lazy_gettext("時刻"),
}
