"""Which card reader this counter has."""

from __future__ import annotations

from flask import current_app

from forms.counter.reader import CardReader, NoReader
from forms.counter.samples import SimulatedReader
from portal.settings import Settings


def simulated() -> bool:
    """Whether sample cards can be read here; never in production."""
    settings: Settings = current_app.extensions["portal"]
    return settings.card_reader == "simulated" and not settings.production


def reader(card: str) -> CardReader:
    """The reader.

    Args:
        card: name of the sample card that lies on the simulated reader.

    Raises:
        NoReader: there is none here.
    """
    if simulated():
        return SimulatedReader(card)
    raise NoReader
