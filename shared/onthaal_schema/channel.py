"""The five ways in."""

from enum import StrEnum


class Channel(StrEnum):
    """How somebody reached the Meldpunt. The values are the Meldpunt's own words."""

    BRIEF = "brief"
    CONTACTFORMULIER = "contactformulier"
    MAIL = "mail"
    CHAT = "chat"
    TELEFOON = "telefoon"
