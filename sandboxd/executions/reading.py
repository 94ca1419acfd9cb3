"""Reads of the store from the event loop."""

from collections.abc import Callable
from typing import Final, TypeVar

import trio
from sqlalchemy import Connection

from sandboxd.errors import StoreError
from sandboxd.store.database import Database

READERS: Final = 4
"""Threads that read at the same time; below SQLAlchemy's pool size, so none waits for a connection."""

T = TypeVar("T")
Query = Callable[[Connection], T]


class Reading:
    """A data directory, read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readers = trio.CapacityLimiter(READERS)

    async def glance(self, query: Query[T]) -> T:
        """For one statement that finds a small row by its key: here and now, a checkpoint only if that would wait."""
        try:
            with self._database.glance() as connection:
                return query(connection)
        except StoreError:  # somebody holds the database: wait for him, but elsewhere
            return await self.read(query)

    async def read(self, query: Query[T]) -> T:
        """In another thread, all statements at one moment of the database. Raises StoreError."""
        return await trio.to_thread.run_sync(self._read, query, limiter=self._readers)

    def _read(self, query: Query[T]) -> T:
        with self._database.read() as connection:
            return query(connection)
