"""The queue of a section: filtered, searched, sorted, page by page, in a fixed number of statements whatever stands in the table.

Pages go on from the last row (keyset), so that page 1,000 costs what page 1 does. Each procedure's part comes out of its own index in
order and the parts are merged: a section with few cases does not read through those of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from forms.case_models import CaseMessage
from forms.definition import Words
from forms.models import APPLICATION_PAPER, Application, IssuedDocument, ProcedureRow, ProcedureVersion
from forms.services.common import definition, is_read
from forms.states import OPEN, State
from portal.accounts.models import Account
from portal.kernel.text import fold

PAGE = 50
"""Rows on one page of a queue."""
MOST = 1000
"""Counted exactly up to here; what is more is said to be more."""
STAGES: dict[str, tuple[str, ...]] = {
    "open": ("open",),
    "waiting": ("waiting",),
    "done": ("done",),
    "all": ("open", "waiting", "done"),
    "unread": ("open", "waiting", "done"),
}
SORTS = ("due", "oldest", "newest")


_UNREAD = exists().where(
    CaseMessage.application_id == Application.id, CaseMessage.side == "applicant", CaseMessage.read_at.is_(None)
)
_MAKING = and_(
    Application.state == State.ISSUED.value,
    exists().where(
        IssuedDocument.application_id == Application.id,
        IssuedDocument.kind != APPLICATION_PAPER,
        IssuedDocument.ready_at.is_(None),
    ),
)


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What a reviewer wants to see.

    Attributes:
        show: "open" (to be worked on), "waiting" (for the applicant), "done", "all", "unread" (a message of the applicant's, also in
            a case that is over).
        slug: one procedure.
        search: words of a name, a kana name or a number; all of them must be there.
        whose: "" (everybody's), "mine", "nobody".
        late: only what is overdue.
        sort: one of `SORTS`.
        after, before: the key of the row that the page goes on from (`QueueRow.key`); "" for the first page.
    """

    show: str = "open"
    slug: str = ""
    search: str = ""
    whose: str = ""
    late: bool = False
    sort: str = "due"
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One case in the queue; no answers but the name. `making`: it is issued, and a job still makes its document."""

    reference: str
    title: Words
    name: str | None
    state: State
    filed_at: datetime | None
    due_on: date | None
    overdue: bool
    assigned: str | None
    unread: bool
    making: bool
    revision: int
    key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of the queue.

    Attributes:
        total: how many there are; `MOST` + 1 stands for more than `MOST`.
        next_key, previous_key: where the neighbouring pages go on from; None where there is none.
    """

    rows: list[QueueRow]
    total: int
    next_key: str | None
    previous_key: str | None
    procedures: list[tuple[str, Words]]


def unread(session: Session, departments: Iterable[str]) -> int:
    """How many cases of these departments have a message of the applicant's that nobody has read, whatever their state. One statement."""
    found = session.scalar(
        select(func.count(func.distinct(CaseMessage.application_id)))
        .join(Application, Application.id == CaseMessage.application_id)
        .join(ProcedureRow, ProcedureRow.id == Application.procedure_id)
        .where(
            CaseMessage.side == "applicant",
            CaseMessage.read_at.is_(None),
            ProcedureRow.department.in_(list(departments)),
        )
    )
    return found or 0


def search_text(name: str | None, kana: str | None, reference: str | None) -> str:
    """What searches look into: name and kana, folded, whole and in their parts, and the number without its hyphens."""
    words: list[str] = []
    for text in (name or "", kana or ""):
        parts = text.split()
        words += [fold(text), *(fold(part) for part in parts if len(parts) > 1)]
    words.append((reference or "").replace("-", "").lower())
    return " ".join(dict.fromkeys(word for word in words if word))


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _holds(search: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for word in search.split():
        folded = fold(word)
        plain = folded.replace("-", "") or folded
        if len(plain) < 3:
            # Two characters make no trigram; the beginning of a word does.
            found.append(
                or_(Application.search.like(f"{_like(plain)}%"), Application.search.like(f"% {_like(plain)}%"))
            )
        else:
            found.append(Application.search.like(f"%{_like(plain)}%"))
    return found


@dataclass(frozen=True, slots=True)
class _Order:
    column: Any
    ascending: bool

    def key(self, row: Any) -> str:
        at = row.sort_key
        return f"{at.isoformat()}|{row.id}"

    def beyond(self, key: str, *, forward: bool) -> ColumnElement[bool] | None:
        text, _bar, number = key.partition("|")
        try:
            place = date.fromisoformat(text) if self.column is Application.due_key else datetime.fromisoformat(text)
            row = tuple_(place, int(number))
        except ValueError:
            return None
        mine = tuple_(self.column, Application.id)
        return mine > row if forward == self.ascending else mine < row

    def by(self, *, forward: bool) -> tuple[Any, Any]:
        columns = (self.column, Application.id)
        return columns if forward == self.ascending else (columns[0].desc(), columns[1].desc())


_ORDERS = {
    "due": _Order(Application.due_key, ascending=True),
    "oldest": _Order(Application.filed_at, ascending=True),
    "newest": _Order(Application.filed_at, ascending=False),
}


def names_of(session: Session, departments: Iterable[str]) -> dict[int, tuple[str, Words]]:
    """Procedure id → slug and plain name, of some departments. One statement, two where this process has not read one yet."""
    rows = session.execute(
        select(ProcedureVersion.procedure_id, ProcedureRow.slug, ProcedureVersion.id, ProcedureVersion.sha256)
        .join(ProcedureRow)
        .where(ProcedureRow.department.in_(list(departments)), ProcedureVersion.published_at.is_not(None))
        .order_by(ProcedureVersion.procedure_id, ProcedureVersion.number.desc())
        .ext(distinct_on(ProcedureVersion.procedure_id))
    ).all()
    unread = [row.id for row in rows if not is_read(row.sha256)]
    fresh = session.scalars(select(ProcedureVersion).where(ProcedureVersion.id.in_(unread))).all() if unread else []
    for version in fresh:
        definition(version)
    found = {row.procedure_id: is_read(row.sha256) for row in rows}
    return {
        row.procedure_id: (row.slug, procedure.plain_name)
        for row in rows
        if (procedure := found[row.procedure_id]) is not None and procedure.fillable
    }


def queue(
    session: Session, *, departments: Collection[str], wanted: QueueFilter, today: date, account_id: int | None = None
) -> Queue:
    """The cases of some departments, the ones due first. Four statements.

    Args:
        session: the transaction.
        departments: codes; a case of another department is never in it.
        wanted: see `QueueFilter`.
        today: in Japan; what was due before is overdue.
        account_id: who looks, for "mine".
    """
    names = names_of(session, departments)
    procedures = [number for number, (slug, _name) in names.items() if not wanted.slug or slug == wanted.slug]
    stages = STAGES.get(wanted.show, STAGES["open"])
    order = _ORDERS.get(wanted.sort, _ORDERS["due"])
    forward = not wanted.before
    narrow = _holds(wanted.search)
    if wanted.whose == "mine":
        narrow.append(Application.assigned_to == account_id)
    elif wanted.whose == "nobody":
        narrow.append(Application.assigned_to.is_(None))
    if wanted.show == "unread":
        narrow.append(_UNREAD)
    if wanted.late:
        narrow += [Application.due_key < today, Application.stage == "open"]
    if order.column is Application.filed_at:
        narrow.append(Application.filed_at.is_not(None))
    from_key = wanted.before or wanted.after
    place = order.beyond(from_key, forward=forward) if from_key else None
    all_of_them = and_(Application.procedure_id.in_(procedures), Application.stage.in_(stages), *narrow)
    total = session.scalar(
        select(func.count()).select_from(select(Application.id).where(all_of_them).limit(MOST + 1).subquery())
    )
    beyond = [*narrow, *([place] if place is not None else [])]
    query = (
        _straight(procedures, stages, beyond, order, forward=forward)
        if wanted.search or wanted.whose == "mine"
        else _merged(procedures, stages, beyond, order, forward=forward)
    )
    keys = session.execute(query).all()
    more, keys = len(keys) > PAGE, keys[:PAGE]
    if not forward:
        keys = keys[::-1]
    rows = _rows(session, [key.id for key in keys])
    ordered = [(order.key(key), rows[key.id]) for key in keys if key.id in rows]
    further = (more if forward else True) and bool(ordered)
    earlier = (place is not None if forward else more) and bool(ordered)
    return Queue(
        rows=[_row(row, names, key, today) for key, row in ordered],
        total=total or 0,
        next_key=ordered[-1][0] if further else None,
        previous_key=ordered[0][0] if earlier else None,
        procedures=sorted(names.values(), key=lambda each: each[0]),
    )


def _straight(
    procedures: Sequence[int], stages: Sequence[str], narrow: list[ColumnElement[bool]], order: _Order, *, forward: bool
) -> Select[Any, Any]:
    return (
        select(Application.id, order.column.label("sort_key"))
        .where(Application.procedure_id.in_(procedures), Application.stage.in_(stages), *narrow)
        .order_by(*order.by(forward=forward))
        .limit(PAGE + 1)
    )


def _merged(
    procedures: Sequence[int], stages: Sequence[str], narrow: list[ColumnElement[bool]], order: _Order, *, forward: bool
) -> Select[Any, Any]:
    which = func.unnest(cast(procedures, ARRAY(BigInteger))).table_valued("number", name="which").render_derived()
    stage = func.unnest(cast(list(stages), ARRAY(Text))).table_valued("name", name="at_stage").render_derived()
    part = (
        select(Application.id, order.column.label("sort_key"))
        .where(Application.procedure_id == which.c.number, Application.stage == stage.c.name, *narrow)
        .order_by(*order.by(forward=forward))
        .limit(PAGE + 1)
        .lateral("part")
    )
    rising = forward == order.ascending
    columns = (part.c.sort_key, part.c.id)
    return (
        select(part.c.id, part.c.sort_key)
        .select_from(which)
        .join(stage, true())
        .join(part, true())
        .order_by(*(columns if rising else [column.desc() for column in columns]))
        .limit(PAGE + 1)
    )


def _rows(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    found = session.execute(
        select(
            Application.id,
            Application.procedure_id,
            Application.reference,
            Application.applicant_name,
            Application.state,
            Application.filed_at,
            Application.due_on,
            Application.revision,
            Account.display_name.label("assigned"),
            _UNREAD.label("unread"),
            _MAKING.label("making"),
        )
        .outerjoin(Account, Account.id == Application.assigned_to)
        .where(Application.id.in_(ids))
    )
    return {row.id: row for row in found}


def _row(row: Any, names: dict[int, tuple[str, Words]], key: str, today: date) -> QueueRow:
    state = State(row.state)
    return QueueRow(
        reference=row.reference or "",
        title=names[row.procedure_id][1],
        name=row.applicant_name,
        state=state,
        filed_at=row.filed_at,
        due_on=row.due_on,
        overdue=row.due_on is not None and row.due_on < today and state in OPEN,
        assigned=row.assigned,
        unread=row.unread,
        making=row.making,
        revision=row.revision,
        key=key,
    )
