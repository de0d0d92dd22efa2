"""A message as an array of code points, in which any stretch has its key in constant time.

The words stand between single spaces, one before the first and one after the last, so that a word, a pair of words, the
beginning of a word and a piece of a word are all stretches of one text. A stretch is hashed by a polynomial over its code
points, modulo 2**64: with running sums, every stretch of every length costs one subtraction and one multiplication.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Keys: TypeAlias = NDArray[np.uint32]
Places: TypeAlias = NDArray[np.intp]
_Hashes: TypeAlias = NDArray[np.uint64]

LONGEST: Final = 4096
"""Code points that are looked at; more than what is read of a text ever is."""

_BASE: Final = 0x9E3779B97F4A7C15
_POWERS: Final[_Hashes] = np.cumprod(np.array([1] + [_BASE] * (LONGEST - 1), np.uint64), dtype=np.uint64)
_INVERSES: Final[_Hashes] = np.cumprod(np.array([1] + [pow(_BASE, -1, 1 << 64)] * LONGEST, np.uint64), dtype=np.uint64)
_SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)
_HALF: Final = np.uint64(32)
_SPACE: Final = ord(" ")


class Spelling:
    """The words of one message, ready to be asked for the key of any stretch."""

    def __init__(self, words: Sequence[str]) -> None:
        self._text = f" {' '.join(words)} "[:LONGEST]
        codes = np.frombuffer(self._text.encode("utf-32-le", "surrogatepass"), "<u4")
        self.length = len(codes)
        self._sums = np.zeros(self.length + 1, np.uint64)
        np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * _POWERS[: self.length], out=self._sums[1:])
        self._spaces = np.zeros(self.length + 1, np.int32)
        np.cumsum(codes == _SPACE, out=self._spaces[1:])
        lengths = np.fromiter(map(len, words), np.intp, len(words))
        starts = np.cumsum(lengths + 1) - lengths
        whole = int(np.searchsorted(starts + lengths, self.length))
        self.lengths: Places = lengths[:whole]
        """How long each word is."""
        self.starts: Places = starts[:whole]
        """Where each word starts."""

    def stretches(self, starts: Places, lengths: Places | int, salt: int | _Hashes) -> Keys:
        """Give the keys of stretches; one that runs past the end ends there."""
        ends = np.minimum(starts + lengths, self.length)
        hashes: _Hashes = (self._sums[ends] - self._sums[starts]) * _INVERSES[starts]
        return mixed(hashes, salt)

    def windows(self, size: int, salt: int) -> Keys:
        """Give the key of the stretch of ``size`` at every place."""
        places = max(self.length - size + 1, 0)
        hashes: _Hashes = (self._sums[self.length + 1 - places :] - self._sums[:places]) * _INVERSES[:places]
        return mixed(hashes, salt)

    def pieces(self, size: int, salt: int) -> Keys:
        """Give the keys of the stretches of ``size`` that stay inside one word and the spaces beside it."""
        places = max(self.length - size + 1, 0)
        inner = self._spaces[size - 1 : size - 1 + places] - self._spaces[1 : 1 + places]
        keys: Keys = self.windows(size, salt)[inner == 0]
        return keys

    def places(self, stretch: str) -> Iterator[int]:
        """Find everywhere that a stretch stands."""
        place = self._text.find(stretch)
        while place >= 0:
            yield place
            place = self._text.find(stretch, place + 1)

    def word_at(self, place: int) -> int:
        """Tell which word a place is in; a space is of the word after it."""
        return min(int(self._spaces[place + 1]) - 1, len(self.starts) - 1)


def mixed(hashes: _Hashes, salt: int | _Hashes) -> Keys:
    """Spread hashes over 32 bits, otherwise for each salt."""
    salted = hashes + (np.uint64(salt) if isinstance(salt, int) else salt)
    salted ^= salted >> _HALF
    salted *= _SPREAD
    keys: Keys = (salted >> _HALF).astype(np.uint32)
    return keys


def key_of(text: str, salt: int) -> int:
    """Give the key of a text by itself, the same that it has as a stretch of a longer one."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    hashes = np.atleast_1d(((codes.astype(np.uint64) + np.uint64(1)) * _POWERS[: len(codes)]).sum(dtype=np.uint64)).astype(
        np.uint64
    )
    return int(mixed(hashes, salt)[0])


class KeyTable:
    """Sorted keys that say in which row a key stands, for thousands of keys at once."""

    def __init__(self, keys: Keys) -> None:
        """Take the keys in order, each once; there is at least one."""
        bits = (len(keys) * 4).bit_length()
        self._shift = np.uint32(32 - bits)
        edges = np.arange((1 << bits) + 1, dtype=np.uint64) << np.uint64(32 - bits)
        self._first = np.searchsorted(keys, edges).astype(np.int32)
        self._keys = np.append(keys, keys[-1:])

    def rows(self, wanted: Keys) -> NDArray[np.int32]:
        """Give the row of each key, -1 for one that is not in the table."""
        buckets = wanted >> self._shift
        rows: NDArray[np.int32] = self._first[buckets]
        astray = np.flatnonzero(self._keys[rows] != wanted)
        while astray.size:
            following = rows[astray] + 1
            inside = following < self._first[buckets[astray] + np.uint32(1)]
            rows[astray[~inside]] = -1
            astray = astray[inside]
            rows[astray] = following[inside]
            astray = astray[self._keys[rows[astray]] != wanted[astray]]
        return rows
