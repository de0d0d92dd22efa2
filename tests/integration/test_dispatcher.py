"""The delivery engine on both databases: order, leases, retries, the circuit breaker, batches, filters, pace."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook

from services.intake_api.handover import sink
from services.intake_api.store.deliveries import Deliveries, Later, Patience, Pending, Served, Subscriber, Taken
from services.kit.clock import SetClock
from tests.handing_over import SECRET, HandOver, contacts, event, handing_over, until
from tests.receiving import Answer, Receiver, receiving

pytestmark = pytest.mark.asyncio

FAST = Patience(ladder=(timedelta(seconds=0.05),) * 9, first_hold=timedelta(seconds=0.2), longest_hold=timedelta(seconds=0.4))
OTHER_SECRET = "whsec_b250aGFhbC10ZXN0LXNlY3JldC0wMDAwMDAwMg=="


@pytest.fixture
def receiver() -> Any:
    with receiving() as opened:
        yield opened


def versions(receiver: Receiver, contact: UUID) -> list[int]:
    return [
        event["data"]["version"]
        for attempt in receiver.taken(contact)
        for event in attempt.events
        if event["subject"] == str(contact)
    ]


async def is_done(hand_over: HandOver, subscription: UUID, delivered: int) -> bool:
    row = await hand_over.subscription(subscription)
    return bool(row["delivered"] == delivered and not row["pending"] and not row["claims"])


async def is_failing(hand_over: HandOver, subscription: UUID) -> bool:
    return bool((await hand_over.subscription(subscription))["failures"])


async def test_contacts_are_served_side_by_side_and_each_in_its_order(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        many = contacts(40)
        for contact in many[::4]:
            receiver.will_answer(contact, Answer(500), Answer(), Answer(503), Answer(drop=True))
        await hand_over.tell(*(event(contact, version) for version in range(1, 16) for contact in many))
        async with hand_over.dispatching():
            await until(lambda: is_done(hand_over, subscription, 600), 60)
        for contact in many:
            assert versions(receiver, contact) == list(range(1, 16))
        assert (await hand_over.subscription(subscription))["addressed"] == 600


async def test_what_is_told_while_a_contact_is_being_served_is_delivered_too(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        one, other = contacts(2)
        async with hand_over.dispatching():
            for version in range(1, 60):
                await hand_over.tell(event(one, version), event(other, version))
                await asyncio.sleep(0.003)
            await until(lambda: is_done(hand_over, subscription, 118), 30)
        assert versions(receiver, one) == versions(receiver, other) == list(range(1, 60))
        assert len(receiver.attempts) == 118


class Asked(Deliveries):
    """Deliveries that know how often they were asked for more."""

    times = 0

    async def take(self, subscription_id: UUID, limit: int) -> Taken:
        self.times += 1
        return await super().take(subscription_id, limit)


async def test_when_all_is_taken_nobody_asks_for_more_while_it_is_posted(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        hand_over.deliveries = asked = Asked(hand_over.database, hand_over.vault, FAST)
        subscription = await hand_over.subscribe(receiver.url)
        receiver.always = Answer(delay_s=0.02)
        await hand_over.tell(*(event(contact) for contact in contacts(200)))
        async with hand_over.dispatching():
            await until(lambda: is_done(hand_over, subscription, 200))
        assert asked.times <= 3


async def test_a_hanging_subscriber_holds_up_no_other(database_url: str, receiver: Receiver) -> None:
    with receiving() as hanging:
        hanging.always = Answer(delay_s=3)
        async with handing_over(database_url, FAST) as hand_over:
            stuck = await hand_over.subscribe(hanging.url)
            fine = await hand_over.subscribe(receiver.url)
            async with hand_over.dispatching(timeout=4, drain=0):
                await hand_over.tell(*(event(contact) for contact in contacts(64)))
                await until(lambda: len(hanging.attempts) >= 16)
                await until(lambda: is_done(hand_over, fine, 64), 2.5)
                begun = time.monotonic()
                await hand_over.tell(event(uuid4()))
                await until(lambda: is_done(hand_over, fine, 65), 2.5)
                assert time.monotonic() - begun < 1
            assert (await hand_over.subscription(stuck))["delivered"] <= 16


async def test_a_dead_letter_releases_its_contact_and_the_counts_add_up(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        refused, used_up = contacts(2)
        receiver.will_answer(refused, Answer(422))
        receiver.will_answer(used_up, *[Answer(500)] * 10)
        others = contacts(5)
        async with hand_over.dispatching():
            await hand_over.tell(event(refused), event(refused, 2), event(used_up), event(used_up, 2))
            await until(lambda: len(receiver.about(used_up)) >= 8)
            await hand_over.tell(*(event(contact) for contact in others))
            await until(lambda: is_done(hand_over, subscription, 7))
        row = await hand_over.subscription(subscription)
        assert (row["addressed"], row["delivered"], row["dead"]) == (9, 7, 2)
        assert (versions(receiver, refused), versions(receiver, used_up)) == ([2], [2])
        assert len(receiver.about(used_up)) == 11
        assert (row["pending"], row["failing_since"]) == (0, None)


async def test_a_mistake_at_the_receiver_brings_one_contact_at_a_time_to_the_end_of_the_ladder(
    database_url: str, receiver: Receiver
) -> None:
    async with handing_over(
        database_url, replace(FAST, longest_hold=timedelta(seconds=0.03), first_hold=timedelta(seconds=0.02))
    ) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        receiver.always = Answer(401)
        many = contacts(30)
        async with hand_over.dispatching():
            await hand_over.tell(*(event(contact) for contact in many))
            await until(lambda: len(receiver.attempts) > 80, 60)
            row = await hand_over.subscription(subscription)
            assert row["dead"] <= 4
            assert (row["last_error"], row["failures"] > 10) == ("HTTP 401", True)
            assert row["failing_since"] < datetime.now(UTC)
            receiver.always = Answer()
            await until(lambda: is_done(hand_over, subscription, 30 - row["dead"]), 30)
        assert (await hand_over.subscription(subscription))["failing_since"] is None


async def test_a_dead_case_service_costs_one_probe_a_period(database_url: str, receiver: Receiver) -> None:
    slow_probes = replace(FAST, first_hold=timedelta(seconds=0.5), longest_hold=timedelta(seconds=0.5))
    async with handing_over(database_url, slow_probes) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        receiver.always = Answer(503)
        many = contacts(300)
        async with hand_over.dispatching():
            await hand_over.tell(*(event(contact) for contact in many))
            await until(lambda: len(receiver.attempts) >= 16)
            await asyncio.sleep(3)
            probes = [later.at - earlier.at for earlier, later in pairwise(receiver.attempts) if later.at - earlier.at > 0.3]
            assert len(probes) >= 1
            assert len(receiver.attempts) <= 10 + 16 - 1 + len(probes), "what was under way when ten had failed, and the probes"
            assert (await hand_over.subscription(subscription))["pending"] == 300, "what is owed is seen meanwhile"
            receiver.always = Answer()
            await until(lambda: is_done(hand_over, subscription, 300), 15)
        tried = Counter(attempt.contact for attempt in receiver.attempts)
        assert max(tried.values()) <= 12


async def test_retry_after_is_obeyed(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        [told] = contacts(1)
        receiver.will_answer(told, Answer(429, {"Retry-After": "2"}))
        async with hand_over.dispatching():
            await hand_over.tell(event(told))
            await until(lambda: is_done(hand_over, subscription, 1))
        first, second = receiver.about(told)
        assert 1.9 < second.at - first.at < 12


@pytest.mark.parametrize(("status", "rests"), [(429, True), (503, True), (500, False)])
async def test_a_service_that_asks_to_wait_is_left_alone_altogether(
    database_url: str, receiver: Receiver, status: int, rests: bool
) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        told, other = contacts(2)
        receiver.will_answer(told, Answer(status, {"Retry-After": "3"}))
        async with hand_over.dispatching():
            await hand_over.tell(event(told))
            await until(lambda: is_failing(hand_over, subscription))
            await hand_over.tell(event(other))
            await until(lambda: is_done(hand_over, subscription, 2))
        asked, again = receiver.about(told)
        assert (receiver.about(other)[0].at - asked.at > 2.9) == rests
        assert again.at - asked.at > 2.9


async def test_a_post_that_was_under_way_does_not_end_the_rest_that_was_asked_for(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        await hand_over.tell(*map(event, contacts(2)))
        told, under_way = (await hand_over.deliveries.take(subscription, 2)).claimed
        later = Later(told.events[0].position, "HTTP 429", rest=timedelta(minutes=30))
        await hand_over.deliveries.settle(subscription, [Served(told, later=later)])
        await hand_over.deliveries.settle(subscription, [Served(under_way, delivered=(under_way.events[0].position,))])
        await hand_over.tell(*map(event, contacts(1)))
        assert not (await hand_over.deliveries.take(subscription, 10)).claimed


async def test_a_pace_of_the_hand_over_shortens_every_wait_but_no_lease(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, Patience(pace=0.0005)) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        told, failing, other = contacts(3)
        receiver.will_answer(told, Answer(429, {"Retry-After": "500"}))
        receiver.will_answer(failing, Answer(500), Answer(500), Answer(500))
        async with hand_over.dispatching():
            await hand_over.tell(event(told), event(failing), event(other))
            await until(lambda: is_done(hand_over, subscription, 3))
        first, second = receiver.about(told)
        assert second.at - first.at >= 0.25
        tries = receiver.about(failing)
        assert tries[3].at - tries[0].at > 0.8 * (5 + 300 + 1800) * 0.0005
        await hand_over.tell(event(told, 2))
        [taken] = (await hand_over.deliveries.take(subscription, 10)).claimed
        assert taken.lease.left > hand_over.patience.lease.total_seconds() / 2


SENSELESS = (
    "-1",
    '"' * 100,
    "Mon, 01 Jan 2026 00:00:00 +99999999999999",
    "Mon, 01 Jan 999999999999 00:00:00 GMT",
    "1 Jan 2026 99999999999999999999:00:00 GMT",
)


async def test_a_senseless_retry_after_stops_nobody(database_url: str, receiver: Receiver) -> None:
    with receiving() as hostile:
        async with handing_over(database_url, FAST) as hand_over:
            bad, good = await hand_over.subscribe(hostile.url), await hand_over.subscribe(receiver.url)
            told = contacts(len(SENSELESS))
            for contact, senseless in zip(told, SENSELESS, strict=True):
                hostile.will_answer(contact, Answer(503, {"Retry-After": senseless}))
            async with hand_over.dispatching():
                await hand_over.tell(*map(event, told))
                await until(lambda: is_done(hand_over, good, len(told)))
                await until(lambda: is_done(hand_over, bad, len(told)))


class Stumbling:
    """A sink with a fault of its own."""

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        yield

    async def send(self, _: Subscriber, __: Sequence[Pending]) -> sink.Answer:
        raise OverflowError


async def test_a_sink_that_stumbles_stops_nobody_else_and_loses_nothing(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        bad, good = await hand_over.subscribe("nats:///elsewhere"), await hand_over.subscribe(receiver.url)
        told = contacts(5)
        async with hand_over.dispatching(nats=Stumbling()):
            await hand_over.tell(*map(event, told))
            await until(lambda: is_done(hand_over, good, len(told)))
            await until(lambda: _has_error(hand_over, bad, "OverflowError"))
        assert {UUID(attempt.contact) for attempt in receiver.attempts} == set(told)
        assert (await hand_over.subscription(bad))["delivered"] == 0


async def _has_error(hand_over: HandOver, subscription: UUID, reason: str) -> bool:
    return bool((await hand_over.subscription(subscription))["last_error"] == reason)


async def test_a_receiver_that_is_gone_gets_nothing_more_and_is_still_owed_everything(
    database_url: str, receiver: Receiver
) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        receiver.always = Answer(410)
        contact = uuid4()
        async with hand_over.dispatching():
            await hand_over.tell(event(contact), event(contact, 2))
            await until(lambda: _has_status(hand_over, subscription, "disabled"))
            row = await hand_over.subscription(subscription)
            assert (row["pending"], row["dead"], row["last_error"], len(receiver.attempts)) == (2, 0, "HTTP 410", 1)
            receiver.always = Answer()
            await hand_over.change(subscription, status="active")
            await until(lambda: is_done(hand_over, subscription, 2))
        assert versions(receiver, contact) == [1, 2]


async def _has_status(hand_over: HandOver, subscription: UUID, status: str) -> bool:
    return bool((await hand_over.subscription(subscription))["status"] == status)


async def test_a_paused_subscription_is_owed_what_happens_meanwhile(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url, status="paused")
        async with hand_over.dispatching():
            await hand_over.tell(event(uuid4()))
            await asyncio.sleep(0.3)
            assert receiver.attempts == []
            await hand_over.change(subscription, status="active")
            await until(lambda: is_done(hand_over, subscription, 1))


async def test_events_go_to_whoever_asks_for_what_their_contact_ever_was(database_url: str) -> None:
    asked = {
        "everything": {},
        "persons": {"natures": "person"},
        "vragen": {"kinds": "vraag"},
        "mail and chat": {"channels": "mail chat"},
        "erasures": {"types": "erased"},
        "machines by mail": {"natures": "machine spam", "channels": "mail"},
    }
    async with handing_over(database_url, FAST) as hand_over:
        with receiving() as receiver:
            made = {name: await hand_over.subscribe(f"{receiver.url}?{name}", **filters) for name, filters in asked.items()}
            await hand_over.tell(
                event(uuid4()),
                event(uuid4(), natures="machine person", channel="mail", kinds="melding vraag"),
                event(uuid4(), natures="machine", channel="mail"),
                event(uuid4(), natures="nonContact", channel="chat", what="erased"),
            )
            async with hand_over.dispatching():
                await until(lambda: is_done(hand_over, made["everything"], 4))
                await until(lambda: is_done(hand_over, made["erasures"], 1))
            rows = {name: await hand_over.subscription(one) for name, one in made.items()}
    assert {name: (row["addressed"], row["delivered"]) for name, row in rows.items()} == {
        "everything": (4, 4),
        "persons": (2, 2),
        "vragen": (1, 1),
        "mail and chat": (3, 3),
        "erasures": (1, 1),
        "machines by mail": (2, 2),
    }


async def test_batches_hold_events_in_order_and_one_signature(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url, batch=50)
        many = contacts(100)
        await hand_over.tell(*(event(contact, version) for version in (1, 2, 3) for contact in many))
        async with hand_over.dispatching():
            await until(lambda: is_done(hand_over, subscription, 300))
        for contact in many:
            assert versions(receiver, contact) == [1, 2, 3]
        assert len(receiver.attempts) < 30
        for attempt in receiver.attempts:
            assert len(attempt.events) <= 50
            assert attempt.headers["content-type"].startswith("application/cloudevents-batch+json")
            assert Webhook(SECRET).verify(attempt.body, dict(attempt.headers)) == attempt.events
        assert len({attempt.headers["webhook-id"] for attempt in receiver.attempts}) == len(receiver.attempts)


@pytest.mark.parametrize("status", [422, 500])
async def test_one_event_that_a_receiver_cannot_take_harms_no_other_of_its_batch(
    database_url: str, receiver: Receiver, status: int
) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url, batch=20)
        many = contacts(60)
        receiver.will_answer(many[7], *[Answer(status)] * 30)
        await hand_over.tell(*(event(contact) for contact in many))
        async with hand_over.dispatching():
            await until(lambda: _delivered(hand_over, subscription, 59), 30)
            await until(lambda: _dead(hand_over, subscription, 1), 30)
        for contact in many[:7] + many[8:]:
            assert versions(receiver, contact) == [1]


async def _delivered(hand_over: HandOver, subscription: UUID, count: int) -> bool:
    return bool((await hand_over.subscription(subscription))["delivered"] == count)


async def _dead(hand_over: HandOver, subscription: UUID, count: int) -> bool:
    return bool((await hand_over.subscription(subscription))["dead"] == count)


async def test_while_secrets_rotate_both_sign(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        until_then = datetime.now(UTC) + timedelta(seconds=60)
        subscription = await hand_over.subscribe(receiver.url, secret=OTHER_SECRET, former=SECRET, former_secret_until=until_then)
        async with hand_over.dispatching():
            await hand_over.tell(event(uuid4()))
            await until(lambda: is_done(hand_over, subscription, 1))
            await hand_over.change(subscription, former_secret_until=datetime.now(UTC))
            await hand_over.tell(event(uuid4()))
            await until(lambda: is_done(hand_over, subscription, 2))
        both, new = receiver.attempts
        for secret in (SECRET, OTHER_SECRET):
            assert Webhook(secret).verify(both.body, dict(both.headers))
        assert Webhook(OTHER_SECRET).verify(new.body, dict(new.headers))
        assert len(new.headers["webhook-signature"].split()) == 1


async def test_a_pace_is_kept(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url, rate=600)
        contact = uuid4()
        await hand_over.tell(*(event(other) for other in contacts(20)), event(contact), event(contact, 2))
        async with hand_over.dispatching():
            await until(lambda: is_done(hand_over, subscription, 22), 30)
        times = sorted(attempt.at for attempt in receiver.attempts)
        assert times[-1] - times[0] > (22 - 10 - 1) * 0.1
        assert versions(receiver, contact) == [1, 2]


async def test_answers_of_any_length_leave_the_connection_and_the_memory_alone(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        short, long = contacts(2)
        receiver.will_answer(short, *[Answer(200, body=b"x" * 60_000)] * 5)
        receiver.will_answer(long, *[Answer(200, body=b"x" * 3_000_000)] * 2)
        await hand_over.tell(*(event(short, version) for version in range(1, 6)))
        async with hand_over.dispatching():
            await until(lambda: is_done(hand_over, subscription, 5))
            await hand_over.tell(event(long), event(long, 2))
            await until(lambda: is_done(hand_over, subscription, 7))
        assert len({attempt.connection for attempt in receiver.about(short)}) == 1
        assert len({attempt.connection for attempt in receiver.about(long)}) == 2


async def test_who_lost_a_claim_can_neither_free_nor_move_it(database_url: str) -> None:
    async with handing_over(database_url, Patience(lease=timedelta(seconds=1))) as hand_over:
        subscription = await hand_over.subscribe("http://127.0.0.1:9/")
        contact = uuid4()
        await hand_over.tell(event(contact), event(contact, 2))
        first = (await hand_over.deliveries.take(subscription, 10)).claimed
        assert (await hand_over.deliveries.take(subscription, 10)).claimed == []
        await asyncio.sleep(1.1)
        second = (await hand_over.deliveries.take(subscription, 10)).claimed
        assert [one.contact_id for one in second] == [one.contact_id for one in first] == [contact]

        await hand_over.deliveries.settle(subscription, [Served(first[0], delivered=(first[0].events[0].position,))])
        row = await hand_over.subscription(subscription)
        assert (row["delivered"], row["pending"]) == (1, 1)
        [claim] = row["claims"]
        assert claim["holder"] == second[0].lease.holder
        await hand_over.deliveries.settle(subscription, [Served(second[0], tuple(one.position for one in second[0].events))])
        row = await hand_over.subscription(subscription)
        assert (row["delivered"], row["pending"], row["claims"]) == (2, 0, [])


async def test_what_takes_longer_than_a_lease_is_held_on_to(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, replace(FAST, lease=timedelta(seconds=1))) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        receiver.always = Answer(delay_s=2.5)
        await hand_over.tell(event(uuid4()))
        async with hand_over.dispatching(timeout=10):
            await until(lambda: receiver.attempts)
            for _ in range(10):
                await asyncio.sleep(0.2)
                assert (await hand_over.deliveries.take(subscription, 10)).claimed == []
            await until(lambda: is_done(hand_over, subscription, 1))
        assert len(receiver.attempts) == 1


async def _has_failed(hand_over: HandOver, subscription: UUID) -> bool:
    return bool((await hand_over.subscription(subscription))["last_error"])


async def test_on_sqlite_a_clock_that_is_put_back_holds_up_no_contact(tmp_path: Any, receiver: Receiver) -> None:
    clock = SetClock(datetime.now(UTC))
    hourly = Patience(ladder=(timedelta(seconds=30),) * 9)
    async with handing_over(f"sqlite+aiosqlite:///{tmp_path / 'onthaal.db'}", hourly, clock) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        held, failing = contacts(2)
        receiver.will_answer(failing, Answer(500))
        await hand_over.tell(event(held))
        [lost] = (await hand_over.deliveries.take(subscription, 10)).claimed
        assert lost.contact_id == held
        async with hand_over.dispatching():
            await hand_over.tell(event(failing))
            await until(lambda: _has_failed(hand_over, subscription))
            clock.advance(timedelta(hours=-1))
            await hand_over.tell(event(uuid4()))
            await until(lambda: is_done(hand_over, subscription, 3))


async def test_a_dispatcher_that_is_stopped_finishes_what_it_posts_and_gives_the_rest_back(
    database_url: str, receiver: Receiver
) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        subscription = await hand_over.subscribe(receiver.url)
        receiver.always = Answer(delay_s=0.5)
        many = contacts(60)
        await hand_over.tell(*(event(contact, version) for version in (1, 2) for contact in many))
        async with hand_over.dispatching():
            await until(lambda: len(receiver.attempts) >= 16)
        row = await hand_over.subscription(subscription)
        assert row["delivered"] == len(receiver.attempts) <= 40
        assert len({claim["contact_id"] for claim in row["claims"]}) >= 40
        assert all(claim["holder"] is None and claim["lease_until"] is None for claim in row["claims"])
        receiver.always = Answer()
        async with hand_over.dispatching():
            await until(lambda: is_done(hand_over, subscription, 120))
        assert Counter(attempt.event["id"] for attempt in receiver.attempts).most_common(1)[0][1] == 1
        for contact in many:
            assert versions(receiver, contact) == [1, 2]


async def test_on_sqlite_there_is_one_dispatcher_and_the_next_takes_over(tmp_path: Any, receiver: Receiver) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'onthaal.db'}"
    async with handing_over(url, FAST) as one, handing_over(url, FAST) as other:
        subscription = await one.subscribe(receiver.url)
        async with other.dispatching():
            async with one.dispatching():
                await one.tell(*(event(contact) for contact in contacts(50)))
                await until(lambda: is_done(one, subscription, 50))
            await other.tell(event(uuid4()))
            await until(lambda: is_done(one, subscription, 51))
        assert len(receiver.attempts) == 51


async def test_201_to_delivered_takes_no_polling(database_url: str, receiver: Receiver) -> None:
    async with handing_over(database_url, FAST) as hand_over:
        await hand_over.subscribe(receiver.url)
        delays = []
        async with hand_over.dispatching():
            for contact in contacts(15):
                await asyncio.sleep(0.05)
                begun = time.monotonic()
                await hand_over.tell(event(contact))
                await until(lambda wanted=contact: receiver.about(wanted))  # type: ignore[misc]
                delays.append(receiver.about(contact)[0].at - begun)
        assert sorted(delays)[7] < 0.5
        assert all(later.at >= earlier.at for earlier, later in pairwise(receiver.attempts))
