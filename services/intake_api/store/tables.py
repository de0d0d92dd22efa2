"""The tables. Everything a person wrote or is known by is in a `sealed` column; the rest is what is counted."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMES)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so there it is text of fixed width that sorts as time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type of the engine."""
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Write a moment; a naive one is a bug."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """Read a moment."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value


POSITION = BigInteger().with_variant(Integer, "sqlite")
"""A position in the feed; on SQLite only INTEGER counts by itself."""

event_position = Sequence("event_position", metadata=metadata)

contact = Table(
    "contact",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("reference", String(16), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("nature", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("kind_source", String(16), nullable=False),
    Column("kind_confidence", Float),
    Column("unsure", Boolean, nullable=False),
    Column("kind_at", Moment, nullable=False),
    Column("kind_by", String(100)),
    Column("model_version", String(40)),
    Column("sector", String(40)),
    Column("sector_source", String(16)),
    Column("signals", Text, nullable=False),
    Column("anonymous", Boolean, nullable=False),
    Column("language", String(2)),
    Column("role", String(20)),
    Column("minor", Boolean),
    Column("parse_status", String(16)),
    Column("related_to", Uuid),
    Column("possible_link", Uuid),
    Column("received_at", Moment, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("opening", Text, nullable=False),
    Column("last_sequence", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("data_key", LargeBinary),
    Column("sealed", LargeBinary),
    Column("sealed_suggestion", LargeBinary),
    Column("suggest_since", Moment),
    Column("extended_at", Moment),
    Column("extended_due", Moment),
    Column("erased_at", Moment),
    Index("ix_contact_received_at", "received_at", "id"),
    Index("ix_contact_suggest_since", "suggest_since", sqlite_where=text("suggest_since IS NOT NULL"),
          postgresql_where=text("suggest_since IS NOT NULL")),
    Index("ix_contact_extended_due", "extended_due", sqlite_where=text("extended_due IS NOT NULL"),
          postgresql_where=text("extended_due IS NOT NULL")),
)  # fmt: skip

earlier_kind = Table(
    "earlier_kind",
    metadata,
    Column("contact_id", Uuid, ForeignKey("contact.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("kind_source", String(16), nullable=False),
    Column("kind_confidence", Float),
    Column("unsure", Boolean, nullable=False),
    Column("model_version", String(40)),
    Column("nature", String(16), nullable=False),
    Column("kind_by", String(100)),
    Column("kind_at", Moment, nullable=False),
)

correction = Table(
    "correction",
    metadata,
    Column("contact_id", Uuid, ForeignKey("contact.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("corrected_at", Moment, nullable=False),
    Column("corrected_by", String(100), nullable=False),
)

outcome = Table(
    "outcome",
    metadata,
    Column("contact_id", Uuid, ForeignKey("contact.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("admissible", Boolean),
    Column("closed_on", Date),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String(100), nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("contact_id", Uuid, ForeignKey("contact.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("direction", String(16), nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("registered_by", String(100), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_mail", LargeBinary),
    Column("parse_status", String(16)),
    UniqueConstraint("contact_id", "sequence"),
)

file = Table(
    "file",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("contact_id", Uuid, ForeignKey("contact.id"), nullable=False, index=True),
    Column("message_id", Uuid),
    Column("number", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("content", LargeBinary),
)

file_label = [column for column in file.columns if column.name != "content"]
"""What is known of a file without its bytes."""

blind_index = Table(
    "blind_index",
    metadata,
    Column("contact_id", Uuid, ForeignKey("contact.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Index("ix_blind_index_digest", "digest"),
)

work_item = Table(
    "work_item",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("contact_id", Uuid, ForeignKey("contact.id"), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("since", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("finished_by", String(100)),
    UniqueConstraint("contact_id", "reason"),
    Index("ix_work_item_open", "since", sqlite_where=text("finished_at IS NULL"), postgresql_where=text("finished_at IS NULL")),
)

conversation = Table(
    "conversation",
    metadata,
    Column("contact_id", Uuid, ForeignKey("contact.id"), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("operator_id", Uuid),
    Column("operator_name", String(100)),
    Column("started_at", Moment, nullable=False),
    Column("assigned_at", Moment),
    Column("ended_at", Moment),
    # empty where a node that does not know of them yet made the row
    Column("because", String(16)),
    Column("waiting_since", Moment),
    Column("waited_seconds", Integer),
    Column("abandoned", Boolean),
    Column("operator_seen_at", Moment),
    Column("visitor_seen_at", Moment),
    Index("ix_conversation_open", "started_at", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
)

event = Table(
    "event",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", String(16), nullable=False),
    Column("natures", String(60), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("kinds", String(40), nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("contact_id", "version"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("natures", String(100), nullable=False),
    Column("types", String(200), nullable=False),
    Column("channels", String(100), nullable=False),
    Column("kinds", String(40), nullable=False),
    Column("status", String(16), nullable=False),
    Column("plain", Boolean, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("rate", Integer),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("sealed_former_secret", LargeBinary),
    Column("former_secret_until", Moment),
    Column("position", POSITION, nullable=False),
    Column("addressed", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Moment),
    Column("held_until", Moment),
    Column("paced_until", Moment),
    Column("last_error", String(200)),
    Column("last_error_at", Moment),
    Column("since", POSITION, nullable=False, server_default="0"),
    Column("checked", POSITION, nullable=False, server_default="0"),
    Column("missing", BigInteger, nullable=False, server_default="0"),
    Column("difference", BigInteger, nullable=False, server_default="0"),
    Column("replay_position", POSITION),
    Column("replay_until", POSITION),
    Column("replay_since", Moment),
)

# of these two no foreign key is checked for each row: whoever writes them, or removes a subscription, holds its row
delivery = Table(
    "delivery",
    metadata,
    Column("subscription_id", Uuid, primary_key=True),
    Column("position", POSITION, primary_key=True),
    Column("contact_id", Uuid, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", String(200)),
    Column("settled_at", Moment),
    Column("fetched_at", Moment),
    Index("ix_delivery_unfetched", "settled_at", sqlite_where=text("state = 'delivered' AND fetched_at IS NULL"),
          postgresql_where=text("state = 'delivered' AND fetched_at IS NULL")),
    Index("ix_delivery_pending", "contact_id", "subscription_id", "position", sqlite_where=text("state = 'pending'"),
          postgresql_where=text("state = 'pending'")),
    Index("ix_delivery_dead", "subscription_id", "position", sqlite_where=text("state = 'dead'"),
          postgresql_where=text("state = 'dead'")),
)  # fmt: skip

claim = Table(
    "claim",
    metadata,
    Column("subscription_id", Uuid, primary_key=True),
    Column("contact_id", Uuid, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("lease_until", Moment),
    Column("holder", Uuid),
    Index("ix_claim_due_at", "subscription_id", "due_at"),
)

# the rows of a mail outlive its contact: what was erased is not taken in again. Every digest is keyed.
mail = Table(
    "mail",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("mailbox", String(100), nullable=False),
    Column("contact_id", Uuid, nullable=False, index=True),
    Column("message_id", Uuid),
    Column("outcome", String(16), nullable=False),
    Column("message_id_digest", LargeBinary),
    Column("fingerprint", LargeBinary),
    Column("taken_at", Moment, nullable=False),
    UniqueConstraint("mailbox", "fingerprint"),
    Index("ix_mail_message_id_digest", "message_id_digest", sqlite_where=text("message_id_digest IS NOT NULL"),
          postgresql_where=text("message_id_digest IS NOT NULL")),
)  # fmt: skip

mail_place = Table(
    "mail_place",
    metadata,
    Column("mailbox", String(100), primary_key=True),
    Column("uid_validity", BigInteger, primary_key=True),
    Column("uid", BigInteger, primary_key=True),
    Column("mail_id", Uuid, nullable=False, index=True),
)

mail_likeness = Table(
    "mail_likeness",
    metadata,
    Column("mailbox", String(100), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("mail_id", Uuid, primary_key=True),
)

mail_count = Table(
    "mail_count",
    metadata,
    Column("mailbox", String(100), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

mailbox = Table(
    "mailbox",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("first_seen_at", Moment, nullable=False),
    Column("reader", Uuid),
    Column("lease_until", Moment),
    Column("last_read_at", Moment),
    Column("present", BigInteger, nullable=False),
    Column("before_import", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("missing_since", Moment),
    Column("error", String(400)),
)

mailbox_numbering = Table(
    "mailbox_numbering",
    metadata,
    Column("mailbox", String(100), primary_key=True),
    Column("uid_validity", BigInteger, primary_key=True),
    Column("since", Moment, nullable=False),
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("contact_id", Uuid, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("mailbox", String(100), nullable=False),
    Column("status", String(16), nullable=False),
    Column("token_digest", LargeBinary, unique=True),
    Column("token_expires_at", Moment),
    Column("message_id_digest", LargeBinary),
    Column("recipient", LargeBinary),
    Column("correspondent", LargeBinary),
    Column("sealed", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("reason", String(400)),
    Index("ix_outgoing_message_id_digest", "message_id_digest", sqlite_where=text("message_id_digest IS NOT NULL"),
          postgresql_where=text("message_id_digest IS NOT NULL")),
    Index("ix_outgoing_due_at", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_outgoing_unsent", "status", sqlite_where=text("status <> 'sent'"), postgresql_where=text("status <> 'sent'")),
)  # fmt: skip

answered = Table(
    "answered",
    metadata,
    Column("recipient", LargeBinary, primary_key=True),
    Column("at", Moment, nullable=False),
)

answer_count = Table(
    "answer_count",
    metadata,
    Column("domain", LargeBinary, primary_key=True),
    Column("day", Date, nullable=False),
    Column("count", Integer, nullable=False),
)

alarm = Table(
    "alarm",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("told_at", Moment),
    Column("held_until", Moment),
)

contact_count = Table(
    "contact_count",
    metadata,
    Column("day", Date, primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("nature", String(16), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("sector", String(40), primary_key=True),
    Column("anonymous", Boolean, primary_key=True),
    Column("opening", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
)

reader = Table(
    "reader",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("position", POSITION, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
)

operator = Table(
    "operator",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("left_at", Moment),
)

sign_in_code = Table(
    "sign_in_code",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("operator_id", Uuid, ForeignKey("operator.id"), nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

session = Table(
    "session",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("operator_id", Uuid, ForeignKey("operator.id"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("by", String(100), nullable=False),
    Column("action", String(40), nullable=False),
    Column("contact_id", Uuid, index=True),
)

calendar_exception = Table(
    "calendar_exception",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("set_at", Moment, nullable=False),
    Column("set_by", String(100), nullable=False),
)

database = Table(
    "database",
    metadata,
    Column("epoch", Uuid, primary_key=True),
    Column("keys", LargeBinary),
    Column("made_at", Moment, nullable=False),
)
