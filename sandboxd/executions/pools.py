"""The pools of a daemon, one for each profile. Workers that have to be started differently are a pool of their own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import trio
from msgspec.structs import replace

from sandboxd.config import PoolSettings
from sandboxd.errors import WorkerStartError
from sandboxd.jail.cgroups import Subtree
from sandboxd.models import Limits
from sandboxd.policy.model import Grant
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.forkserver import open_forkserver
from sandboxd.pool.launching import Plan
from sandboxd.pool.pool import OpenSource, Pool
from sandboxd.pool.queue import FairQueue

Plans = Mapping[str, Plan]
"""How the workers of each profile are started."""


class Pools:
    """All pools, behind one queue. Made by `open_pools`."""

    def __init__(self, sizes: PoolSettings, nursery: trio.Nursery, subtree: Subtree | None) -> None:
        self.queue = FairQueue(slots=sizes.running, waiting=sizes.waiting, wait_ms=sizes.wait_ms, share=sizes.running_per_user)
        self.present: dict[str, Pool] = {}
        """Those that are asked, by profile."""
        self._plans: Plans = {}
        self._ahead, self._nursery, self._subtree = sizes.ahead, nursery, subtree

    async def start(self, plans: Plans) -> dict[str, Pool]:
        """Pools for those plans that are not the present ones, with a worker ready or a problem. Raises JailError in groups."""
        changed = {name: how for name, how in plans.items() if how != self._plans.get(name)}
        pools = {name: Pool(name, self._source(how), self.queue, ahead=self._ahead) for name, how in changed.items()}
        try:
            async with trio.open_nursery() as starting:  # side by side: most of a start is waiting for it
                for pool in pools.values():
                    starting.start_soon(self._nursery.start, pool.serve)
        except BaseException:
            _close(pools)
            raise
        return pools

    async def start_sound(self, plans: Plans) -> dict[str, Pool]:
        """The same, but none that has a problem. Raises WorkerStartError, and JailError in groups; then none is left."""
        pools = await self.start(plans)
        for name, pool in pools.items():
            if pool.problem is not None:
                _close(pools)
                raise WorkerStartError(f"profiles/{name}.toml: no worker starts under it: {pool.problem}")
        return pools

    def take_over(self, pools: Mapping[str, Pool], plans: Plans) -> None:
        """From here on these are asked. Those that they replace lend to who has asked them already, and end."""
        for name in pools.keys() & self.present.keys():
            self._nursery.start_soon(self.present[name].retire)
        self.present |= pools
        self._plans = plans

    def limits(self, grant: Grant) -> Limits:
        """The limits of a grant within what workers are started with at present: it may be of an earlier policy."""
        most_bytes = self._plans[grant.profile].ceiling_bytes
        if grant.limits.memory_bytes <= most_bytes:
            return grant.limits
        return replace(grant.limits, memory_bytes=most_bytes)

    def _source(self, how: Plan) -> OpenSource:
        return partial(open_forkserver if how.workers == "fork" else open_execserver, how, self._subtree)


def _close(pools: Mapping[str, Pool]) -> None:
    for pool in pools.values():
        pool.close()


@asynccontextmanager
async def open_pools(sizes: PoolSettings, plans: Plans, subtree: Subtree | None = None) -> AsyncIterator[Pools]:
    """Pools for the length of the block, their first workers started; one or the other may have a problem."""
    async with trio.open_nursery() as nursery:
        pools = Pools(sizes, nursery, subtree)
        pools.take_over(await pools.start(plans), plans)
        yield pools
        nursery.cancel_scope.cancel()
