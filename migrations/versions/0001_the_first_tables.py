"""the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("event_position")))
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_contact_id"), "audit", ["contact_id"], unique=False)
    op.create_table(
        "calendar_exception",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.Column("set_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_exception")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("nature", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("kind_source", sa.String(length=16), nullable=False),
        sa.Column("kind_confidence", sa.Float(), nullable=True),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("kind_at", MOMENT, nullable=False),
        sa.Column("kind_by", sa.String(length=100), nullable=True),
        sa.Column("model_version", sa.String(length=40), nullable=True),
        sa.Column("sector", sa.String(length=40), nullable=True),
        sa.Column("sector_source", sa.String(length=16), nullable=True),
        sa.Column("signals", sa.Text(), nullable=False),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("minor", sa.Boolean(), nullable=True),
        sa.Column("parse_status", sa.String(length=16), nullable=True),
        sa.Column("related_to", sa.Uuid(), nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_suggestion", sa.LargeBinary(), nullable=True),
        sa.Column("suggest_since", MOMENT, nullable=True),
        sa.Column("extended_at", MOMENT, nullable=True),
        sa.Column("extended_due", MOMENT, nullable=True),
        sa.Column("erased_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("reference", name=op.f("uq_contact_reference")),
    )
    op.create_index(
        "ix_contact_extended_due",
        "contact",
        ["extended_due"],
        unique=False,
        sqlite_where=sa.text("extended_due IS NOT NULL"),
        postgresql_where=sa.text("extended_due IS NOT NULL"),
    )
    op.create_index("ix_contact_received_at", "contact", ["received_at", "id"], unique=False)
    op.create_index(
        "ix_contact_suggest_since",
        "contact",
        ["suggest_since"],
        unique=False,
        sqlite_where=sa.text("suggest_since IS NOT NULL"),
        postgresql_where=sa.text("suggest_since IS NOT NULL"),
    )
    op.create_table(
        "contact_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("nature", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sector", sa.String(length=40), nullable=False),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("opening", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "channel", "nature", "kind", "sector", "anonymous", "opening", name=op.f("pk_contact_count")
        ),
    )
    op.create_table(
        "database",
        sa.Column("epoch", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_database")),
    )
    op.create_table(
        "event",
        sa.Column("position", POSITION, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("natures", sa.String(length=60), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_event")),
        sa.UniqueConstraint("contact_id", "version", name=op.f("uq_event_contact_id_version")),
    )
    op.create_table(
        "operator",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("left_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    op.create_table(
        "reader",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("position", POSITION, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reader")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("natures", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("position", POSITION, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.Column("last_error_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )
    op.create_table(
        "blind_index",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_blind_index_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "digest", name=op.f("pk_blind_index")),
    )
    op.create_index("ix_blind_index_digest", "blind_index", ["digest"], unique=False)
    op.create_table(
        "claim",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"], name=op.f("fk_claim_subscription_id")),
        sa.PrimaryKeyConstraint("subscription_id", "contact_id", name=op.f("pk_claim")),
    )
    op.create_index("ix_claim_due_at", "claim", ["due_at"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=True),
        sa.Column("operator_name", sa.String(length=100), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("assigned_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_conversation_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_conversation")),
    )
    op.create_index(
        "ix_conversation_open",
        "conversation",
        ["started_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "correction",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("corrected_at", MOMENT, nullable=False),
        sa.Column("corrected_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_correction_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "version", name=op.f("pk_correction")),
    )
    op.create_table(
        "delivery",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("position", POSITION, nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"], name=op.f("fk_delivery_subscription_id")),
        sa.PrimaryKeyConstraint("subscription_id", "position", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_dead",
        "delivery",
        ["subscription_id", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["subscription_id", "contact_id", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "earlier_kind",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("kind_source", sa.String(length=16), nullable=False),
        sa.Column("kind_confidence", sa.Float(), nullable=True),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("model_version", sa.String(length=40), nullable=True),
        sa.Column("nature", sa.String(length=16), nullable=False),
        sa.Column("kind_by", sa.String(length=100), nullable=True),
        sa.Column("kind_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_earlier_kind_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "number", name=op.f("pk_earlier_kind")),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_file_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
    )
    op.create_index(op.f("ix_file_contact_id"), "file", ["contact_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("registered_by", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_message_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "id", name=op.f("pk_message")),
        sa.UniqueConstraint("contact_id", "sequence", name=op.f("uq_message_contact_id_sequence")),
    )
    op.create_table(
        "outcome",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("admissible", sa.Boolean(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_outcome_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_outcome")),
    )
    op.create_table(
        "session",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_session_operator_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_table(
        "sign_in_code",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_sign_in_code_operator_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_code")),
    )
    op.create_table(
        "work_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("finished_by", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_work_item_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item")),
        sa.UniqueConstraint("contact_id", "reason", name=op.f("uq_work_item_contact_id_reason")),
    )
    op.create_index(
        "ix_work_item_open",
        "work_item",
        ["since"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_work_item_open",
        table_name="work_item",
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.drop_table("work_item")
    op.drop_table("sign_in_code")
    op.drop_table("session")
    op.drop_table("outcome")
    op.drop_table("message")
    op.drop_index(op.f("ix_file_contact_id"), table_name="file")
    op.drop_table("file")
    op.drop_table("earlier_kind")
    op.drop_index(
        "ix_delivery_pending",
        table_name="delivery",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(
        "ix_delivery_dead",
        table_name="delivery",
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.drop_table("delivery")
    op.drop_table("correction")
    op.drop_index(
        "ix_conversation_open",
        table_name="conversation",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("conversation")
    op.drop_index("ix_claim_due_at", table_name="claim")
    op.drop_table("claim")
    op.drop_index("ix_blind_index_digest", table_name="blind_index")
    op.drop_table("blind_index")
    op.drop_table("token")
    op.drop_table("subscription")
    op.drop_table("reader")
    op.drop_table("operator")
    op.drop_table("event")
    op.drop_table("database")
    op.drop_table("contact_count")
    op.drop_index(
        "ix_contact_suggest_since",
        table_name="contact",
        sqlite_where=sa.text("suggest_since IS NOT NULL"),
        postgresql_where=sa.text("suggest_since IS NOT NULL"),
    )
    op.drop_index("ix_contact_received_at", table_name="contact")
    op.drop_index(
        "ix_contact_extended_due",
        table_name="contact",
        sqlite_where=sa.text("extended_due IS NOT NULL"),
        postgresql_where=sa.text("extended_due IS NOT NULL"),
    )
    op.drop_table("contact")
    op.drop_table("calendar_exception")
    op.drop_index(op.f("ix_audit_contact_id"), table_name="audit")
    op.drop_index(op.f("ix_audit_at"), table_name="audit")
    op.drop_table("audit")
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.DropSequence(sa.Sequence("event_position")))
