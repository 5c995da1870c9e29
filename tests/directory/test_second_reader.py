"""A pack is YAML for everybody: another program's reader finds the same in every file as ours does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.directory import plain

CITIES = Path(plain.__file__).parent.parent / "cities"


class SecondReader(yaml.SafeLoader):
    """PyYAML (YAML 1.1, in the locked development packages); dates stay text, as the pack's schemas want them."""


def _text(loader: yaml.SafeLoader, node: Any) -> str:
    return str(loader.construct_scalar(node))


SecondReader.add_constructor("tag:yaml.org,2002:timestamp", _text)


@pytest.mark.parametrize("file", sorted(CITIES.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CITIES)))
def test_every_pack_file_is_read_the_same_by_another_reader(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    ours, _lines = plain.read(text)
    assert yaml.load(text, Loader=SecondReader) == ours
