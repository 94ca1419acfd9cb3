"""The exec server: one-shot Node processes, made by the launcher. Works with every Node from 18 on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandboxd.jail.cgroups import Subtree
from sandboxd.pool.launching import Launcher, Plan, open_launcher
from sandboxd.pool.worker import Worker, bring_up


class ExecServer:
    """A worker source in which each worker boots a Node of its own."""

    cheap = False

    def __init__(self, plan: Plan, launcher: Launcher, subtree: Subtree | None) -> None:
        self.lost, self.layers = launcher.lost, launcher.layers
        self.launcher = launcher
        self._plan, self._subtree = plan, subtree

    async def spawn(self) -> Worker:
        """Launches a worker and waits until it is ready. Raises WorkerStartError, with the step that failed."""
        return await bring_up(
            self.launcher,
            self.launcher.overseer,
            self._subtree,
            cpu_s=self._plan.cpu_s,
            timeout_ms=self._plan.start_timeout_ms,
        )


@asynccontextmanager
async def open_execserver(plan: Plan, subtree: Subtree | None = None) -> AsyncIterator[ExecServer]:
    """An exec server for as long as the block lasts. Leaving it kills its workers."""
    async with open_launcher(plan) as launcher:
        yield ExecServer(plan, launcher, subtree)
