"""Submitted executions and their journal."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "submissions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("execution_id", sa.Text, sa.ForeignKey("executions.id"), nullable=False, unique=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("wall_ms", sa.BigInteger, nullable=False),
        sa.Column("memory_bytes", sa.BigInteger, nullable=False),
        sa.Column("session", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("asked_sha256", sa.Text, nullable=False),
        sa.Column("begun_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("result", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("truncated", sa.Boolean, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("submissions_owner", "submissions", ["tenant", "user", "number"])
    _partial("submissions_key", "submissions", ["tenant", "user", "key"], "key IS NOT NULL", unique=True)
    _partial("submissions_open", "submissions", ["number"], "ended_ms IS NULL")
    _partial("submissions_ended", "submissions", ["ended_ms", "size_bytes"], "ended_ms IS NOT NULL")
    op.create_table(
        "journal",
        sa.Column("execution_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("start_byte", sa.BigInteger),
        sa.Column("end_byte", sa.BigInteger),
        sa.Column("start_line", sa.BigInteger),
        sa.Column("end_line", sa.BigInteger),
    )
    _partial("journal_bytes", "journal", ["execution_id", "end_byte", "number"], "end_byte IS NOT NULL")
    _partial("journal_lines", "journal", ["execution_id", "end_line", "number"], "end_line IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    raise NotImplementedError("there is no way back: restore the copy that was made before the upgrade")
