"""A city pack: one folder of YAML, CSV and Markdown, read with schemas, every mistake with file and line.

A loader asks for a file with a pydantic model (`rows`, `one`, `table`), checks references (`unique`, `known`), then calls
`check()`, which raises one `PackError` carrying **all** problems found so far. Nothing is written before that.
The format of each file: docs/city-pack.md.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from portal.directory.plain import TooDeep, read
from portal.directory.wording import explain
from portal.kernel import dates

LARGEST_FILE = 20 * 1024 * 1024
"""Bytes. A pack file beyond this is a mistake (the postal codes of a big city are some 200 KB)."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a pack: where it is, what is wrong, what would be right."""

    file: str
    line: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        tail = f" → {self.suggestion}" if self.suggestion else ""
        return f"{self.file}:{self.line}: {self.message}{tail}"


class PackError(Exception):
    """A pack that cannot be loaded. `problems` holds every mistake, `file`, `line`, … those of the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def file(self) -> str:
        """The file of the first problem, relative to the pack."""
        return self.problems[0].file

    @property
    def line(self) -> int:
        """The line of the first problem, counted from 1."""
        return self.problems[0].line

    @property
    def message(self) -> str:
        """What is wrong, in Japanese."""
        return self.problems[0].message

    @property
    def suggestion(self) -> str:
        """What would be right, in Japanese; empty where nothing can be said."""
        return self.problems[0].suggestion


class Entry(BaseModel):
    """Base of pack schemas: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _read_date(value: object) -> object:
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return dates.parse_date(value)
        except dates.DateError as error:
            raise ValueError(f"date:{value}") from error
    raise ValueError(f"date:{value}")


PackDate = Annotated[date, BeforeValidator(_read_date)]
"""A date in a pack: 2025-04-01, 2025/4/1 or 令和7年4月1日."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Located(Generic[M]):
    """One validated entry and where it stands in its file."""

    value: M
    file: str
    line: int
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict, repr=False)

    def line_of(self, *path: str | int) -> int:
        """The line of a key inside the entry; the nearest known line above it where that key is not written."""
        here = tuple(path)
        while here:
            if here in self.lines:
                return self.lines[here]
            here = here[:-1]
        return self.line


@dataclass
class Pack:
    """A city's folder. Files are read once; problems gather in `problems` until `check()`."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    _departments: frozenset[str] | None = None

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        if not self.folder.is_dir():
            raise PackError(
                [
                    Problem(
                        str(self.folder), 0, "このフォルダーはありません。", "city.yaml のあるフォルダーを指定します。"
                    )
                ]
            )

    # -- reading -----------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether the pack holds this file."""
        return (self.folder / name).is_file()

    def files(self, pattern: str) -> list[str]:
        """Names of files (relative, `/`), sorted: `pack.files("procedures/*.yaml")`."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern) if path.is_file())

    def text(self, name: str) -> str:
        """A text file as it stands, without BOM; "" and a problem where it cannot be read."""
        try:
            content = (self.folder / name).read_bytes()
        except FileNotFoundError:
            self.problem(name, 0, "ファイルがありません。", f"{name} を置いてください。")
            return ""
        if len(content) > LARGEST_FILE:
            self.problem(name, 0, "ファイルが大きすぎます。", f"{LARGEST_FILE // 1024 // 1024} MB までです。")
            return ""
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            self.problem(name, line, "UTF-8 ではない文字があります。", "UTF-8 で保存してください。")
            return ""

    def raw(self, name: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
        """A YAML file as plain Python, and the line of every key and item by its path; (None, {}) if unreadable."""
        text = self.text(name)
        if not text.strip():
            if self.has(name) and not any(problem.file == name for problem in self.problems):
                self.problem(name, 1, "ファイルが空です。")
            return None, {}
        try:
            return read(text)
        except MarkedYAMLError as error:
            # A quote that is never closed is noticed at the end of the file; where it began is what helps.
            at_end = "end of stream" in (error.problem or "")
            mark = (at_end and error.context_mark) or error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self.problem(
                name,
                line,
                f"YAML として読めません({error.problem or error.context})。",
                "字下げ、引用符、同じキーの重なりを見てください。",
            )
        except TooDeep as error:
            self.problem(name, 1, "入れ子か参照(&, *)が多すぎます。", str(error))
        except (YAMLError, ValueError) as error:
            self.problem(name, 1, f"YAML として読めません({error})。")
        return None, {}

    def one(self, name: str, schema: type[M]) -> Located[M] | None:
        """A YAML file that is one mapping."""
        data, lines = self.raw(name)
        if data is None:
            return None
        return self._entry(name, data, schema, lines, ())

    def rows(self, name: str, schema: type[M]) -> list[Located[M]]:
        """A YAML file that is a list of mappings; wrong entries become problems and are left out."""
        data, lines = self.raw(name)
        if data is None:
            return []
        if not isinstance(data, list):
            self.problem(name, 1, "一覧(「- 」で始まる行)ではありません。", "1件ずつ「- 」で始めてください。")
            return []
        found = (self._entry(name, item, schema, lines, (index,)) for index, item in enumerate(data))
        return [entry for entry in found if entry is not None]

    def table(self, name: str, schema: type[M]) -> list[Located[M]]:
        """A CSV file with a header line; empty cells count as not given."""
        text = self.text(name)
        if not text:
            return []
        found: list[Located[M]] = []
        known = {(info.alias or key): info.is_required() for key, info in schema.model_fields.items()}
        try:
            records = _records(text)
            _line, header = next(records, (1, []))
            if not self._header(name, header, known):
                return []
            for line, record in records:
                if len(record) != len(header):
                    self.problem(
                        name,
                        line,
                        f"列の数が{len(record)}です。見出しは{len(header)}列です。",
                        "「,」の数と引用符を見てください。",
                    )
                    continue
                cells = {key: cell for key, cell in zip(header, record, strict=True) if cell != ""}
                entry = self._entry(name, cells, schema, {(): line}, (), strict=False)
                if entry is not None:
                    found.append(entry)
        except csv.Error as error:
            self.problem(name, 1, f"CSV として読めません({error})。", "引用符が閉じているか見てください。")
        return found

    def _header(self, name: str, header: list[str], known: Mapping[str, bool]) -> bool:
        sound = True
        for column in sorted({column for column in header if header.count(column) > 1}):
            self.problem(name, 1, f"列「{column}」が2回あります。", "1つにしてください。")
            sound = False
        for column in header:
            if column not in known:
                self.problem(name, 1, f"列「{column}」は使いません。", near(column, known))
                sound = False
        for column, required in known.items():
            if required and column not in header:
                self.problem(name, 1, f"列「{column}」がありません。", f"見出しに {column} を足してください。")
                sound = False
        return sound

    def _entry(
        self,
        name: str,
        data: object,
        schema: type[M],
        lines: Mapping[tuple[str | int, ...], int],
        at: tuple[str | int, ...],
        *,
        strict: bool = True,
    ) -> Located[M] | None:
        own = {path[len(at) :]: line for path, line in lines.items() if path[: len(at)] == at}
        line = lines.get(at, 1)
        try:
            value = schema.model_validate(data, strict=strict)
        except ValidationError as error:
            where = Located(schema.model_construct(), name, line, own)
            for fault in error.errors(include_url=False):
                message, suggestion = explain(fault, schema)
                self.problem(name, where.line_of(*fault["loc"]), message, suggestion)
            return None
        return Located(value, name, line, own)

    # -- checking ----------------------------------------------------------------------------------------------

    def problem(self, file: str, line: int, message: str, suggestion: str = "") -> None:
        """Note a mistake; the load goes on looking for more."""
        self.problems.append(Problem(file, line, message, suggestion))

    def wrong(self, entry: Located[M], key: str, message: str, suggestion: str = "") -> None:
        """Note a mistake at one key of an entry."""
        self.problem(entry.file, entry.line_of(key), message, suggestion)

    def unique(self, entries: Iterable[Located[M]], key: str, of: Callable[[M], object] | None = None) -> None:
        """Note every entry whose key was used before, with the line of the first."""
        first: dict[object, Located[M]] = {}
        for entry in entries:
            value = of(entry.value) if of else getattr(entry.value, key)
            if value in first:
                shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
                self.wrong(
                    entry,
                    key,
                    f"{key} 「{shown}」は2回出てきます(1回目は{first[value].line_of(key)}行目)。",
                    f"別の {key} にしてください。",
                )
            else:
                first[value] = entry

    def known(self, entry: Located[M], key: str, value: str | None, names: Collection[str], where: str) -> None:
        """Note a reference to something that `where` does not hold."""
        if value is not None and value not in names:
            self.wrong(entry, key, f"{key} 「{value}」は {where} にありません。", near(value, names))

    def departments(self) -> frozenset[str]:
        """Codes of the pack's departments, for checking references (wrong entries are reported by their own loader)."""
        if self._departments is None:
            data, _lines = Pack(self.folder).raw("departments.yaml")
            found = data if isinstance(data, list) else []
            self._departments = frozenset(
                str(item["code"]) for item in found if isinstance(item, dict) and "code" in item
            )
        return self._departments

    def check(self) -> None:
        """Raise one `PackError` with all problems found so far, if there are any."""
        if self.problems:
            raise PackError(self.problems)


def near(wrong: str, names: Iterable[str]) -> str:
    """A suggestion for a name that is not known: the nearest one, else the choices."""
    choices = sorted(names)
    close = difflib.get_close_matches(wrong, choices, n=1, cutoff=0.6)
    if close:
        return f"「{close[0]}」ではありませんか。"
    if not choices:
        return ""
    shown = "、".join(choices[:8])
    return f"使えるもの: {shown}" + ("など" if len(choices) > 8 else "")


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """CSV records with the line on which each begins; blank lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    for record in reader:
        if record:
            yield begins, [cell.strip() for cell in record]
        begins = reader.line_num + 1
