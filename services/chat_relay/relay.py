"""What every connection of the relay shares."""

from dataclasses import dataclass

from onthaal_schema.intake import Intake
from services.chat_relay.door import Door
from services.chat_relay.hub import Hub
from services.chat_relay.lookout import Lookout
from services.chat_relay.roster import Roster
from services.chat_relay.tokens import VisitorTokens
from services.chat_relay.waiting_room import WaitingRoom
from services.kit.clock import Clock
from services.kit.service import IntakeAccess


@dataclass(frozen=True)
class Relay:
    """The way to the store, the live fan-out, the lookout, the door and who waits behind it, and the tokens of visitors."""

    intake: IntakeAccess
    hub: Hub
    lookout: Lookout
    door: Door
    room: WaitingRoom
    roster: Roster
    tokens: VisitorTokens
    clock: Clock

    @property
    def own(self) -> Intake:
        """The store as the relay itself reaches it: chats only."""
        return self.intake.own("chat_relay")
