"""Tells whoever is on call, by mail and without content, that something needs a person."""
