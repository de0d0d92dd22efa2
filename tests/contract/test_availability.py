"""How present an operator says to be holds over every relay and for every page."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.chat_relay.frames import Availability
from services.kit.bus import Bus
from tests.contract.test_presence import asked, relay
from tests.nats import buses, nats, until

__all__ = ["buses", "nats"]


async def test_the_last_word_on_how_present_an_operator_is_holds_on_every_relay(buses: tuple[Bus, Bus]) -> None:
    noor, elif_ = uuid4(), uuid4()
    now = datetime(2026, 3, 4, 10, tzinfo=UTC)
    told: list[int] = []
    async with relay(buses[0]) as here, relay(buses[1], on_staff=lambda: told.append(1)) as there:
        with here.attend(noor), there.attend(noor), there.attend(elif_):
            await until(lambda: len(here.operators) == len(there.operators) == 2)
            assert (here.available, there.available) == (2, 2)
            here.say(noor, Availability.AWAY, now)
            await until(lambda: there.operators[noor] is Availability.AWAY and there.available == 1)
            assert told
            # said later, by a clock that is behind
            there.say(noor, Availability.BUSY, now - timedelta(hours=1))
            await until(lambda: here.operators[noor] is there.operators[noor] is Availability.BUSY)
            there.say(elif_, Availability.AWAY, now)
            await until(lambda: here.available == there.available == 0)
            assert here.staffed, "who is busy is present"
            there.say(noor, Availability.AWAY, now)
            await until(lambda: not here.staffed and not there.staffed)


async def test_another_page_is_as_present_as_the_operator_said_elsewhere(buses: tuple[Bus, Bus]) -> None:
    noor = uuid4()
    async with relay(buses[0]) as here, relay(buses[1]) as there:
        with here.attend(noor):
            here.say(noor, Availability.BUSY, datetime(2026, 3, 4, 10, tzinfo=UTC))
            await until(lambda: there.operators.get(noor) is Availability.BUSY)
            with there.attend(noor):
                assert there.operators[noor] is Availability.BUSY
        await until(lambda: not there.operators)


async def test_what_an_operator_said_outlives_the_page_and_the_relay_it_was_said_on(buses: tuple[Bus, Bus]) -> None:
    noor, said_at = uuid4(), datetime(2026, 3, 4, 10, tzinfo=UTC)
    async with relay(buses[1]) as there:
        with there.attend(noor):
            async with relay(buses[0]) as here:
                with here.attend(noor):
                    here.say(noor, Availability.AWAY, said_at)
                    await until(lambda: there.operators[noor] is Availability.AWAY)
            await until(lambda: not there._others)
            assert there.operators[noor] is Availability.AWAY
            assert not there.staffed

            later = int(said_at.timestamp() * 1000) + 1
            killed = {"node": str(uuid4()), "operators": f"{noor}:busy:{later}", "visitors": "", "state": 1}
            await buses[0].publish("chat.presence", killed)
            await until(lambda: there.operators[noor] is Availability.BUSY)
            await until(lambda: not there._others)
            assert there.operators[noor] is Availability.BUSY
        assert not there.operators


async def test_an_operator_is_present_until_the_last_relay_with_a_page_of_theirs_is_gone(buses: tuple[Bus, Bus]) -> None:
    noor, told = uuid4(), list[int]()
    async with buses[0].listen("chat.presence") as heard, relay(buses[1], on_staff=lambda: told.append(1)) as there:
        await asked(heard)
        killed = {"node": str(uuid4()), "operators": f"{noor}:available:0", "visitors": "", "state": 1}
        await buses[0].publish("chat.presence", killed)
        await until(lambda: there.available == 1)
        assert there.operators_here == (), "whose lease this relay does not keep"
        async with relay(buses[0]) as here:
            with here.attend(noor):
                await until(lambda: len(there._others) == 2)
                await until(lambda: len(there._others) == 1)
                assert there.available == 1, "the killed relay is forgotten, the operator is not"
            before = len(told)
            await until(lambda: not there.operators and len(told) > before)
