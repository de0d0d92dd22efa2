"""waiting and leases: why a conversation is where it is, how long its visitor waited, and who was last seen when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
COLUMNS: tuple[tuple[str, sa.types.TypeEngine[object]], ...] = (
    ("because", sa.String(16)),
    ("waiting_since", MOMENT),
    ("waited_seconds", sa.Integer()),
    ("abandoned", sa.Boolean()),
    ("operator_seen_at", MOMENT),
    ("visitor_seen_at", MOMENT),
)
FORMER = """
UPDATE conversation SET abandoned = FALSE, waiting_since = started_at,
    because = CASE status WHEN 'assigned' THEN 'taken' WHEN 'ended' THEN 'ended' ELSE 'started' END,
    operator_seen_at = CASE status WHEN 'assigned' THEN assigned_at END,
    visitor_seen_at = started_at
"""


def upgrade() -> None:
    for name, type_ in COLUMNS:
        op.add_column("conversation", sa.Column(name, type_, nullable=True))
    op.execute(FORMER)


def downgrade() -> None:
    with op.batch_alter_table("conversation") as conversation:
        for name, _ in COLUMNS:
            conversation.drop_column(name)
