"""A naive second opinion on rules: the document as plain JSON, everything computed again and again until nothing changes.

Shares no code with `forms.rules` on purpose: no order, no memory, no recursion over fields. And a maker of random documents and answers.
"""

from __future__ import annotations

import random
from datetime import date
from typing import Any

Json = dict[str, Any]
Key = tuple[str, int]
DAYS = ["2026-03-31", "2026-04-01", "2026-11-25", "2024-02-29", "2027-03-31"]
CODES = ["a", "b", "c"]


class Oracle:
    """What a document says about answers; `facts` by name: today, opened, fiscal_year, age, residence, kind."""

    def __init__(self, document: Json, answers: Json, facts: Json) -> None:
        self.answers, self.facts = answers, facts
        self.fields: dict[str, tuple[Json, Json, Json | None]] = {}
        for step in document["steps"]:
            for spec in step["fields"]:
                self.fields[spec["id"]] = (step, spec, None)
                for inner in spec.get("fields", []):
                    self.fields[inner["id"]] = (step, inner, spec)
        self.shown: dict[Key, bool] = {}
        self.value: dict[Key, Any] = {}
        keys = [(f, r) for f, (_s, _f, group) in self.fields.items() for r in (self.rows(group) if group else [0])]
        for _round in range(2 * len(keys) + 5):
            shown = {key: self.is_shown(*key) for key in keys}
            value = {key: self.what(*key) for key in keys}
            if (shown, value) == (self.shown, self.value):
                break
            self.shown, self.value = shown, value
        else:
            raise AssertionError("does not settle")

    def rows(self, group: Json) -> list[int]:
        return [entry["_row"] for entry in self.answers.get(group["id"]) or []]

    def live_rows(self, group: Json) -> list[int]:
        return self.rows(group) if self.shown.get((group["id"], 0)) else []

    def given(self, field_id: str, row: int) -> Any:
        group = self.fields[field_id][2]
        if group is None:
            return self.answers.get(field_id)
        return next(e for e in self.answers[group["id"]] if e["_row"] == row).get(field_id)

    def is_shown(self, field_id: str, row: int) -> bool:
        step, spec, group = self.fields[field_id]
        if "show_if" in step and not self.holds(step["show_if"], None, 0):
            return False
        if group is not None and not self.shown.get((group["id"], 0), False):
            return False
        return "show_if" not in spec or self.holds(spec["show_if"], group, row)

    def what(self, field_id: str, row: int) -> Any:
        _step, spec, group = self.fields[field_id]
        if not self.shown.get((field_id, row), False):
            return None
        if spec["type"] == "calculated":
            for case in spec.get("cases", []):
                if self.holds(case["when"], group, row):
                    return self.work(case["value"], group, row)
            return self.work(spec["value"], group, row) if "value" in spec else None
        given = self.given(field_id, row)
        allowed = self.allowed(spec, group, row)
        if allowed is not None and given not in (None, "", [], {}):
            if isinstance(given, list):
                given = [c for c in given if c in allowed]
            elif given not in allowed:
                given = None
        return None if given in (None, "", [], {}) else given

    def allowed(self, spec: Json, group: Json | None, row: int) -> list[str] | None:
        choices = spec.get("choices", [])
        if not any("offer_if" in c for c in choices):
            return None
        return [c["code"] for c in choices if "offer_if" not in c or self.holds(c["offer_if"], group, row)]

    def holds(self, condition: Json, group: Json | None, row: int) -> bool:
        if "all" in condition:
            return all(self.holds(part, group, row) for part in condition["all"])
        if "any" in condition:
            return any(self.holds(part, group, row) for part in condition["any"])
        if "not" in condition:
            return not self.holds(condition["not"], group, row)
        if "field" in condition:
            owner = self.fields[condition["field"]][2]
            if owner is not None and not (group is not None and owner["id"] == group["id"]):
                return any(self.asked(condition, owner, r) for r in self.live_rows(owner))
        return self.asked(condition, group, row)

    def subject(self, condition: Json) -> Json:
        return {k: condition[k] for k in ("field", "part", "applicant", "date") if k in condition}

    def asked(self, condition: Json, group: Json | None, row: int) -> bool:
        value = self.work(self.subject(condition), group, row)
        if "answered" in condition:
            empty = value is None
            if "field" in condition and self.fields[condition["field"]][1]["type"] == "group":
                empty = not value
            return bool(condition["answered"] != empty)
        if value is None:
            return False
        if "contains" in condition:
            return condition["contains"] in value
        if "in" in condition:
            return any(same(value, w) for w in condition["in"])
        if "is" in condition:
            return same(value, self.work(condition["is"], group, row))
        least = self.work(condition["at_least"], group, row) if "at_least" in condition else None
        most = self.work(condition["at_most"], group, row) if "at_most" in condition else None
        bound = least if "at_least" in condition else most
        if bound is None or type(bound) is not type(value):
            return False
        return bool(value >= bound if "at_least" in condition else value <= bound)

    def work(self, value: Any, group: Json | None, row: int) -> Any:
        if not isinstance(value, dict):
            return value
        if "field" in value:
            _step, spec, owner = self.fields[value["field"]]
            if spec["type"] == "group":
                return len(self.live_rows(spec)) if self.shown.get((spec["id"], 0)) else None
            found = self.value.get((value["field"], row if owner is not None else 0))
            return (found or {}).get(value["part"]) if "part" in value else found
        if "applicant" in value:
            return self.facts[value["applicant"]]
        if "date" in value:
            return self.facts[value["date"]]
        if "count" in value:
            return self.work({"field": value["count"]}, group, row)
        if isinstance(value.get("sum"), str):
            owner = self.fields[value["sum"]][2]
            return sum(self.value.get((value["sum"], r)) or 0 for r in self.live_rows(owner or {}))
        ((name, parts),) = value.items()
        of = [self.work(part, group, row) for part in parts]
        if None in of:
            return None
        if name == "sum":
            return sum(of)
        if name == "product":
            total = 1
            for n in of:
                total *= n
            return total if abs(total) <= 10**15 else None
        if name == "difference":
            return of[0] - of[1]
        if name == "quotient":
            return of[0] // of[1] if of[1] else None
        if name in {"least", "most"}:
            return sorted(of)[0 if name == "least" else -1]
        if name == "days":
            return (date.fromisoformat(of[1]) - date.fromisoformat(of[0])).days + 1
        if name == "later":
            first = date.fromisoformat(of[0]).toordinal() + of[1]
            return date.fromordinal(first).isoformat() if 1 <= first <= date.max.toordinal() else None
        if name == "age":
            years = int(of[1][:4]) - int(of[0][:4])
            return years if of[1][5:] >= of[0][5:] else years - 1
        raise AssertionError(name)

    def filed(self) -> Json:
        """What is filed."""
        found: Json = {}
        for field_id, (_step, spec, group) in self.fields.items():
            if group is not None or not self.shown[field_id, 0]:
                continue
            if spec["type"] == "group":
                if field_id in self.answers:
                    rows = [self._entry(spec, r) for r in self.rows(spec)]
                    found[field_id] = rows or None
            elif spec["type"] == "calculated" or self._kept(field_id, 0):
                found[field_id] = self.value[field_id, 0]
        return found

    def _kept(self, field_id: str, row: int) -> bool:
        """Seen, and not chosen from what is no longer offered."""
        group = self.fields[field_id][2]
        where = self.answers if group is None else next(e for e in self.answers[group["id"]] if e["_row"] == row)
        if field_id not in where:
            return False
        return where[field_id] in (None, "", [], {}) or self.value[field_id, row] is not None

    def _entry(self, group: Json, row: int) -> Json:
        found: Json = {"_row": row}
        for spec in group["fields"]:
            if self.shown[spec["id"], row] and (spec["type"] == "calculated" or self._kept(spec["id"], row)):
                found[spec["id"]] = self.value[spec["id"], row]
        return found

    def gaps(self) -> set[str]:
        """What must be answered and is not."""
        found = set()
        for (field_id, row), shown in self.shown.items():
            _step, spec, group = self.fields[field_id]
            must = spec.get("required", True) or ("require_if" in spec and self.holds(spec["require_if"], group, row))
            value = self.value[field_id, row]
            if spec["type"] == "group":
                value = value or None
            if spec["type"] != "calculated" and shown and must and value is None:
                if group is None:
                    found.add(field_id)
                elif not (group.get("required", True) and not self.rows(group)):
                    found.add(f"{group['id']}.{row}.{field_id}")
        return found


def same(value: Any, wanted: Any) -> bool:
    return type(value) is type(wanted) and bool(value == wanted)


class Maker:
    """Random documents that are sound, and random answers to them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.known: dict[str, list[tuple[str, str | None]]] = {}
        self.count = 0

    def document(self, base: Json) -> Json:
        """A document of up to five steps; each rule is about what came before it in a random order."""
        steps = []
        for n in range(self.random.randint(1, 4)):
            step: Json = {"id": f"s{n}", "title": f"s{n}"}
            if n and self.random.random() < 0.4:
                step["show_if"] = self.condition(None, 2)
            step["fields"] = [self.field(None) for _ in range(self.random.randint(1, 5))]
            steps.append(step)
        if self.random.random() < 0.5:
            self.random.shuffle(steps)
        return {**base, "steps": steps}

    def field(self, group: str | None) -> Json:
        """One field, known to what comes later."""
        self.count += 1
        field_id = f"f{self.count}"
        kinds = ["number", "yes_no", "one_of", "many_of", "date", "text", "calculated", "calculated"]
        kind = self.random.choice(kinds if group else [*kinds, "period", "group", "group"])
        spec: Json = {"id": field_id, "type": kind, "label": field_id, "required": self.random.random() < 0.5}
        if self.random.random() < 0.5:
            spec["show_if"] = self.condition(group, 2)
        if kind != "calculated" and self.random.random() < 0.2:
            spec["require_if"] = self.condition(group, 1)
        value_kind = kind
        if kind in {"one_of", "many_of"}:
            spec["choices"] = [{"code": c, "label": c} for c in CODES]
            if self.random.random() < 0.5:
                self.random.choice(spec["choices"])["offer_if"] = self.condition(group, 1)
        elif kind == "number":
            spec["minimum"] = -5
        elif kind == "calculated":
            value_kind = self.random.choice(["number", "date"])
            del spec["required"]
            spec |= {"result": value_kind, "value": self.work(value_kind, group, 2)}
            if self.random.random() < 0.4:
                spec["cases"] = [{"when": self.condition(group, 1), "value": self.work(value_kind, group, 1)}]
        elif kind == "group":
            spec |= {"maximum": 5, "fields": [self.field(field_id) for _ in range(self.random.randint(1, 4))]}
            value_kind = "rows"
        self.known.setdefault(value_kind, []).append((field_id, group))
        return spec

    def condition(self, group: str | None, depth: int) -> Json:
        """A condition over what is known."""
        roll = self.random.random()
        if depth and roll < 0.35:
            parts = [self.condition(group, depth - 1) for _ in range(self.random.randint(1, 3))]
            return {self.random.choice(["all", "any"]): parts}
        if depth and roll < 0.45:
            return {"not": self.condition(group, depth - 1)}
        return self.comparison(group)

    def comparison(self, group: str | None) -> Json:
        """One condition without others inside it, over an answer, a fact or the day; it makes, it asserts nothing."""
        kind = self.random.choice([*self.known, "fact", "day"])
        if kind == "fact":
            return self.random.choice(
                [
                    {"applicant": "age", "at_least": 18},
                    {"applicant": "residence", "is": "city"},
                    {"applicant": "kind", "in": ["guest"]},
                ]
            )
        if kind == "day":
            return {"date": "today", self.random.choice(["at_least", "at_most"]): self.random.choice(DAYS)}
        field_id, owner = self.random.choice(self.known[kind])
        if self.random.random() < 0.15:
            return {"field": field_id, "answered": self.random.random() < 0.5}
        return {"field": field_id, **self._question(kind, owner if owner is not None else group)}

    def _question(self, kind: str, group: str | None) -> Json:
        pick = self.random.choice
        if kind == "yes_no":
            return {"is": pick([True, False])}
        if kind == "one_of":
            return pick([{"is": pick(CODES)}, {"in": ["a", "c"]}])
        if kind == "many_of":
            return {"contains": pick(CODES)}
        if kind == "text":
            return {"is": pick(["x", "y"])}
        if kind == "period":
            return {"part": pick(["from", "until"]), pick(["at_least", "at_most"]): self.work("date", group, 1)}
        if kind == "rows":
            return {pick(["at_least", "at_most", "is"]): self.random.randint(0, 3)}
        return {pick(["at_least", "at_most", "is"]): self.work(kind, group, 1)}

    def work(self, kind: str, group: str | None, depth: int) -> Any:
        """A value of a kind; what is inside another group is only summed and counted."""
        near = [f for f, owner in self.known.get(kind, []) if owner in (None, group)]
        roll = self.random.random()
        if depth and roll < 0.5:
            return self._operation(kind, group, depth - 1)
        if near and roll < 0.85:
            return {"field": self.random.choice(near)}
        return self.random.choice(DAYS) if kind == "date" else self.random.randint(-3, 9)

    def _operation(self, kind: str, group: str | None, depth: int) -> Any:
        def part(of: str) -> Any:
            return self.work(of, group, depth)

        if kind == "date":
            return self.random.choice(
                [{"date": "today"}, {"later": [part("date"), part("number")]}, {"most": [part("date"), part("date")]}]
            )
        inner = [f for f, owner in self.known.get("number", []) if owner is not None]
        rows = [f for f, _owner in self.known.get("rows", [])]
        ways: list[Any] = [
            {"sum": [part("number"), part("number"), part("number")]},
            {"product": [part("number"), part("number")]},
            {"difference": [part("number"), part("number")]},
            {"quotient": [part("number"), part("number")]},
            {"least": [part("number"), part("number")]},
            {"days": [part("date"), part("date")]},
            {"age": [part("date"), part("date")]},
            {"applicant": "age"},
            {"date": "fiscal_year"},
        ]
        ways += [{"sum": self.random.choice(inner)}] * 3 if inner else []
        ways += [{"count": self.random.choice(rows)}] * 3 if rows else []
        return self.random.choice(ways)

    def answers(self, document: Json) -> Json:
        """Answers as a draft may hold them: some missing, some left empty, some hidden, some no longer offered."""
        return self._answers([spec for step in document["steps"] for spec in step["fields"]])

    def _answers(self, fields: list[Json]) -> Json:
        found: Json = {}
        for spec in fields:
            if spec["type"] == "calculated" or self.random.random() < 0.2:
                continue
            found[spec["id"]] = None if self.random.random() < 0.15 else self._answer(spec)
        return found

    def _answer(self, spec: Json) -> Any:
        pick = self.random.choice
        if spec["type"] == "group":
            rows = self.random.sample(range(1, 9), self.random.randint(0, 3))
            return [{"_row": row, **self._answers(spec["fields"])} for row in rows]
        if spec["type"] == "period":
            return {"from": pick(DAYS), "until": pick(DAYS)}
        return {
            "number": self.random.randint(-5, 9),
            "yes_no": pick([True, False]),
            "one_of": pick(CODES),
            "many_of": self.random.sample(CODES, self.random.randint(1, 3)),
            "date": pick(DAYS),
            "text": pick(["x", "y", "z"]),
        }[spec["type"]]
