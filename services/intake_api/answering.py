"""How mails of ours can be answered. Stands apart from the store, so that settings are read without a database library."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class DailyLimits:
    """How many acknowledgements go out on one day (UTC): in all, and to one domain."""

    in_all: int = 1_000
    to_one_domain: int = 200


@dataclass(frozen=True)
class Answering:
    """How people answer to mails of ours: the domain of our Message-IDs, and how long a token is good for."""

    domain: str
    token_lasts: timedelta
