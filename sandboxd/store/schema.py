"""The tables. A change here needs a new file in ``migrations/versions``; a test compares the two.

Times are milliseconds since the epoch in UTC. Names of columns carry their units.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, Table, Text, text

metadata = MetaData()

tokens = Table(
    "tokens",
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 in hex: the token itself is nowhere
    Column("id", Text, nullable=False, unique=True),  # the public name, for list and revoke
    Column("tenant", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

# One row is the quota take and the record of what became of it: written as `running` before the worker is told to run
# and completed later. So what ran cannot be forgotten, and nothing is counted twice.
executions = Table(
    "executions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("door", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("code_sha256", Text, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("cpu_ms", Float),
    Column("memory_bytes", BigInteger),
    Column("wall_ms", Float),
    Column("error_name", Text),
    Column("source", Text),
    Column("output", Text),
    # Quotas: the L-th newest counted start of one user is L entries of this index from its end.
    Index("executions_quota", "tenant", "user", "counted", "started_ms"),
    # Orphans: holds only what runs now, so a start after years of executions does not read them all.
    Index(
        "executions_running",
        "status",
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
)
