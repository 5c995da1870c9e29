"""The cases from practice in docs/payments.md: twelve of them, and every test that they name exists."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_every_case_names_tests_that_exist():
    table = (ROOT / "docs" / "payments.md").read_text(encoding="utf-8").split("### Cases from practice")[1]
    cases = dict(re.findall(r"^\| M(\d+) .*\| (`test_.+) \|$", table, re.MULTILINE))
    assert sorted(map(int, cases)) == list(range(1, 13))
    rooms = (ROOT / "tests" / "payments", ROOT / "tests" / "reservations")
    written = {
        name
        for room in rooms
        for file in room.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = {name for tests in cases.values() for name in re.findall(r"`(\w+)`", tests)}
    assert named <= written, named - written
