"""Whether the data directory can be written: tried, not remembered, for what failed may work again with nobody there to see."""

import sqlite3
from typing import Final

import trio
from sqlalchemy import Connection, exc

from sandboxd.errors import StoreError
from sandboxd.store.group_commit import GroupCommit

FRESH_SECONDS: Final = 1.0
"""How long an answer holds: anybody may ask, and the disk is not his to keep busy."""
PATIENCE_SECONDS: Final = 2.0
"""How long a write may take."""


class Pulse:
    """The writer's, felt by letting it write a page, with whatever else waits to be written."""

    def __init__(self, group: GroupCommit) -> None:
        self._group = group
        self._turn = trio.Lock()
        self._until, self._problem = 0.0, ""

    async def problem(self) -> str:
        """Why it cannot be written, without a path; empty when it can."""
        with trio.move_on_after(PATIENCE_SECONDS):
            async with self._turn:  # who comes meanwhile hears what comes of it
                if trio.current_time() >= self._until:
                    self._problem = await self._write()
                    self._until = trio.current_time() + FRESH_SECONDS
                return self._problem
        return f"the data directory was not written within {PATIENCE_SECONDS:g} s"

    async def _write(self) -> str:
        try:
            await self._group.submit(_touch, undo=_nothing)
        except StoreError as error:
            return f"the data directory cannot be written{_reason(error)}"
        return ""


def _touch(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA user_version = 0")  # nobody reads it, and it is a page in the log like any other


def _nothing(_: Connection) -> None:
    """One that nobody waits for any more is not written, if it is still in the queue."""


def _reason(error: BaseException | None) -> str:
    """SQLite's name for it; its words, and those of the system, may hold a path."""
    while error is not None:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(cause, sqlite3.Error):
            return f" ({getattr(cause, 'sqlite_errorname', 'SQLITE_ERROR')})"
        error = error.__cause__
    return ""
