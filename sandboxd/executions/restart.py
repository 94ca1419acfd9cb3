"""What an earlier life of the daemon left: the queued goes on waiting; what had begun ends, for it must not run twice."""

from collections.abc import Container, Sequence
from functools import partial
from typing import Final

from msgspec import json
from sqlalchemy import Connection

from sandboxd.executions.hub import FINISHED
from sandboxd.executions.reading import Reading
from sandboxd.executions.scheduler import Queued, Scheduler
from sandboxd.models import Failure, Status
from sandboxd.policy.model import Policy
from sandboxd.store import journal_queries, submission_queries
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.journal_queries import Entry
from sandboxd.store.submission_queries import Open

RESTARTED: Final = Failure("restart", "Restarted", "daemon restarted")
AT_ONCE: Final = 100
"""Ends in one commit."""


async def resume(
    policy: Policy, served: Container[str], scheduler: Scheduler, group: GroupCommit, reading: Reading, *, now_ms: int
) -> None:
    """Once the ledger has closed the records of what was running; before anything is begun. Raises StoreError.

    What is queued for a profile that is not `served` now stays queued, for a start that serves it again.
    """
    begun: list[Open] = []
    for each in await reading.read(submission_queries.open_submissions):
        if each.status == Status.queued:
            if each.profile not in served:
                continue
            tier = policy.tiers.get(each.tier)
            scheduler.put(Queued(each.id, (each.tenant, each.user), tier.concurrent if tier is not None else None))
        else:
            begun.append(each)
    for start in range(0, len(begun), AT_ONCE):
        await group.submit(partial(_end, ended=begun[start : start + AT_ONCE], now_ms=now_ms))


def _end(connection: Connection, ended: Sequence[Open], now_ms: int) -> None:
    failure = json.encode(RESTARTED).decode()
    for each in ended:
        number = journal_queries.last_number(connection, each.id) + 1
        status = json.encode({"status": each.status}).decode()
        journal_queries.append(connection, each.id, [Entry(number, now_ms, FINISHED, status)])
        submission_queries.note_end(connection, each.id, now_ms=now_ms, failure=failure)
