"""One promise of the bus, within a process and between processes over NATS: hints, and a word when some were lost."""

import asyncio
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.kit.bus import MISSED, Bus, NatsBus, Notice, Subscription
from services.kit.nats import NatsLink
from tests.certificates import certificate
from tests.nats import PATIENCE, Nats, Node, buses, mortal_nats, nats, nats_cluster, over_nats, until

__all__ = ["buses", "mortal_nats", "nats", "nats_cluster"]


async def heard(hints: Subscription) -> Notice:
    """Wait for a notice that says something."""
    async with asyncio.timeout(PATIENCE):
        while (notice := await hints.next()) == MISSED:
            pass
        return notice


async def test_whoever_listens_to_a_subject_hears_it_once_and_in_order(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    async with there.listen("chat.one") as hints, there.listen("chat.two") as others, here.listen("chat.one") as own:
        for number in range(100):
            await here.publish("chat.one", {"turn": number})
        await here.publish("chat.two", {"turn": 7})
        assert [await heard(hints) for _ in range(100)] == [{"turn": number} for number in range(100)]
        assert [await heard(own) for _ in range(100)] == [{"turn": number} for number in range(100)]
        assert await heard(others) == {"turn": 7}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard(hints), 0.5)


async def test_whoever_knows_already_is_left_out_and_nobody_else(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    async with here.listen("chat") as own, here.listen("chat") as near, there.listen("chat") as far:
        await here.publish("chat", {"turn": 1}, own)
        await here.publish("chat", {"turn": 2})
        assert [await heard(near), await heard(near)] == [{"turn": 1}, {"turn": 2}]
        assert [await heard(far), await heard(far)] == [{"turn": 1}, {"turn": 2}]
        assert await heard(own) == {"turn": 2}


async def test_nobody_has_to_listen(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    await here.publish("nobody", {"turn": 1})
    async with there.listen("nobody") as hints:
        await here.publish("nobody", {"turn": 2})
        assert (await heard(hints))["turn"] in {1, 2}


async def test_a_slow_listener_loses_the_oldest_and_is_told_so(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    async with there.listen("chat.fast") as hints, there.listen("chat.last") as last:
        for number in range(1500):
            await here.publish("chat.fast", {"turn": number})
        await here.publish("chat.last", {"turn": 1})
        await heard(last)
        assert await hints.next() == MISSED
        assert [(await hints.next())["turn"] for _ in range(1000)] == list(range(500, 1500))


async def test_what_is_there_is_taken_at_once_and_only_once() -> None:
    hints = Subscription(2)
    assert hints.drain() == ()
    for number in range(2):
        hints.offer({"turn": number})
    assert hints.drain() == ({"turn": 0}, {"turn": 1})
    for number in range(3):
        hints.offer({"turn": number})
    assert hints.drain() == (MISSED, {"turn": 1}, {"turn": 2})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hints.next(), 0.05)
    hints.offer({"turn": 3})
    assert await hints.next() == {"turn": 3}


async def test_a_process_starts_and_speaks_within_itself_while_nats_is_away(mortal_nats: Nats) -> None:
    mortal_nats.stop()
    here, there = over_nats(mortal_nats), over_nats(mortal_nats)
    async with here.session(), there.session(), here.listen("chat") as near, there.listen("chat") as far:
        await here.publish("chat", {"turn": 1})
        assert await heard(near) == {"turn": 1}
        assert not here.is_whole
        mortal_nats.start()
        await until(lambda: here.is_whole and there.is_whole)
        await here.publish("chat", {"turn": 2})
        assert await heard(far) == {"turn": 2}


async def test_who_was_cut_off_is_told_that_something_may_be_missed_and_hears_again(mortal_nats: Nats) -> None:
    here, there = over_nats(mortal_nats), over_nats(mortal_nats)
    async with here.session(), there.session(), there.listen("chat") as hints:
        await until(lambda: here.is_whole and there.is_whole)
        await asyncio.sleep(1.2)
        while hints._waiting or hints._missed:
            await hints.next()
        for _ in range(2):
            mortal_nats.stop()
            await until(lambda: not there.is_whole)
            assert await asyncio.wait_for(hints.next(), PATIENCE) == MISSED
            mortal_nats.start()
            await until(lambda: here.is_whole and there.is_whole)
            assert await asyncio.wait_for(hints.next(), PATIENCE) == MISSED
            word: Notice = {"word": str(uuid4())}
            await here.publish("chat", word)
            assert await heard(hints) == word


# nats-py forgets to close a connection that a frozen server took and never answered; Python closes it when the loop is gone
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function StreamWriter:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_a_bus_goes_on_when_the_server_it_speaks_to_is_lost(nats_cluster: Nats, fault: str) -> None:
    here, there = over_nats(nats_cluster), over_nats(nats_cluster)
    async with here.session(), there.session(), there.listen("chat") as hints:
        await until(lambda: here.is_whole and there.is_whole)
        client = here._link.client
        assert client is not None
        assert client.connected_url is not None
        [lost] = [node for node in nats_cluster.nodes.values() if node.port == client.connected_url.port]
        getattr(lost, fault)()
        await until(lambda: client.connected_url and client.connected_url.port != lost.port and there.is_whole)
        async with asyncio.timeout(PATIENCE):
            while True:  # the servers that are left need a moment to tell each other who listens
                await here.publish("chat", {"turn": 1})
                with suppress(TimeoutError):
                    assert await asyncio.wait_for(heard(hints), 0.5) == {"turn": 1}
                    break


@pytest.mark.parametrize(
    ("demand", "right", "wrong"),
    [
        (("--user", "noor", "--pass", "geheim"), "noor:geheim", "noor:geheim-fout"),
        (("--auth", "geheim-token"), "geheim-token", "geheim-fout"),
    ],
)
async def test_an_address_holds_user_or_token_and_neither_is_in_a_log(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    demand: tuple[str, ...],
    right: str,
    wrong: str,
) -> None:
    caplog.set_level("DEBUG")
    node = Node("strict", tmp_path, demand).start()
    try:
        welcome, refused = (
            NatsBus(NatsLink(SecretStr(f"nats://127.0.0.1:1,nats://{held}@127.0.0.1:{node.port}"), "test"))
            for held in (right, wrong)
        )
        async with welcome.session(), refused.session():
            await until(lambda: welcome.is_whole)
            await asyncio.sleep(1.5)
            assert not refused.is_whole
            node.kill()
            await until(lambda: not welcome.is_whole)
            node.start()
            await until(lambda: welcome.is_whole)
    finally:
        node.kill()
    assert "geheim" not in caplog.text + "".join(capfd.readouterr())


async def test_a_server_is_reached_over_tls_when_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, key = certificate(tmp_path)
    node = Node("sealed", tmp_path, ("--tls", "--tlscert", str(trusted), "--tlskey", str(key))).start()
    address = SecretStr(f"tls://127.0.0.1:{node.port}")
    try:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        trusting = NatsBus(NatsLink(address, "test"))
        async with trusting.session():
            await until(lambda: trusting.is_whole)
        monkeypatch.delenv("SSL_CERT_FILE")
        doubting = NatsBus(NatsLink(address, "test"))
        async with doubting.session():
            await asyncio.sleep(1.5)
            assert not doubting.is_whole
    finally:
        node.kill()
