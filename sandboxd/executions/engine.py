"""The engine: a source and a grant in, an outcome out. No tokens, no quotas, no records."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio
from msgspec import Raw, Struct
from msgspec.structs import replace

import policies
from sandboxd.audit import Audit
from sandboxd.broker.broker import Broker, Outside, open_broker
from sandboxd.broker.secrets import read_secrets
from sandboxd.broker.session import Told
from sandboxd.config import PoolSettings, Settings
from sandboxd.errors import SettingsError, WorkerStartError
from sandboxd.executions.pools import Pools, open_pools
from sandboxd.jail import seccomp
from sandboxd.jail.cgroups import Subtree
from sandboxd.models import Failure, Limits, LogLine, Outcome, Source, Status, Usage
from sandboxd.policy.changes import carry_over
from sandboxd.policy.load import load_policy
from sandboxd.policy.model import Grant, Policy, Profile
from sandboxd.pool.launching import Plan
from sandboxd.pool.pool import Pool
from sandboxd.pool.runtime import Node, Workers, choose_workers, find_node, plan, shipped_calls
from sandboxd.pool.verdict import violation
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
        return {str(path.relative_to(home)): path.read_bytes().decode() for path in sorted(home.rglob("*.toml"))}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"The policies in {home} cannot be read: {problem}") from None


def read_calls(settings: Settings) -> seccomp.Policy:
    """The system-call policy of the settings' folder, or the shipped one where it has none. Raises PolicyError."""
    return load_calls(read_policy_files(settings))


def load_calls(files: Mapping[str, str]) -> seccomp.Policy:
    """The same from the texts of that folder."""
    own = {name.removeprefix("seccomp/"): text for name, text in files.items() if name.startswith("seccomp/")}
    return seccomp.load_policy(own) if own else shipped_calls()


class Engine:
    """The pools of all profiles behind one queue, and the broker that answers what their workers ask."""

    policy_problem = ""
    """That the last reload of the policy was refused, in words for anybody; the one before goes on."""

    def __init__(
        self, policy: Policy, calls: seccomp.Policy, start: "_Start", pools: Pools, broker: Broker, audit: Audit
    ) -> None:
        self.policy, self.calls, self.broker = policy, calls, broker
        self.node, self.workers, self.queue = start.node, start.workers, pools.queue
        self._start, self._pools, self._audit = start, pools, audit

    @property
    def pools(self) -> dict[str, Pool]:
        """Those that are asked at present, by profile."""
        return self._pools.present

    async def adopt(self, policy: Policy, calls: seccomp.Policy) -> list[str]:
        """Goes on under another policy, and with the files of credentials as they are now. What runs is not touched.

        From one moment on whatever is asked is granted by it. The answer are the profiles whose workers had to be started anew.
        Raises SettingsError and WorkerStartError, perhaps in groups; then all is as it was.
        """
        if missing := [name for name in self.pools if name not in policy.profiles]:
            raise SettingsError(
                f"profiles/{missing[0]}.toml: there is none, but it is served; to serve it no longer needs a restart"
            )
        policy = carry_over(self.policy, policy)
        served = {name: policy.profiles[name] for name in self.pools}
        secrets = await trio.to_thread.run_sync(read_secrets, served)
        plans = await trio.to_thread.run_sync(self._start.plans, served, calls)
        fresh = await self._pools.start_sound(plans)
        self.broker.serve(served, secrets)  # from here on nothing waits: all of it changes at once
        self._pools.take_over(fresh, plans)
        self.policy, self.calls = policy, calls
        return list(fresh)

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
        limits, request = self._pools.limits(grant), _request(grant, source, input, check)
        async with self.pools[grant.profile].lease(user) as worker:
            started()
            with self.broker.session(grant, user, execution=execution_id) as session:
                outcome = await worker.run(request, limits, on_log, session.answer)
        return self._audited(outcome, grant, user, execution_id)

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
        limits = self._pools.limits(grant)
        async with self.pools[grant.profile].lease(user, patient=True) as worker:
            request = _request(grant, await begin(), NOTHING, check=False)
            with self.broker.session(grant, user, told=told, execution=execution_id) as session:
                outcome = await worker.run(request, limits, answer=session.answer, sink=sink)
        return self._audited(outcome, grant, user, execution_id)

    async def check(self, grant: Grant, source: Source, *, user: Hashable) -> Failure | None:
        """Whether the source would run: None, or why not. Nothing of it is run. Raises NoCapacity."""
        limits = self._pools.limits(grant)
        async with self.pools[grant.profile].lease(user) as worker:
            outcome = await worker.run(Check(source.text, source.language), limits)
        return self._audited(outcome, grant, user, "").failure

    def _audited(self, outcome: Outcome, grant: Grant, user: Hashable, execution_id: str) -> Outcome:
        """The same; of a worker that ran into a wall the audit log has a line."""
        if (what := violation(outcome.failure)) is not None:
            self._audit.note("jail violation", what=what, execution=execution_id, profile=grant.profile, principal=user)
        return outcome


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


class _Start(Struct, frozen=True):
    """What of the start of workers no policy says."""

    node: Node
    workers: Workers
    sizes: PoolSettings

    def plans(self, served: Mapping[str, Profile], calls: seccomp.Policy) -> dict[str, Plan]:
        """How the workers of each profile are started. Raises SettingsError."""
        timeout_ms = self.sizes.start_timeout_ms
        return {
            name: replace(
                plan(self.node, each, most(each), start_timeout_ms=timeout_ms, calls=calls, workers=self.workers), profile=name
            )
            for name, each in served.items()
        }


@asynccontextmanager
async def open_engine(
    settings: Settings,
    policy: Policy,
    profiles: Sequence[str],
    outside: Outside | None = None,
    audit: Audit | None = None,
    subtree: Subtree | None = None,
) -> AsyncIterator[Engine]:
    """Pools for `profiles`, the first workers started. Raises SettingsError for an unknown profile or a missing Node.

    `outside` is the world that the broker may reach; the real one if absent. Without `audit` violations are only logged.
    Workers get leaves of `subtree`.
    """
    if missing := [name for name in profiles if name not in policy.profiles]:
        raise SettingsError(f"There is no profile {missing[0]!r}; there are: {', '.join(sorted(policy.profiles))}")
    node = await trio.to_thread.run_sync(find_node, settings.node)
    start = _Start(node, choose_workers(node, settings.pool.workers)[0], settings.pool)
    calls, served = read_calls(settings), {name: policy.profiles[name] for name in profiles}
    plans = start.plans(served, calls)
    async with open_broker(served, outside or Outside()) as broker, open_pools(settings.pool, plans, subtree) as pools:
        yield Engine(policy, calls, start, pools, broker, audit or Audit())
