"""Sample cards (見本) for development: nobody's card, chosen on the screen. Production refuses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from forms.counter.reader import Attributes, CardFacts, UnknownCard

SAMPLE_CARDS: Mapping[str, Attributes] = {
    "hanako": Attributes(
        "見本 花子", "茨城県古河市東本町九丁目99番99号 見本ハイツ101", date(1961, 4, 5), "19610405", "female"
    ),
    "watanabe": Attributes(
        "渡邊\U000e0109 神\ufa19太郎",
        "茨城県古河市諸川9999番地 見本𠮷野荘203",
        date(1988, 12, 31),
        "19881231",
        "male",
    ),
    "nguyen": Attributes(
        "NGUYEN THI MIHON", "茨城県古河市下辺見9999番地9 見本寮", date(2001, 2, 28), "20010228", "female"
    ),
    "unknown-birth": Attributes("見本 年三", "茨城県見本市見本町4番地", None, "19350000", "male"),
}


@dataclass(frozen=True)
class SimulatedReader:
    """A reader on which the sample card `card` lies; it asks for no PIN."""

    card: str

    def read(self, pin: str | None, *, now: datetime) -> CardFacts:  # noqa: ARG002 - the reader's interface
        """The sample card's facts.

        Raises:
            UnknownCard: there is no such sample card.
        """
        if self.card not in SAMPLE_CARDS:
            raise UnknownCard
        found = SAMPLE_CARDS[self.card]
        return CardFacts(found.name, found.address, found.birth_date, found.sex, now, "sample-card")
