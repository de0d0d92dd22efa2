"""The data of a mail while it comes in. It ends with CR LF dot CR LF, and with nothing that only looks like it."""

from typing import Final

END: Final = b"\r\n.\r\n"
"""RFC 5321 §4.1.1.4. Who also takes LF or CR alone can be made to see two mails where others saw one."""

_LINE: Final = b"\r\n"
_STUFFED: Final = b"\r\n."


class Room:
    """How many bytes may be held at a time, of all mails together."""

    def __init__(self, size: int) -> None:
        """Start empty."""
        self._left = size

    def take(self, size: int) -> bool:
        """Take room, unless there is not enough."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        """Give room back."""
        self._left += size


class Data:
    """What comes after DATA. Of a mail that is too large, or for which there is no room, nothing is kept."""

    def __init__(self, limit: int, room: Room) -> None:
        """Take so many bytes at most."""
        self._limit = limit
        self._room = room
        self._taken = 0
        self._kept = bytearray(_LINE)  # so that a dot in the very first line is at the start of a line, like any other
        self.size = 0
        """Bytes that have come."""
        self.has_room = True
        """Whether the whole could be kept, as far as the room goes."""

    @property
    def is_too_large(self) -> bool:
        """Whether it is above the limit."""
        return self.size > self._limit

    def feed(self, received: bytes) -> bytes | None:
        """Take what was received; give what came after the end, or None when the end has not come."""
        unsearched = max(0, len(self._kept) - len(END) + 1)
        self._kept += received
        self.size += len(received)
        end = self._kept.find(END, unsearched)
        if end < 0:
            self._keep(len(received))
            return None
        rest = bytes(memoryview(self._kept)[end + len(END) :])
        self.size -= len(rest) + len(END) - len(_LINE)
        del self._kept[end + len(_LINE) :]
        self._keep(len(received) - len(rest))
        return rest

    def content(self) -> bytes:
        """Give the mail as it was before it was made ready for the way (RFC 5321 §4.5.2). It is no longer kept here."""
        kept, self._kept = self._kept, bytearray()
        if _STUFFED in kept:
            kept = kept.replace(_STUFFED, _LINE)
        return bytes(memoryview(kept)[len(_LINE) :])

    def let_go(self) -> None:
        """Give the room back."""
        self._kept = bytearray()
        self._room.give(self._taken)
        self._taken = 0

    def _keep(self, size: int) -> None:
        if self.has_room and not self.is_too_large:
            self.has_room = self._room.take(size)
            self._taken += size if self.has_room else 0
        if not self.has_room or self.is_too_large:
            del self._kept[: -(len(END) - 1)]
