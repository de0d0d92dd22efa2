"""References: what a person can note down or say on the telephone to come back to a contact.

Eight random characters of Crockford's base 32 (no I, L, O, U: nothing to mishear or misread) and a check character
by the Luhn algorithm modulo 32, which notices every single wrong character and most swaps. `4KT-9Q2-MXW`.
"""

import os

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def make() -> str:
    """Make a reference: 40 random bits, so it says nothing and cannot be guessed from another."""
    bits = int.from_bytes(os.urandom(5))
    letters = _PAIR[bits & 1023] + _PAIR[bits >> 10 & 1023] + _PAIR[bits >> 20 & 1023] + _PAIR[bits >> 30]
    return grouped(letters + check(letters))


_PAIR = [one + other for one in ALPHABET for other in ALPHABET]
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_DOUBLED = {letter: value * 2 // 32 + value * 2 % 32 for letter, value in _VALUE.items()}


def check(letters: str) -> str:
    """Give the check character of a reference's letters (Luhn modulo 32)."""
    total = sum([_DOUBLED[letter] for letter in letters[::-2]]) + sum([_VALUE[letter] for letter in letters[-2::-2]])
    return ALPHABET[-total % 32]


def grouped(letters: str) -> str:
    """Write letters in groups of three."""
    return "-".join([letters[place : place + 3] for place in range(0, len(letters), 3)])
