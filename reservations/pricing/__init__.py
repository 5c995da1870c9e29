"""What a use costs, as lines that say why. Pure.

A fee table (料金表) is a document that holds from a date. A price is worked out in a fixed order: base row, modifiers, overtime,
options, reductions, tax, rounding. Every line names its rule, so that a person can check it and a past booking prices the same
for ever. The format: docs/fees.md.
"""

from reservations.pricing.asks import Asks, OptionAsk, Words, asks, priceable, words_of
from reservations.pricing.cases import NoFee, PriceCase, Quote, QuoteLine, case_of
from reservations.pricing.parts import (
    AdmissionShare,
    Fact,
    FixedOption,
    Match,
    Modifier,
    Option,
    Overtime,
    Reduction,
    Rounding,
    Row,
    ShareOf,
    ShareOption,
    Tax,
    TicketBook,
)
from reservations.pricing.several import in_force, quote_parts
from reservations.pricing.table import FeeTable

__all__ = [
    "AdmissionShare",
    "Asks",
    "Fact",
    "FeeTable",
    "FixedOption",
    "Match",
    "Modifier",
    "NoFee",
    "Option",
    "OptionAsk",
    "Overtime",
    "PriceCase",
    "Quote",
    "QuoteLine",
    "Reduction",
    "Rounding",
    "Row",
    "ShareOf",
    "ShareOption",
    "Tax",
    "TicketBook",
    "Words",
    "asks",
    "case_of",
    "in_force",
    "priceable",
    "quote_parts",
    "words_of",
]
