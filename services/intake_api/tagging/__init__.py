"""Tagging: is a contact a melding or a vraag, and about which sector. Pure: no network, no database."""
