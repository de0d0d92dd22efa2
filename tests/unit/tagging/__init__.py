"""Tagging: what it suggests, how it is trained, and what it refuses."""
