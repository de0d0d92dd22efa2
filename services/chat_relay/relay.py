"""What every connection of the relay shares."""

from dataclasses import dataclass

from onthaal_schema.channel import Channel
from onthaal_schema.intake import Intake
from onthaal_schema.opening_hours import OpeningHours
from services.chat_relay.hub import Hub
from services.chat_relay.tokens import VisitorTokens
from services.kit.clock import Clock
from services.kit.service import IntakeAccess


@dataclass(frozen=True)
class Relay:
    """The way to the store, the live fan-out, and the tokens of visitors."""

    intake: IntakeAccess
    hub: Hub
    tokens: VisitorTokens
    clock: Clock
    always: bool = False

    @property
    def own(self) -> Intake:
        """The store as the relay itself reaches it: chats only."""
        return self.intake.own("chat_relay")

    async def hours(self) -> OpeningHours:
        """Say whether a conversation may be started now. What is stored with the contact is the intake service's own answer."""
        hours = await self.intake.anonymous().opening_hours(Channel.CHAT)
        return OpeningHours(open=True, calendar_version=hours.calendar_version) if self.always else hours
