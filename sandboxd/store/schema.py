"""The tables. A change here needs a new file in ``migrations/versions``; a test compares the two.

Times are milliseconds since the epoch in UTC. Names of columns carry their units.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows only."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


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

# The first output of an action for a fixture, as canonical JSON: what later ones are compared with.
snapshots = Table(
    "snapshots",
    metadata,
    Column("number", Integer, primary_key=True),  # their age, for pruning
    Column("tenant", Text, nullable=False),
    Column("action_sha256", Text, nullable=False),
    Column("fixture", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("snapshots_key", "tenant", "action_sha256", "fixture", unique=True),
    Index("snapshots_age", "tenant", "number"),
)

# One row is the quota take and the record of what became of it: written as `running` before the worker is told to run
# (as `queued` when it was submitted to run later) and completed in the end. So what ran cannot be forgotten, and nothing is
# counted twice. `started_ms` is the moment of the take.
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
    _partial("executions_running", "status", where="status = 'running'"),
)

# What a submitted execution has besides: what was asked, and what is found by an index. It is removed by retention, with its
# journal; the row of `executions` stays, because quotas count it.
submissions = Table(
    "submissions",
    metadata,
    Column("number", Integer, primary_key=True),  # the order in which they were accepted
    Column("execution_id", Text, ForeignKey("executions.id"), nullable=False, unique=True),
    Column("tenant", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),  # the limits that were granted
    Column("memory_bytes", BigInteger, nullable=False),
    Column("session", Text),
    Column("tags", Text, nullable=False),  # JSON
    Column("key", Text),  # the caller's Idempotency-Key, and a hash of what he asked under it
    Column("asked_sha256", Text, nullable=False),
    Column("begun_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("result", Text),  # JSON
    Column("failure", Text),  # JSON
    Column("truncated", Boolean, nullable=False),
    Column("removed", Boolean, nullable=False),  # its owner sees it no more; what is left of it goes piece by piece
    Column("size_bytes", BigInteger, nullable=False),  # source, output and result
    Index("submissions_owner", "tenant", "user", "number"),
    _partial("submissions_key", "tenant", "user", "key", where="key IS NOT NULL", unique=True),
    # What is queued or runs: what a start has to look at.
    _partial("submissions_open", "number", where="ended_ms IS NULL"),
    # Retention: the oldest ended first, and how much there is in all.
    _partial("submissions_ended", "ended_ms", "size_bytes", where="ended_ms IS NOT NULL"),
)

# What happened to one execution, in order; nothing in it is ever changed. `data` is JSON, and of a `log` row the console text
# itself: a chunk that ends with a line or is cut at a character, and where in the whole output it stands. Number 0 is the
# source: here, because rows that are updated are written anew as a whole.
journal = Table(
    "journal",
    metadata,
    Column("execution_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("start_byte", BigInteger),
    Column("end_byte", BigInteger),
    Column("start_line", BigInteger),
    Column("end_line", BigInteger),
    # A page begins in the first chunk that ends behind its first byte, or behind the end of the line before it.
    _partial("journal_bytes", "execution_id", "end_byte", "number", where="end_byte IS NOT NULL"),
    _partial("journal_lines", "execution_id", "end_line", "number", where="end_line IS NOT NULL"),
)
