"""The chat as the gateway runs it."""

from functools import partial

from fastapi import APIRouter
from prometheus_client.core import Metric

from onthaal_schema.problems import ProblemError
from services.chat_relay.door import Door
from services.chat_relay.entrance import VisitorEntrance
from services.chat_relay.hub import Hub
from services.chat_relay.leaving import RATE, Leaving
from services.chat_relay.lookout import Lookout
from services.chat_relay.pages import STATIC, ChatPages
from services.chat_relay.relay import Relay
from services.chat_relay.roster import Roster
from services.chat_relay.routes import desk_routes, public_routes
from services.chat_relay.settings import ChatSettings
from services.chat_relay.tokens import VisitorTokens, kept_secret
from services.chat_relay.waiting_room import WaitingRoom
from services.kit.auth import OperatorGate
from services.kit.measures import gauge
from services.kit.service import House, Service
from services.kit.settings import InvalidSettings, read
from services.kit.throttle import Throttle


def create(house: House) -> Service:
    """Make the chat: pages, two WebSockets, and nothing that is kept."""
    settings = read(ChatSettings)
    hub = Hub(house.bus)
    lookout = Lookout(house.intake, hub)
    door = Door(house.intake, house.clock, settings.chat_closing_notice, always=settings.chat_always)
    relay = Relay(
        intake=house.intake,
        hub=hub,
        lookout=lookout,
        door=door,
        room=WaitingRoom(house.intake, hub, door, lookout),
        roster=Roster(house.intake),
        tokens=VisitorTokens(_secret(house, settings)),
        clock=house.clock,
    )
    pages = ChatPages(settings)
    gate = OperatorGate(house.intake, house.clock, house.process.origin)
    router = APIRouter()
    throttle = Throttle(house.clock, RATE, settings.trusted_proxies)
    leaving = Leaving(relay, throttle, frozenset({house.process.origin, *settings.chat_origins.split()}))
    router.include_router(public_routes(relay, pages, leaving))
    router.include_router(desk_routes(relay, pages, gate, settings.chat_pace))

    async def reaches_the_store() -> bool:
        try:
            await door.hours()
        except ProblemError:
            return False
        return True

    async def connections() -> list[Metric]:
        visitors, operators = hub.connections
        values = [(("visitor",), visitors), (("operator",), operators)]
        return [
            gauge("onthaal_chat_connections", "Visitors in a conversation, and operators, connected here.", values, ["party"])
        ]

    return Service(
        "chat_relay",
        router,
        workers={
            "presence": hub.presence.run,
            "lookout": lookout.run,
            "waiting room": relay.room.run,
            "attendance": relay.room.report,
        },
        static=STATIC,
        before=partial(VisitorEntrance, relay=relay, settings=settings, origin=house.process.origin),
        health=reaches_the_store,
        figures=connections,
    )


def _secret(house: House, settings: ChatSettings) -> bytes:
    if settings.chat_secret:
        return settings.chat_secret.get_secret_value().encode()
    if house.process.nats_url and house.process.intake_url:
        message = "ONTHAAL_CHAT_SECRET: needed when several relays serve the chat: each must know the tokens of the others"
        raise InvalidSettings(message)
    return kept_secret(house.process.var / "keys" / "chat.secret")
