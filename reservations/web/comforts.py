"""What makes a place easy to enter and use, in words."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext


def barrier_free() -> dict[str, str]:
    """What makes a place easy to enter and use, by code (`Facility.barrier_free`)."""
    return {
        "ramp": gettext("段差がない・スロープ"),
        "elevator": gettext("エレベーター"),
        "toilet": gettext("バリアフリートイレ"),
        "ostomate": gettext("オストメイト用の設備"),
        "parking": gettext("障害者用の駐車場"),
        "braille": gettext("点字ブロック"),
        "hearing": gettext("聞こえを助ける設備(磁気ループなど)"),
        "nursing": gettext("授乳室・おむつ替え"),
        "wheelchair": gettext("車いすの貸出し"),
    }


def barrier_free_words(codes: Iterable[str]) -> str:
    """What makes the place easy to enter and use, in words."""
    names = barrier_free()
    return "、".join(names[code] for code in codes if code in names)
