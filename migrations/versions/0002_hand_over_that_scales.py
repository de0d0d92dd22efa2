"""hand-over that scales: filters, batches, two secrets, a circuit breaker, counts to reconcile by, and alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PENDING = sa.text("state = 'pending'")
UNFETCHED = sa.text("state = 'delivered' AND fetched_at IS NULL")

SUBSCRIPTION = {
    "types": (sa.String(length=200), "''"),
    "channels": (sa.String(length=100), "''"),
    "kinds": (sa.String(length=40), "''"),
    "plain": (sa.Boolean(), "true"),
    "batch": (sa.Integer(), "1"),
    "addressed": (sa.BigInteger(), "(SELECT count(*) FROM delivery WHERE subscription_id = subscription.id)"),
    "delivered": (
        sa.BigInteger(),
        "(SELECT count(*) FROM delivery WHERE subscription_id = subscription.id AND state = 'delivered')",
    ),
    "failures": (sa.Integer(), "0"),
    "since": (POSITION, "position"),
    "checked": (POSITION, "position"),
    "missing": (sa.BigInteger(), "0"),
    "difference": (sa.BigInteger(), "0"),
}
EVENT = {
    "channel": (sa.String(length=20), "(SELECT channel FROM contact WHERE contact.id = event.contact_id)"),
    "kinds": (sa.String(length=40), "(SELECT kind FROM contact WHERE contact.id = event.contact_id)"),
}


def upgrade() -> None:
    for table, columns in (("subscription", SUBSCRIPTION), ("event", EVENT)):
        _add_filled(table, columns)
    with op.batch_alter_table("subscription") as subscription:
        subscription.add_column(sa.Column("rate", sa.Integer(), nullable=True))
        subscription.add_column(sa.Column("sealed_former_secret", sa.LargeBinary(), nullable=True))
        subscription.add_column(sa.Column("former_secret_until", MOMENT, nullable=True))
        subscription.add_column(sa.Column("failing_since", MOMENT, nullable=True))
        subscription.add_column(sa.Column("held_until", MOMENT, nullable=True))
        subscription.add_column(sa.Column("paced_until", MOMENT, nullable=True))
        subscription.add_column(sa.Column("replay_position", POSITION, nullable=True))
        subscription.add_column(sa.Column("replay_until", POSITION, nullable=True))
        subscription.add_column(sa.Column("replay_since", MOMENT, nullable=True))
        for name in ("since", "checked", "missing", "difference"):
            subscription.alter_column(name, existing_type=SUBSCRIPTION[name][0], server_default="0")
    for table in ("delivery", "claim"):
        with op.batch_alter_table(table) as altered:
            altered.drop_constraint(f"fk_{table}_subscription_id", type_="foreignkey")
    op.add_column("claim", sa.Column("holder", sa.Uuid(), nullable=True))
    op.drop_index("ix_claim_due_at", "claim")
    op.create_index("ix_claim_due_at", "claim", ["subscription_id", "due_at"])
    op.drop_index("ix_delivery_pending", "delivery")
    pending = ["contact_id", "subscription_id", "position"]
    op.create_index("ix_delivery_pending", "delivery", pending, sqlite_where=PENDING, postgresql_where=PENDING)
    op.add_column("delivery", sa.Column("fetched_at", MOMENT, nullable=True))
    op.execute("UPDATE delivery SET fetched_at = settled_at")
    op.create_index("ix_delivery_unfetched", "delivery", ["settled_at"], sqlite_where=UNFETCHED, postgresql_where=UNFETCHED)
    op.add_column("database", sa.Column("keys", sa.LargeBinary(), nullable=True))
    op.create_table(
        "alarm",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.Column("held_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alarm")),
    )


def _add_filled(table: str, columns: dict[str, tuple[sa.types.TypeEngine, str]]) -> None:
    for name, (kind, _) in columns.items():
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.execute(f"UPDATE {table} SET " + ", ".join(f"{name} = {value}" for name, (_, value) in columns.items()))  # noqa: S608
    with op.batch_alter_table(table) as altered:
        for name, (kind, _) in columns.items():
            altered.alter_column(name, existing_type=kind, nullable=False)


def downgrade() -> None:
    op.drop_table("alarm")
    with op.batch_alter_table("database") as database:
        database.drop_column("keys")
    op.drop_index("ix_delivery_unfetched", "delivery")
    with op.batch_alter_table("delivery") as delivery:
        delivery.drop_column("fetched_at")
    op.drop_index("ix_delivery_pending", "delivery")
    pending = ["subscription_id", "contact_id", "position"]
    op.create_index("ix_delivery_pending", "delivery", pending, sqlite_where=PENDING, postgresql_where=PENDING)
    op.drop_index("ix_claim_due_at", "claim")
    op.create_index("ix_claim_due_at", "claim", ["due_at"])
    with op.batch_alter_table("claim") as claim:
        claim.drop_column("holder")
    for table in ("delivery", "claim"):
        with op.batch_alter_table(table) as altered:
            altered.create_foreign_key(f"fk_{table}_subscription_id", "subscription", ["subscription_id"], ["id"])
    with op.batch_alter_table("event") as event:
        for name in EVENT:
            event.drop_column(name)
    with op.batch_alter_table("subscription") as subscription:
        secrets = ("sealed_former_secret", "former_secret_until")
        breaker = ("failing_since", "held_until", "paced_until")
        replay = ("replay_position", "replay_until", "replay_since")
        for name in (*SUBSCRIPTION, "rate", *secrets, *breaker, *replay):
            subscription.drop_column(name)
