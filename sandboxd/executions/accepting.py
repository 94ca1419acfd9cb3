"""What is submitted is accepted or refused: on disk when it is answered, or not there at all."""

import hashlib
import uuid
from functools import partial
from typing import Final

import trio
from msgspec import json
from sqlalchemy import Connection
from structlog.contextvars import bind_contextvars

from sandboxd.config import QueueSettings
from sandboxd.errors import BadRequest, StoreError
from sandboxd.executions.ledger import User
from sandboxd.executions.reading import Reading
from sandboxd.executions.runner import Runner
from sandboxd.executions.scheduler import Queued
from sandboxd.executions.source import refuse
from sandboxd.executions.submitted import Asked
from sandboxd.models import Principal
from sandboxd.policy.decide import decide
from sandboxd.policy.model import Grant
from sandboxd.policy.quota import Exhausted
from sandboxd.store import submission_queries
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.queries import Opening
from sandboxd.store.submission_queries import Submission

ACCEPT_SECONDS: Final = 30.0
"""How long accepting goes on when the caller has hung up: it is soon over, and half of it would be nothing."""


class Accepting:
    """The way into the queue of a runner."""

    def __init__(self, settings: QueueSettings, group: GroupCommit, reading: Reading, runner: Runner) -> None:
        self._settings, self._group, self._reading, self._runner = settings, group, reading, runner
        self._engine, self._ledger, self._scheduler = runner.engine, runner.ledger, runner.scheduler
        self._arriving: dict[User, int] = {}

    async def submit(self, principal: Principal, door: str, profile: str, asked: Asked) -> str:
        """Accepts an execution; see `Submissions.submit`."""
        grant = decide(
            self._engine.policy,
            tier=principal.tier,
            door=door,
            profile=profile,
            wall_ms=asked.wall_ms,
            field=asked.wall_field,
            memory_bytes=asked.memory_bytes,
            memory_field=asked.memory_field,
        )
        if (finding := refuse(asked.source.text, grant.limits.source_bytes)) is not None:
            raise BadRequest(finding.message)
        opening = Opening(str(uuid.uuid4()), door, profile, hashlib.sha256(asked.source.text.encode()).hexdigest())
        bind_contextvars(execution=opening.id)  # in every line of this request from here on
        hashed = _hash(opening, asked)
        if asked.key is not None:
            known = await self._reading.glance(partial(submission_queries.find_key, principal=principal, key=asked.key))
            if known is not None:
                return _same(known, hashed)
        user = principal.tenant, principal.user
        self._demand_room(user, grant)
        self._arriving[user] = self._arriving.get(user, 0) + 1
        try:
            with trio.move_on_after(ACCEPT_SECONDS, shield=True):
                return await self._accept(principal, grant, opening, asked, hashed)
            raise StoreError("The data directory takes too long to write")
        finally:
            self._arriving[user] -= 1
            if not self._arriving[user]:
                del self._arriving[user]

    def _demand_room(self, user: User, grant: Grant) -> None:
        """Raises QuotaExceeded or NoCapacity where one more cannot be queued."""
        busy = self._engine.queue.no_capacity()
        if grant.quota.concurrent == 0:  # it would wait for ever
            raise self._ledger.exceeded(grant.quota, Exhausted("concurrent", 0, busy.retry_after))
        if self._scheduler.waiting_of(user) + self._arriving.get(user, 0) >= self._settings.per_user:
            raise self._ledger.exceeded(grant.quota, Exhausted("queued", self._settings.per_user, busy.retry_after))
        full = self._scheduler.waiting + sum(self._arriving.values()) >= self._settings.most
        if full or self._engine.pools[grant.profile].problem is not None:
            raise busy

    async def _accept(self, principal: Principal, grant: Grant, opening: Opening, asked: Asked, hashed: str) -> str:
        submission = Submission(
            execution_id=opening.id,
            language=asked.source.language,
            wall_ms=grant.limits.wall_ms,
            memory_bytes=grant.limits.memory_bytes,
            session=asked.session,
            tags=json.encode(asked.tags).decode(),
            key=asked.key,
            asked_sha256=hashed,
        )

        def accept(connection: Connection) -> tuple[str, str] | Exhausted | None:
            if asked.key is not None and (known := submission_queries.find_key(connection, principal, asked.key)) is not None:
                return known
            exhausted = self._ledger.queue(connection, principal, grant.quota, opening)
            if exhausted is None:
                now_ms = self._ledger.now()
                submission_queries.insert_submission(connection, principal, submission, asked.source.text, now_ms=now_ms)
            return exhausted

        forget = partial(submission_queries.forget_submission, execution_id=opening.id)
        refused = await self._group.submit(accept, undo=forget)
        if isinstance(refused, Exhausted):
            raise self._ledger.exceeded(grant.quota, refused)
        if refused is not None:
            return _same(refused, hashed)
        self._scheduler.put(Queued(opening.id, (principal.tenant, principal.user), grant.quota.concurrent))
        self._runner.wake()
        return opening.id


def _hash(opening: Opening, asked: Asked) -> str:
    """Of all that makes two submissions the same."""
    what = [opening.door, opening.profile, opening.code_sha256, asked.source.language]
    options = [asked.wall_ms, asked.memory_bytes, asked.session, sorted(asked.tags.items())]
    return hashlib.sha256(json.encode([what, options])).hexdigest()


def _same(known: tuple[str, str], hashed: str) -> str:
    execution_id, before = known
    if before != hashed:
        raise BadRequest("Idempotency-Key was used before, for another submission")
    return execution_id
