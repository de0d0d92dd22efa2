"""Mail as a service of the gateway."""

from fastapi import APIRouter

from services.kit.service import House, Service
from services.kit.settings import read
from services.mail_ingest.ingest import Ingest
from services.mail_ingest.limited import LimitedParser
from services.mail_ingest.listener import Listener
from services.mail_ingest.settings import MailSettings


def create(house: House) -> Service:
    """Make the mail service: one worker that listens, healthy while it does."""
    settings = read(MailSettings)
    parser = LimitedParser(
        seconds=settings.mail_parse_seconds,
        megabytes=settings.mail_parse_megabytes,
        workers=settings.mail_parse_processes,
    )
    listener = Listener(settings, Ingest(house.intake.own("mail_ingest"), parser), house.clock, house.alarms)

    async def listen() -> None:
        async with parser:
            await listener.run()

    async def listens() -> bool:
        return listener.port is not None

    return Service("mail_ingest", APIRouter(), workers={"listener": listen}, health=listens, drain=listener.drain)
