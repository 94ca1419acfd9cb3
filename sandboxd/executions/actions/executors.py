"""Who executes actions: a principal with his quotas, or the operator on his command line."""

from msgspec import Raw

from sandboxd.errors import HouseError
from sandboxd.executions.actions.candidate import Bounds
from sandboxd.executions.engine import Engine, Hear
from sandboxd.executions.service import Service
from sandboxd.models import Failure, Outcome, Principal, Source
from sandboxd.policy.decide import local_grant
from sandboxd.policy.model import Policy

DOOR = "actions"
PROFILE = "actions"


def bounds_of(policy: Policy, executions: int) -> Bounds:
    """What a request may ask for, by the profile and the setting."""
    limits = policy.profiles[PROFILE].limits
    return Bounds(executions, limits.source_bytes.most, limits.depth.most)


class PrincipalExecutor:
    """Each execution is a take from the principal's quota, like one of any other door."""

    def __init__(self, service: Service, principal: Principal, executions: int) -> None:
        self.bounds = bounds_of(service.engine.policy, executions)
        self._service, self._principal = service, principal

    async def check(self, source: Source) -> Failure | None:
        """See Executor."""
        return await self._service.validate(self._principal, door=DOOR, profile=PROFILE, source=source)

    async def run(self, source: Source, given: Raw, execution_id: str, on_log: Hear) -> Outcome:
        """See Executor."""
        execution = await self._service.execute(
            self._principal,
            door=DOOR,
            profile=PROFILE,
            source=source,
            input=given,
            execution_id=execution_id,
            on_log=on_log,
        )
        return execution.outcome


class LocalExecutor:
    """The engine alone: no tokens, quotas and records."""

    def __init__(self, engine: Engine, executions: int) -> None:
        self.bounds = bounds_of(engine.policy, executions)
        self._engine, self._grant = engine, local_grant(engine.policy, PROFILE, None, field="wall_ms")

    async def check(self, source: Source) -> Failure | None:
        """See Executor. Raises HouseError."""
        failure = await self._engine.check(self._grant, source, user="local")
        if failure is not None and failure.kind == "crash":
            raise HouseError(failure.message)  # which says nothing about the source
        return failure

    async def run(self, source: Source, given: Raw, execution_id: str, on_log: Hear) -> Outcome:
        """See Executor."""
        return await self._engine.run(self._grant, source, user="local", execution_id=execution_id, input=given, on_log=on_log)
