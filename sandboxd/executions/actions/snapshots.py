"""Outputs as they were first: canonical JSON, kept per tenant, program and fixture."""

import hashlib
import time
from functools import partial
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from sandboxd.store import snapshots as store
from sandboxd.store.group_commit import GroupCommit

_canonical = msgspec.json.Encoder(order="deterministic")


def canonical(value: Any) -> str:
    """JSON by which equal values are equal texts: keys in order, no white space."""
    return _canonical.encode(value).decode()


def hash_of(text: str) -> str:
    """What tells programs apart, and outputs."""
    return hashlib.sha256(text.encode()).hexdigest()


class Baselines(Protocol):
    """Where first outputs are kept."""

    async def first(self, program: str, fixture: str, output: str) -> str:
        """The output that was kept for this hash and fixture: this one, if there was none."""
        ...


class StoredBaselines:
    """Those of one tenant, in the database."""

    def __init__(self, group: GroupCommit, tenant: str) -> None:
        self._group, self._tenant = group, tenant

    async def first(self, program: str, fixture: str, output: str) -> str:
        """See Baselines. Raises StoreError."""
        key = store.Key(self._tenant, program, fixture)
        return await self._group.submit(partial(_first, key=key, output=output))


def _first(connection: Connection, key: store.Key, output: str) -> str:
    return store.first_output(connection, key, output, now_ms=int(time.time() * 1000))
