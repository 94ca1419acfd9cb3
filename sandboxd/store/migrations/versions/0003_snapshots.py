"""Snapshots of actions' outputs."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("action_sha256", sa.Text, nullable=False),
        sa.Column("fixture", sa.Text, nullable=False),
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("snapshots_key", "snapshots", ["tenant", "action_sha256", "fixture"], unique=True)
    op.create_index("snapshots_age", "snapshots", ["tenant", "number"])


def downgrade() -> None:
    raise NotImplementedError("there is no way back: restore the copy that was made before the upgrade")
