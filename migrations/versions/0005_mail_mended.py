"""mail mended: senders with many addresses, answers a day, and what a mail told that became a message."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outgoing", sa.Column("correspondent", sa.LargeBinary(), nullable=True))
    op.create_table(
        "answer_count",
        sa.Column("domain", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_answer_count")),
    )
    op.add_column("message", sa.Column("sealed_mail", sa.LargeBinary(), nullable=True))
    op.add_column("message", sa.Column("parse_status", sa.String(16), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("message") as message:
        message.drop_column("parse_status")
        message.drop_column("sealed_mail")
    op.drop_table("answer_count")
    with op.batch_alter_table("outgoing") as outgoing:
        outgoing.drop_column("correspondent")
