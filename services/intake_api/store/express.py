"""The common case of the hand-over on PostgreSQL, in a few statements: a healthy subscription takes, and everything was taken.

Failures, probes and a pace are not common; they go the way of every engine, by `taking` and `settling`. Who takes, and who frees
what was settled, holds the row of the subscription first, so the statements after it see everything that others committed. They are written so that
the planner, which knows nothing of a table that was just filled, has no choice but to look each contact up (`LATERAL … LIMIT`).

Which events are wanted (`_READ_ON`) is `EventFilter.conditions` of `filters` once more: whoever changes one changes both.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from services.intake_api.store.claiming import DUE_AT_ONCE, Claimed, Lease, Pending
from services.intake_api.store.engine import Database
from services.intake_api.store.patience import Patience
from services.intake_api.store.settling import REMOVED, Health, Served, Settled
from services.intake_api.store.taking import SERIES

# what is taken may be lost with the machine: it is then taken again
_TAKE_BEGIN = "BEGIN; SET LOCAL synchronous_commit TO off"
_HEALTHY = """
SELECT *, clock_timestamp() AS now, EXISTS (
    SELECT FROM claim WHERE subscription_id = $1 AND due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
) AS has_due
FROM subscription
WHERE id = $1 AND status = 'active' AND failures < $2 AND held_until IS NULL AND rate IS NULL
  AND (last_error_at IS NULL OR last_error_at <= clock_timestamp())
FOR NO KEY UPDATE
"""
_TAKE_DUE = """
WITH due AS MATERIALIZED (
    SELECT contact_id, attempts FROM claim
    WHERE subscription_id = $1 AND due_at <= $3 AND (lease_until IS NULL OR lease_until < $3)
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE claim SET holder = $4, lease_until = $5 FROM due WHERE claim.subscription_id = $1 AND claim.contact_id = due.contact_id
)
SELECT due.contact_id, due.attempts, owed.position, event.id, event.payload, event.occurred_at
FROM due
LEFT JOIN LATERAL (
    SELECT position FROM delivery
    WHERE subscription_id = $1 AND contact_id = due.contact_id AND state = 'pending' ORDER BY position LIMIT $6
) owed ON true
LEFT JOIN event ON event.position = owed.position
ORDER BY owed.position
"""
_READ_ON = """
WITH following AS MATERIALIZED (
    SELECT event.position, event.id, event.contact_id, event.payload, event.occurred_at,
        string_to_array(event.natures, ' ') && string_to_array(asked.natures, ' ')
        AND (asked.kinds = '' OR string_to_array(event.kinds, ' ') && string_to_array(asked.kinds, ' '))
        AND (asked.types = '' OR event.type = ANY(string_to_array(asked.types, ' ')))
        AND (asked.channels = '' OR event.channel = ANY(string_to_array(asked.channels, ' '))) AS wanted
    FROM event, (SELECT position, natures, kinds, types, channels FROM subscription WHERE id = $1) asked
    WHERE event.position > $3 ORDER BY event.position LIMIT $2
), owed AS (
    INSERT INTO delivery (subscription_id, position, contact_id, state, attempts)
    SELECT $1, position, contact_id, 'pending', 0 FROM following WHERE wanted
), claimed AS (
    INSERT INTO claim (subscription_id, contact_id, attempts, due_at, lease_until, holder)
    SELECT DISTINCT $1::uuid, contact_id, 0, $6::timestamptz, $5::timestamptz, $4::uuid FROM following WHERE wanted ORDER BY contact_id
    ON CONFLICT (subscription_id, contact_id) DO UPDATE SET attempts = claim.attempts RETURNING contact_id, holder
), read AS (
    SELECT count(*) AS read, count(*) FILTER (WHERE wanted) AS wanted, max(position) AS last FROM following
), moved AS (
    UPDATE subscription SET position = read.last, addressed = addressed + read.wanted FROM read WHERE id = $1 AND read.read > 0
)
SELECT read.read, mine.* FROM read LEFT JOIN (
    SELECT following.contact_id, 0 AS attempts, following.position, following.id, following.payload, following.occurred_at
    FROM following JOIN claimed ON claimed.contact_id = following.contact_id AND claimed.holder = $4 WHERE following.wanted
) mine ON true ORDER BY mine.position
"""
# `IS NOT DISTINCT FROM` keeps the planner from the index of all that is pending, and from weighing every position for it
_DELIVERED = """
WITH delivered AS (
    UPDATE delivery SET state = 'delivered', reason = NULL, settled_at = clock_timestamp(), attempts = attempts + 1
    WHERE subscription_id = $1 AND position = ANY($2::bigint[]) AND state IS NOT DISTINCT FROM 'pending' RETURNING 1
)
SELECT count(*) FROM delivered
"""
_COUNTED = """
UPDATE subscription SET delivered = delivered + $2,
    failures = CASE WHEN $3 THEN 0 ELSE failures END,
    failing_since = CASE WHEN $3 THEN NULL ELSE failing_since END,
    held_until = CASE WHEN $3 AND (failures >= $4 OR held_until <= clock_timestamp()) THEN NULL ELSE held_until END
WHERE id = $1 RETURNING failures, failing_since, held_until
"""
_FREE = """
WITH done AS MATERIALIZED (
    SELECT mine.ctid FROM unnest($2::uuid[], $3::uuid[]) AS served (contact_id, holder)
    CROSS JOIN LATERAL (
        SELECT ctid FROM claim WHERE subscription_id = $1 AND contact_id = served.contact_id AND holder = served.holder AND (
            SELECT position FROM delivery
            WHERE contact_id = served.contact_id AND subscription_id = $1 AND state = 'pending' LIMIT 1
        ) IS NULL LIMIT 1
    ) mine
), freed AS (
    DELETE FROM claim WHERE ctid = ANY(ARRAY(SELECT ctid FROM done)) RETURNING 1
)
SELECT count(*) FROM freed
"""
_RELEASE = """
UPDATE claim SET holder = NULL, lease_until = NULL, attempts = CASE WHEN was_answered THEN 0 ELSE attempts END
FROM unnest($2::uuid[], $3::uuid[], $4::boolean[]) AS served (contact_id, holder, was_answered)
WHERE claim.subscription_id = $1 AND claim.contact_id = served.contact_id AND claim.holder = served.holder RETURNING 1
"""


class Express:
    """Takes and settles on PostgreSQL where there is nothing to decide."""

    def __init__(self, database: Database, patience: Patience) -> None:
        """Take from a database."""
        self._database = database
        self._patience = patience

    async def take(self, subscription_id: UUID, limit: int) -> tuple[Any, Sequence[Claimed], bool] | None:
        """Claim contacts of a healthy subscription: gives its row, the contacts, and whether there is more; None for others."""
        lease = Lease.begin(uuid4(), self._patience)
        due: list[Claimed] = []
        read: list[Any] = []
        async with self._database.line() as line:
            await line.execute(_TAKE_BEGIN)
            if row := await line.fetchrow(_HEALTHY, subscription_id, self._patience.threshold):
                held = lease.holder, row["now"] + self._patience.lease
                if row["has_due"]:
                    due = _grouped(await line.fetch(_TAKE_DUE, row["id"], limit, row["now"], *held, SERIES), lease)
                if room := limit - len(due):
                    read = await line.fetch(_READ_ON, row["id"], room, row["position"], *held, DUE_AT_ONCE)
            await line.execute("COMMIT")  # before anything else: who settles waits for it
        if row is None:
            return None
        known = {one.contact_id for one in due}  # what is new to them comes after what they were owed: next time
        new = [one for one in _grouped(read, lease) if one.contact_id not in known]
        return row, due + new, not room or read[0]["read"] == room

    async def settle(self, subscription_id: UUID, served: Sequence[Served]) -> Settled:
        """Write down that events were taken, and free the contacts that are owed no more."""
        positions = sorted(position for one in served for position in one.delivered)
        mine = [one.claimed.contact_id for one in served], [one.claimed.lease.holder for one in served]
        async with self._database.line() as line:
            await line.execute("BEGIN")
            # what was delivered is nobody else's, so it is written before the row of the subscription, for which whoever takes waits
            delivered = await line.fetchval(_DELIVERED, subscription_id, positions)
            health = await line.fetchrow(_COUNTED, subscription_id, delivered, bool(positions), self._patience.threshold)
            # and then statements that see what whoever held the row has done
            owed = await line.fetchval(_FREE, subscription_id, *mine) < len(served)
            if owed:  # or lost to another holder
                owed = bool(await line.fetch(_RELEASE, subscription_id, *mine, [bool(one.delivered) for one in served]))
            await line.execute("COMMIT")
        return Settled(Health(*health), owed) if health else REMOVED


def is_common(served: Sequence[Served]) -> bool:
    """Say whether everything that was posted was taken."""
    return not any(one.later or one.dead or one.gone for one in served)


def _grouped(rows: Sequence[Any], lease: Lease) -> list[Claimed]:
    claimed: dict[UUID, Claimed] = {}
    for row in rows:
        contact_id, attempts, *event = row[-6:]
        if contact_id is None:
            continue
        one = claimed.get(contact_id)
        if one is None:
            one = claimed[contact_id] = Claimed(contact_id, attempts, lease, [])
        if event[0] is not None:
            one.events.append(Pending(*event))
    return list(claimed.values())
