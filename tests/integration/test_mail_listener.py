"""The mail listener, spoken to over real sockets by clients that are careless, slow, greedy or hostile."""

import asyncio
import random
import smtplib
import ssl
import stat
from contextlib import AsyncExitStack
from pathlib import Path

import aiosmtplib
import pytest
import uvloop
from prometheus_client import REGISTRY

from onthaal_schema.problems import Conflict, PayloadTooLarge, ServiceUnavailable
from services.kit.settings import InvalidSettings
from services.mail_ingest.received import ReceivedMail
from services.mail_ingest.smtp.settings import ListenerSettings
from tests.certificates import certificate
from tests.mailing import NOWHERE, OURS, Client, House, client, listener, listening, local_client

MAIL = b"From: noor@example.be\r\nSubject: Vraag\r\n\r\nIk wil iets melden.\r\n"


async def delivers(house: House, raw: bytes = MAIL) -> None:
    """Show that the listener takes a mail from somebody else."""
    before = len(house.mails)
    async with client(house.port) as other:
        await other.begin()
        await other.send(raw + b".\r\n")
        assert (await other.answer()).startswith("250")
    assert len(house.mails) == before + 1


# What an answer means


async def test_250_is_said_after_the_mail_is_stored_and_not_before() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: ReceivedMail) -> None:
        begun.set()
        await go_on.wait()

    async with listening(slowly) as house, client(house.port) as sender:
        await sender.begin()
        await sender.send(MAIL + b".\r\n")
        answer = asyncio.create_task(sender.answer())
        await asyncio.wait_for(begun.wait(), 10)
        await asyncio.sleep(0.1)
        assert not answer.done()
        go_on.set()
        assert (await answer).startswith("250")
        assert house.mails[0].original == MAIL


@pytest.mark.parametrize("problem", [ServiceUnavailable, Conflict, RuntimeError])
async def test_a_mail_that_is_not_stored_stays_with_its_sender(problem: type[Exception]) -> None:
    async def fails(_: ReceivedMail) -> None:
        raise problem

    async with listening(fails) as house, client(house.port) as sender:
        await sender.begin()
        await sender.send(MAIL + b".\r\n")
        assert (await sender.answer()).startswith("451")
        await sender.begin()


async def test_the_envelope_is_handed_in_with_the_mail() -> None:
    async with listening() as house, client(house.port) as sender:
        await sender.say("EHLO x", "MAIL FROM:<Noor@example.be>", f"RCPT TO:<{OURS}>", "RCPT TO:<info+abc@example.be>", "DATA")
        await sender.send(MAIL + b".\r\n")
        await sender.answer()
        await sender.say("MAIL FROM:<>", f"RCPT TO:<{OURS}>", "DATA")
        await sender.send(MAIL + b".\r\n")
        await sender.answer()
    first, second = house.mails
    assert (first.envelope_sender, first.envelope_recipients) == ("Noor@example.be", (OURS, "info+abc@example.be"))
    assert (second.envelope_sender, second.envelope_recipients) == ("<>", (OURS,))


async def test_a_client_that_hangs_up_after_the_last_byte_loses_no_mail() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: ReceivedMail) -> None:
        begun.set()
        await go_on.wait()

    async with listening(slowly) as house:
        async with client(house.port) as sender:
            await sender.begin()
            await sender.send(MAIL + b".\r\n")
            await asyncio.wait_for(begun.wait(), 10)
            sender.hang_up()
        await asyncio.sleep(0.1)
        go_on.set()
    assert len(house.mails) == 1


async def test_a_mail_that_is_cut_off_is_no_mail() -> None:
    async with listening() as house:
        async with client(house.port) as sender:
            await sender.begin()
            await sender.send(MAIL)
        await delivers(house)
    assert len(house.mails) == 1


async def test_what_was_taken_in_at_the_stop_is_finished() -> None:
    begun = asyncio.Event()

    async def slowly(_: ReceivedMail) -> None:
        begun.set()
        await asyncio.sleep(0.3)

    async with listening(slowly) as house, client(house.port) as sender, client(house.port) as idle:
        await sender.begin()
        await sender.send(MAIL + b".\r\n")
        await asyncio.wait_for(begun.wait(), 10)
        draining = asyncio.create_task(house.listener.drain())
        assert (await idle.answer()).startswith("421")
        assert (await sender.answer()).startswith("250")
        assert (await sender.answer()).startswith("421")
        await asyncio.wait_for(draining, 10)
    assert len(house.mails) == 1


# LMTP


async def test_lmtp_answers_for_each_recipient_that_was_accepted() -> None:
    async with listening(lmtp_port=0, smtp_recipients=f"{OURS}, info@example.be") as house:
        assert house.listener.lmtp_port
        async with client(house.listener.lmtp_port) as sender:
            await sender.begin(OURS, "elders@example.org", "info@example.be", greeting="LHLO")
            await sender.send(MAIL + b".\r\n")
            assert await sender.answers(2) == ["250", "250"]
            assert (await sender.say("NOOP")).startswith("250")
    (mail,) = house.mails
    assert mail.envelope_recipients == (OURS, "info@example.be")


async def test_lmtp_says_to_each_recipient_that_a_mail_is_not_stored() -> None:
    problems: list[type[Exception]] = [PayloadTooLarge, ServiceUnavailable]

    async def fails(_: ReceivedMail) -> None:
        raise problems.pop()

    async with listening(fails, lmtp_port=0) as house:
        assert house.listener.lmtp_port
        async with client(house.listener.lmtp_port) as sender:
            for code in ("451", "552"):
                await sender.begin(OURS, OURS, "info@example.be", greeting="LHLO")
                await sender.send(MAIL + b".\r\n")
                assert await sender.answers(3) == [code] * 3


async def test_lmtp_is_spoken_on_a_socket_that_only_its_group_may_use(tmp_path: Path) -> None:
    socket = tmp_path / "lmtp.sock"
    async with listening(lmtp_socket=socket) as house:
        assert stat.S_IMODE(socket.stat().st_mode) == 0o660
        async with local_client(str(socket)) as sender:
            assert sender.greeting.startswith("220 ")
            assert (await sender.say("EHLO x")).startswith("500")
            assert (await sender.say("MAIL FROM:<a@b.be>")).startswith("503")
            await sender.begin(greeting="LHLO")
            await sender.send(MAIL + b".\r\n")
            assert (await sender.answer()).startswith("250")
        async with client(house.port) as other:
            assert (await other.say("LHLO x")).startswith("500")
    async with listening(lmtp_socket=socket), local_client(str(socket)) as again:  # over the socket that was left behind
        assert (await again.say("LHLO x")).startswith("250")


async def test_pythons_own_lmtp_client_delivers(tmp_path: Path) -> None:
    def deliver() -> None:
        with smtplib.LMTP(str(tmp_path / "lmtp.sock")) as sender:
            sender.sendmail("noor@example.be", [OURS], MAIL)

    async with listening(lmtp_socket=tmp_path / "lmtp.sock") as house:
        await asyncio.to_thread(deliver)
    assert house.mails[0].original == MAIL


# Sizes


async def test_a_mail_that_is_announced_too_large_is_refused_before_it_is_sent() -> None:
    async with listening(smtp_size_limit=20_000) as house, client(house.port) as sender:
        await sender.say("EHLO x")
        assert (await sender.say("MAIL FROM:<a@b.be> SIZE=20001")).startswith("552")
        assert (await sender.say("MAIL FROM:<a@b.be> SIZE=many")).startswith("501")
        assert (await sender.say("MAIL FROM:<a@b.be> SIZE=20000")).startswith("250")


async def test_a_mail_that_turns_out_too_large_is_refused_and_the_connection_goes_on() -> None:
    async with listening(smtp_size_limit=20_000) as house, client(house.port) as sender:
        await sender.begin()
        await sender.send(b"regel\r\n" * 5_000 + b".\r\n")
        assert (await sender.answer()).startswith("552")
        await sender.begin()
        await sender.send(b"a" * 19_998 + b"\r\n.\r\n")
        assert (await sender.answer()).startswith("250")
    assert [len(mail.original) for mail in house.mails] == [20_000]


async def test_a_client_that_never_stops_sending_is_hung_up_on() -> None:
    async with listening(smtp_size_limit=20_000) as house, client(house.port) as sender:
        await sender.begin()
        with pytest.raises(ConnectionError):
            await sender.send(b"regel\r\n" * 1_000_000)
        await delivers(house)


async def test_for_a_mail_for_which_there_is_no_room_its_sender_tries_again() -> None:
    async with listening(smtp_size_limit=10_000) as house, AsyncExitStack() as stack:
        senders = [await stack.enter_async_context(client(house.port)) for _ in range(4)]
        for sender in senders:
            await sender.begin()
            await sender.send(b"a" * 9_000)
            await asyncio.sleep(0.02)
        await senders[3].send(b"\r\n.\r\n")
        assert (await senders[3].answer()).startswith("452")
        for sender in senders[:3]:
            await sender.send(b"\r\n.\r\n")
            assert (await sender.answer()).startswith("250")
        await delivers(house)


# STARTTLS


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Path]:
    """Settings with a certificate."""
    public, private = certificate(tmp_path)
    return {"smtp_tls_certificate": public, "smtp_tls_key": private}


async def delivered_over_tls(tls: dict[str, Path]) -> None:
    async with listening(**tls, smtp_tls_required=True) as house:
        sender = aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=house.port,
            start_tls=True,
            tls_context=ssl.create_default_context(cafile=str(tls["smtp_tls_certificate"])),
        )
        async with sender:
            assert not sender.supports_extension("starttls")
            await sender.sendmail("noor@example.be", [OURS], MAIL * 5_000)
    assert house.mails[0].original == MAIL * 5_000


async def test_a_mail_comes_in_over_tls(tls: dict[str, Path]) -> None:
    await delivered_over_tls(tls)


def test_a_mail_comes_in_over_tls_in_the_loop_that_the_gateway_runs_in(tls: dict[str, Path]) -> None:
    uvloop.run(delivered_over_tls(tls))


@pytest.mark.parametrize(
    "injected",
    [
        b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<meldpunt@example.be>\r\nDATA\r\n",
        b"EHLO evil\r\n",
        b"NOOP\r\n" * 20,
        b"MAIL FR",
    ],
)
async def test_commands_put_before_the_handshake_are_thrown_away(tls: dict[str, Path], injected: bytes) -> None:
    async with listening(**tls) as house, client(house.port) as sender:
        await sender.say("EHLO x", "MAIL FROM:<before@example.org>")
        await sender.send(b"STARTTLS\r\n" + injected)
        assert (await sender.answer()).startswith("220")
        await sender.protect(str(tls["smtp_tls_certificate"]))
        assert (await sender.say("MAIL FROM:<a@b.be>")).startswith(
            "503"
        )  # nobody has greeted, and no answer to anything was waiting
        await sender.begin()
        await sender.send(MAIL + b".\r\n")
        assert (await sender.answer()).startswith("250")
    (mail,) = house.mails
    assert (mail.original, mail.envelope_sender) == (MAIL, "noor@example.be")


async def test_commands_put_between_the_answer_and_the_handshake_end_the_connection(tls: dict[str, Path]) -> None:
    async with listening(**tls) as house:
        async with client(house.port) as sender:
            assert (await sender.say("EHLO x", "STARTTLS")).startswith("220")
            await sender.send(b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<meldpunt@example.be>\r\nDATA\r\n" + MAIL + b".\r\n")
            assert b"250" not in await sender.rest()
        await delivers(house)
    assert len(house.mails) == 1


async def test_where_tls_is_required_nothing_is_said_in_the_clear(tls: dict[str, Path]) -> None:
    async with listening(**tls, smtp_tls_required=True) as house, client(house.port) as sender:
        assert (await sender.say("HELO x")).startswith("530")
        assert (await sender.say("EHLO x")).startswith("250")
        assert (await sender.say("MAIL FROM:<a@b.be>")).startswith("530")
        assert (await sender.say("NOOP")).startswith("250")
        assert (await sender.say("STARTTLS")).startswith("220")
        await sender.protect(str(tls["smtp_tls_certificate"]))
        assert (await sender.say("STARTTLS")).startswith("503")
        await sender.begin()


async def test_a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not(
    tls: dict[str, Path], tmp_path: Path
) -> None:
    async def shown(trusted: str) -> bytes:
        async with client(house.port) as sender:
            await sender.say("EHLO x", "STARTTLS")
            await sender.protect(trusted)
            assert (await sender.say("EHLO x")).startswith("250")
            return sender.certificate()

    async with listening(**tls) as house:
        first = await shown(str(tls["smtp_tls_certificate"]))
        certificate(tmp_path)
        second = await shown(str(tls["smtp_tls_certificate"]))
        assert first != second
        (tmp_path / "trusted").write_bytes(tls["smtp_tls_certificate"].read_bytes())
        tls["smtp_tls_certificate"].write_text("half a certifi")
        assert await shown(str(tmp_path / "trusted")) == second
        tls["smtp_tls_key"].unlink()
        assert await shown(str(tmp_path / "trusted")) == second


async def test_a_client_that_breaks_off_the_handshake_disturbs_nobody(tls: dict[str, Path]) -> None:
    async with listening(**tls, smtp_timeout=0.5) as house:
        async with client(house.port) as junk, client(house.port) as gone, client(house.port) as silent:
            for each in (junk, gone, silent):
                assert (await each.say("EHLO x", "STARTTLS")).startswith("220")
            await junk.send(b"\x16\x03\x01\xff\xff" + b"x" * 100)
            await junk.rest()
            gone.hang_up()
            assert b"421" not in await silent.rest()
        await delivers(house)


async def test_without_a_certificate_tls_is_not_offered() -> None:
    async with listening() as house, client(house.port) as sender:
        assert (await sender.say("EHLO x", "STARTTLS")).startswith("502")
        await sender.begin()


def test_a_certificate_that_is_no_good_stops_the_start(tmp_path: Path) -> None:
    public, private = certificate(tmp_path)
    private.write_text("no key")
    with pytest.raises(InvalidSettings, match="ONTHAAL_SMTP_TLS_CERTIFICATE"):
        listener(smtp_tls_certificate=public, smtp_tls_key=private)
    with pytest.raises(ValueError, match="belong together"):
        ListenerSettings(smtp_tls_certificate=public)
    with pytest.raises(ValueError, match="needs ONTHAAL_SMTP_TLS_CERTIFICATE"):
        ListenerSettings(smtp_tls_required=True)


# For whom


async def test_a_mail_is_only_taken_for_addresses_that_are_ours() -> None:
    async with listening(smtp_recipients="Meldpunt@example.be, info@example.be") as house, client(house.port) as sender:
        await sender.say("EHLO x", "MAIL FROM:<a@b.be>")
        codes = {
            address: (await sender.say(f"RCPT TO:<{address}>"))[:3]
            for address in (
                OURS,
                "meldpunt+k3j5@example.be",
                "bounce+k3j5@example.be",
                "Postmaster",
                "elders@example.org",
                "x@example.be",
            )
        }
        assert list(codes.values()) == ["250", "250", "250", "250", "550", "550"]
        assert (await sender.say("DATA")).startswith("354")
        await sender.send(MAIL + b".\r\n")
        assert (await sender.answer()).startswith("250")


async def test_a_mail_for_nobody_here_is_not_asked_for() -> None:
    async with listening(smtp_recipients=OURS) as house, client(house.port) as sender:
        assert (await sender.say("EHLO x", "MAIL FROM:<a@b.be>", "RCPT TO:<elders@example.org>", "DATA")).startswith("503")
        assert (await sender.say("RCPT TO:<>")).startswith("501")
        assert (await sender.say("RSET", f"RCPT TO:<{OURS}>")).startswith("503")


async def test_recipients_beyond_a_hundred_are_asked_to_wait_for_another_mail() -> None:
    async with listening() as house, client(house.port) as sender:
        await sender.say("EHLO x", "MAIL FROM:<a@b.be>")
        codes = [(await sender.say(f"RCPT TO:<{number}@example.be>"))[:3] for number in range(101)]
        assert codes == ["250"] * 100 + ["452"]


def test_a_wrong_recipient_list_stops_the_start() -> None:
    with pytest.raises(ValueError, match="separated by commas"):
        ListenerSettings(smtp_recipients="meldpunt, info@example.be")


# How much


async def test_a_connection_too_many_is_asked_to_come_back() -> None:
    async with listening(smtp_connections=1) as house:
        async with client(house.port) as first:
            async with client(house.port) as second:
                assert second.greeting.startswith("421")
                assert await second.rest() == b""
            await first.begin()
        await asyncio.sleep(0.1)
        await delivers(house)


async def test_one_network_does_not_take_the_connections_of_others() -> None:
    async with listening(smtp_connections_of_one=2, smtp_relays=NOWHERE) as house:
        async with client(house.port), client(house.port, "127.0.0.2"):
            async with client(house.port) as third:
                assert third.greeting.startswith("421")
            async with client(house.port, "127.0.1.1") as other:
                await other.begin()
        await asyncio.sleep(0.1)
        await delivers(house)


async def test_one_network_brings_so_many_mails_and_its_sender_keeps_the_rest() -> None:
    async with listening(smtp_rate="2/hour", smtp_relays=NOWHERE) as house:
        await delivers(house)
        await delivers(house)
        async with client(house.port) as sender:
            assert (await sender.say("EHLO x", "MAIL FROM:<a@b.be>")).startswith("450")
        async with client(house.port, "127.0.1.1") as other:
            await other.begin()


async def test_a_mail_server_of_our_own_has_no_limit() -> None:
    async with listening(smtp_rate="1/hour", smtp_connections_of_one=1) as house, client(house.port):
        for _ in range(3):
            await delivers(house)


async def test_a_client_that_talks_and_brings_nothing_is_sent_away() -> None:
    async with listening() as house, client(house.port) as sender:
        await sender.send(b"NOOP\r\n" * 300)
        assert (await sender.rest()).splitlines()[-1].startswith(b"421")


async def test_a_client_that_brings_mails_may_go_on() -> None:
    async with listening() as house, client(house.port) as sender:
        for _ in range(100):
            await sender.begin()
            await sender.send(MAIL + b".\r\n")
            assert (await sender.answer()).startswith("250")
    assert len(house.mails) == 100


async def test_a_client_that_guesses_addresses_is_sent_away() -> None:
    async with listening(smtp_recipients=OURS) as house, client(house.port) as sender:
        await sender.say("EHLO x", "MAIL FROM:<a@b.be>")
        for number in range(19):
            assert (await sender.say(f"RCPT TO:<{number}@example.be>")).startswith("550")
        await sender.send(b"RCPT TO:<20@example.be>\r\n")
        assert [line[:3] for line in (await sender.rest()).splitlines()] == [b"550", b"421"]


async def test_who_came_and_what_they_said_is_counted_and_not_written_down(capfd: pytest.CaptureFixture[str]) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("onthaal_mail_refusals_total", {"code": "550 5.1.1"}) or 0

    before = counted()
    async with (
        listening(smtp_recipients=OURS, smtp_relays=NOWHERE, smtp_rate="1/hour") as house,
        client(house.port, "127.9.9.9") as sender,
    ):
        await sender.say("EHLO merkwaardig.example", "MAIL FROM:<merkwaardig@example.be>", "RCPT TO:<merkwaardig@example.org>")
        assert (await sender.say("RSET", "MAIL FROM:<merkwaardig@example.be>")).startswith("450")
        assert (await sender.say("merkwaardig")).startswith("500")
    assert counted() == before + 1
    written = "".join(capfd.readouterr())
    assert "mail listener ready" in written
    assert "merkwaardig" not in written
    assert "127.9.9" not in written


# How slow


async def drip(sender: Client, data: bytes) -> bytes:
    """Send a byte now and then, until the other side has enough."""

    async def dripping() -> None:
        for byte in data * 100:
            await sender.send(bytes([byte]))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(dripping())
    try:
        return await sender.rest()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("dripped", [b"NOOP", b"NOOP\r\n"])
async def test_a_client_that_sends_commands_byte_by_byte_is_hung_up_on(dripped: bytes) -> None:
    async with listening(smtp_timeout=0.5) as house, client(house.port) as sender:
        assert (await drip(sender, dripped)).splitlines()[-1].startswith(b"421 4.4.2")


async def test_a_client_that_sends_a_mail_byte_by_byte_is_hung_up_on() -> None:
    async with listening(smtp_timeout=0.5) as house, client(house.port) as sender:
        await sender.begin()
        assert (await drip(sender, b"regel\r\n")).startswith(b"421 4.4.2")
    assert house.mails == []


async def test_a_client_that_says_nothing_is_hung_up_on() -> None:
    async with listening(smtp_timeout=0.2) as house, client(house.port) as sender:
        assert (await sender.rest()).startswith(b"421 4.4.2")


async def test_the_time_that_storing_takes_is_not_the_clients() -> None:
    async def slowly(_: ReceivedMail) -> None:
        await asyncio.sleep(1)

    async with listening(slowly, smtp_timeout=0.5) as house, client(house.port) as sender:
        await sender.begin()
        await sender.send(MAIL + b".\r\n")
        assert (await sender.answer()).startswith("250")


async def test_a_client_that_reads_no_answer_is_hung_up_on() -> None:
    async with listening(smtp_timeout=1) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"HELP\r\n" * 2_000_000)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(writer.drain(), 30)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        del reader
        await delivers(house)


# What is strange


@pytest.mark.parametrize(
    "lookalike", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n"]
)
async def test_no_second_mail_is_smuggled_behind_a_false_end_of_the_first(lookalike: bytes) -> None:
    smuggled = (
        lookalike + b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<meldpunt@example.be>\r\nDATA\r\nFrom: evil@example.org\r\n\r\nVals"
    )
    async with listening() as house, client(house.port) as sender:
        await sender.begin()
        await sender.send(MAIL + smuggled + b"\r\n.\r\n")
        assert (await sender.answer()).startswith("250")
        assert (await sender.say("NOOP")).startswith("250")  # the only other answer there is
    assert len(house.mails) == 1
    assert b"Vals" in house.mails[0].original


@pytest.mark.parametrize(
    "content",
    [
        b"\r\n",
        b"Dag\0 en\xff\xfe\r\n",
        b"een\rtwee\ndrie\r\n",
        b".punt\r\n..\r\n.\r.\r\n",
        b"\n.\n.\r\n",
        b"lang" * 50_000 + b"\r\n",
        b"Received: from a by b\r\n" * 120 + MAIL,
        "Onderwerp: é\r\n\r\n€\r\n".encode(),
    ],
)
async def test_a_mail_is_handed_in_byte_for_byte_whatever_it_is(content: bytes) -> None:
    async with listening() as house:
        await delivers(house, (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:])
    assert house.mails[0].original == content


async def test_eight_bits_utf8_addresses_and_parameters_nobody_asked_for_are_taken() -> None:
    async with listening() as house, client(house.port) as sender:
        await sender.say("EHLO x")
        assert (
            await sender.say("MAIL FROM:<zoë@voorbeeld.be> BODY=8BITMIME SMTPUTF8 SIZE=10 RET=HDRS ENVID=x AUTH=<>")
        ).startswith("250")
        assert (await sender.say(f"RCPT TO:<{OURS}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{OURS}")).startswith("250")
        assert (await sender.say("DATA")).startswith("354")
        await sender.send(MAIL + b".\r\n")
        assert (await sender.answer()).startswith("250")
    assert house.mails[0].envelope_sender == "zoë@voorbeeld.be"


@pytest.mark.parametrize(
    "sender_path", ["<geen adres>", "<a@b@c>", "noor@example.be", "<\ufffd@example.be>", "<@a,@b:noor@example.be>"]
)
async def test_a_strange_return_path_costs_nobody_their_mail(sender_path: str) -> None:
    async with listening() as house, client(house.port) as sender:
        assert (await sender.say("HELO x", f"MAIL FROM:{sender_path}", f"RCPT TO:<{OURS}>", "DATA")).startswith("354")
        await sender.send(MAIL + b".\r\n")
        assert (await sender.answer()).startswith("250")
    assert house.mails[0].envelope_sender in {None, "noor@example.be"}


async def test_what_cannot_be_done_is_said_and_the_client_goes_on() -> None:
    async with listening() as house, client(house.port) as sender:
        codes = [
            (await sender.say(line))[:3]
            for line in (
                "MAIL FROM:<a@b.be>", "EHLO x", "MAIL FROM:<a@b.be> BODY=BINARYMIME", "MAIL FROM:<a@b.be> WAT=1", "MAIL TO:<a@b.be>",
                "MAIL FROM:<a@b.be>", "MAIL FROM:<a@b.be>", "RCPT FROM:<a@b.be>", "RCPT TO:<a@b.be> WAT", "DATA", "VRFY noor", "EXPN lijst",
                "AUTH PLAIN AGEAYg==", "BDAT 4", "WAT", "", "HELP", "RSET", "QUIT",
            )
        ]  # fmt: skip
        assert codes == [
            "503", "250", "555", "555", "501", "250", "503", "501", "555", "503", "252", "502", "502", "502", "500", "500", "214", "250", "221",
        ]  # fmt: skip


async def test_a_command_that_is_too_long_is_refused_and_the_connection_goes_on() -> None:
    async with listening() as house, client(house.port) as sender:
        for size in (5_000, 500_000):
            await sender.send(b"EHLO " + b"x" * size + b"\r\n")
            assert (await sender.answer()).startswith("500")
        await sender.begin()


async def test_many_mails_can_be_sent_without_waiting_for_an_answer() -> None:
    group = f"MAIL FROM:<a@b.be>\r\nRCPT TO:<{OURS}>\r\nDATA\r\n".encode()
    async with listening() as house, client(house.port) as sender:
        await sender.send(b"EHLO x\r\n" + (group + MAIL + b".\r\n") * 50 + b"QUIT\r\n")
        answers = (await sender.rest()).splitlines()
    assert sum(line.startswith(b"250 2.0.0 Registered") for line in answers) == 50
    assert answers[-1].startswith(b"221")
    assert len(house.mails) == 50


async def test_a_mail_that_was_sent_although_it_was_refused_is_not_obeyed_as_commands() -> None:
    async with listening(smtp_recipients=OURS) as house, client(house.port) as sender:
        hidden = f"RSET\r\nMAIL FROM:<evil@b.be>\r\nRCPT TO:<{OURS}>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n"
        await sender.send(f"EHLO x\r\nMAIL FROM:<a@b.be>\r\nRCPT TO:<elders@example.org>\r\nDATA\r\n{hidden}".encode())
        assert (await sender.rest()).splitlines()[-1].startswith(b"421 5.5.0")
    assert house.mails == []


async def test_a_browser_that_was_sent_here_brings_no_mail() -> None:
    async with listening() as house:
        async with client(house.port) as browser:
            body = f"EHLO x\r\nMAIL FROM:<evil@b.be>\r\nRCPT TO:<{OURS}>\r\nDATA\r\n\r\n.\r\n"
            await browser.send(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            assert (await browser.rest()).startswith(b"421")
        await delivers(house)
    assert len(house.mails) == 1


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xfe\0\r\n",
        b"A" * 100_000,
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" * 50,
        b"EHLO x\r\nMAIL FROM:<\r\nRCPT TO:<>>\r\nDATA\r\n.\r\n",
        b"",
    ],
)
async def test_junk_on_the_line_does_not_disturb_others(junk: bytes) -> None:
    async with listening() as house, client(house.port) as sender:
        await sender.send(junk)
        await delivers(house)


async def test_a_thousand_conversations_of_pieces_in_any_order_leave_the_listener_as_it_was() -> None:
    chance = random.Random(7)
    pieces = [
        b"EHLO x\r\n", b"HELO x\r\n", b"MAIL FROM:<a@b.be>\r\n", b"MAIL FROM:<>\r\n", f"RCPT TO:<{OURS}>\r\n".encode(), b"DATA\r\n", MAIL, b".\r\n",
        b"\r\n.\r\n", b"RSET\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"\0", b"\xff\xfe", b"\r", b"\n", b"\r\n", b".", b"A" * 5000, b"NOOP", b" ", b"<", b">",
    ]  # fmt: skip

    async def talk() -> None:
        async with client(house.port) as sender:
            for _ in range(chance.randrange(12)):
                try:
                    await sender.send(chance.choice(pieces))
                except ConnectionError:
                    return
            if chance.random() < 0.5:
                sender.hang_up()

    async with listening(smtp_size_limit=20_000) as house:
        for _ in range(50):
            await asyncio.gather(*(talk() for _ in range(20)))
        async with asyncio.timeout(10):
            while house.listener.is_busy:
                await asyncio.sleep(0.02)
        await delivers(house)
        assert all(len(mail.original) < 20_000 for mail in house.mails)
