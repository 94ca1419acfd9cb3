"""Submitted executions are kept for a time and up to a size; a sweep removes the oldest, in small pieces.

Their records stay, because quotas count them.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
import trio

from sandboxd.config import RetentionSettings
from sandboxd.errors import StoreError
from sandboxd.executions.ledger import Ledger
from sandboxd.executions.reading import Reading
from sandboxd.store import submission_queries
from sandboxd.store.group_commit import GroupCommit

SWEEP_SECONDS: Final = 60.0
AT_ONCE: Final = 20
"""Executions that one sweep begins to remove at the same time."""
ROWS: Final = 16
"""Most rows of the journal, and so a megabyte of output, that one commit removes: who writes meanwhile waits for no more."""
DAY_MS: Final = 86_400_000
log = structlog.get_logger()


class Retention:
    """Sweeps until it is cancelled."""

    def __init__(self, settings: RetentionSettings, ledger: Ledger, group: GroupCommit, reading: Reading) -> None:
        self._age_ms, self._most_bytes = settings.age_days * DAY_MS, settings.size_mb << 20
        self._ledger, self._group, self._reading = ledger, group, reading

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """A sweep now and then."""
        task_status.started()
        while True:
            try:
                await self.sweep()
            except StoreError as problem:
                log.error("nothing old is removed", why=problem.message)
            await trio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Removes all that is too old, and the oldest of what is too much; answers how many. Raises StoreError."""
        surplus = await self._reading.read(submission_queries.kept_bytes) - self._most_bytes
        since_ms, removed = self._ledger.now() - self._age_ms, 0
        while True:
            due: list[str] = []
            for each in await self._reading.read(partial(submission_queries.oldest_ended, most=AT_ONCE)):
                if each.ended_ms > since_ms and surplus <= 0:
                    break
                due.append(each.id)
                surplus -= each.size_bytes
            if not due:
                return removed
            await self._group.submit(partial(submission_queries.hide, ids=due))
            left: Sequence[str] = due
            while left:
                left = await self._group.submit(partial(submission_queries.remove, ids=left, rows=ROWS))
            removed += len(due)
