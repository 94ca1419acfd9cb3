"""The engine: a source and a grant in, an outcome out. No tokens, no quotas, no records."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Raw
from msgspec.structs import replace

import policies
from sandboxd.broker.broker import Broker, Outside, open_broker
from sandboxd.broker.session import Told
from sandboxd.config import Settings
from sandboxd.errors import SettingsError, WorkerStartError
from sandboxd.jail import seccomp
from sandboxd.models import Failure, Limits, LogLine, Outcome, Source, Status, Usage
from sandboxd.policy.load import load_policy
from sandboxd.policy.model import Grant, Policy, Profile
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.forkserver import open_forkserver
from sandboxd.pool.launching import Plan
from sandboxd.pool.pool import OpenSource, Pool
from sandboxd.pool.queue import FairQueue
from sandboxd.pool.runtime import Node, Workers, choose_workers, find_node, plan, shipped_calls
from sandboxd.pool.worker import Sink
from sandboxd.protocol.messages import Capabilities, Check, FetchCapability, Run, RunLimits

NOTHING: Final = Raw(b"null")
Hear = Callable[[LogLine], None]
"""Is told each console call as it comes."""


def read_policy(settings: Settings) -> Policy:
    """The policy of the settings' folder, or the shipped one. Raises PolicyError with every problem."""
    return load_policy(read_policy_files(settings))


def read_policy_files(settings: Settings) -> Mapping[str, str]:
    """The texts of that folder's files by name, whatever is in them."""
    home = Path(settings.policies).expanduser() if settings.policies else policies.HOME
    try:
        return {str(path.relative_to(home)): path.read_text("utf-8") for path in sorted(home.rglob("*.toml"))}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"The policies in {home} cannot be read: {problem}") from None


def read_calls(settings: Settings) -> seccomp.Policy:
    """The system-call policy of the settings' folder, or the shipped one where it has none. Raises PolicyError."""
    own = Path(settings.policies).expanduser() / "seccomp" if settings.policies else None
    return seccomp.read_policy(own) if own is not None and own.is_dir() else shipped_calls()


class Engine:
    """The pools of all profiles behind one queue, and the broker that answers what their workers ask."""

    policy_problem = ""
    """That the last reload of the policy was refused, in words for anybody; the one before goes on."""

    def __init__(
        self, policy: Policy, node: Node, workers: Workers, queue: FairQueue, pools: dict[str, Pool], broker: Broker
    ) -> None:
        self.policy, self.node, self.workers, self.queue, self.pools = policy, node, workers, queue, pools
        self.broker = broker

    def problems(self) -> dict[str, str]:
        """Why pools are degraded, by profile."""
        return {name: pool.problem for name, pool in self.pools.items() if pool.problem is not None}

    def demand(self) -> None:
        """Raises WorkerStartError when a pool is degraded: for a caller who does not want to wait until it is not."""
        for problem in self.problems().values():
            raise WorkerStartError(problem)

    async def run(
        self,
        grant: Grant,
        source: Source,
        *,
        user: Hashable,
        execution_id: str = "",
        input: Raw = NOTHING,  # noqa: A002 the word of the API
        check: bool = True,
        started: Callable[[], None] = lambda: None,
        on_log: Hear | None = None,
    ) -> Outcome:
        """Runs the source in a worker of its own. `started` is called right before the worker is told.

        `user` is the principal whose connections its host calls use; the log names them by `execution_id`.
        Raises NoCapacity. Whatever the code does is in the outcome; when this returns its worker is dead.
        """
        request = _request(grant, source, input, check)
        async with self.pools[grant.profile].lease(user) as worker:
            started()
            with self.broker.session(grant, user, execution=execution_id) as session:
                return await worker.run(request, grant.limits, on_log, session.answer)

    async def run_submitted(
        self,
        grant: Grant,
        begin: Callable[[], Awaitable[Source]],
        *,
        user: Hashable,
        execution_id: str,
        sink: Sink,
        told: Told | None = None,
    ) -> Outcome:
        """Runs what `begin` answers, which is called once a worker is there, however long that takes.

        What is printed goes to `sink` as it comes, and is not in the outcome; `told` hears of host calls.
        """
        async with self.pools[grant.profile].lease(user, patient=True) as worker:
            request = _request(grant, await begin(), NOTHING, check=False)
            with self.broker.session(grant, user, told=told, execution=execution_id) as session:
                return await worker.run(request, grant.limits, answer=session.answer, sink=sink)

    async def check(self, grant: Grant, source: Source, *, user: Hashable) -> Failure | None:
        """Whether the source would run: None, or why not. Nothing of it is run. Raises NoCapacity."""
        async with self.pools[grant.profile].lease(user) as worker:
            outcome = await worker.run(Check(source.text, source.language), grant.limits)
        return outcome.failure


def rejected(failure: Failure) -> Outcome:
    """The outcome of a source that was refused before a worker saw it."""
    return Outcome(Status.rejected, Usage(0.0, 0, 0.0), failure=failure)


def _request(grant: Grant, source: Source, given: Raw, check: bool) -> Run:
    limits = grant.limits
    return Run(
        source=source.text,
        language=source.language,
        dialect=grant.dialect,
        check=check,
        limits=RunLimits(limits.output_bytes, limits.result_bytes, limits.depth),
        input=given,
        capabilities=_capabilities(grant),
    )


def _capabilities(grant: Grant) -> Capabilities:
    """What the harness must know of what was granted."""
    fetch = grant.capabilities.fetch
    if fetch is None:
        return Capabilities()
    return Capabilities(FetchCapability(fetch.base_url or None, fetch.limits.request_bytes.most))


def most(profile: Profile) -> Limits:
    """The limits that workers of a profile are started with: those that no execution may exceed."""
    limits = profile.limits
    return Limits(
        limits.wall_ms.max,
        limits.memory_bytes.most,
        limits.output_bytes.most,
        limits.result_bytes.most,
        limits.source_bytes.most,
        limits.depth.most,
    )


def _source(how: Plan) -> OpenSource:
    return partial(open_forkserver if how.workers == "fork" else open_execserver, how)


@asynccontextmanager
async def open_engine(
    settings: Settings, policy: Policy, profiles: Sequence[str], outside: Outside | None = None
) -> AsyncIterator[Engine]:
    """Pools for `profiles`, the first workers started. Raises SettingsError for an unknown profile or a missing Node.

    `outside` is the world that the broker may reach; the real one if absent.
    """
    if missing := [name for name in profiles if name not in policy.profiles]:
        raise SettingsError(f"There is no profile {missing[0]!r}; there are: {', '.join(sorted(policy.profiles))}")
    node = await trio.to_thread.run_sync(find_node, settings.node)
    sizes = settings.pool
    workers, _ = choose_workers(node, sizes.workers)
    queue = FairQueue(slots=sizes.running, waiting=sizes.waiting, wait_ms=sizes.wait_ms, share=sizes.running_per_user)
    pools: dict[str, Pool] = {}
    calls = read_calls(settings)
    for name in profiles:
        profile = policy.profiles[name]
        how = plan(node, profile, most(profile), start_timeout_ms=sizes.start_timeout_ms, calls=calls, workers=workers)
        pools[name] = Pool(name, _source(replace(how, profile=name)), queue, ahead=sizes.ahead)
    served = {name: policy.profiles[name] for name in profiles}
    async with open_broker(served, outside or Outside()) as broker, trio.open_nursery() as nursery:
        async with trio.open_nursery() as starting:  # side by side: most of a start is waiting for it
            for pool in pools.values():
                starting.start_soon(nursery.start, pool.serve)
        yield Engine(policy, node, workers, queue, pools, broker)
        nursery.cancel_scope.cancel()
