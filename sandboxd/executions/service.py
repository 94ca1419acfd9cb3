"""The use-cases, in the callers' words: who are you, would this run, run it."""

import hashlib
import uuid

import structlog
from msgspec import Raw, Struct
from structlog.contextvars import bind_contextvars

from sandboxd import metrics
from sandboxd.errors import HouseError, NoCapacity
from sandboxd.executions.engine import NOTHING, Engine, Hear, rejected
from sandboxd.executions.ledger import Ledger
from sandboxd.executions.source import refuse
from sandboxd.models import Failure, Outcome, Principal, Source, Status
from sandboxd.policy.decide import decide
from sandboxd.store.queries import Opening

log = structlog.get_logger()


class Execution(Struct, frozen=True):
    """One execution that has ended; `wall_ms` is the limit that it had."""

    id: str
    outcome: Outcome
    wall_ms: int


class Service:
    """What the doors call. Raises only errors of `sandboxd.errors`; the failures of user code are outcomes."""

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self.engine, self.ledger = engine, ledger

    async def principal(self, token: str) -> Principal:
        """The bearer of a token. Raises InvalidToken."""
        return await self.ledger.principal(token)

    def admit(self, principal: Principal, door: str, profile: str) -> None:
        """Raises SubscriptionRequired when the principal's tier does not open the door."""
        decide(self.engine.policy, tier=principal.tier, door=door, profile=profile)

    async def validate(self, principal: Principal, *, door: str, profile: str, source: Source) -> Failure | None:
        """Why the source would be refused, None when it would run. Takes a slot of the user's, but no quota.

        Raises QuotaExceeded (concurrent) and HouseError.
        """
        grant = decide(self.engine.policy, tier=principal.tier, door=door, profile=profile)
        async with self.ledger.slot(principal, grant.quota):
            if (finding := refuse(source.text, grant.limits.source_bytes)) is not None:
                return finding
            failure = await self.engine.check(grant, source, user=(principal.tenant, principal.user))
        if failure is not None and failure.kind == "crash":
            raise HouseError(failure.message)  # nothing of the source ran, so this says nothing about it
        return failure

    async def execute(
        self,
        principal: Principal,
        *,
        door: str,
        profile: str,
        source: Source,
        input: Raw = NOTHING,  # noqa: A002 the word of the API
        wall_ms: int | None = None,
        field: str = "wall_ms",
        execution_id: str | None = None,
        on_log: Hear | None = None,
    ) -> Execution:
        """Runs the source once for the principal. `field` names `wall_ms` as the caller wrote it.

        The take is on disk before the worker is told; a source that validation refuses, and a request that found no
        capacity, count against nothing. Raises RequestError and HouseError of many kinds.
        """
        grant = decide(self.engine.policy, tier=principal.tier, door=door, profile=profile, wall_ms=wall_ms, field=field)
        execution_id = execution_id or str(uuid.uuid4())
        bind_contextvars(execution=execution_id)  # in every line of this request from here on
        if (finding := refuse(source.text, grant.limits.source_bytes)) is not None:
            metrics.ended(door, profile, Status.rejected, wall_ms=None, cpu_ms=None)
            return Execution(execution_id, rejected(finding), grant.limits.wall_ms)
        opening = Opening(
            id=execution_id,
            door=door,
            profile=profile,
            code_sha256=hashlib.sha256(source.text.encode()).hexdigest(),
            source=source.text if grant.keep_content else None,
        )
        async with self.ledger.take(principal, grant.quota, opening) as take:
            try:
                outcome = await self.engine.run(
                    grant,
                    source,
                    user=(principal.tenant, principal.user),
                    execution_id=execution_id,
                    input=input,
                    started=take.started,
                    on_log=on_log,
                )
            except NoCapacity:
                take.give_back()
                raise
            name = outcome.failure.name if outcome.failure is not None else None
            if outcome.status is Status.rejected:
                take.reject(name)
            else:
                output = "\n".join(line.text for line in outcome.logs) if grant.keep_content else None
                take.close(outcome.status, outcome.usage, error_name=name, output=output)
        log.debug("execution ended", status=outcome.status, wall_ms=round(outcome.usage.wall_ms, 1))
        return Execution(execution_id, outcome, grant.limits.wall_ms)
