"""Tokens and executions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger),
        sa.Column("revoked_ms", sa.BigInteger),
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("door", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("finished_ms", sa.BigInteger),
        sa.Column("cpu_ms", sa.Float),
        sa.Column("memory_bytes", sa.BigInteger),
        sa.Column("wall_ms", sa.Float),
        sa.Column("error_name", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("output", sa.Text),
    )
    op.create_index("executions_quota", "executions", ["tenant", "user", "counted", "started_ms"])
    running = sa.text("status = 'running'")
    op.create_index("executions_running", "executions", ["status"], sqlite_where=running, postgresql_where=running)


def downgrade() -> None:
    raise NotImplementedError("there is no way back: restore the copy that was made before the upgrade")
