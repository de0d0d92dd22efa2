"""Which events a subscription asks for is said twice: in `filters`, and in the one statement of `express`. They must agree."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import insert, select

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Kind, Nature
from onthaal_schema.events import EventType
from services.intake_api.store import tables
from services.intake_api.store.engine import Database
from services.intake_api.store.express import Express
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.migrate import migrate
from services.intake_api.store.patience import Patience
from services.intake_api.store.subscriptions import NewSubscription, SubscriptionStore
from services.intake_api.store.vault import Keys, Vault
from services.kit.clock import SetClock

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CHANCE = random.Random(3)
"""The same filters and events in every run."""
TYPES = [one.value.rpartition(".")[2] for one in EventType]
"""As they are kept."""


def some(of: Iterable[str]) -> Sequence[str]:
    values = [str(one) for one in of]
    return CHANCE.sample(values, CHANCE.randint(1, len(values)))


def random_filter() -> EventFilter:
    """Ask for something; of types, channels and kinds half of the filters ask for nothing, which is all."""
    rest = [some(of) if CHANCE.random() < 0.5 else () for of in (TYPES, Channel, Kind)]
    return EventFilter(some(Nature), *rest)


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)  # `express` speaks to PostgreSQL only
async def test_both_statements_of_the_filter_choose_the_same_events(database_url: str) -> None:
    database = Database(database_url, SetClock(NOW))
    await migrate(database)
    events = [
        {
            "position": position, "id": uuid4(), "contact_id": uuid4(), "version": 1, "type": some(TYPES)[0],
            "natures": " ".join(some(Nature)), "channel": some(Channel)[0], "kinds": " ".join(some(Kind)),
            "payload": "{}", "occurred_at": NOW,
        }
        for position in range(1, 301)
    ]  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(tables.event), events)
    store, express = SubscriptionStore(database, Vault(Keys.make())), Express(database, Patience())
    fields = dict.fromkeys(EventFilter().columns(), 0)
    for number in range(40):
        asked = random_filter()
        new = NewSubscription(name=f"s{number}", url="http://127.0.0.1:9/", secret="whsec_x", from_start=True, filter=asked)
        subscription = await store.subscribe(new)
        taken = await express.take(subscription, 1000)
        assert taken is not None
        async with database.read() as connection:
            chosen = select(tables.event.c.position).where(*asked.conditions())
            wanted = set((await connection.execute(chosen)).scalars())
        assert {event.position for one in taken[1] for event in one.events} == wanted, asked
        for name, written in asked.columns().items():
            fields[name] += bool(written) and len(wanted) < len(events)
    assert min(fields.values()) > 5, "each part of a filter was tried"
    await database.close()
