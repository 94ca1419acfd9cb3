"""The statements on ``snapshots``: the first output of a program for a fixture."""

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, insert, select

from sandboxd.store.schema import snapshots

MOST = 1000
"""Snapshots of one tenant that are kept; the oldest make room."""


class Key(Struct, frozen=True):
    """Whose output, of which program (its SHA-256), for which fixture."""

    tenant: str
    action_sha256: str
    fixture: str


_mine = snapshots.c.tenant == bindparam("tenant")
_find = select(snapshots.c.output).where(
    _mine, snapshots.c.action_sha256 == bindparam("action_sha256"), snapshots.c.fixture == bindparam("fixture")
)
_newest = select(snapshots.c.number).where(_mine).order_by(snapshots.c.number.desc()).limit(MOST)
_insert = insert(snapshots)
_prune = delete(snapshots).where(_mine, snapshots.c.number.not_in(_newest))


def first_output(connection: Connection, key: Key, output: str, *, now_ms: int) -> str:
    """The output that is kept under the key: this one, if there was none."""
    values = asdict(key)
    kept: str | None = connection.execute(_find, values).scalar()
    if kept is not None:
        return kept
    connection.execute(_insert, values | {"output": output, "created_ms": now_ms})
    connection.execute(_prune, {"tenant": key.tenant})
    return output
