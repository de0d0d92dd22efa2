"""From the outbox to whoever must know: webhooks, and the feed that is read."""
