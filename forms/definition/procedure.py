"""One procedure version: a self-contained document. The models below are its schema (`docs/procedure.schema.json`).

What a city may edit is here; what the program does with it is in `forms.rules` (show, require), `forms.fees` (price) and
`forms.services` (the life of a case). Sources of the facts (law, fee) are keys of the document, so that a page can show them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from forms.definition import dependencies
from forms.definition.conditions import Condition
from forms.definition.fields import FieldSpec, GroupField
from forms.definition.steps import Place, Step
from forms.definition.words import Strict, Words


class IdentityLevel(StrEnum):
    """What proof of who somebody is a procedure asks for (CASES A1), weakest first."""

    NONE = "none"
    CONFIRMED_MAIL = "confirmed_mail"
    AUTHENTICATED = "authenticated"
    SIGNATURE = "signature"


class Law(Strict):
    """The ground of a procedure: a law or ordinance and its article."""

    name: str = Field(min_length=1)
    article: str | None = None


class GoOn(Strict):
    """Where the applicant goes on after filing, because filing alone is not the end (the bank's own confirmation).

    Attributes:
        path: on this portal, such as `/my/transfers`.
        label: of the link.
    """

    path: str = Field(pattern=r"^/[a-z0-9/_-]*$")
    label: Words


class Here(Strict):
    """Online here: filed on this portal from the first step to the last; `go_on` where another step of the portal ends it.

    Attributes:
        bring: what to bring where somebody finishes it at the counter, because they cannot confirm online who they are; None: nobody can.
    """

    kind: Literal["here"]
    since: date | None = None
    go_on: GoOn | None = None
    bring: tuple[Words, ...] | None = None


class Elsewhere(Strict):
    """Online somewhere else: this portal leads there and never takes it (CASES A2).

    Attributes:
        name: of the other service.
        url: its address.
        since: from when it can be done there; None where no source says so (then it is not counted).
        evidence: where that was read.
    """

    kind: Literal["elsewhere"]
    name: Words
    url: str = Field(pattern=r"^https://")
    since: date | None = None
    evidence: str | None = None


class Prepared(Strict):
    """Filled in here, finished at the counter (identity is proved there)."""

    kind: Literal["prepared"]
    bring: tuple[Words, ...] = ()


Channel = Annotated[Here | Elsewhere | Prepared, Field(discriminator="kind")]


class StandardDays(Strict):
    """標準処理期間: runs from arrival, stops during correction (行政手続法 §6; CASES A4, A5)."""

    days: int = Field(ge=0, le=400)
    kind: Literal["working", "calendar"] = "working"
    sample: bool = False


DAYS_TO_PAY = 14
"""Calendar days from filing within which a fee is paid where the procedure says nothing (a sample: the city sets it)."""


class Ground(Strict):
    """Why a fee is asked, and whether the amount is only a sample (見本: no source for this city).

    Attributes:
        pay_within: calendar days from filing until the fee is due; None: `DAYS_TO_PAY`. After it the fee can still be paid; it is
            reminded of, listed as unpaid, and may be demanded (督促).
    """

    label: Words
    ordinance: str
    article: str | None = None
    sample: bool
    tax: Literal["exempt", "standard", "reduced"] = "exempt"
    pay_within: int | None = Field(default=None, ge=1, le=365)

    @property
    def days_to_pay(self) -> int:
        """Calendar days from filing until it is due."""
        return DAYS_TO_PAY if self.pay_within is None else self.pay_within


Amount = Annotated[int, Field(strict=True, ge=0, le=9_999_999)]
"""Whole yen, as large as a charge may be; a fraction, a text or a yes is no amount."""


class NoFee(Strict):
    """Nothing to pay."""

    kind: Literal["none"]


class FixedFee(Ground):
    """One amount, in yen."""

    kind: Literal["fixed"]
    amount: Amount


class ChoiceFee(Ground):
    """An amount by the choice made in a one-of field (yen by code)."""

    kind: Literal["by_choice"]
    field: str
    amounts: dict[str, Amount]


class CopiesFee(Ground):
    """An amount for each copy asked for in a number field."""

    kind: Literal["by_copies"]
    field: str
    amount: Amount


Fee = Annotated[NoFee | FixedFee | ChoiceFee | CopiesFee, Field(discriminator="kind")]


class Remedy(Strict):
    """教示 (行政不服審査法 §82, 行政事件訴訟法 §46): only where the decision is a 処分 (CASES A6).

    Attributes:
        review_to: to whom a request for review goes.
        review_months: within how many months of knowing.
        suit_against: the defendant and who represents it.
        suit_months: within how many months.
        review_first: whether a review must come before a suit.
    """

    review_to: Words
    review_months: int = Field(default=3, ge=1, le=12)
    suit_against: Words
    suit_months: int = Field(default=6, ge=1, le=12)
    review_first: bool = False


class IssuedKind(Strict):
    """A document that is issued when a case is granted.

    Attributes:
        id: stays the same over versions.
        title: as printed.
        body: what it says; `fields` are printed as a table below.
        fields: ids of the answers on it.
        number_prefix: before the document number, such as 古環対.
        sample: printed as 見本 (the city's own form is not known).
        signed: whether the file carries an electronic signature (PAdES) that the public page verifies.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")
    title: Words
    body: Words
    fields: tuple[str, ...] = ()
    number_prefix: str
    sample: bool = True
    signed: bool = False


class Attachment(Strict):
    """A paper that belongs to the application (添付書類), and the ways to hand it in.

    Attributes:
        id: stays the same over versions.
        name: in plain words.
        hint: what must be on it, where to get it.
        required: whether the application is incomplete without it.
        ways: "here" (uploaded, in the field `field`), "post", "counter".
        field: id of the file or photo field that takes it; needed for "here".
        needed_if: only when this holds; None: always.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")
    name: Words
    hint: Words | None = None
    required: bool = True
    ways: tuple[Literal["here", "post", "counter"], ...] = Field(default=("counter",), min_length=1)
    field: str | None = None
    needed_if: Condition | None = None


class ApprovalStep(Strict):
    """One step of the decision: 起案, 決裁 and what stands between. The steps are taken in order, each by another person.

    Attributes:
        id: stays the same over versions.
        title: as the staff call it.
        by: the role that takes it.
        section: department whose staff take it; None: the procedure's own.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")
    title: Words
    by: Literal["reviewer", "approver"]
    section: str | None = None


class Texts(Strict):
    """Plain words around the questions."""

    guide: Words
    before_you_start: tuple[Words, ...] = ()
    after_filing: Words | None = None
    consent_to_electronic_document: Words | None = None


LATER = frozenset(
    {"signed", "attachments", "approval", "look_purpose", "translations", "limits", "earlier_drafts_go_over", "year"}
)
"""Keys that version 1 got later: left out of stored documents while they say nothing, so that hashes stay what they were."""


class Procedure(Strict):
    """The whole document.

    Attributes:
        slug: address on this portal, for ever.
        names: plain (in words that people use) and official.
        section: code of the department that handles it.
        authority: who decides (処分庁), as printed.
        disposition: whether the decision is a 処分; then `remedy` is needed.
        who: who may apply.
        words: more words to find it by.
        guests: whether somebody without an account may file it.
        retention_years: from the April 1 after closing (CASES A13).
        open_from, open_until: when it is taken (aware); None: no bound.
        attachments: papers that belong to it.
        approval: the steps of the decision, first 起案, last 決裁; none: one person decides.
        earlier_drafts_go_over: whether drafts of earlier versions have to go over to this one before they are filed (the law changed).
        look_purpose: whether staff say for what purpose they look at a case (each look is audited in any case).
        translations: languages in which every text must be there; what is missing is told by the check.
    """

    schema_: Literal[1] = Field(alias="schema")
    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{1,62}$")
    plain_name: Words
    official_name: Words
    section: str
    authority: Words
    law: Law | None = None
    who: Words
    words: tuple[str, ...] = ()
    channel: Channel
    identity: IdentityLevel
    guests: bool = False
    bundled: bool = False
    disposition: bool = False
    remedy: Remedy | None = None
    standard_days: StandardDays | None = None
    fee: Fee = NoFee(kind="none")
    texts: Texts
    steps: tuple[Step, ...] = ()
    documents: tuple[IssuedKind, ...] = ()
    retention_years: int = Field(ge=1, le=100)
    open_from: datetime | None = None
    open_until: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    approval: tuple[ApprovalStep, ...] = ()
    look_purpose: bool = False
    earlier_drafts_go_over: bool = False
    translations: tuple[Literal["en"], ...] = ()
    sources: tuple[str, ...] = ()

    def fields(self) -> Iterator[FieldSpec]:
        """Every field, in order."""
        for step in self.steps:
            yield from step.fields

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Every field by its id, those inside repeated groups too, in order."""
        found: dict[str, Place] = {}
        for step in self.steps:
            for field in step.fields:
                found.setdefault(field.id, Place(step, field, None))
                if isinstance(field, GroupField):
                    for inner in field.fields:
                        found.setdefault(inner.id, Place(step, inner, field))
        return found

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Ids of all fields so that each comes after what its rules depend on (`forms.definition.dependencies`)."""
        return dependencies.order(self.places)[0]

    @cached_property
    def asks_applicant(self) -> bool:
        """Whether a rule asks for a fact about the applicant."""
        return dependencies.asks_applicant(self.places, self.steps)

    def field(self, field_id: str) -> FieldSpec | None:
        """The field with this id; not one inside a repeated group (`places`)."""
        place = self.places.get(field_id)
        return place.field if place is not None and place.group is None else None

    def step_of(self, field_id: str) -> Step | None:
        """The step that asks this field."""
        place = self.places.get(field_id)
        return None if place is None else place.step

    def is_open(self, at: datetime) -> bool:
        """Whether it is taken at this moment (aware)."""
        return (self.open_from is None or self.open_from <= at) and (self.open_until is None or at < self.open_until)

    @property
    def fillable(self) -> bool:
        """Whether there is something to fill in here (channel here or prepared)."""
        return not isinstance(self.channel, Elsewhere)


def canonical(value: Any) -> bytes:
    """JSON in one spelling: keys sorted, no blanks, UTF-8. What is hashed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256_of(value: Any) -> str:
    """Hexadecimal SHA-256 of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def to_document(procedure: Procedure) -> dict[str, Any]:
    """The document as stored (JSONB): every key by its public name, without what was left out."""
    document: dict[str, Any] = _spoken(procedure.model_dump(mode="json", by_alias=True, exclude_none=True))
    return document


def _spoken(part: Any) -> Any:
    """A part of a document without the later keys that say nothing."""
    if isinstance(part, dict):
        return {k: _spoken(v) for k, v in part.items() if not (k in LATER and v in ([], False))}
    return [_spoken(v) for v in part] if isinstance(part, list) else part
