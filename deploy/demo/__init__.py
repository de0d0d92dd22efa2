"""The demo: a case service that shows what it receives, and the five months replayed."""
