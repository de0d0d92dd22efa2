"""Who may come in, and how much: connections in all and from one network, and mails from one network."""

from collections import Counter
from typing import Final

from onthaal_schema.problems import TooManyRequests
from services.kit.clock import Clock
from services.kit.throttle import Throttle, is_within, network_of
from services.mail_ingest.smtp.data import Room
from services.mail_ingest.smtp.settings import ListenerSettings

WHOLE_MAILS: Final = 3
"""So many mails of the largest size may be on their way in at a time, or any number of smaller ones."""


class Full(Exception):
    """There are connections enough, in all or from this network."""


class Admission:
    """Gives seats. Which network has how many is known only while it has some, and is never written down."""

    def __init__(self, settings: ListenerSettings, clock: Clock) -> None:
        """Count from nothing."""
        self._settings = settings
        self._seats = 0
        self._of_networks: Counter[str] = Counter()
        self._mails = Throttle(clock, settings.smtp_rate)
        self.room = Room(WHOLE_MAILS * settings.smtp_size_limit)

    def seat(self, peer: str) -> "Seat":
        """Give a seat to a client by its address, empty for one on this machine.

        Raises:
            Full: it is asked to come back.

        """
        is_ours = not peer or is_within(peer, self._settings.smtp_relays)
        network = "" if is_ours else network_of(peer)
        if self._seats >= self._settings.smtp_connections:
            raise Full
        if network and self._of_networks[network] >= self._settings.smtp_connections_of_one:
            raise Full
        self._seats += 1
        self._of_networks[network] += 1
        return Seat(self, network)

    async def admit_mail(self, network: str) -> bool:
        """Say whether one more mail may come from a network."""
        try:
            await self._mails.admit_network(network)
        except TooManyRequests:
            return False
        return True

    def leave(self, network: str) -> None:
        """Take a seat back."""
        self._seats -= 1
        self._of_networks[network] -= 1
        self._of_networks += Counter()  # forgets those that have none


class Seat:
    """What one client has while it is connected."""

    def __init__(self, admission: Admission, network: str) -> None:
        """Know the network that counts, none for a mail server of our own."""
        self._admission = admission
        self._network = network

    @property
    def room(self) -> Room:
        """The room for mails on their way in."""
        return self._admission.room

    async def may_mail(self) -> bool:
        """Count a mail, and say whether it may come now."""
        return not self._network or await self._admission.admit_mail(self._network)

    def leave(self) -> None:
        """Give the seat back."""
        self._admission.leave(self._network)
