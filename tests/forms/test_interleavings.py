"""Whatever two tabs, a reviewer, a republish and a closing do at once: what was reviewed is what is filed."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests.forms import interleavings

COUNT = 60
"""Of the 10,000 of `make soak`."""


def test_in_every_order_what_was_reviewed_is_what_is_filed_once_and_nothing_is_lost(
    koga: str, session: Session
) -> None:
    del koga
    met = interleavings.run(interleavings.cast(session), range(COUNT))
    assert met["filed"] + met["kept as a draft"] == COUNT
    assert min(met["filed"], met["kept as a draft"], met["republish"], met["withdraw"], met["accept"]) > 0, met
    assert met["file: review_changed"] > 0, "some pressed the button under what was no longer so"
