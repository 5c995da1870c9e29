"""A bank account: bank and branch by their real codes, kind, number, holder in katakana."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from forms.definition.fields.base import FieldSpec, Moment, Problem, Reading, Typed, length, one
from forms.definition.fields.choices import Choice
from forms.definition.words import Words
from forms.normalising import normal
from portal.directory import banks
from portal.kernel.text import digits, fold

KINDS = (
    Choice(code="ordinary", label=Words(ja="普通", en="Ordinary")),
    Choice(code="current", label=Words(ja="当座", en="Current")),
    Choice(code="savings", label=Words(ja="貯蓄", en="Savings")),
)
HOLDER = 48
_HOLDER = re.compile(r"[ァ-ヺー・A-Z0-9()（）「」.,．，/／\-－\s\u3000]+")


class BankField(FieldSpec):
    """Kept as codes and the names they had on that day: `{bank, bank_name, branch, branch_name, kind, number, holder}`.

    Bank and branch are typed as code, name or reading; what fits several is asked again with their names. The number has up to 7 digits
    (of ゆうちょ銀行: the branch and number for transfers). The holder is katakana, capital letters and digits, as on the bank book.
    """

    value_kind: ClassVar[str] = "bank"
    parts: ClassVar[tuple[str, ...]] = ("bank", "branch", "kind", "number", "holder")
    kinds: ClassVar[tuple[Choice, ...]] = KINDS
    type: Literal["bank"]

    def read(self, typed: Typed, at: Moment) -> Reading:
        """See `FieldSpec.read`."""
        del at
        guarded = self.guard(typed)
        if guarded:
            return Reading(problems=guarded)
        given = {part: one(typed, part) for part in self.parts}
        if not any(given.values()):
            return Reading()
        problems = [Problem("required_part", part) for part in self.parts if not given[part]]
        name, branch_name = _bare(given["bank"], "銀行"), _bare(given["branch"], "支店")
        bank = _found(given["bank"], banks.search_banks(name), "bank", problems)
        branches = banks.search_branches(bank.code, branch_name) if bank else None
        branch = _found(given["branch"], branches, "branch", problems)
        kind = given["kind"]
        if kind and kind not in {k.code for k in KINDS}:
            problems.append(Problem("not_offered", "kind"))
        number = normal("account_number", given["number"])
        if given["number"] and not re.fullmatch(r"[0-9]{1,7}", number):
            problems.append(Problem("not_account_number", "number"))
        holder = normal("account_holder", given["holder"])
        if given["holder"] and not _HOLDER.fullmatch(holder):
            problems.append(Problem("not_holder", "holder"))
        elif length(holder) > HOLDER:
            problems.append(Problem("too_long", "holder", {"max": HOLDER, "now": length(holder)}))
        if problems or bank is None or branch is None:
            return Reading(problems=tuple(problems))
        return Reading(
            {
                "bank": bank.code,
                "bank_name": bank.name,
                "branch": branch.code,
                "branch_name": branch.name,
                "kind": kind,
                "number": number.zfill(7),
                "holder": holder,
            }
        )

    def show(self, value: Any, locale: str) -> str:
        """See `FieldSpec.show`."""
        if not value:
            return ""
        kind = next((k.label.in_(locale) for k in KINDS if k.code == value["kind"]), value["kind"])
        bank = f"{value['bank_name']}({value['bank']}) {value['branch_name']}({value['branch']})"
        return f"{bank}\n{kind} {value['number']}\n{value['holder']}"

    def typed_of(self, value: Any) -> dict[str, list[str]]:
        """See `FieldSpec.typed_of`."""
        return {part: [str((value or {}).get(part) or "")] for part in self.parts}

    def offers(self, value: Any) -> bool:
        """An account is not compared with a constant."""
        del value
        return False


def _bare(text: str, suffix: str) -> str:
    """A name as the list of banks has it: without 銀行 or 支店 at its end."""
    return digits(text).strip().removesuffix(suffix)


def _found(text: str, hits: Any, part: str, problems: list[Problem]) -> Any:
    """The one that a code, a name or a reading means; else a problem that names what it could be."""
    if not text or hits is None:
        return None
    wanted = fold(_bare(text, "銀行" if part == "bank" else "支店"))
    exact = [h for h in hits if wanted in {h.code, fold(h.name), fold(h.kana)}]
    for few in (exact, hits):
        if len(few) == 1:
            return few[0]
        if len(few) > 1:
            names = "、".join(f"{h.name}({h.code})" for h in few[:8])
            problems.append(Problem("several_banks", part, {"names": names}))
            return None
    problems.append(Problem("unknown_bank", part))
    return None
