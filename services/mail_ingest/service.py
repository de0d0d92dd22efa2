"""Mail as a service of the gateway."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter
from prometheus_client.core import Metric

from services.kit.measures import gauge
from services.kit.service import House, Service, Work
from services.kit.settings import InvalidSettings, read
from services.mail_ingest.addresses import plausible
from services.mail_ingest.answering import answering
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.listener import Listener
from services.mail_ingest.mailbox_reader import MailboxReader, reader_id
from services.mail_ingest.mailbox_standing import Limits, Standing
from services.mail_ingest.mailboxes import Mailbox
from services.mail_ingest.ours import ours
from services.mail_ingest.received import LISTENER
from services.mail_ingest.settings import MailOutSettings, MailSettings, MailTrustSettings
from services.mail_ingest.threads import Ours


def create(house: House) -> Service:
    """Make the mail service: a worker that listens and one for each mailbox; healthy while it listens.

    Raises:
        InvalidSettings: a file that a mailbox needs cannot be read.

    """
    settings = read(MailSettings)
    for number, mailbox in enumerate(settings.mailboxes):
        _check_files(number, mailbox)
    parser = LimitedParser(
        seconds=settings.mail_parse_seconds,
        megabytes=settings.mail_parse_megabytes,
        workers=settings.mail_parse_processes,
    )
    intake = house.intake.own("mail_ingest")
    out = read(MailOutSettings)
    sender = answering(house, out)
    known = _ours(settings, read(MailTrustSettings), out)
    ingest = Ingest(intake, parser, known, sender.wake if sender else None, settings.scanner())
    listener = Listener(settings, ingest, house.clock, house.alarms, known[LISTENER].all)
    limits = Limits(settings.mailbox_poll_seconds, settings.mailbox_retry_seconds, settings.mailbox_size_limit)
    readers = [
        MailboxReader(
            mailbox,
            reader_id(house.process.node, house.process.port, mailbox.name),
            ingest,
            intake,
            house.clock,
            limits,
        )
        for mailbox in settings.mailboxes
    ]

    @asynccontextmanager
    async def parsing() -> AsyncIterator[None]:
        async with parser:  # outlives the workers, which read mails to the last
            yield

    async def listens() -> bool:
        return listener.port is not None

    async def drain() -> None:
        await asyncio.gather(listener.drain(), *(reader.drain() for reader in readers), *([sender.drain()] if sender else []))

    async def figures() -> Iterable[Metric]:
        return _figures([reader.standing for reader in readers])

    workers: dict[str, Work] = {"listener": listener.run}
    if sender:
        workers["answers"] = sender.run
    return Service(
        "mail_ingest",
        APIRouter(),
        workers=workers | {f"mailbox {reader.standing.name}": reader.run for reader in readers},
        lifespan=parsing,
        health=listens,
        degraded=lambda: not all(reader.standing.is_well for reader in readers),
        figures=figures,
        drain=drain,
    )


def _check_files(number: int, mailbox: Mailbox) -> None:
    for name, path in (("PASSWORD_FILE", mailbox.password_file), ("CA_FILE", mailbox.ca_file)):
        try:
            if path:
                path.read_bytes()
        except OSError:
            message = f"ONTHAAL_MAILBOXES_{number}_{name}: there is no such file, or it cannot be read"
            raise InvalidSettings(message) from None


def _ours(settings: MailSettings, trust: MailTrustSettings, out: MailOutSettings) -> Mapping[str, Ours]:
    own = settings.own_addresses | frozenset(filter(None, (plausible(mailbox.user) for mailbox in settings.mailboxes)))
    return {LISTENER: ours(trust, out, own, answers=out.smtp_answers)} | {
        mailbox.name: ours(trust, out, own, answers=mailbox.answers) for mailbox in settings.mailboxes
    }


def _figures(standings: Sequence[Standing]) -> Iterable[Metric]:
    def of(name: str, documentation: str, values: Iterable[float]) -> Metric:
        named = [((standing.name,), value) for standing, value in zip(standings, values, strict=True)]
        return gauge(f"onthaal_mailbox_reader_{name}", documentation, named, ["mailbox"])

    yield of("up", "1 while a mailbox is read by this process.", (float(each.reading) for each in standings))
    yield of("well", "1 while nothing is wrong with a mailbox.", (float(each.is_well) for each in standings))
    yield of("read_timestamp_seconds", "When a mailbox was last read to its end.", (each.last_read_at for each in standings))
    yield of("present", "Mails that the server has.", (each.present for each in standings))
    yield of("held", "Mails that the server has and that are stored.", (each.held for each in standings))
    yield of("before_import", "Mails older than the import.", (each.before_import for each in standings))
    yield of("missing", "Mails that should have been taken in and could not be.", (each.missing for each in standings))
