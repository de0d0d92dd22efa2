"""Who is calling, and how far they may reach. Both adapters of `Intake` check here, so neither can forget."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from onthaal_schema.channel import Channel
from onthaal_schema.contact import KindSource
from onthaal_schema.problems import MissingScope, NoAccessToken

ANY_CHANNEL: Final = "contacts:write"

OPERATOR_SCOPES: Final = frozenset({
    "contacts:read", "contacts:write:brief", "contacts:write:telefoon", "contacts:tag", "conversations:serve",
    "worklist:write", "handover:read", "handover:write", "statistics:read",
})  # fmt: skip
"""What an operator may do."""

SCOPES: Final = OPERATOR_SCOPES | {
    *(f"{ANY_CHANNEL}:{channel}" for channel in Channel),
    ANY_CHANNEL, "contacts:erase", "events:read", "outcomes:write", "subscriptions:write", "calendar:write",
}  # fmt: skip
"""Every scope there is."""

SERVICE_SCOPES: Final = {
    "public_site": frozenset({f"{ANY_CHANNEL}:{Channel.CONTACTFORMULIER}"}),
    "chat_relay": frozenset({f"{ANY_CHANNEL}:{Channel.CHAT}"}),
    "mail_ingest": frozenset({f"{ANY_CHANNEL}:{Channel.MAIL}"}),
    "phone_log": frozenset[str](),
}
"""What each service may do with its own token: its channel and no more."""

_WHO_SAYS: Final = {
    Channel.BRIEF: KindSource.OPERATOR,
    Channel.TELEFOON: KindSource.OPERATOR,
    Channel.CONTACTFORMULIER: KindSource.MELDER,
    Channel.MAIL: KindSource.MELDER,
    Channel.CHAT: KindSource.MELDER,
}


@dataclass(frozen=True)
class Caller:
    """Whoever holds a token. `operator` is set when it is a person at the desk."""

    name: str
    scopes: frozenset[str]
    operator: UUID | None = None

    def require(self, *scopes: str) -> None:
        """Stop with a problem unless the caller holds one of the scopes."""
        if self is NOBODY:
            raise NoAccessToken("A token is needed.")
        if self.scopes.isdisjoint(scopes):
            raise MissingScope("The token does not reach this far.", required_scopes=scopes)

    def require_channel(self, channel: str) -> None:
        """Stop with a problem unless the caller may write to a channel."""
        self.require(ANY_CHANNEL, f"{ANY_CHANNEL}:{channel}")

    def kind_source(self, channel: Channel, claimed: KindSource | None) -> KindSource:
        """Say who a given kind comes from: what the channel implies, unless the token reaches every channel."""
        implied = _WHO_SAYS[channel]
        if claimed in (None, implied):
            return implied
        if ANY_CHANNEL in self.scopes and claimed is not None:
            return claimed
        raise MissingScope(f"With this token kindSource is {implied}.", required_scopes=(ANY_CHANNEL,))

    @property
    def serves_live_chat(self) -> bool:
        """Whether a chat contact of this caller has a visitor waiting: a relay's has, a migration's has not."""
        return f"{ANY_CHANNEL}:{Channel.CHAT}" in self.scopes and ANY_CHANNEL not in self.scopes


NOBODY: Final = Caller("anonymous", frozenset())
"""A caller without a token."""
