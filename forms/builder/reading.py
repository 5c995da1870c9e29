"""A procedure file that somebody sends, as a procedure, or every mistake with its line. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from forms import mistakes
from forms.definition import Procedure
from portal.directory import plain

LARGEST = 512 * 1024


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a file: line (from 1), words, what would be right."""

    line: int
    message: str
    suggestion: str


def read(content: bytes) -> tuple[Procedure | None, list[Mistake]]:
    """A file's procedure, only where nothing is wrong, and everything that is wrong, by line."""
    try:
        data, lines = plain.read(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return None, [Mistake(content[: error.start].count(b"\n") + 1, "UTF-8 ではない文字があります。", "")]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return None, [
            Mistake(mark.line + 1 if mark else 1, "YAML として読めません。", "字下げ、引用符、「: 」を見てください。")
        ]
    except (YAMLError, plain.TooDeep):
        return None, [Mistake(1, "YAML として読めません。", "")]
    procedure, found = mistakes.read(data)
    told = [Mistake(_line(lines, path), message, suggestion) for path, message, suggestion in found]
    return (None if told else procedure), sorted(told, key=lambda m: m.line)


def line_of(content: bytes, key: str) -> int:
    """The line (from 1) on which a key of a file that can be read stands."""
    return _line(plain.read(content.decode("utf-8-sig"))[1], (key,))


def _line(lines: plain.Lines, path: tuple[str | int, ...]) -> int:
    here: tuple[str | int, ...] = ()
    for part in path:
        if (*here, part) in lines:
            here = (*here, part)
    return lines.get(here, 1)
