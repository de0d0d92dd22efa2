"""Which events somebody asks for: one rule for subscriptions, replays, reconciliation and the feed.

`express` says the same in a statement of its own (`_READ_ON`): whoever changes one changes both, or events are lost without
a word. `tests/integration/test_filters.py` compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, or_

from services.intake_api.store import tables

EVENT = tables.event.c


@dataclass(frozen=True)
class EventFilter:
    """Natures that are asked for by name, and types, channels and kinds; of those, none means all.

    An event goes to everyone whom an earlier event of its contact went to: whoever was told of a melding hears that it
    was none. So its natures and kinds are all that the contact ever had.
    """

    natures: Sequence[str] = ("person",)
    types: Sequence[str] = ()
    channels: Sequence[str] = ()
    kinds: Sequence[str] = ()

    @classmethod
    def of(cls, row: Any) -> Self:
        """Read the filter of a subscription's row."""
        return cls(*(row[name].split() for name in ("natures", "types", "channels", "kinds")))

    def columns(self) -> dict[str, str]:
        """Write the filter as a subscription's row keeps it."""
        written = {"natures": self.natures, "types": self.types, "channels": self.channels, "kinds": self.kinds}
        return {name: " ".join(dict.fromkeys(map(str, values))) for name, values in written.items()}

    def conditions(self) -> list[ColumnElement[bool]]:
        """Say it in SQL, over the table of events."""
        asked: list[ColumnElement[bool]] = [or_(*(EVENT.natures.contains(str(nature)) for nature in self.natures))]
        if self.kinds:
            asked.append(or_(*(EVENT.kinds.contains(str(kind)) for kind in self.kinds)))
        asked += [
            column.in_([str(value) for value in values])
            for column, values in ((EVENT.type, self.types), (EVENT.channel, self.channels))
            if values
        ]
        return asked
