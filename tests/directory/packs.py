"""Folders to break: a copy of the little city, with one file said differently."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from portal.directory.pack import Pack, PackError, Problem

HANAMI = Path(__file__).parent / "cities" / "hanami"


def copy_of(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / folder.name))


def problems_of(pack: Pack) -> list[Problem]:
    with pytest.raises(PackError) as raised:
        pack.check()
    return list(raised.value.problems)
