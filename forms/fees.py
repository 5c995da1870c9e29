"""What a filing costs: lines computed from the version's fee rule and the filed answers. Pure; never from anything the client sends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from forms import deadlines
from forms.definition import Procedure
from payments.contract import ChargeLine, Ground, TaxClass
from portal.kernel.money import Yen

_TAX = {"exempt": TaxClass.EXEMPT, "standard": TaxClass.STANDARD, "reduced": TaxClass.REDUCED}


def lines(procedure: Procedure, filed: Mapping[str, Any]) -> tuple[ChargeLine, ...]:
    """The lines of the fee; none where nothing is asked, or where what it goes by is not answered yet.

    Args:
        procedure: the version.
        filed: answers as filed (`forms.rules.to_file`).
    """
    fee = procedure.fee
    if fee.kind == "none":
        return ()
    label, english = fee.label.ja, fee.label.en or ""
    if fee.kind == "fixed":
        amount, rule = fee.amount, "fixed"
    elif fee.kind == "by_choice":
        code = filed.get(fee.field)
        if code not in fee.amounts:
            return ()
        amount, rule = fee.amounts[str(code)], f"by_choice/{code}"
    else:
        copies = filed.get(fee.field)
        if not isinstance(copies, int) or isinstance(copies, bool) or copies < 0:
            return ()
        amount, rule = fee.amount * copies, f"by_copies/{fee.amount}x{copies}"
        label = f"{label} {fee.amount:,}円 × {copies}"
        english = f"{english} {fee.amount:,} yen x {copies}" if english else ""
    if amount == 0:
        return ()
    ground = Ground(fee.ordinance, fee.article or "")
    made = f"{procedure.slug}/{rule}"
    return (ChargeLine(label, Yen(amount), _TAX[fee.tax], ground, sample=fee.sample, rule=made, label_en=english),)


def pay_by(procedure: Procedure, asked: date) -> date | None:
    """Until when a fee is paid that is asked for on this day; None where the procedure asks for none."""
    fee = procedure.fee
    return None if fee.kind == "none" else deadlines.pay_by(asked, fee.days_to_pay)


def total(of: tuple[ChargeLine, ...]) -> Yen:
    """The sum of the lines, in yen."""
    return sum((line.amount for line in of), start=Yen(0))
