"""What is in a data directory, and tokens put there without a process of their own."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sandboxd.auth.tokens import hash_token, new_token, token_id
from sandboxd.store import queries
from sandboxd.store.database import FILE, open_database
from sandboxd.store.queries import StoredToken


def make_token(
    data_dir: Path, user: str, tier: str = "service", *, tenant: str = "default", expires_in_s: float | None = None
) -> str:
    """A token as `sandboxd token create` makes it, but at once; `expires_in_s` may be negative."""
    text, now_ms = new_token(), int(time.time() * 1000)
    hashed = hash_token(text)
    expires_ms = None if expires_in_s is None else now_ms + int(expires_in_s * 1000)
    stored = StoredToken(hashed, token_id(hashed), tenant, user, tier, now_ms, expires_ms)
    with open_database(data_dir) as database, database.write() as connection:
        queries.insert_token(connection, stored)
    return text


def id_of(token: str) -> str:
    """The name of a token, as `sandboxd token list` shows it."""
    return token_id(hash_token(token))


def executions(data_dir: Path, user: str) -> list[dict[str, Any]]:
    """All records of a user's executions, the oldest first."""
    connection = sqlite3.connect(data_dir / FILE, timeout=10)
    connection.row_factory = sqlite3.Row
    try:
        rows = connection.execute('SELECT * FROM executions WHERE "user" = ? ORDER BY started_ms, rowid', (user,))
        return [dict(row) for row in rows]
    finally:
        connection.close()


def statuses(data_dir: Path, user: str) -> list[str]:
    """How a user's executions stand, the oldest first."""
    return [row["status"] for row in executions(data_dir, user)]


def counted(data_dir: Path, user: str) -> int:
    """How many executions count against a user's quota."""
    return sum(bool(row["counted"]) for row in executions(data_dir, user))


def pretend_started(data_dir: Path, user: str, starts_ms: list[int], *, tenant: str = "default") -> None:
    """Writes finished executions into the past of a user."""
    connection = sqlite3.connect(data_dir / FILE, timeout=10)
    try:
        connection.executemany(
            "INSERT INTO executions (id, door, tenant, user, tier, profile, status, code_sha256, counted, started_ms)"
            " VALUES (hex(randomblob(16)), 'code-nodes', ?, ?, 'starter', 'code-nodes', 'succeeded', '', 1, ?)",
            [(tenant, user, start) for start in starts_ms],
        )
        connection.commit()
    finally:
        connection.close()


def wait_until(condition: Any, seconds: float = 30) -> Any:
    """What `condition` gives as soon as it is true, or what it gave last."""
    give_up = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < give_up:
        time.sleep(0.02)
    return value
