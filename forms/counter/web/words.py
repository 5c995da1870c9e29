"""Words of the counter's pages for codes of the domain."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from forms.counter.errors import AnotherPerson
from forms.counter.models import Authority, FactSource

SOURCES: dict[str, LazyString] = {
    FactSource.CARD: lazy_gettext("カードから読み取り"),
    FactSource.SAMPLE_CARD: lazy_gettext("見本のカードから読み取り"),
    FactSource.CORRECTION: lazy_gettext("窓口で訂正"),
    FactSource.OPENING: lazy_gettext("窓口で聞き取り"),
}
AUTHORITIES: dict[Authority, LazyString] = {
    Authority.SELF: lazy_gettext("本人"),
    Authority.FAMILY: lazy_gettext("同じ世帯の人"),
    Authority.PROXY: lazy_gettext("代理人(委任状あり)"),
    Authority.STATUTORY: lazy_gettext("法定代理人(親権者、成年後見人など)"),
}
ITEMS: dict[str, LazyString] = {
    "person.name": lazy_gettext("氏名"),
    "person.address": lazy_gettext("住所"),
    "person.birth_date": lazy_gettext("生年月日"),
    "person.sex": lazy_gettext("性別"),
}
SEXES: dict[str, LazyString] = {
    "male": lazy_gettext("男"),
    "female": lazy_gettext("女"),
    "other": lazy_gettext("その他"),
}


def steps() -> Sequence[str]:
    """The steps of a visit."""
    return [gettext("カード"), gettext("質問"), gettext("印刷と署名"), gettext("手数料"), gettext("おわり")]


def other_words(refused: AnotherPerson) -> str:
    """The two names, side by side."""
    return str(
        gettext(
            "カードの人(%(card)s)と、準備した人(%(prepared)s)がちがうようです。番号とカードを確かめてください。",
            card=refused.card,
            prepared=refused.prepared or "—",
        )
    )
