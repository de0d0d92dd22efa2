"""What the intake service counts. Labels are values of the contract or ids of subscriptions: their number is bounded."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

from onthaal_schema.contact import Kind, Sector, Suggestion

CONTACTS = Counter(
    "onthaal_contacts_registered",
    "Contacts that were stored: by channel, whether that channel was open, and who tagged it.",
    ["channel", "open", "kind_source", "nature"],
)
BATCH = Histogram("onthaal_commit_batch_contacts", "Contacts committed together.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
COMMITS_FAILED = Counter("onthaal_commits_failed", "Batches that could not be committed together.")
TAGGING = Histogram(
    "onthaal_tagging_seconds", "How long the model took.", buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
)
TAGGINGS = Counter("onthaal_taggings", "What the model made of texts.", ["kind", "unsure"])
JUDGEMENTS = Counter(
    "onthaal_suggestions_judged",
    "What people made of the model's suggestions when they tagged a contact or named its sector: agreed or corrected.",
    ["field", "model", "outcome"],
)
ATTEMPTS = Counter(
    "onthaal_delivery_attempts", "Events that were offered to a subscription, by what came of it.", ["subscription", "fate"]
)
LATENCY = Histogram(
    "onthaal_delivery_latency_seconds",
    "From the moment an event occurred until it was taken.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600, 86400),
)
ALARM_MAILS = Counter("onthaal_alarm_mails", "Mails to whoever is on call, by what came of them.", ["outcome"])


@lru_cache(200)
def contacts(channel: str, is_open: str, kind_source: str, nature: str) -> Counter:
    """Give the counter of one kind of contact; looking it up by its labels each time takes as long as sealing a contact."""
    return CONTACTS.labels(channel, is_open, kind_source, nature)


@lru_cache(200)
def attempts(subscription: str, fate: str) -> Counter:
    """Give the counter of one subscription and fate."""
    return ATTEMPTS.labels(subscription, fate)


def count_judgement(suggestion: Suggestion | None, said: Kind | Sector) -> None:
    """Count, per version of the model, whether a person said what the model had suggested."""
    if suggestion is not None:
        field, suggested = ("kind", suggestion.kind) if isinstance(said, Kind) else ("sector", suggestion.sector)
        JUDGEMENTS.labels(field, suggestion.model_version, "agreed" if suggested == said else "corrected").inc()
