"""The books of the hand-over, on a database with much in it: reconciliation, dead letters, replays, and how they are looked up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, insert, select, text, update

from onthaal_schema.problems import NotFound
from services.intake_api.store import tables
from services.intake_api.store.dead_letters import DeadLetters, Which
from services.intake_api.store.engine import Database
from services.intake_api.store.figures import Figures
from services.intake_api.store.filters import EventFilter
from services.intake_api.store.handed import handed_over, note_fetched
from services.intake_api.store.migrate import migrate
from services.intake_api.store.outbox import EventFrame, Outbox
from services.intake_api.store.positions import before
from services.intake_api.store.reconciliation import Reconciliation
from services.intake_api.store.replays import Replays
from services.intake_api.store.subscriptions import NewSubscription, SubscriptionStore
from services.intake_api.store.vault import Keys, Vault
from services.kit.clock import SetClock

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=20)
FETCHED_WITHIN = timedelta(minutes=15)
CONTACT = tables.contact
EVENT = tables.event
DELIVERY = tables.delivery
SUBSCRIPTION = tables.subscription


@dataclass(frozen=True)
class Books:
    """A database, and those who keep its books."""

    database: Database
    clock: SetClock
    subscriptions: SubscriptionStore
    letters: DeadLetters
    replays: Replays
    reconciliation: Reconciliation

    async def run(self, statement: Any, *rows: Any) -> Any:
        async with self.database.write() as connection:
            return await connection.execute(statement, *rows)

    async def contact(self, contact_id: UUID, *, erased: bool = False) -> None:
        blank = {column.name: None for column in CONTACT.columns if column.nullable}
        held: dict[str, Any] = dict.fromkeys(("registered_at", "received_at", "kind_at"), START)
        held |= {"status": "open", "channel": "telefoon", "nature": "person", "kind": "melding", "kind_source": "operator"}
        held |= {
            "id": contact_id,
            "reference": uuid4().hex[:16],
            "version": 1,
            "unsure": False,
            "signals": "[]",
            "anonymous": False,
        }
        held |= {"opening": "{}", "last_sequence": 0, "digest": b"", "erased_at": NOW if erased else None}
        await self.run(insert(CONTACT).values(**(blank | held)))

    async def events(self, first: int, count: int, contact_id: UUID, channel: str = "telefoon") -> None:
        """Add events at positions from the first on, a minute apart."""
        rows = [
            {
                "position": position, "id": uuid4(), "contact_id": contact_id, "version": position, "type": "registered",
                "natures": "person", "channel": channel, "kinds": "melding", "payload": "{}",
                "occurred_at": START + timedelta(minutes=position),
            }
            for position in range(first, first + count)
        ]  # fmt: skip
        await self.run(insert(EVENT), rows)

    async def subscribe(self, **wanted: Any) -> UUID:
        given = {"name": "dossiers", "url": "http://127.0.0.1:9/", "secret": "whsec_x", "from_start": True}
        return await self.subscriptions.subscribe(NewSubscription(**(given | wanted)))

    async def deliver(self, subscription: UUID, contact_id: UUID, first: int, count: int, state: str, **other: Any) -> None:
        """Write down that events were read, and what became of them."""
        settled = {
            "settled_at": None if state == "pending" else self.clock.now(),
            "reason": "HTTP 422" if state == "dead" else None,
        }
        rows = [
            {"subscription_id": subscription, "position": position, "contact_id": contact_id, "state": state, "attempts": 1}
            | settled | other
            for position in range(first, first + count)
        ]  # fmt: skip
        await self.run(insert(DELIVERY), rows)
        counted = {"addressed": SUBSCRIPTION.c.addressed + count, "position": first + count - 1}
        if state == "delivered":
            counted["delivered"] = SUBSCRIPTION.c.delivered + count
        await self.run(update(SUBSCRIPTION).where(SUBSCRIPTION.c.id == subscription).values(**counted))

    async def whole_look(self) -> None:
        while await self.reconciliation.look():
            pass

    async def difference(self) -> int:
        return sum(one.difference for one in (await Figures(self.database).read(FETCHED_WITHIN)).owed)

    async def unfetched(self) -> int:
        return (await Figures(self.database).read(FETCHED_WITHIN)).unfetched.count

    async def states(self, subscription: UUID) -> dict[str, int]:
        counted = (
            select(DELIVERY.c.state, func.count()).where(DELIVERY.c.subscription_id == subscription).group_by(DELIVERY.c.state)
        )
        async with self.database.read() as connection:
            return {state: count for state, count in (await connection.execute(counted)).all()}  # noqa: C416 - rows to a dict

    async def claims(self, subscription: UUID) -> int:
        async with self.database.read() as connection:
            counted = select(func.count()).where(tables.claim.c.subscription_id == subscription)
            return (await connection.execute(counted)).scalar() or 0


@pytest_asyncio.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    clock = SetClock(NOW)
    database = Database(database_url, clock)
    await migrate(database)
    vault = Vault(Keys.make())
    yield Books(
        database, clock, SubscriptionStore(database, vault), DeadLetters(database), Replays(database), Reconciliation(database)
    )
    await database.close()


async def test_books_that_are_right_show_no_difference(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    await books.events(1, 300, contact)
    await books.events(301, 20, contact, channel="mail")
    subscription = await books.subscribe(filter=EventFilter(channels=("telefoon",)))
    for first, state in ((1, "delivered"), (101, "dead"), (201, "pending")):
        await books.deliver(subscription, contact, first, 100, state)
    await books.whole_look()
    row = await books.subscriptions.one(subscription)
    assert (row["addressed"], row["delivered"], row["dead"], row["pending"], row["behind"]) == (300, 100, 100, 100, 20)
    assert await books.difference() == 0


async def test_an_event_without_a_delivery_and_a_wrong_count_are_a_difference_until_mended(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    await books.events(1, 30, contact)
    subscription = await books.subscribe()
    await books.deliver(subscription, contact, 1, 30, "delivered")
    await books.run(DELIVERY.delete().where(DELIVERY.c.position.in_([7, 8])))
    await books.whole_look()
    assert await books.difference() == 2
    assert (await books.subscriptions.one(subscription))["difference"] == 2

    await books.replays.ask(subscription, START)
    assert await books.replays.finish(subscription) == 30
    assert await books.states(subscription) == {"pending": 30}
    row = await books.subscriptions.one(subscription)
    assert (row["addressed"], row["delivered"]) == (32, 2), "the counts were of thirty that were there; two came on top"
    await books.whole_look()
    assert await books.difference() == 0

    await books.run(update(SUBSCRIPTION).values(addressed=SUBSCRIPTION.c.addressed + 1))
    await books.whole_look()
    assert await books.difference() == 1


async def test_what_was_delivered_and_not_fetched_is_counted_after_a_while_unless_it_was_erased(books: Books) -> None:
    waiting, fetched, erased = uuid4(), uuid4(), uuid4()
    for contact in (waiting, fetched, erased):
        await books.contact(contact, erased=contact == erased)
    subscription = await books.subscribe()
    for number, contact in enumerate((waiting, fetched, erased)):
        await books.events(1 + 10 * number, 2, contact)
        await books.deliver(subscription, contact, 1 + 10 * number, 2, "delivered")
    assert await books.unfetched() == 0
    async with books.database.write() as connection:
        await note_fetched(connection, fetched, books.clock.now())
    books.clock.advance(timedelta(minutes=16))
    await books.whole_look()
    assert await books.unfetched() == 2
    async with books.database.read() as connection:
        assert all("fetchedAt" in state for state in await handed_over(connection, fetched))
        assert not any("fetchedAt" in state for state in await handed_over(connection, waiting))


async def test_an_erased_contact_is_excused_behind_a_pile_that_nobody_fetches(books: Books) -> None:
    waiting, erased = uuid4(), uuid4()
    subscription = await books.subscribe()
    for contact, first, count in ((waiting, 1, 2100), (erased, 2101, 2)):
        await books.contact(contact, erased=contact == erased)
        await books.events(first, count, contact)
        await books.deliver(subscription, contact, first, count, "delivered")
    books.clock.advance(timedelta(minutes=16))
    await books.whole_look()
    async with books.database.read() as connection:
        excused = select(DELIVERY.c.position).where(DELIVERY.c.fetched_at.is_not(None)).order_by(DELIVERY.c.position)
        assert (await connection.execute(excused)).scalars().all() == [2101, 2102]


async def test_ten_thousand_dead_letters_are_sent_again_in_one_go(books: Books) -> None:
    subscription = await books.subscribe()
    contacts = [uuid4() for _ in range(100)]
    for number, contact in enumerate(contacts):
        await books.contact(contact)
        await books.events(1 + number * 100, 100, contact)
        await books.deliver(subscription, contact, 1 + number * 100, 100, "dead")
    page = await books.letters.dead(limit=50)
    assert (page.total, len(page.rows)) == (10_000, 50)
    chosen = [page.rows[0]["event_id"], page.rows[1]["event_id"]]
    assert await books.letters.redrive(Which(event_ids=chosen)) == 2
    with pytest.raises(NotFound):
        await books.letters.redrive(Which(event_ids=chosen))
    assert await books.letters.redrive(Which(reason="HTTP 400")) == 0
    assert await books.letters.redrive() == 9998
    assert await books.states(subscription) == {"pending": 10_000}
    assert await books.claims(subscription) == 100
    row = await books.subscriptions.one(subscription)
    assert (row["addressed"], row["delivered"], row["dead"]) == (10_000, 0, 0)


async def test_what_is_given_up_again_meanwhile_is_not_sent_again_for_ever(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    await books.events(1, 2500, contact)
    subscription = await books.subscribe()
    await books.deliver(subscription, contact, 1, 2500, "dead")

    async def refuse_at_once() -> None:
        while True:
            await books.run(update(DELIVERY).where(DELIVERY.c.state == "pending").values(state="dead", settled_at=NOW))
            await asyncio.sleep(0)

    refusing = asyncio.create_task(refuse_at_once())
    async with asyncio.timeout(60):
        assert await books.letters.redrive() == 2500
    refusing.cancel()
    await asyncio.wait([refusing])


async def test_a_replay_begins_at_its_moment_and_goes_on_after_a_crash(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    await books.events(1, 3000, contact)
    subscription = await books.subscribe()
    await books.deliver(subscription, contact, 1, 3000, "delivered", fetched_at=NOW)
    await books.replays.ask(subscription, START + timedelta(minutes=501))
    assert await books.replays.asked() == [subscription]
    first = await books.replays.go_on(subscription)
    assert first is not None
    again = Replays(books.database)
    assert first + await again.finish(subscription) == 2500
    assert await books.replays.asked() == []
    assert await books.states(subscription) == {"delivered": 500, "pending": 2500}
    row = await books.subscriptions.one(subscription)
    assert (row["addressed"], row["delivered"]) == (3000, 500)
    async with books.database.read() as connection:
        shown = await handed_over(connection, contact)
        assert {(state["state"], state.get("fetchedAt")) for state in shown} == {("pending", NOW)}


async def test_a_moment_is_found_among_events_that_are_a_little_out_of_order(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    await books.events(1, 1000, contact)
    await books.run(update(EVENT).where(EVENT.c.position == 500).values(occurred_at=START + timedelta(minutes=501)))
    async with books.database.read() as connection:
        assert 490 <= await before(connection, START + timedelta(minutes=500, seconds=30)) < 500
        assert await before(connection, START - timedelta(days=1)) == 0
        assert await before(connection, NOW + timedelta(days=1)) == 1000


async def test_a_deleted_subscription_is_cleared_away_and_leaves_no_trace(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    await books.events(1, 4500, contact)
    subscription = await books.subscribe()
    await books.deliver(subscription, contact, 1, 4500, "pending")
    await books.subscriptions.move(subscription, "removed", allowed=("active",))
    with pytest.raises(NotFound):
        await books.subscriptions.one(subscription)
    rounds = 0
    while await books.subscriptions.sweep():
        rounds += 1
    assert rounds == 3
    assert await books.states(subscription) == {}


# Looked up by index


MANY = """
INSERT INTO event (position, id, contact_id, version, type, natures, channel, kinds, occurred_at, payload)
SELECT n, gen_random_uuid(), c.id, n, 'registered', 'person', 'telefoon', 'melding', now() - interval '1 day', '{}'
FROM generate_series(1, 200000) AS n, (SELECT id FROM contact LIMIT 1) AS c;
INSERT INTO delivery (subscription_id, position, contact_id, state, attempts, reason, settled_at)
SELECT s.id, n, gen_random_uuid(), CASE WHEN n % 200 = 0 THEN 'dead' WHEN n > 199900 THEN 'pending' ELSE 'delivered' END, 1, 'HTTP 422', now()
FROM generate_series(1, 200000) AS n, (SELECT id FROM subscription LIMIT 1) AS s;
UPDATE delivery SET fetched_at = settled_at WHERE state = 'delivered';
UPDATE subscription SET position = 200000, addressed = 200000;
ANALYZE
"""


# PostgreSQL only: its planner chooses by figures, SQLite's does not
@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
async def test_nothing_is_looked_for_by_reading_whole_tables(books: Books) -> None:
    contact = uuid4()
    await books.contact(contact)
    subscription = await books.subscribe()
    for statement in MANY.split(";"):
        await books.run(text(statement))
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE delivery")):
            asked.append((statement, parameters))

    sqlalchemy_event.listen(books.database.writing.sync_engine, "before_cursor_execute", note)
    outbox = Outbox(books.database, EventFrame("urn:x", "http://x"))
    looks: list[Callable[[], Awaitable[object]]] = [
        books.subscriptions.all,
        lambda: Figures(books.database).read(FETCHED_WITHIN),
        books.reconciliation.look,
        lambda: books.letters.dead(Which(subscription_id=subscription, reason="HTTP 422"), 50),
        lambda: books.letters.dead(limit=50, before=f"1000_{subscription}"),
        lambda: books.letters.redrive(Which(event_ids=[uuid4()], subscription_id=subscription)),
        lambda: books.replays.ask(subscription, datetime.now(UTC) - timedelta(hours=30)),
        lambda: books.replays.go_on(subscription),
        lambda: outbox.after(199_990, 10, EventFilter(channels=("brief",))),
    ]
    for look in looks:
        try:
            await look()
        except NotFound:
            continue
    sqlalchemy_event.remove(books.database.writing.sync_engine, "before_cursor_execute", note)
    async with books.database.write() as connection:
        await handed_over(connection, contact)
        for statement, parameters in asked:
            plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars())
            for table in ("event", "delivery"):
                assert f"Seq Scan on {table}" not in plan, f"{statement}\n{plan}"
    assert len(asked) > 15
