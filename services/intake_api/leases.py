"""How long whoever serves or waits in the chat is expected back."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Leases:
    """How long somebody who has no connection to any relay is still expected back."""

    operator: timedelta
    visitor: timedelta
