"""Whether the daemon can serve: each part by its name, in words that anybody may read. No user data and no paths."""

from collections.abc import Iterable

from msgspec import Struct

from sandboxd.executions.engine import Engine
from sandboxd.executions.submissions import Submissions
from sandboxd.models import JailLayer
from sandboxd.pool.pool import Pool
from sandboxd.store.group_commit import GroupCommit
from sandboxd.store.pulse import Pulse


class PoolState(Struct, frozen=True):
    """One profile's pool."""

    workers: str
    """How its workers are made: fork or exec."""
    ready: int
    """Workers that wait."""
    problem: str | None
    """Why it is degraded; null where it is not."""
    jail: dict[str, str]
    """What became of each layer, by name."""
    canary: str
    """What came of attempts to break out."""


class Part(Struct, frozen=True, omit_defaults=True):
    """One part of the daemon."""

    ok: bool
    """Whether it does its work."""
    text: str = ""
    """What there is to say of it; absent where that is nothing."""


class State(Struct, frozen=True):
    """Whether the daemon can serve, and with what."""

    ready: bool
    """Whether every part is ok."""
    parts: dict[str, Part]
    """The daemon, the store and the policy; for each profile its pool, its jail, and its fork server (its launcher, where
    workers are not forked), by names like "pool code-nodes"."""
    node: str
    """The version of Node."""
    node_origin: str
    """Where that Node comes from."""
    running: int
    """Executions that run."""
    waiting: int
    """Requests that wait for a slot."""
    pools: dict[str, PoolState]
    """By profile."""


class Health:
    """What the doors of health call."""

    def __init__(self, engine: Engine, submissions: Submissions, group: GroupCommit) -> None:
        self._engine, self._submissions = engine, submissions
        self._pulse = Pulse(group)

    async def state(self) -> State:
        """How the daemon stands now; takes as long as it takes to write a page, PATIENCE_SECONDS at most."""
        engine = self._engine
        parts = {
            "daemon": self._daemon(),
            "store": _part(await self._pulse.problem()),
            "policy": Part(True, engine.policy_problem),
        }
        for name, pool in engine.pools.items():
            parts |= {f"{kind} {name}": part for kind, part in _parts(pool, engine.workers).items()}
        return State(
            ready=all(part.ok for part in parts.values()),
            parts=parts,
            node=engine.node.version,
            node_origin=engine.node.origin,
            running=engine.queue.running,
            waiting=engine.queue.waiting,
            pools={name: _pool(pool, engine.workers) for name, pool in engine.pools.items()},
        )

    def _daemon(self) -> Part:
        return _part("it stops, and begins nothing more" if self._submissions.runner.draining.is_set() else "")


def _part(problem: str) -> Part:
    return Part(not problem, problem)


def _parts(pool: Pool, workers: str) -> dict[str, Part]:
    """Those of one profile; the one that fails says why, the others may well be all right."""
    source = "fork server" if workers == "fork" else "launcher"
    names = {"pool": "pool", "source": source, "jail": "jail"}
    return {name: _part(_public(pool.problem) if pool.problem and pool.failing == part else "") for part, name in names.items()}


def _public(problem: str) -> str:
    """Its first words. What follows are a worker's own, or the kernel's, which name paths; the log has all of it."""
    return problem.splitlines()[0].partition(": ")[0]


def _jail(layers: Iterable[JailLayer]) -> dict[str, str]:
    """States with their errno; the kernel's text may name paths, and anybody may ask whether we are ready."""
    return {layer.name: f"{layer.state} ({layer.errno})" if layer.errno else layer.state for layer in layers}


def _pool(pool: Pool, workers: str) -> PoolState:
    problem = None if pool.problem is None else _public(pool.problem)
    return PoolState(workers, pool.ready, problem, _jail(pool.layers), pool.canary)
