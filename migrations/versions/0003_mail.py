"""mail: what was taken in, where it lies, what is sent, and who was answered when."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
HAS_MESSAGE_ID = sa.text("message_id_digest IS NOT NULL")
IS_DUE = sa.text("due_at IS NOT NULL")
UNSENT = sa.text("status <> 'sent'")
TABLES = ("answered", "outgoing", "mailbox_numbering", "mailbox", "mail_count", "mail_likeness", "mail_place", "mail")


def upgrade() -> None:
    op.add_column("contact", sa.Column("possible_link", sa.Uuid(), nullable=True))
    op.add_column("file", sa.Column("content", sa.LargeBinary(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":  # compressing what is encrypted costs time and gives nothing
        op.execute("ALTER TABLE file ALTER COLUMN content SET STORAGE EXTERNAL")
    _mails()
    _mailboxes()
    _outgoing()


def _mails() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mailbox", sa.String(length=100), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("message_id_digest", sa.LargeBinary(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("mailbox", "fingerprint", name=op.f("uq_mail_mailbox_fingerprint")),
    )
    op.create_index(op.f("ix_mail_contact_id"), "mail", ["contact_id"])
    op.create_index(
        "ix_mail_message_id_digest", "mail", ["message_id_digest"], sqlite_where=HAS_MESSAGE_ID, postgresql_where=HAS_MESSAGE_ID
    )
    op.create_table(
        "mail_place",
        sa.Column("mailbox", sa.String(length=100), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uid_validity", "uid", name=op.f("pk_mail_place")),
    )
    op.create_index(op.f("ix_mail_place_mail_id"), "mail_place", ["mail_id"])
    op.create_table(
        "mail_likeness",
        sa.Column("mailbox", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "digest", "mail_id", name=op.f("pk_mail_likeness")),
    )
    op.create_table(
        "mail_count",
        sa.Column("mailbox", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "outcome", name=op.f("pk_mail_count")),
    )


def _mailboxes() -> None:
    op.create_table(
        "mailbox",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("reader", sa.Uuid(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("last_read_at", MOMENT, nullable=True),
        sa.Column("present", sa.BigInteger(), nullable=False),
        sa.Column("before_import", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("missing_since", MOMENT, nullable=True),
        sa.Column("error", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mailbox")),
    )
    op.create_table(
        "mailbox_numbering",
        sa.Column("mailbox", sa.String(length=100), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uid_validity", name=op.f("pk_mailbox_numbering")),
    )


def _outgoing() -> None:
    op.create_table(
        "outgoing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mailbox", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=True),
        sa.Column("token_expires_at", MOMENT, nullable=True),
        sa.Column("message_id_digest", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_outgoing_token_digest")),
    )
    op.create_index(op.f("ix_outgoing_contact_id"), "outgoing", ["contact_id"])
    for name, column, where in (
        ("ix_outgoing_message_id_digest", "message_id_digest", HAS_MESSAGE_ID),
        ("ix_outgoing_due_at", "due_at", IS_DUE),
        ("ix_outgoing_unsent", "status", UNSENT),
    ):
        op.create_index(name, "outgoing", [column], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "answered",
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("recipient", name=op.f("pk_answered")),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("file") as file:
        file.drop_column("content")
    with op.batch_alter_table("contact") as contact:
        contact.drop_column("possible_link")
