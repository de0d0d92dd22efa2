"""Puts the intake service together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter

from services.intake_api.accept import Accept
from services.intake_api.administration import Store, event_frame
from services.intake_api.alarms.mail import AlarmMail
from services.intake_api.alarms.settings import AlarmSettings
from services.intake_api.alarms.watch import Watch
from services.intake_api.danger import DangerWatch
from services.intake_api.direct import DirectAccess
from services.intake_api.handover.allowed import Allowed
from services.intake_api.handover.bookkeeping import Bookkeeping
from services.intake_api.handover.dispatcher import Dispatcher
from services.intake_api.handover.extensions import Extensions
from services.intake_api.handover.feed import Feed
from services.intake_api.handover.handshake import OptionsHandshake
from services.intake_api.handover.jetstream import jetstream
from services.intake_api.handover.measured import Measured
from services.intake_api.handover.webhook import Webhook
from services.intake_api.hours import Hours
from services.intake_api.reception import Reception
from services.intake_api.routes import (
    contacts,
    conversations,
    dead_letters,
    feed,
    mails,
    opening_hours,
    sessions,
    statistics,
    subscriptions,
)
from services.intake_api.routes.registering import Registering
from services.intake_api.settings import IntakeSettings
from services.intake_api.steering import Steering
from services.intake_api.store.alarms import KeptAlarms
from services.intake_api.store.contacts import Contacts
from services.intake_api.store.conversations import Conversations
from services.intake_api.store.exceptions import Exceptions
from services.intake_api.store.figures import Figures
from services.intake_api.store.files import LocalBlobs
from services.intake_api.store.ledger import Ledger
from services.intake_api.store.mailboxes import Mailboxes
from services.intake_api.store.mails import Mails
from services.intake_api.store.messages import Messages
from services.intake_api.store.outbox import Outbox
from services.intake_api.store.outgoing import Outgoing
from services.intake_api.store.overview import Overview
from services.intake_api.store.rereading import Rereading
from services.intake_api.store.vault import UnusableKeys
from services.intake_api.store.waits import Waiting
from services.intake_api.store.writer import Writer
from services.intake_api.store.writings import Writings
from services.intake_api.subscriptions import Subscriptions
from services.intake_api.suggester import Suggester
from services.intake_api.suggestions import Suggestions
from services.intake_api.tagging.model import Tagger
from services.intake_api.take_mail import TakeMail
from services.kit.alarms import Board
from services.kit.clock import Clock
from services.kit.logging import logger
from services.kit.service import Service
from services.kit.settings import ProcessSettings, read

log = logger(__name__)


@dataclass(frozen=True)
class IntakeService:
    """The intake service, and how the other services of the process reach it."""

    service: Service
    access: DirectAccess


def create(process: ProcessSettings, clock: Clock, board: Board) -> IntakeService:
    """Make the intake service from the environment."""
    settings = IntakeSettings()
    store = Store.open(process, settings, clock)
    database, vault = store.database, store.vault
    blobs = LocalBlobs(settings.blobs(process))
    frame = event_frame(process, settings)
    outbox = Outbox(database, frame)
    kept = Contacts(database, vault, outbox, blobs, Ledger(settings.ledger(process)))
    messages = Messages(database, vault, kept, blobs)
    hours = Hours(settings.calendar(), Exceptions(database), clock)
    suggester = Suggester(Tagger.load(settings.model_file))
    writer = Writer(database)
    accept = Accept(writer, vault, blobs, hours, suggester, frame, clock)
    danger = DangerWatch(kept, suggester, clock)
    mails = Mails(database, vault, kept, messages)
    mailboxes = Mailboxes(database, settings.reader_lease)
    reception = Reception(
        accept=accept,
        contacts=kept,
        messages=messages,
        danger=danger,
        conversations=Conversations(database, kept, messages, settings.leases()),
        overview=Overview(database, vault),
        access=store.access,
        hours=hours,
        feed=Feed(database, outbox),
        steering=Steering(
            Subscriptions(store.subscriptions, OptionsHandshake(process.host_name), settings.hosts()),
            store.dead_letters,
            store.replays,
        ),
        taking=TakeMail(accept, mails, mailboxes, settings.answering(process), settings.silent_mailboxes),
        mails=mails,
        mailboxes=mailboxes,
        outgoing=Outgoing(database, vault, kept, messages, settings.daily_limits()),
        rereading=Rereading(database, vault, kept, blobs),
        clock=clock,
    )

    webhook = Measured(Allowed(Webhook(clock), settings.hosts()), clock)
    sinks = {"https": webhook, "http": webhook, "nats": Measured(jetstream(process, settings), clock)}

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            await store.ready()
        except UnusableKeys as unusable:
            log.critical(str(unusable))  # the server says no more than that it did not start
            raise
        await hours.read_again()
        yield
        suggester.close()
        await database.close()

    suggestions = Suggestions(database, kept, Writings(database, vault), suggester, writer, messages.writer)
    watch = watching(store, process, clock, board)
    service = Service(
        name="intake_api",
        router=_router(),
        workers={
            "writer": writer.run,
            "dispatcher": Dispatcher(store.deliveries, sinks).run,
            "bookkeeping": Bookkeeping(store.subscriptions, store.replays, store.reconciliation).run,
            "extensions": Extensions(database, kept).run,
            "suggestions": suggestions.run,
            "danger": danger.run,
            "calendar": hours.run,
            "alarms": watch.run,
        },
        state={
            "reception": reception,
            "statistics": store.statistics,
            "waiting": Waiting(database),
            "writer": writer,
        },
        before=partial(Registering, reception=reception),
        lifespan=lifespan,
        health=database.is_up,
        degraded=lambda: watch.cannot_tell,
        figures=watch.metrics,
    )
    return IntakeService(service, DirectAccess(reception))


def watching(store: Store, process: ProcessSettings, clock: Clock, board: Board) -> Watch:
    """Watch over a database and this machine, and tell whoever the settings name."""
    settings = read(AlarmSettings)
    return Watch(
        figures=Figures(store.database),
        kept=KeptAlarms(store.database),
        board=board,
        mail=AlarmMail(settings, process.origin) if settings.alarm_smtp_host else None,
        settings=settings,
        clock=clock,
        var=process.var,
        node=process.node,
    )


def _router() -> APIRouter:
    router = APIRouter(prefix="/intake/v1")
    for part in (contacts, mails, conversations, opening_hours, feed, subscriptions, dead_letters, sessions, statistics):
        router.include_router(part.router)
    return router
