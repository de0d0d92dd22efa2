"""The addresses at which one gateway answers."""

from random import randrange


class Nodes:
    """Addresses of nodes that do the same. Callers stay with one until it fails them, and start at any of them."""

    def __init__(self, addresses: str) -> None:
        """Take addresses (`https://host`) with spaces between.

        Raises:
            ValueError: there is none.

        """
        self._addresses = tuple(address.rstrip("/") for address in addresses.split())
        if not self._addresses:
            message = "the address of the gateway is empty"
            raise ValueError(message)
        self._at = randrange(len(self._addresses))  # noqa: S311 - spreads callers, hides nothing

    @property
    def current(self) -> str:
        """The node to speak to now."""
        return self._addresses[self._at]

    def leave(self, failed: str) -> None:
        """Go to the next node, unless somebody else has left the failed one already."""
        if self.current == failed:
            self._at = (self._at + 1) % len(self._addresses)
