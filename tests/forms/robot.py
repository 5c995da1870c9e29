"""A robot that fills in any procedure from its definition alone: what a careful person would type, and what goes wrong."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from PIL import Image

from forms.definition import FieldSpec, Procedure
from forms.definition.fields import DateField, GroupField, PeriodField, TimeField

Texts = dict[str, list[str]]
ADDRESS = {"postal_code": "306-0033", "prefecture": "茨城県", "city": "古河市", "town": "中央町", "block": "1-2-3"}
KANA = "アイウエオカキクケコサシスセソタチツテト"


@dataclass(frozen=True)
class Broken:
    """Something that cannot be taken: what is typed, the code of the problem, the part it belongs to."""

    typed: Texts
    code: str
    part: str = ""


def _mark(spec: FieldSpec, most: int, letters: str = "") -> str:
    """A text that tells this field from the others, so that it can be looked for on the paper."""
    number = sum(ord(c) * (n + 7) for n, c in enumerate(spec.id)) % 8000
    text = "".join(letters[int(d)] for d in str(number)) if letters else f"答{number}"
    return text[:most]


def _pattern(pattern: str) -> str:
    """A text that fits patterns of digits and letters such as `[0-9]{15}`."""
    found = re.fullmatch(r"\[0-9\]\{(\d+)(?:,\d+)?\}", pattern)
    assert found, f"teach the robot to write {pattern}"
    return "7" * int(found[1])


def _day(spec: DateField | PeriodField, today: date) -> date:
    """A day that the field takes: the earliest that is not long ago, else the latest."""
    bound = DateField._bound
    earliest, latest = bound(spec.earliest, today), bound(spec.latest, today)
    wanted = today - timedelta(days=1) if latest is not None and latest <= today else today + timedelta(days=15)
    return max(d for d in (min(d for d in (wanted, latest) if d), earliest) if d)


def valid(spec: FieldSpec, today: date, *, variant: int) -> Texts:
    """What to type so that the field takes it; `variant` 0 says yes and takes the first choice, 1 says no and the last."""
    write: dict[str, Callable[[Any], Texts]] = {
        "text": lambda s: {"": [_pattern(s.pattern) if s.pattern else _mark(s, s.max_length)]},
        "long_text": lambda s: {"": [_mark(s, s.max_length) + "です"[: max(0, s.max_length - 6)]]},
        "name": lambda s: {"": ["古河 " + _mark(s, 20)]},
        "kana": lambda s: {"": ["コガ " + _mark(s, 20, KANA)]},
        "number": lambda s: {"": [str((s.minimum, min(s.maximum, s.minimum + 1))[variant])]},
        "money": lambda s: {"": [f"{(s.minimum + 100, s.minimum)[variant]:,}円"]},
        "date": lambda s: {"": [_day(s, today).isoformat()]},
        "time": lambda s: {"": [(s.earliest, s.latest)[variant]]},
        "period": lambda s: {part: [_day(s, today).isoformat()] for part in ("from", "until")},
        "yes_no": lambda _s: {"": [("yes", "no")[variant]]},
        "one_of": lambda s: {"": [s.choices[-variant].code]},
        "choose": lambda s: {"": [s.choices[-variant].label.ja]},
        "many_of": lambda s: {"": [c.code for c in s.choices]},
        "address": lambda _s: {part: [text] for part, text in ADDRESS.items()},
        "place": lambda s: {"spot": [_mark(s, 20)], "latitude": ["36.178300"], "longitude": ["139.755500"]},
        "phone": lambda _s: {"": ["0280-22-5111"]},
        "mail": lambda _s: {"": ["hanako@example.jp"]},
        "consent": lambda _s: {"": ["yes"]},
        "person": lambda s: {
            "name": ["古河 " + _mark(s, 20)],
            "kana": ["コガ " + _mark(s, 20, KANA)],
            **({"alias": ["通称 " + _mark(s, 20)]} if s.alias else {}),
            **({"birth_date": ["昭和55年5月1日"]} if s.birth_date else {}),
        },
        "bank": lambda _s: {
            "bank": [("常陽銀行", "9900")[variant]],
            "branch": [("001", "018")[variant]],
            "kind": ["ordinary"],
            "number": ["7654321"],
            "holder": ["コガ ハナコ"],
        },
        "appointment": lambda s: {"day": [s.days(today)[-variant].isoformat()], "time": [s.times[-variant]]},
    }
    return {} if spec.stored else write[spec.kind](spec)


class Page:
    """A step's page as the robot reads it: which questions there are, inside repeated groups too, and what can be chosen."""

    def __init__(self, html: str, procedure: Procedure, today: date) -> None:
        self.html, self.procedure, self.today = html, procedure, today
        names = re.findall(r'name="asked" value="([a-z0-9_.]+)"', html)
        self.asked: list[str] = names
        self.refreshes = "data-controls=" in html

    def fields(self) -> list[FieldSpec]:
        """The questions of the page, in order; a group is one."""
        found = [self.procedure.field(name) for name in self.asked if "." not in name]
        return [spec for spec in found if spec is not None]

    def typed(self, spec: FieldSpec, variant: int) -> Texts:
        """What to type into one question; into a group, into each of its entries."""
        if not isinstance(spec, GroupField):
            return valid(self._offered(spec, spec.id), self.today, variant=variant)
        rows = re.findall(rf'name="f\.{spec.id}\.row" value="(\d+)"', self.html)
        seen = re.findall(rf'name="f\.{spec.id}\.seen" value="([a-z0-9_.]+)"', self.html)
        typed: Texts = {"row": rows, "seen": seen}
        for path in seen:
            inner = spec.inner(path.partition(".")[2])
            assert inner is not None
            offered = self._offered(inner, f"{spec.id}.{path}")
            typed |= {path + (f".{p}" if p else ""): t for p, t in valid(offered, self.today, variant=variant).items()}
        return typed

    def _offered(self, spec: FieldSpec, path: str) -> FieldSpec:
        """The field with those of its choices that are on the page."""
        codes = set(re.findall(rf'name="f\.{re.escape(path)}" value="([^"]*)"', self.html))
        choices = getattr(spec, "choices", ())
        left = tuple(c for c in choices if c.code in codes)
        if not choices or len(left) == len(choices) or not left or spec.kind in {"yes_no", "choose"}:
            return spec
        return spec.model_copy(update={"choices": left})

    def sent(self, variant: int) -> dict[str, list[str]]:
        """Everything to send."""
        found: dict[str, list[str]] = {"asked": self.asked}
        for spec in self.fields():
            found |= sent(spec, self.typed(spec, variant))
        return found


def _outside(spec: TimeField) -> Iterator[Broken]:
    if spec.earliest > "00:00":
        yield Broken({"": ["00:00"]}, "outside_hours")
    if spec.latest < "23:59":
        yield Broken({"": ["23:59"]}, "outside_hours")


def broken(spec: FieldSpec) -> list[Broken]:
    """What the field must refuse, of every kind that its definition rules out."""
    ways: dict[str, Callable[[Any], list[Broken]]] = {
        "text": lambda s: [Broken({"": ["長" * (s.max_length + 1)]}, "too_long"), Broken({"": ["1234 5678 9018"]}, "resident_number")]
        + ([Broken({"": ["x"]}, "pattern")] if s.pattern else []),
        "long_text": lambda s: [Broken({"": ["長" * (s.max_length + 1)]}, "too_long")],
        "name": lambda s: [Broken({"": ["長" * (s.max_length + 1)]}, "too_long")],
        "kana": lambda _s: [Broken({"": ["漢字"]}, "not_kana")],
        "number": lambda s: [
            Broken({"": ["たくさん"]}, "not_number"),
            Broken({"": [str(s.minimum - 1)]}, "too_small"),
            Broken({"": [str(s.maximum + 1)]}, "too_large"),
        ],
        "money": lambda s: [Broken({"": ["安い"]}, "not_money"), Broken({"": [str(s.maximum + 1)]}, "too_large")],
        "date": lambda s: [
            Broken({"": ["2027-02-29"]}, "not_date"),
            *([Broken({"": ["1900-01-01"]}, "too_early")] if (s.earliest or "").startswith("today") else []),
            *([Broken({"": ["2099-01-01"]}, "in_the_future" if s.latest == "today" else "too_late")] if s.latest else []),
        ],
        "time": lambda s: [Broken({"": ["25:00"]}, "not_time"), *_outside(s)],
        "period": lambda s: [
            Broken({"from": ["2027-02-29"], "until": ["2027-03-01"]}, "not_date", "from"),
            Broken({"from": [_day(s, date(2026, 11, 25)).isoformat()], "until": [""]}, "required_part", "until"),
        ],
        "yes_no": lambda _s: [Broken({"": ["maybe"]}, "not_offered")],
        "one_of": lambda _s: [Broken({"": ["no-such-choice"]}, "not_offered")],
        "choose": lambda _s: [Broken({"": ["ないもの"]}, "not_in_list")],
        "many_of": lambda s: [Broken({"": [s.choices[0].code, "no-such-choice"]}, "not_offered")],
        "address": lambda _s: [
            Broken({p: [t] for p, t in ADDRESS.items()} | {"postal_code": ["999-9999"]}, "unknown_postal_code", "postal_code"),
            Broken({p: [t] for p, t in ADDRESS.items()} | {"block": [""]}, "required_part", "block"),
        ],
        "place": lambda _s: [
            Broken({"spot": ["前"], "latitude": ["91"], "longitude": ["139"]}, "not_coordinate", "latitude")
        ],
        "phone": lambda _s: [Broken({"": ["12"]}, "not_phone")],
        "mail": lambda _s: [Broken({"": ["hanako@"]}, "not_mail")],
        "consent": lambda _s: [],
        "person": lambda s: [
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"kana": ["漢字"]}, "not_kana", "kana"),
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"name": [""]}, "required_part", "name"),
        ],
        "bank": lambda s: [
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"bank": ["ない銀行"]}, "unknown_bank", "bank"),
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"branch": ["支店なし"]}, "unknown_bank", "branch"),
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"number": ["12345678"]}, "not_account_number", "number"),
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"holder": ["古河花子"]}, "not_holder", "holder"),
        ],
        "appointment": lambda s: [
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"day": ["2026-11-29"]}, "not_offered", "day"),
            Broken(valid(s, date(2026, 11, 25), variant=0) | {"time": ["03:17"]}, "not_offered", "time"),
        ],
    }  # fmt: skip
    return [] if spec.stored else ways[spec.kind](spec)


def picture() -> bytes:
    """A photo, as small as can be."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(out, "JPEG")
    return out.getvalue()


def hand_in(spec: FieldSpec, content: bytes, name: str = "写真.jpg") -> dict[str, Any]:
    """What a browser sends when a file was chosen and the button beside it pressed."""
    return {f"f.{spec.id}": (io.BytesIO(content), name), "action": f"send_file:{spec.id}"}


def broken_inside(group: GroupField, typed: Texts) -> list[Broken]:
    """What a repeated group must refuse: each way to break a question of its first entry, at that question."""
    found: list[Broken] = []
    for path in typed.get("seen", []):
        row, _dot, inner_id = path.partition(".")
        inner = group.inner(inner_id)
        if inner is None or row != typed["row"][0]:
            continue
        rest = {p: t for p, t in typed.items() if p != path and not p.startswith(path + ".")}
        ways = broken(inner) + ([Broken(empty(inner), "required")] if inner.required else [])
        found += [
            Broken(
                rest | {path + (f".{p}" if p else ""): t for p, t in way.typed.items()},
                way.code,
                path + (f".{way.part}" if way.part else ""),
            )
            for way in ways
        ]
    return found


def empty(spec: FieldSpec) -> Texts:
    """Nothing typed."""
    return {part: [""] for part in spec.parts}


def sent(spec: FieldSpec, typed: Texts) -> dict[str, list[str]]:
    """As a browser names it."""
    return {f"f.{spec.id}" + (f".{part}" if part else ""): texts for part, texts in typed.items()}
